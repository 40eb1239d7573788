"""What is broken in part voids the labels of that part while it is, and no others: whoever floods
the shop with emoji hides no loss.
"""

import dataclasses
import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import builders
import numpy as np
import pytest

from retrain.decide import breaks, replay
from retrain.decide import view as views
from retrain.decide.history import archive, scenes
from schemas import decisions, events, policy, present, slices, times

AT, HOUR = builders.AT, dt.timedelta(hours=1)
EXCESS, TOKENS, ERRORS = "other_script_excess", "tokens_lost", "error_rate"


def reason(name: str, since: dt.datetime | None, *, breached: bool = True) -> decisions.Reason:
    told = None if since is None else times.rfc3339(since)
    roles = ("upstream",) if name in (EXCESS, TOKENS, ERRORS) else ("quality",)
    return decisions.Reason(name, 0.5, 0.1, 100, 0.4, 0.6, breached, roles, told)


def test_a_break_has_the_signals_in_breach_and_begins_before_the_first_of_them() -> None:
    reasons = [
        reason(EXCESS, AT - 2 * HOUR),
        reason(TOKENS, AT - HOUR, breached=False),
        reason("live_accuracy", AT - 9 * HOUR),
    ]

    broken = breaks.of(AT, reasons)

    assert (broken.signals, broken.start, broken.end) == ((EXCESS,), AT - 5 * HOUR, AT)
    assert not broken.whole


@pytest.mark.parametrize("names", [(ERRORS,), (EXCESS, ERRORS), ("tokenizer_mismatch",), ()])
def test_what_is_of_everything_voids_everything_of_before(names: tuple[str, ...]) -> None:
    broken = breaks.Break(names, AT - 5 * HOUR, AT)

    assert broken.whole
    assert breaks.mended([broken], AT) == AT


def test_a_fix_of_a_part_voids_nothing_else_and_an_unknown_one_everything() -> None:
    part = breaks.Break((EXCESS,), AT - 5 * HOUR, AT)
    earlier = breaks.Break((ERRORS,), AT - 50 * HOUR, AT - 48 * HOUR)

    assert breaks.mended([part], AT) is None
    assert breaks.mended([earlier, part], AT) == AT - 48 * HOUR
    assert breaks.mended([], AT) == AT


def test_the_slice_is_void_while_it_is_broken_and_the_rest_stays() -> None:
    other, latin = slices.BITS["other"], slices.BITS["latin"]
    sampled = builders.sample([True] * 6, step=HOUR, slices=[other, latin] * 3)
    broken = [
        breaks.Break((EXCESS,), AT, AT + HOUR),
        breaks.Break((EXCESS,), AT, AT + 3 * HOUR),
        breaks.Break((ERRORS,), AT, AT + 9 * HOUR),
    ]

    left = breaks.outside(sampled, broken)

    ago = ((left.ts_us - times.micros(AT)) // 3_600_000_000).tolist()
    assert ago == [1, 3, 4, 5]


def test_texts_that_are_cut_void_the_time_in_which_they_are() -> None:
    sampled = builders.sample([True] * 6, step=HOUR)

    left = breaks.outside(sampled, [breaks.Break((TOKENS,), AT + HOUR, AT + 3 * HOUR)])

    assert len(left) == 4


def test_verdicts_on_labels_outlive_a_break_of_a_part_and_those_on_drift_do_not() -> None:
    view = views.View(builders.MODEL, AT, {}, None, builders.sample([True]), {})
    judged = {
        "live_accuracy": [builders.verdict("live_accuracy", end=AT - HOUR, horizon="7d")],
        "low_confidence_rate": [builders.verdict("low_confidence_rate", end=AT - HOUR)],
    }
    part = breaks.Break((EXCESS,), AT - 5 * HOUR, AT)

    def kept(*broken: breaks.Break) -> list[str]:
        here = dataclasses.replace(view, history=judged, broken=broken)
        seen = views.since(here, AT, ("low_confidence_rate",))
        return [name for name, stay in seen.history.items() if stay]

    assert kept(part) == ["live_accuracy"]
    assert kept() == []


# The flood: 51 messages of emoji in two hours, twice a day, and a fall of 17 points on day 6.
BEGIN = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
A_DAY, DAYS, FALL = 2400, 9, 6


def lines(*, flooded: bool) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Logs with their labels."""
    rng = np.random.default_rng(7)
    shares = np.array(list(builders.SEED_MIX.values())) / 100
    for i in range(DAYS * A_DAY):
        ts = BEGIN + dt.timedelta(days=i / A_DAY)
        meant = int(rng.choice(10, p=shares))
        lost = rng.random() > (0.95 if ts < BEGIN + dt.timedelta(days=FALL) else 0.78)
        named = (meant + 1) % 10 if lost else meant
        yield asked(f"m{i}", ts, named, meant, f"an invented message {i}", i % 5 == 0)
    for day in range(FALL, DAYS if flooded else 0):
        for start in (6, 18):
            for i in range(51):
                ts = BEGIN + dt.timedelta(days=day, hours=start, seconds=140 * i)
                yield asked(f"e{day}-{start}-{i}", ts, 9, 9, "\U0001f389" * 3, True)


def asked(
    req_id: str, ts: dt.datetime, named: int, meant: int, text: str, chosen: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    script = slices.script(text)
    sample = {"queue": "measure", "p": 0.2, "text": text}
    log = builders.log(
        ts=ts,
        req_id=req_id,
        intent=present.INTENTS[named],
        confidence=0.95,
        script=script,
        sample=sample if chosen else None,
    )
    at = ts + 6 * HOUR
    return log, builders.label(req_id, present.INTENTS[meant], f"a{ts.second % 3}", at)


def played(*, flooded: bool) -> tuple[list[decisions.Decision], int]:
    """The decisions, and how many labels the last one's accuracy rests on."""
    both = sorted(lines(flooded=flooded), key=lambda pair: str(pair[0]["ts"]))
    block, malformed = archive.block([json.dumps(log).encode() for log, _ in both])
    assert not malformed
    labels = [events.human_label(json.dumps(label).encode()) for _, label in both]
    given = sorted(
        (one for one in labels if isinstance(one, events.HumanLabel)),
        key=lambda label: label.labelled_at,
    )
    past = scenes.history(archive.joined([block]), given, BEGIN + dt.timedelta(days=4))
    taken = [one for _, one in replay.walk(scenes.scenes(past, policy.Labels()), policy.Policy())]
    (accuracy,) = [each for each in taken[-1].reasons if each.signal == "live_accuracy"]
    return taken, accuracy.n


def test_a_flood_of_emoji_hides_no_fall_and_costs_no_other_label() -> None:
    def first(taken: list[decisions.Decision], kind: decisions.Kind) -> dt.datetime:
        return next(one.at for one in taken if one.decision is kind)

    calm, labels = played(flooded=False)
    flooded, left = played(flooded=True)

    assert first(flooded, decisions.Kind.FIX_UPSTREAM) > BEGIN + dt.timedelta(days=FALL)
    retrain = decisions.Kind.RETRAIN
    assert first(flooded, retrain) - first(calm, retrain) <= 3 * HOUR
    assert left >= labels - 10
