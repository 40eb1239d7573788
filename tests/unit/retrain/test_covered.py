"""An intent without rows is named, and a model of which nobody knows what it does to a critical
intent is not promoted.
"""

import numpy as np
import pytest

from retrain.train import covered, gate
from schemas import checks, policy, present, runs

RULES = policy.Gates()
Verdict = runs.GateVerdict
SERVING = gate.Serving(5.0, 0.0, 1000, parity=True, agreement=0.99, parity_n=600)
CHITCHAT = present.INDEX["chitchat"]
K = len(present.INTENTS)


def judged(labels: list[int], predicted: list[int]) -> tuple[runs.Gate, ...]:
    """The gates of a first model."""
    evidence = gate.Evidence(np.array(labels), [str(i) for i in range(len(labels))])
    right = float(np.mean(np.array(labels) == np.array(predicted)))
    answers = gate.Answers(np.array(predicted), np.full(len(labels), right))
    return gate.report(answers, None, evidence, SERVING, RULES)


def named(report: tuple[runs.Gate, ...], name: str) -> runs.Gate:
    (one,) = (each for each in report if each.gate == name)
    return one


def a_thousand(*without: str) -> tuple[list[int], list[int]]:
    """Rows of all other intents alike, each tenth answered with the next one of them."""
    known = [place for place, name in enumerate(present.INTENTS) if name not in without]
    labels = [known[i % len(known)] for i in range(1000)]
    answers = []
    for i, label in enumerate(labels):
        wrong = known[(known.index(label) + 1) % len(known)]
        answers.append(wrong if i % 12 == 0 else label)
    return labels, answers


def test_a_first_model_that_was_never_asked_about_critical_intents_is_inconclusive() -> None:
    """1,000 rows of eight intents, 92 % right: nobody knows what it does to an escalation."""
    labels, answers = a_thousand("escalation", "checkout_help")
    report = judged(labels, answers)

    assert named(report, "accuracy").verdict is Verdict.PASS
    for name in ("recall:escalation", "recall:checkout_help"):
        recall = named(report, name)
        assert (recall.verdict, recall.n) == (Verdict.INCONCLUSIVE, 0)
        assert recall.note == "no held-out rows of this intent"
    assert gate.overall(report) is Verdict.INCONCLUSIVE


def test_a_first_model_that_answers_every_escalation_with_chitchat_fails() -> None:
    """25 of 25: at most 13 % of escalations can be answered right, with 95 % certainty."""
    labels, answers = a_thousand("escalation")
    labels += [present.INDEX["escalation"]] * 25
    answers += [CHITCHAT] * 25
    report = judged(labels, answers)

    escalation = named(report, "recall:escalation")
    assert (escalation.verdict, escalation.value, escalation.n) == (Verdict.FAIL, 0.0, 25)
    assert named(report, "accuracy").verdict is Verdict.PASS
    assert gate.overall(report) is Verdict.FAIL


def test_a_first_model_that_answers_all_intents_passes() -> None:
    report = judged(*a_thousand())

    assert gate.overall(report) is Verdict.PASS
    coverage = named(report, "coverage")
    assert (coverage.value, coverage.n, coverage.note) == (1.0, K, "")


@pytest.mark.parametrize(
    ("hits", "n", "verdict"),
    [
        (0, 1, Verdict.INCONCLUSIVE),  # one miss proves nothing
        (1, 1, Verdict.PASS),
        (3, 10, Verdict.FAIL),  # Wilson: at most 0.60
        (6, 10, Verdict.INCONCLUSIVE),  # 0.31 to 0.83
        (7, 10, Verdict.PASS),  # 0.7 is what is asked
        (0, 0, Verdict.INCONCLUSIVE),
    ],
)
def test_a_recall_alone(hits: int, n: int, verdict: runs.GateVerdict) -> None:
    escalation = present.INDEX["escalation"]
    labels = np.full(n, escalation)
    predicted = np.where(np.arange(n) < hits, escalation, CHITCHAT)

    assert covered.recall("escalation", labels, predicted, 0.7).verdict is verdict


EVERY = dict.fromkeys(("train", "val", "test"), present.INTENTS)


def test_intents_without_rows_are_named_by_part() -> None:
    some = [intent for intent in present.INTENTS if intent != "escalation"]
    lacks = covered.lacking({**EVERY, "val": some, "test": []})

    assert lacks[0] == ("val", "escalation")
    assert len(lacks) == 1 + K
    assert covered.lacking(EVERY) == ()


def test_a_critical_intent_that_nothing_validates_stops_the_gate_and_is_to_be_acted_on() -> None:
    lacks = (("val", "escalation"),)
    told = covered.gate(lacks)
    val, test = covered.checks(("val", "test"), lacks)

    assert (told.verdict, told.note) == (Verdict.INCONCLUSIVE, "no row of escalation in val")
    assert (val.stage, val.level, val.value) == (checks.Stage.SPLIT, checks.Level.ACT, 1)
    assert "escalation" in val.remedy
    assert (test.level, test.value, test.remedy) == (checks.Level.OK, 0, "")


def test_another_intent_without_rows_is_said_and_stops_nothing() -> None:
    lacks = (("train", "chitchat"), ("test", "chitchat"), ("test", "faq"))
    told = covered.gate(lacks)

    assert told.verdict is Verdict.PASS
    assert told.note == "no row of chitchat in train; no row of chitchat, faq in test"
    assert told.value == pytest.approx((K - 2) / K)
    assert [each.level for each in covered.checks(["train"], lacks)] == [checks.Level.WATCH]
