"""Pure. The questions that one asks of a finished run, in their order (seed, section 14): each
with its figures and answer, and what to do at the first that is not a yes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from retrain.train.report import account, compared
from schemas import runs

State = runs.State


class Answer(StrEnum):
    """Of a question; one without a figure is not answered."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "no figure"


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its answer, the figures it rests on, and what a no asks for."""

    words: str
    answer: Answer
    figures: str
    remedy: str


_MISSING: Final = "measure it first: what is missing passes nothing"
_OF_VERDICT: Final = {
    runs.GateVerdict.PASS: Answer.YES,
    runs.GateVerdict.FAIL: Answer.NO,
    runs.GateVerdict.INCONCLUSIVE: Answer.UNKNOWN,
}
_ALL_YES: Final = {
    State.CHAMPION: "every answer is yes, and every gate let it pass: it was promoted",
    State.REGISTERED: "every answer is yes: it waits for a person to promote it, answering in the "
    "shadow until then",
    State.REJECTED: "every answer is yes; a gate that asks for more has rejected it all the same",
}


def walked(told: account.Account) -> tuple[Question, ...]:
    """All five questions, with what is known of each."""
    return (
        _improved(
            "Is the validation loss lower?",
            compared.loss(told),
            "stop here, or train with a lower learning_rate or for fewer epochs",
        ),
        _improved(
            "Has macro F1 improved?",
            compared.macro_f1(told),
            "look at the sizes of the intents and at what is taken for what",
        ),
        _improved(
            "Has recall of the rare intents improved?",
            compared.rare_recall(told),
            "change gamma or the class weights, or get more rows of the rare intents",
        ),
        _passed(
            "Is the calibration acceptable?",
            told.gate("ece"),
            "fit the temperature anew, or train otherwise",
        ),
        _passed(
            "Is the latency within its budget?",
            told.gate("p95_latency_ms"),
            "make serving faster, or choose a smaller encoder",
        ),
    )


def branch(questions: Sequence[Question]) -> int:
    """The place of the first answer that is not a yes; their number where all are."""
    for place, question in enumerate(questions):
        if question.answer is not Answer.YES:
            return place
    return len(questions)


def end(questions: Sequence[Question], state: runs.State) -> str:
    """Where the walk ends: what to do."""
    place = branch(questions)
    if place == len(questions):
        return _ALL_YES.get(state, "every answer is yes: next comes the shadow")
    question = questions[place]
    return question.remedy if question.answer is Answer.NO else _MISSING


def _improved(words: str, figures: compared.Compared | None, remedy: str) -> Question:
    if figures is None:
        return Question(words, Answer.UNKNOWN, "neither a champion nor a second epoch", remedy)
    answer = Answer.YES if figures.better else Answer.NO
    unproven = "; that may be chance" if figures.proven is False else ""
    return Question(words, answer, figures.words + unproven, remedy)


def _passed(words: str, gate: runs.Gate | None, remedy: str) -> Question:
    if gate is None or gate.value is None:
        return Question(words, Answer.UNKNOWN, "not measured", remedy)
    figures = f"{gate.value:.3g}, n = {gate.n:,}"
    if gate.margin is not None:
        limit = gate.margin + (gate.champion or 0.0)
        figures = f"{gate.value:.3g}, at most {limit:.3g} (n = {gate.n:,})"
    if gate.note:
        figures += f"; {gate.note}"
    return Question(words, _OF_VERDICT[gate.verdict], figures, remedy)
