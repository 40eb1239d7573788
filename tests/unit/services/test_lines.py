"""[ALERT] names whatever asked for a retrain: any signal of the policy, alone and in company, and what the business saw."""

import dataclasses
import itertools

import builders
import pytest

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
