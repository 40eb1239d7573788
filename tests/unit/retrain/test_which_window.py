"""Which window a signal is judged on, which earlier verdicts count beside it, and what still stands
of signals that nobody judged now.
"""

import datetime as dt
import itertools
import json
from collections.abc import Mapping
from typing import Any

import builders
import numpy as np
import pytest

from retrain.decide import evaluate
from retrain.decide.view import View
from retrain.evaluation import samples
from schemas import decisions, policy, verdicts, windows

AT = builders.AT
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
Level = verdicts.Level
# Errors are judged on an hour of 1,000 logs, in breach beyond 0.5 % in two of three hours.
RULES = policy.Policy()


def logs(n: int, errors: int = 0, latency_ms: float = 5.0) -> windows.Tally:
    """n logs, so many of them errors, all others faq."""
    answers = np.zeros(10, dtype=np.int64)
    answers[3] = n - errors
    return builders.tally(answers, errors=errors, latency_ms=latency_ms)


def view(tallies: Mapping[str, windows.Tally], **more: Any) -> View:
    """Of windows that end now."""
    ends = {horizon: builders.window(tally, horizon) for horizon, tally in tallies.items()}
    fields: dict[str, Any] = {"reference": None, "hours": {}} | more
    return View(builders.MODEL, AT, ends, sampled=samples.sample(()), **fields)


def evaluated(
    here: View, rules: policy.Policy = RULES, past: decisions.Past | None = None
) -> evaluate.Evaluation:
    return evaluate.evaluate(here, past or decisions.Past(), rules)


def judged(
    here: View, name: str = "error_rate", rules: policy.Policy = RULES
) -> verdicts.Verdict | None:
    """The fresh verdict on a signal."""
    fresh = {verdict.signal.signal: verdict for verdict in evaluated(here, rules).fresh}
    return fresh.get(name)


# An hour with too few logs


@pytest.mark.parametrize(
    ("tallies", "horizon", "level"),
    [
        ({"1h": logs(1_000), "1d": logs(9_000)}, "1h", Level.OK),
        ({"1h": logs(999), "1d": logs(9_000)}, "1d", Level.OK),
        ({"1h": logs(10), "1d": logs(500)}, "1d", Level.OK),
        ({"1h": logs(10), "1d": logs(499)}, "1h", Level.BLIND),
        ({"1h": logs(10), "1d": logs(499), "7d": logs(3_000)}, "7d", Level.OK),
        ({"1h": logs(10), "1d": logs(2_000), "7d": logs(9_000)}, "1d", Level.OK),
        ({"1h": logs(10)}, "1h", Level.BLIND),
        ({"1d": logs(2_000)}, "1d", Level.OK),
    ],
    ids=[
        "enough in the hour",
        "one too few, and a day that has them",
        "half of them in the day, and none of them failed",
        "not even half",
        "only the week has them",
        "the shortest longer one that has them",
        "no longer one ends now",
        "an hour without a log",
    ],
)
def test_a_signal_is_judged_on_the_shortest_window_that_can_tell(
    tallies: dict[str, windows.Tally], horizon: str, level: verdicts.Level
) -> None:
    verdict = judged(view(tallies))

    assert verdict is not None
    assert (verdict.signal.horizon, verdict.verdict) == (horizon, level)


def test_half_of_the_logs_suffice_only_to_say_that_nothing_is_wrong() -> None:
    """Ten errors of 600 are far beyond 0.5 %: of so few that is for the longer window to say."""
    verdict = judged(view({"1h": logs(10), "1d": logs(600, errors=10)}))

    assert verdict is not None
    assert (verdict.signal.horizon, verdict.verdict) == ("1h", Level.BLIND)


def test_a_glaring_breach_is_judged_at_once_though_the_logs_are_few() -> None:
    """Thirty of sixty requests failed: nobody waits for the thousandth, nor for a calm day."""
    verdict = judged(view({"1h": logs(60, errors=30), "1d": logs(9_000)}))

    assert verdict is not None
    assert (verdict.signal.horizon, verdict.verdict) == ("1h", Level.BREACH)


@pytest.mark.parametrize(("n", "errors"), [(49, 40), (60, 3), (60, 1)])
def test_too_few_logs_or_too_few_errors_are_never_glaring(n: int, errors: int) -> None:
    verdict = judged(view({"1h": logs(n, errors=errors)}))

    assert verdict is not None
    assert verdict.verdict is Level.BLIND


def test_one_longer_window_in_breach_needs_no_second() -> None:
    """An hour's rule asks for two of three; a day is many hours."""
    day = judged(view({"1h": logs(10), "1d": logs(2_000, errors=200)}))
    hour = judged(view({"1h": logs(2_000, errors=200)}))

    assert day is not None
    assert hour is not None
    assert (day.verdict, day.in_breach) == (Level.BREACH, True)
    assert (hour.verdict, hour.in_breach) == (Level.BREACH, False)


def test_without_any_window_nothing_about_traffic_is_judged() -> None:
    fresh = {verdict.signal.signal for verdict in evaluated(view({})).fresh}

    assert "live_accuracy" in fresh
    assert not fresh & {"error_rate", "p95_latency_ms", "low_confidence_rate", "intent_mix_kl"}


# Which earlier verdicts count

SLOW = {"1h": logs(300, latency_ms=40.0)}


def breached_before(*minutes: float) -> bool:
    """Whether a slow hour is in breach after others that ended so many minutes before it."""
    history = [
        builders.verdict(
            "p95_latency_ms",
            Level.BREACH,
            in_breach=False,
            limit=15,
            value=40.0,
            horizon="1h",
            end=AT - back * HOUR / 60,
        )
        for back in sorted(minutes, reverse=True)
    ]
    verdict = judged(view(SLOW, history={"p95_latency_ms": history}), "p95_latency_ms")
    assert verdict is not None
    return verdict.in_breach


@pytest.mark.parametrize(
    ("minutes", "breach"),
    [
        ((), False),
        ((60,), True),
        ((59,), False),
        ((120,), True),
        ((59, 60), True),
        ((1, 15, 30, 45), False),
        ((5, 65), True),
    ],
)
def test_two_slow_hours_of_three_are_a_breach_where_they_do_not_overlap(
    minutes: tuple[float, ...], breach: bool
) -> None:
    assert breached_before(*minutes) is breach


def test_of_overlapping_hours_each_log_counts_once() -> None:
    """Three of three: hours that ended 60 and 90 minutes before share half an hour; 60 and 120 do
    not.
    """
    rules = policy.parse("[signals.p95_latency_ms]\nk = 3\nof = 3")

    def in_breach(*minutes: int) -> bool:
        history = [
            builders.verdict(
                "p95_latency_ms",
                Level.BREACH,
                in_breach=False,
                horizon="1h",
                end=AT - back * HOUR / 60,
            )
            for back in sorted(minutes, reverse=True)
        ]
        here = view(SLOW, history={"p95_latency_ms": history})
        verdict = judged(here, "p95_latency_ms", rules)
        return verdict is not None and verdict.in_breach

    assert not in_breach(60, 90)
    assert in_breach(60, 120)
    assert in_breach(60, 90, 120)


# What still stands


def standing(name: str, horizon: str, age: dt.timedelta, here: View | None = None) -> bool:
    """Whether a verdict of that age still counts where nobody judges its signal now."""
    old = builders.verdict(name, Level.BREACH, horizon=horizon, end=AT - age)
    evaluation = evaluated(here or view({}, history={name: [old]}))
    return old in evaluation.standing


@pytest.mark.parametrize(
    ("horizon", "longest"), [("1h", 2 * HOUR), ("1d", 2 * DAY), ("7d", 2 * DAY)]
)
def test_a_verdict_stands_for_two_steps_of_its_windows(horizon: str, longest: dt.timedelta) -> None:
    instant = dt.timedelta(microseconds=1)

    assert standing("error_rate", horizon, longest)
    assert not standing("error_rate", horizon, longest + instant)


def test_of_several_verdicts_the_newest_stands_alone_and_what_is_judged_anew_does_not() -> None:
    older, newer = (
        builders.verdict("error_rate", horizon="1h", end=AT - back * HOUR) for back in (2, 1)
    )
    history = {"error_rate": [older, newer], "rare_recall": [], "live_accuracy": [older]}

    assert evaluated(view({}, history=history)).standing == (newer,)
    assert evaluated(view({"1h": logs(2_000)}, history=history)).standing == ()


def test_a_decision_rests_on_what_stands_as_on_what_is_fresh() -> None:
    broken = builders.verdict("error_rate", Level.BREACH, horizon="1h", end=AT - HOUR)

    decision = evaluated(view({}, history={"error_rate": [broken]})).decision

    assert decision.decision is decisions.Kind.FIX_UPSTREAM
    assert "error_rate" in {reason.signal for reason in decision.reasons}


# What is asked of an evaluation afterwards


def test_a_figure_is_there_whether_it_was_judged_or_only_measured() -> None:
    evaluation = evaluated(view({"1h": logs(2_000, errors=20), "1d": logs(4_000, errors=80)}))

    assert evaluation.value("error_rate", "1h") == 0.01
    assert evaluation.value("error_rate", "1d") == 0.02
    assert evaluation.value("error_rate", "7d") is None
    assert evaluation.value("a_signal_of_next_year", "1h") is None


def test_what_was_measured_of_a_horizon_is_measured_of_each_intent_once() -> None:
    evaluation = evaluated(view({"1h": logs(2_000), "1d": logs(4_000)}))

    places = [(each.horizon, each.signal, each.intent) for each in evaluation.measured]
    assert len(places) == len(set(places))
    assert {each.end for each in evaluation.measured} == {AT}


def test_the_evidence_is_json_that_another_process_reads_back() -> None:
    past = decisions.Past(promoted_at=AT - DAY, well_before=("error_rate",))
    old = builders.verdict("tokens_lost", end=AT - HOUR, horizon="1h")

    evaluation = evaluated(view({"1d": logs(2_000)}, history={"tokens_lost": [old]}), past=past)
    evidence = json.loads(json.dumps(evaluation.evidence))

    assert (evidence["model"], evidence["at"]) == (builders.MODEL, AT.isoformat())
    assert len(evidence["verdicts"]) == len(evaluation.fresh) + 1
    assert evidence["past"]["promoted_at"] == (AT - DAY).isoformat()
    assert evidence["past"]["well_before"] == ["error_rate"]


def test_the_order_in_which_windows_and_history_come_changes_no_decision() -> None:
    tallies = {"1h": logs(2_000, errors=100), "1d": logs(9_000), "7d": logs(40_000)}
    history = {
        name: [builders.verdict(name, Level.BREACH, horizon="1h", end=AT - HOUR)]
        for name in ("error_rate", "p95_latency_ms", "tokens_lost")
    }

    hashes = set()
    for order in itertools.permutations(tallies):
        turned = dict(reversed(history.items())) if order[0] == "1d" else history
        here = view({horizon: tallies[horizon] for horizon in order}, history=turned)
        hashes.add(evaluated(here).decision.sha256)

    assert len(hashes) == 1
