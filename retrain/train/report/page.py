"""Pure. A run as one HTML page that needs nothing else: no script, no network."""

from collections.abc import Iterator
from typing import Final

from retrain.pages import markup, svg
from retrain.train.report import (
    account,
    beside,
    curves,
    intents,
    judged,
    lineage,
    review,
    stages,
    style,
    summary,
    tree,
    validated,
)

_HOLDS: Final = {True: ("holds", "✓ holds"), False: ("fails", "✗ does not hold")}
_STAGES: Final = ("stage", "question", "inputs", "metrics", "decision")
_NOT_SHOWN: Final = ("unknown", "– not shown")
_ANSWERS: Final = {
    tree.Answer.YES: ("holds", "✓ yes"),
    tree.Answer.NO: ("fails", "✗ no"),
    tree.Answer.UNKNOWN: ("unknown", "– no figure"),
}


def render(told: account.Account) -> str:
    """The page, from what became of the run down to what it is made of."""
    parts = [
        *summary.head(told.run),
        markup.section("What one can say of it", _review(told)),
        markup.section("The decision, step by step", _tree(told)),
        markup.section("Stage by stage", [_stages(told)]),
        markup.section("Checks", [judged.of_checks(told.checks)]),
        markup.section("Training", ['<div class="charts">', *curves.draw(told.metrics), "</div>"]),
        markup.section("Validation", _validation(told)),
        markup.section("Gates", _gates(told)),
        markup.section("Lineage", lineage.parts(told)),
    ]
    return markup.document(f"intentwatch: run {told.run.id}", style.STYLE, "".join(parts))


def _review(told: account.Account) -> Iterator[str]:
    yield "<ol>"
    for sentence in review.sentences(told):
        kind, mark = _NOT_SHOWN if sentence.holds is None else _HOLDS[sentence.holds]
        yield _item(kind, mark, sentence.words, sentence.figures)
    yield "</ol>"


def _tree(told: account.Account) -> Iterator[str]:
    """The questions up to the branch that is taken, the others as not reached."""
    questions = tree.walked(told)
    taken = tree.branch(questions)
    yield "<ol>"
    for place, question in enumerate(questions):
        kind, mark = _ANSWERS[question.answer]
        if place > taken:
            kind, mark = "beyond", f"(not reached) {mark}"
        yield _item(kind, mark, question.words, question.figures)
    yield "</ol>"
    yield markup.paragraph(f"→ {tree.end(questions, told.run.state)}", "branch")


def _stages(told: account.Account) -> str:
    """The eight, a row each."""
    rows = []
    for stage in stages.stages(told):
        cells = (stage.name, stage.question, stage.inputs, stage.metrics, stage.decision)
        rows.append(markup.Row(cells))
    return markup.table(_STAGES, rows, "stack stages")


def _item(kind: str, mark: str, words: str, figures: str) -> str:
    said = f"<p>{svg.safe(words)} <b>{svg.safe(mark)}</b></p>"
    return f'<li class="{kind}">{said}{markup.paragraph(figures, "none")}</li>'


def _gates(told: account.Account) -> Iterator[str]:
    yield judged.of_gates(told.run.gates)
    yield "<h3>Load test</h3>"
    yield judged.of_load(told.load)


def _validation(told: account.Account) -> Iterator[str]:
    seen = told.validation
    if seen is None:
        yield markup.paragraph("Nothing has been validated yet, or it has not been recorded.")
        return
    yield intents.whole(told.scores)
    yield f"<h3>{beside.TITLE}</h3>{beside.table(told)}"
    for panel in validated.PANELS:
        yield f"<h3>{panel.title}</h3>{panel.draw(seen)}"
