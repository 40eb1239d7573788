"""A history cut into scenes: each hour that ends is shown once, by what its logs were by then."""

import datetime as dt

import builders
import traffic

from retrain.decide import replay
from retrain.decide.history import archive, scenes
from schemas import policy

BEGIN = builders.AT.replace(hour=0)
HOUR = dt.timedelta(hours=1)


def played(hours: int, *, reference: int) -> list[replay.Scene]:
    """Ten logs an hour; the first `reference` hours are the reference."""
    logs = [builders.log(n, BEGIN + n * HOUR / 10) for n in range(hours * 10)]
    block, malformed = archive.block([traffic.encode(log) for log in logs])
    assert not malformed
    history = scenes.history(block, [], BEGIN + reference * HOUR)
    return list(scenes.scenes(history, policy.Labels()))


def test_each_hour_that_ends_is_a_scene_and_has_a_reference_once_that_is_over() -> None:
    shown = played(hours=30, reference=24)
    assert [scene.view.at for scene in shown] == [BEGIN + h * HOUR for h in range(1, 31)]
    assert all(scene.view.windows["1h"].tally.n == 10 for scene in shown)

    references = [scene.view.reference for scene in shown]
    known = [reference.n for reference in references if reference is not None]
    assert references[:23] == [None] * 23
    assert set(known) == {240}, "the logs of the day before"


def test_only_a_midnight_has_the_day_that_ends() -> None:
    shown = {scene.view.at: scene.view for scene in played(hours=49, reference=6)}
    assert set(shown[BEGIN + 23 * HOUR].windows) == {"1h"}
    assert shown[BEGIN + 48 * HOUR].windows["1d"].tally.n == 240
    assert set(shown[BEGIN + 49 * HOUR].windows) == {"1h"}
