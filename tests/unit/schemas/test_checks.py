"""A number of a run against its healthy range."""

import pytest

from schemas import checks

Level, Range, Stage = checks.Level, checks.Range, checks.Stage
MOST = Range(most=0.05)


def level(
    value: float | None,
    low: float | None = None,
    high: float | None = None,
    floor: float | None = None,
    bearable: checks.Range = Range(most=0.1),  # noqa: B008 - frozen
) -> checks.Level:
    of = (Stage.AUDIT, "duplicate_rate", value, 500, MOST)
    return checks.check(*of, bearable=bearable, low=low, high=high, floor=floor).level


@pytest.mark.parametrize(
    ("value", "wanted"),
    [(0.0, Level.OK), (0.05, Level.OK), (0.08, Level.WATCH), (0.2, Level.ACT), (None, Level.WATCH)],
)
def test_ok_watched_or_to_be_acted_on(value: float | None, wanted: checks.Level) -> None:
    assert level(value) is wanted


def test_what_is_bearable_must_be_missed_by_the_whole_interval() -> None:
    assert level(0.2, low=0.06, high=0.3) is Level.WATCH
    assert level(0.2, low=0.11, high=0.3) is Level.ACT


def test_a_noise_floor_is_no_finding() -> None:
    assert level(0.12, floor=0.08) is Level.OK
    assert level(0.2, floor=0.08) is Level.ACT


def test_without_a_bound_nothing_is_to_be_acted_on() -> None:
    assert level(9.0, bearable=checks.ANY) is Level.WATCH


@pytest.mark.parametrize(
    ("value", "inside"), [(0.1, True), (0.3, True), (0.09, False), (0.31, False)]
)
def test_a_range_holds_both_its_ends(value: float, inside: bool) -> None:
    both = Range(0.1, 0.3)
    assert both.holds(value) is inside
    assert both.misses(value, value) is not inside
    assert not both.misses(0.0, 1.0)
