"""[ALERT] names whatever asked for a retrain: any signal of the policy, alone and in company, and what the business saw."""

import dataclasses
import datetime as dt
import itertools

import pytest

from schemas import decisions, policy, signals
from services.scheduler import lines

SIGNALS = [field.name for field in dataclasses.fields(policy.Signals)]
AT = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)


def decision(*breached: str) -> decisions.Decision:
    reasons = [decisions.Reason(name, 0.5, 0.1, 100, None, None, breached=name in breached) for name in SIGNALS]
    kind, cause = decisions.Kind.RETRAIN, decisions.Cause.LANGUAGE
    return decisions.Decision("d", AT, "v1", kind, None, cause, tuple(reasons), "p", "s")


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
    assert reason("low_confidence_rate", "intent_mix_kl", "live_accuracy", "accuracy_e_value") == ["live accuracy degradation", "drift", "low confidence"]
