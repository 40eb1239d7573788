"""What a page says of a run in words: figures beside earlier ones, five questions up to the first
that is not a yes, five sentences with what they rest on. Figures are the seed's where it has them.
"""

import dataclasses
from typing import Any

import accounts
import builders
import pytest

from retrain.train.report import account, compared, review, tree
from schemas import checks, decisions, present, runs

Verdict, State, Answer = runs.GateVerdict, runs.State, tree.Answer
ACCURACY = accounts.gate("accuracy", 0.921, champion=0.909, margin=0.005, between=(0.002, 0.02))
MACRO_F1 = accounts.gate("macro_f1", 0.912, champion=0.9, margin=0.005, between=(0.001, 0.03))
ECE = accounts.gate("ece", 0.037, champion=0.04, margin=0.01)
LATENCY = accounts.gate("p95_latency_ms", 12.4, margin=15.0, n=1000)
GATES = (ACCURACY, MACRO_F1, ECE, LATENCY)
RARE_ROWS = {"promotion": 50, "checkout_help": 30, "escalation": 20}


def told(gates: tuple[runs.Gate, ...] = GATES, **more: Any) -> account.Account:
    known: dict[str, Any] = {"metrics": accounts.metrics()}
    return accounts.told(accounts.run(champion="v1", gates=gates), **(known | more))


# Beside what


def test_a_figure_stands_beside_the_champions_on_the_same_rows() -> None:
    accuracy = compared.accuracy(told())

    assert accuracy is not None
    assert (accuracy.before, accuracy.now, accuracy.better) == (0.909, 0.921, True)
    assert accuracy.proven
    assert accuracy.words == (
        "92.1 %, the champion 90.9 % (difference +0.2 to +2.0 points, n = 900)"
    )


def test_without_a_champion_it_stands_beside_the_first_epoch() -> None:
    accuracy = compared.accuracy(told(gates=(LATENCY,)))

    assert accuracy is not None
    assert accuracy.proven is None
    assert accuracy.words == ("90.6 % in the first epoch, 92.1 % in the one that was kept (3 of 3)")


def test_the_kept_epoch_is_the_first_with_the_highest_macro_f1() -> None:
    rows = accounts.metrics(
        {"val_loss": [0.5, 0.3, 0.6], "val_macro_f1": [0.8, 0.9, 0.9]},
    )

    loss = compared.loss(told(metrics=rows))

    assert loss is not None
    assert (loss.before, loss.now, loss.better) == (0.5, 0.3, True)


def test_a_difference_that_may_be_chance_is_not_proven() -> None:
    unsure = dataclasses.replace(ACCURACY, low=-0.01)

    accuracy = compared.accuracy(told(gates=(unsure,)))

    assert accuracy is not None
    assert accuracy.better
    assert accuracy.proven is False


@pytest.mark.parametrize(
    "epochs", [{}, {"val_loss": [0.5], "val_acc": [0.9], "val_macro_f1": [0.8]}]
)
def test_one_epoch_has_nothing_to_stand_beside(epochs: dict[str, list[float]]) -> None:
    alone = told(gates=(), metrics=accounts.metrics(epochs))

    assert compared.loss(alone) is None
    assert compared.accuracy(alone) is None
    assert compared.rare_recall(alone) is None


def rare(missing: str | None = None) -> account.Account:
    """A candidate that has 0.1 more in each rare intent; one of these without a gate."""
    counts = [[RARE_ROWS.get(i, 0) if i == j else 0 for j in present.INTENTS] for i in RARE_ROWS]
    names = list(RARE_ROWS)
    square = [[row[present.INDEX[name]] for name in names] for row in counts]
    gates = [
        accounts.gate(f"recall:{intent}", 0.9, champion=0.8)
        for intent in present.RARE
        if intent != missing
    ]
    seen = accounts.validated(names, square)
    return told(gates=tuple(gates), validation=seen)


def test_rare_recall_is_that_of_all_rare_intents_weighed_by_their_rows() -> None:
    recall = compared.rare_recall(rare())

    assert recall is not None
    assert (recall.before, recall.now) == (pytest.approx(0.8), pytest.approx(0.9))
    assert recall.words == "90.0 %, the champion 80.0 % (n = 100)"


def test_with_a_gate_missing_rare_recall_is_that_of_the_epochs() -> None:
    recall = compared.rare_recall(rare(missing=present.RARE[0]))

    assert recall is not None
    assert (recall.before, recall.now) == (0.827, 0.886)


# The five questions


def answers(known: account.Account) -> list[tree.Answer]:
    return [question.answer for question in tree.walked(known)]


def ended(known: account.Account) -> str:
    return tree.end(tree.walked(known), known.run.state)


def test_five_times_yes_ends_with_what_became_of_the_run() -> None:
    known = told()

    assert answers(known) == [Answer.YES] * 5
    assert tree.branch(tree.walked(known)) == 5
    assert "it was promoted" in ended(known)
    rejected = dataclasses.replace(known, run=accounts.run(State.REJECTED, gates=GATES))
    assert "rejected it all the same" in ended(rejected)
    running = dataclasses.replace(known, run=accounts.run(State.GATED, gates=GATES))
    assert "next comes the shadow" in ended(running)


WORSE = dataclasses.replace(MACRO_F1, value=0.88, low=-0.04, high=-0.01)
SLOW = dataclasses.replace(LATENCY, value=28.0, verdict=Verdict.FAIL)
ROUGH = dataclasses.replace(ECE, value=0.2, verdict=Verdict.FAIL)
FLAT = {**accounts.EPOCHS, "val_rare_recall": [0.886, 0.886, 0.886]}
RISING = {**accounts.EPOCHS, "val_loss": [0.3, 0.35, 0.4]}


@pytest.mark.parametrize(
    ("known", "place", "remedy"),
    [
        (told(metrics=accounts.metrics(RISING)), 0, "lower learning_rate or for fewer epochs"),
        (told(gates=(ACCURACY, WORSE, ECE, LATENCY)), 1, "what is taken for what"),
        (told(metrics=accounts.metrics(FLAT)), 2, "class weights"),
        (told(gates=(ACCURACY, MACRO_F1, ROUGH, LATENCY)), 3, "fit the temperature anew"),
        (told(gates=(ACCURACY, MACRO_F1, ECE, SLOW)), 4, "choose a smaller encoder"),
    ],
)
def test_the_first_no_is_the_branch_that_is_taken(
    known: account.Account, place: int, remedy: str
) -> None:
    assert tree.branch(tree.walked(known)) == place
    assert answers(known)[place] is Answer.NO
    assert remedy in ended(known)


def test_what_is_missing_says_so_and_passes_nothing() -> None:
    bare = accounts.told()

    assert answers(bare) == [Answer.UNKNOWN] * 5
    assert [question.figures for question in tree.walked(bare)] == [
        *["neither a champion nor a second epoch"] * 3,
        *["not measured"] * 2,
    ]
    assert "measure it first" in ended(bare)
    unsure = dataclasses.replace(ECE, verdict=Verdict.INCONCLUSIVE)
    assert answers(told(gates=(ACCURACY, MACRO_F1, unsure, LATENCY)))[3] is Answer.UNKNOWN


def test_an_answer_says_its_limit_and_when_it_may_be_chance() -> None:
    by_chance = dataclasses.replace(MACRO_F1, low=-0.01)
    noted = dataclasses.replace(LATENCY, note="judged by CPU time")

    questions = tree.walked(told(gates=(ACCURACY, by_chance, ECE, noted)))

    assert questions[1].figures.endswith("; that may be chance")
    assert questions[3].figures == "0.037, at most 0.05 (n = 900)"
    assert questions[4].figures == "12.4, at most 15 (n = 1,000); judged by CPU time"


# The five sentences


def sentence(place: int, known: account.Account) -> review.Sentence:
    return review.sentences(known)[place]


def test_better_needs_accuracy_rare_recall_and_latency() -> None:
    said = sentence(0, told())

    assert said.holds
    for figure in ("92.1 %", "88.6 %", "12.4 ms, of 15.0 ms (n = 1,000)"):
        assert figure in said.figures
    assert sentence(0, told(gates=(ACCURACY, SLOW))).holds is False
    assert sentence(0, told(metrics=accounts.metrics(FLAT))).holds is False


def test_better_is_not_shown_by_chance_nor_without_a_latency() -> None:
    by_chance = dataclasses.replace(ACCURACY, low=-0.01)

    assert sentence(0, told(gates=(by_chance, LATENCY))).holds is None
    assert "better by chance" in sentence(0, told(gates=(by_chance, LATENCY))).figures
    without = sentence(0, told(gates=(ACCURACY,)))
    assert (without.holds, without.figures) == (None, "the latency has not been measured")


def test_the_layers_need_both_signs_of_training() -> None:
    calm = accounts.check("loss_explosion", 1.0)
    kept = accounts.check("forgetting", 0.4)
    lost = accounts.check("forgetting", 1.4, checks.Level.ACT)

    assert sentence(1, told(checks=(calm, kept))).holds
    assert "forgetting 0.4, at most 1 (n = 10 steps)" in (
        sentence(1, told(checks=(calm, kept))).figures
    )
    assert sentence(1, told(checks=(calm, lost))).holds is False
    assert sentence(1, told(checks=(kept,))).figures == "loss_explosion has not been measured"


@pytest.mark.parametrize(
    ("before", "after", "floor", "holds"),
    [(0.061, 0.037, 0.019, True), (0.037, 0.061, 0.019, False), (0.01, 0.012, 0.019, True)],
)
def test_calibration_has_improved_or_is_as_good_as_it_can_look(
    before: float, after: float, floor: float, holds: bool
) -> None:
    seen = accounts.validated(("faq",), ((9,),), ece_before=before, ece=after, ece_floor=floor)

    said = sentence(2, told(validation=seen))

    assert said.holds is holds
    assert f"ECE {before:.3f} before, {after:.3f} after" in said.figures
    assert "n = 9" in said.figures


def test_evidence_is_what_the_decision_rests_on() -> None:
    decided = dataclasses.replace(
        builders.reason("live_accuracy", 0.73, breached=True, limit=0.9), decided=True
    )
    beside = builders.reason("intent_mix_kl", 0.05, breached=True, limit=0.028)
    decision = builders.decision(decisions.Kind.RETRAIN, reasons=(decided, beside))

    asked = accounts.run(decision_id=decision.id)
    said = sentence(3, accounts.told(asked, decision=decision))

    assert said.holds
    assert "73.0 %" in said.figures
    assert "nats" not in said.figures


def test_a_run_by_hand_and_one_without_its_decision_show_no_evidence() -> None:
    by_hand = sentence(3, told())
    lost = sentence(3, accounts.told(accounts.run(decision_id="d9")))

    assert (by_hand.holds, by_hand.figures) == (
        None,
        "a person has asked for the run, no decision",
    )
    assert lost.figures == "decision d9 is not here"


def test_the_choice_of_the_encoder_is_not_shown_by_one_run() -> None:
    said = sentence(4, told())

    assert said.holds is None
    assert "all-MiniLM-L6-v2" in said.figures
