"""The monitors' lines: their figures, and an [ALERT] that names whatever asked for a retrain, alone
and in company, and what the business saw.
"""

import dataclasses
import datetime as dt
import itertools
from typing import Any

import builders
import pytest

from retrain.decide import evaluate
from retrain.decide.view import View
from retrain.evaluation import live
from schemas import decisions, policy, signals
from services.scheduler import lines

SIGNALS = [field.name for field in dataclasses.fields(policy.Signals)]
HOUR = dt.timedelta(hours=1)
MIDNIGHT = builders.AT + 24 * HOUR


def decision(*breached: str) -> decisions.Decision:
    reasons = [builders.reason(name, breached=name in breached) for name in SIGNALS]
    return builders.decision(decisions.Kind.RETRAIN, reasons=reasons)


def reason(*breached: str, incidents: int = 0) -> list[str]:
    tag, fields = lines.alert(decision(*breached), incidents)
    assert tag == "ALERT"
    return str(fields["reason"]).split(" + ")


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_alone_is_the_reason(name: str) -> None:
    assert reason(name) == [signals.of(name).alert] != [""]


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(SIGNALS, 2)))
def test_two_signals_are_both_named_and_the_same_words_once(one: str, other: str) -> None:
    said = reason(one, other)
    assert set(said) == {signals.of(one).alert, signals.of(other).alert}
    assert len(said) == len(set(said))


def test_an_open_business_incident_is_named_beside_the_signals() -> None:
    assert reason("intent_mix_kl", incidents=2) == ["drift", "business incidents"]


def test_the_seeds_week_reads_as_ever() -> None:
    assert reason("low_confidence_rate", "intent_mix_kl", "live_accuracy", "accuracy_e_value") == [
        "live accuracy degradation",
        "drift",
        "low confidence",
    ]


def evaluation(labels: int = 0, **of: Any) -> evaluate.Evaluation:
    """Midnight's, of one tally at every horizon; nine in ten of the day's labels agree with the
    answer.
    """
    tally = builders.tally(10, **of)
    windows = {
        horizon: builders.window(tally, horizon, end=MIDNIGHT) for horizon in ("1h", "1d", "7d")
    }
    sampled = builders.sample([i % 10 > 0 for i in range(labels)], step=24 * HOUR / max(labels, 1))
    hours = {builders.AT + hour * HOUR: live.Hour(100, 90.0) for hour in range(24)}
    return evaluate.evaluate(
        View(builders.MODEL, MIDNIGHT, windows, builders.reference(), sampled, hours),
        decisions.Past(),
        policy.Policy(),
    )


def test_an_hours_line_tells_latency_errors_confidence_and_mix() -> None:
    ((tag, fields),) = lines.of_hour(evaluation(low=1, errors=25))
    assert tag == "MONITOR_HOURLY"
    assert [fields[name] for name in ("p50_ms", "p95_ms", "p99_ms")] == pytest.approx(
        [8.0] * 3, rel=0.005
    )
    assert (fields["model"], fields["err_rate"], fields["low_conf_rate"]) == (
        builders.MODEL,
        25 / 125,
        10 / 100,
    )
    assert fields["kl_div"] == pytest.approx(0.0, abs=1e-12), "the mix is the reference's own"


def test_a_days_line_tells_what_labels_say_and_a_weeks_the_mix_too() -> None:
    evaluated = evaluation(labels=300, low=2, fallback=3)
    ((tag, day),) = lines.of_day(evaluated)
    assert (tag, day) == (
        "MONITOR_DAILY",
        {
            "model": builders.MODEL,
            "sampled_acc": pytest.approx(0.9),
            "rare_recall": None,
            "fallback_rate": 0.3,
        },
    )
    ((tag, week),) = lines.of_week(evaluated)
    assert (tag, week["sampled_acc"], week["low_conf_rate"]) == (
        "MONITOR_WEEKLY",
        pytest.approx(0.9),
        0.2,
    )
    assert week["kl_div"] == pytest.approx(0.0, abs=1e-12)


def test_what_nobody_knows_is_said_as_nothing_and_not_as_zero() -> None:
    ((_, day),) = lines.of_day(evaluation())
    assert (day["sampled_acc"], day["rare_recall"]) == (None, None)


def test_without_a_window_there_is_no_line() -> None:
    view = View(builders.MODEL, MIDNIGHT, {}, None, builders.sample([]), {})
    evaluated = evaluate.evaluate(view, decisions.Past(), policy.Policy())
    assert [*lines.of_hour(evaluated), *lines.of_day(evaluated), *lines.of_week(evaluated)] == []
