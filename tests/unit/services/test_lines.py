"""The monitors' lines: their figures, and an [ALERT] that names whatever asked for a retrain, alone and in company, and what the business saw."""

import dataclasses
import itertools

import builders
import pytest

from retrain.evaluation import live
from schemas import policy
from services.scheduler import lines

SIGNALS = [field.name for field in dataclasses.fields(policy.Signals)]


def reason(*breached: str, incidents: int = 0) -> list[str]:
    judged = [builders.verdict(name, in_breach=name in breached) for name in SIGNALS]
    tag, fields = lines.alert(judged, incidents)
    assert tag == "ALERT"
    return str(fields["reason"]).split(" + ")


def test_every_signal_of_the_policy_has_words_and_no_other() -> None:
    assert set(lines.WORDS) == set(SIGNALS)


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_alone_is_the_reason(name: str) -> None:
    assert reason(name) == [lines.WORDS[name]] != [""]


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(SIGNALS, 2)))
def test_two_signals_are_both_named_and_the_same_words_once(one: str, other: str) -> None:
    said = reason(one, other)
    assert set(said) == {lines.WORDS[one], lines.WORDS[other]}
    assert len(said) == len(set(said))


def test_an_open_business_incident_is_named_beside_the_signals() -> None:
    assert reason("intent_mix_kl", incidents=2) == ["drift", "business incidents"]


def test_the_seeds_week_reads_as_ever() -> None:
    assert reason("low_confidence_rate", "intent_mix_kl", "live_accuracy", "accuracy_e_value") == ["live accuracy degradation", "drift", "low confidence"]


def estimates(accuracy: float | None, rare: float | None) -> list[live.Estimate]:
    """As live.estimates gives them: accuracy first, rare recall second."""
    known = [("live_accuracy", None, accuracy), ("rare_recall", None, rare), ("recall", "faq", 0.5)]
    return [live.Estimate(metric, intent, value, None, None, 100, 90.0, 1000, value) for metric, intent, value in known]


def test_an_hours_line_tells_latency_errors_confidence_and_mix() -> None:
    hour = builders.window(builders.tally(10, low=1, errors=25))
    tag, fields = lines.hourly(hour, 0.0123)
    assert tag == "MONITOR_HOURLY"
    latencies = {name: fields.pop(name) for name in ("p50_ms", "p95_ms", "p99_ms")}
    assert list(latencies.values()) == pytest.approx([8.0] * 3, rel=0.005)
    assert fields == {"model": builders.MODEL, "err_rate": 0.2, "low_conf_rate": 0.1, "kl_div": 0.0123}


def test_a_days_line_tells_what_labels_say_and_a_weeks_the_mix_too() -> None:
    window = builders.window(builders.tally(10, low=2, fallback=3), "1d")
    known = estimates(0.91, 0.84)
    assert lines.daily(window, known) == ("MONITOR_DAILY", {"model": builders.MODEL, "sampled_acc": 0.91, "rare_recall": 0.84, "fallback_rate": 0.3})
    assert lines.weekly(window, 0.02, known) == ("MONITOR_WEEKLY", {"model": builders.MODEL, "kl_div": 0.02, "sampled_acc": 0.91, "low_conf_rate": 0.2})


def test_what_nobody_knows_is_said_as_nothing_and_not_as_zero() -> None:
    nothing, unknown = builders.window(0), estimates(None, None)
    assert set(lines.hourly(nothing, None)[1].values()) == {builders.MODEL, None}
    assert set(lines.daily(nothing, unknown)[1].values()) == {builders.MODEL, None}
    assert set(lines.weekly(nothing, None, unknown)[1].values()) == {builders.MODEL, None}
