"""One line a gate: what it was judged by, within which margin, on how many rows, and what a person
may do where it could not tell.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.evaluation import comparison
from retrain.train import gate
from schemas import policy, present, runs

Verdict = runs.GateVerdict
PASS, FAIL, INCONCLUSIVE = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE
RULES = policy.Gates()
FAQ, CHITCHAT = present.INDEX["faq"], present.INDEX["chitchat"]


def evidence(*intents: str, groups: Sequence[str] = ()) -> gate.Evidence:
    """Held-out rows that mean these intents, each a group of its own unless told."""
    labels = np.array([present.INDEX[intent] for intent in intents], dtype=np.int64)
    return gate.Evidence(labels, groups or [str(i) for i in range(len(labels))])


def answers(rows: gate.Evidence, wrong: int = 0, confidence: float = 0.9) -> gate.Answers:
    """Right but for the first `wrong` rows, which get the intent after the right one."""
    predicted = rows.labels.copy()
    predicted[:wrong] = (predicted[:wrong] + 1) % len(present.INTENTS)
    return gate.Answers(predicted, np.full(len(predicted), confidence))


def serving(**changed: Any) -> gate.Serving:
    """An artefact that serves well: 4 ms, no error, as good as the network."""
    well: dict[str, Any] = {
        "p95_latency_ms": 4.0,
        "error_rate": 0.0,
        "requests": 1000,
        "parity": True,
        "agreement": 0.99,
        "parity_n": 600,
    }
    return gate.Serving(**(well | changed))


def lines(
    candidate: gate.Answers,
    champion: gate.Answers | None,
    rows: gate.Evidence,
    **changed: Any,
) -> dict[str, runs.Gate]:
    """The gates by name. `changed`: what is not well about how the artefact serves."""
    report = gate.report(candidate, champion, rows, serving(**changed), RULES)
    return {each.gate: each for each in report}


# What a report is made of.

SERVING = ["coverage", "p95_latency_ms", "load_error_rate", "parity"]


CRITICAL = [f"recall:{intent}" for intent in present.CRITICAL]


def test_without_a_champion_figures_are_held_to_a_minimum() -> None:
    rows = evidence(*["faq"] * 40)

    report = lines(answers(rows), None, rows)

    assert list(report) == ["accuracy", "macro_f1", *CRITICAL, "ece", *SERVING]


def test_with_a_champion_every_critical_intent_has_a_line_of_its_own() -> None:
    rows = evidence(*present.INTENTS * 4)

    report = lines(answers(rows), answers(rows), rows)

    assert list(report) == ["accuracy", "macro_f1", *CRITICAL, "ece", *SERVING]
    assert CRITICAL


def test_without_held_out_rows_one_line_says_so_and_serving_is_judged_all_the_same() -> None:
    rows = evidence()

    report = lines(answers(rows), answers(rows), rows)

    assert list(report) == ["accuracy", *SERVING]
    assert report["accuracy"] == runs.Gate(
        "accuracy", INCONCLUSIVE, None, None, None, None, None, 0, "no held-out rows"
    )
    assert report["parity"].verdict is PASS


# The whole.


@pytest.mark.parametrize("verdicts", list(itertools.product(Verdict, repeat=3)))
def test_one_failed_gate_fails_the_whole_and_one_that_cannot_tell_keeps_it_open(
    verdicts: tuple[runs.GateVerdict, ...],
) -> None:
    gates = [runs.Gate("any", each, None, None, None, None, None, 1) for each in verdicts]

    whole = gate.overall(gates)

    worst = next(each for each in (FAIL, INCONCLUSIVE, PASS) if each in verdicts)
    assert whole is worst


def test_nothing_at_all_is_no_pass() -> None:
    assert gate.overall([]) is INCONCLUSIVE


# A first model: absolute gates.


def test_the_first_models_accuracy_is_judged_by_its_interval() -> None:
    """90 of 100 right: Wilson's interval is 0.826 to 0.945, wholly above 0.80."""
    rows = evidence(*["faq", "chitchat"] * 50)

    line = lines(answers(rows, wrong=10), None, rows)["accuracy"]

    assert line.verdict is PASS
    assert (line.value, line.champion, line.margin, line.n) == (0.9, None, 0.80, 100)
    assert (line.low, line.high) == (pytest.approx(0.826, abs=5e-4), pytest.approx(0.945, abs=5e-4))
    assert line.note == "no champion: absolute gate"


@pytest.mark.parametrize(
    ("wrong", "verdict"),
    [
        # 84 %: 0.756 to 0.899. 80 %: 0.711 to 0.867. 70 %: 0.604 to 0.781.
        (16, INCONCLUSIVE),
        (20, INCONCLUSIVE),
        (30, FAIL),
        (100, FAIL),
    ],
)
def test_a_first_model_near_the_minimum_is_neither_passed_nor_failed(
    wrong: int, verdict: runs.GateVerdict
) -> None:
    rows = evidence(*["faq", "chitchat"] * 50)

    assert lines(answers(rows, wrong), None, rows)["accuracy"].verdict is verdict


def test_the_first_models_macro_f1_gives_an_intent_nobody_names_as_much_weight_as_any() -> None:
    """90 faq all right, 10 chitchat all taken for faq: accuracy 0.9. F1 of faq is 180 / 190, of
    chitchat 0; their mean is 0.474, under the minimum of 0.70.
    """
    rows = evidence(*["faq"] * 90, *["chitchat"] * 10)
    always_faq = gate.Answers(np.full(100, FAQ), np.full(100, 0.9))

    line = lines(always_faq, None, rows)["macro_f1"]

    assert (line.verdict, line.value) == (FAIL, pytest.approx(90 / 190))


def test_calibration_is_judged_by_what_it_is_beyond_chance() -> None:
    """All 200 right at a confidence of 0.85: the error is 0.15, of which chance alone explains a
    part that stands beside it as `low`.
    """
    rows = evidence(*["faq"] * 200)

    line = lines(answers(rows, confidence=0.85), None, rows)["ece"]

    assert line.value == pytest.approx(0.15)
    assert line.low is not None
    assert 0.01 < line.low < 0.15
    judged = PASS if 0.15 - line.low <= RULES.max_ece else FAIL
    assert line.verdict is judged
    assert line.note == "no champion: absolute gate; low is the noise floor"


# Against a champion.


def test_the_same_answers_pass_every_gate_of_quality() -> None:
    """A difference of nothing, in every resample, lies above any margin below zero."""
    rows = evidence(*present.INTENTS * 6)
    same = answers(rows, wrong=7)

    report = lines(same, same, rows)

    assert {line.verdict for line in report.values()} == {PASS}
    accuracy = report["accuracy"]
    assert (accuracy.value, accuracy.champion) == (pytest.approx(53 / 60), pytest.approx(53 / 60))
    assert (accuracy.low, accuracy.high, accuracy.n) == (0.0, 0.0, 60)


def test_a_line_holds_both_values_the_margin_and_the_interval_of_the_difference() -> None:
    rows = evidence(*present.INTENTS * 20)

    line = lines(answers(rows, wrong=0), answers(rows, wrong=40), rows)["accuracy"]

    assert (line.value, line.champion, line.margin) == (1.0, 0.8, RULES.accuracy_margin)
    assert line.low is not None
    assert line.high is not None
    assert 0.1 < line.low < 0.2 < line.high < 0.3


def test_rows_of_one_conversation_stand_or_fall_together() -> None:
    """All wrong answers in one group of forty: its luck widens the interval, which takes the proof
    of a loss away.
    """
    intents = present.INTENTS * 20
    alone = evidence(*intents)
    together = evidence(*intents, groups=["talk"] * 40 + [str(i) for i in range(160)])

    proven = lines(answers(alone, wrong=40), answers(alone), alone)["accuracy"]
    open_ = lines(answers(together, wrong=40), answers(together), together)["accuracy"]

    assert (proven.verdict, open_.verdict) == (FAIL, INCONCLUSIVE)
    assert open_.note.startswith("label ")


def test_a_critical_intent_nobody_held_out_cannot_be_judged() -> None:
    rows = evidence(*["faq", "chitchat"] * 30)
    intent = present.CRITICAL[0]

    line = lines(answers(rows), answers(rows), rows)[f"recall:{intent}"]

    assert (line.verdict, line.n) == (INCONCLUSIVE, 0)
    assert line.note == "no held-out rows of this intent"


def difference(value: float, half: float, n: int = 200) -> comparison.Difference:
    return comparison.Difference(value, value - half, value + half, n)


@pytest.mark.parametrize(
    ("value", "half", "verdict"),
    [
        (0.02, 0.10, PASS),  # better, as far as one can see
        (-0.05, 0.10, PASS),  # the loss seen is just within the margin
        (-0.06, 0.10, INCONCLUSIVE),  # beyond it, but it may be chance
        (-0.06, 0.06, INCONCLUSIVE),  # the interval still touches nothing lost
        (-0.06, 0.05, FAIL),  # beyond it, and no chance
        (-0.01, 0.005, PASS),  # proven, but so small that the margin allows it
    ],
)
def test_a_critical_intent_fails_only_on_a_proven_loss_beyond_the_margin(
    value: float, half: float, verdict: runs.GateVerdict
) -> None:
    line = gate._critical("escalation", 0.8, 0.9, difference(value, half), margin=0.05)

    assert line.verdict is verdict
    assert line.n == 200
    assert bool(line.note) is (verdict is INCONCLUSIVE)


@pytest.mark.parametrize(
    ("value", "half", "verdict"),
    [
        (0.0, 0.004, PASS),
        (0.0, 0.006, INCONCLUSIVE),  # reaches below what may be lost
        (-0.02, 0.014, FAIL),  # the best it can be is worse than the margin
        (-0.02, 0.016, INCONCLUSIVE),
        (0.02, 0.024, PASS),
    ],
)
def test_non_inferior_is_an_interval_wholly_above_the_margin(
    value: float, half: float, verdict: runs.GateVerdict
) -> None:
    line = gate._non_inferior("accuracy", 0.9, 0.9, difference(value, half), margin=0.005)

    assert line.verdict is verdict


# How many labels would decide.


@pytest.mark.parametrize(
    ("value", "half", "more"),
    [
        # Equal models, margin 0.01: an interval of 0.02 has to shrink by half, by four times as
        # many rows; 200 are there.
        (0.0, 0.02, 600),
        (0.01, 0.02, 0),
        (0.0, 0.01, 0),
        (-0.02, 0.03, 1_600),
        (-0.01, 0.02, 0),  # exactly at the margin no number would ever do
        (0.0, 0.0, 0),
    ],
)
def test_an_interval_shrinks_with_the_root_of_the_rows(
    value: float, half: float, more: int
) -> None:
    needed = comparison.labels_needed(difference(value, half), margin=0.01)

    assert needed == pytest.approx(more, abs=1)


@given(
    value=st.floats(-0.5, 0.5),
    half=st.floats(0, 0.5),
    n=st.integers(1, 10**5),
    margin=st.floats(0.001, 0.1),
)
def test_labels_that_are_missing_are_never_fewer_than_none(
    value: float, half: float, n: int, margin: float
) -> None:
    assert comparison.labels_needed(difference(value, half, n), margin) >= 0


# How it serves.


@pytest.mark.parametrize(("p95", "verdict"), [(0.0, PASS), (15.0, PASS), (15.01, FAIL)])
def test_a_latency_at_the_limit_is_within_it(p95: float, verdict: runs.GateVerdict) -> None:
    rows = evidence("faq")

    line = lines(answers(rows), None, rows, p95_latency_ms=p95)["p95_latency_ms"]

    assert (line.verdict, line.value, line.margin, line.n) == (verdict, p95, 15, 1000)


@pytest.mark.parametrize("figure", [None, float("nan")])
@pytest.mark.parametrize("name", ["p95_latency_ms", "error_rate"])
def test_a_figure_nobody_has_measured_never_passes(name: str, figure: float | None) -> None:
    rows = evidence("faq")
    line = {"error_rate": "load_error_rate"}.get(name, name)

    assert lines(answers(rows), None, rows, **{name: figure})[line].verdict is INCONCLUSIVE


def test_an_endless_latency_fails() -> None:
    rows = evidence("faq")

    line = lines(answers(rows), None, rows, p95_latency_ms=float("inf"))["p95_latency_ms"]

    assert line.verdict is FAIL


def test_two_errors_in_ten_thousand_are_allowed_and_three_are_not() -> None:
    rows = evidence("faq")

    def verdict(errors: int) -> runs.GateVerdict:
        report = lines(answers(rows), None, rows, error_rate=errors / 10_000, requests=10_000)
        return report["load_error_rate"].verdict

    assert [verdict(errors) for errors in (0, 2, 3)] == [PASS, PASS, FAIL]


@pytest.mark.parametrize(
    ("checked", "verdict"), [(True, PASS), (False, FAIL), (None, INCONCLUSIVE)]
)
def test_parity_is_passed_on_with_the_share_of_answers_that_stayed(
    checked: bool | None, verdict: runs.GateVerdict
) -> None:
    rows = evidence("faq")

    line = lines(answers(rows), None, rows, parity=checked, agreement=0.985, parity_n=80)["parity"]

    assert (line.verdict, line.value, line.n) == (verdict, 0.985, 80)


@pytest.mark.parametrize(
    ("wall", "work", "share", "judged"),
    [
        (20.0, 4.0, 0.2, 4.0),  # late, and four fifths of its time went to others
        (20.0, 18.0, 0.2, 18.0),  # the work itself is too slow as well
        (20.0, 4.0, 1.0, 20.0),  # had its core to itself: it is slow by its own doing
        (20.0, 4.0, 0.95, 20.0),  # a twentieth went to others: that makes nobody late
        (10.0, 4.0, 0.2, 10.0),  # in time in spite of the neighbour
        (15.0, 4.0, 0.2, 15.0),  # just in time
        (20.0, None, 0.2, 20.0),  # nobody has measured the work
        (None, 4.0, 0.2, None),
    ],
)
def test_lateness_is_others_doing_only_where_they_had_the_core(
    wall: float | None, work: float | None, share: float, judged: float | None
) -> None:
    measured = serving(p95_latency_ms=wall, work_p95_ms=work, core_share=share)

    p95, note = gate.latency(measured, limit=15.0)

    assert p95 == judged
    assert bool(note) is (judged is not None and judged == work)


# Whatever the policy's margins are, a candidate that equals the champion is never failed.

labels_of_ten = st.lists(st.sampled_from(present.INTENTS), min_size=1, max_size=30)


@given(labels_of_ten, st.integers(0, 30))
def test_a_candidate_that_answers_as_the_champion_does_is_never_failed(
    intents: list[str], wrong: int
) -> None:
    rows = evidence(*intents)
    same = answers(rows, wrong)

    report = lines(same, same, rows)

    assert FAIL not in {line.verdict for line in report.values()}


def test_the_order_of_rows_changes_no_verdict_and_no_value() -> None:
    """As long as no two rows are equally sure: which of them a bin of calibration ends with is
    settled by their order.
    """
    rows = evidence(*present.INTENTS * 12)
    sure = np.linspace(0.6, 0.99, 120)
    new = gate.Answers(answers(rows, wrong=3).predicted, sure)
    old = gate.Answers(answers(rows, wrong=30).predicted, sure[::-1])
    order = np.random.default_rng(5).permutation(120)

    before = lines(new, old, rows)
    after = lines(turned(new, order), turned(old, order), turned_rows(rows, order))

    assert [line.verdict for line in after.values()] == [line.verdict for line in before.values()]
    for name, line in after.items():
        assert line.value == pytest.approx(before[name].value)
        assert line.champion == pytest.approx(before[name].champion)


def turned(given: gate.Answers, order: npt.NDArray[np.int64]) -> gate.Answers:
    return gate.Answers(given.predicted[order], given.confidence[order])


def turned_rows(rows: gate.Evidence, order: npt.NDArray[np.int64]) -> gate.Evidence:
    return gate.Evidence(rows.labels[order], [rows.groups[i] for i in order.tolist()])
