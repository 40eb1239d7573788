"""Pure. A candidate beside what it has to be better than, on the same held-out rows."""

from typing import Final

from retrain.evaluation import baseline
from retrain.pages import markup
from retrain.train.report import account
from schemas import units

TITLE: Final = "Beside what costs less"
_COLUMNS: Final = (
    "model",
    "accuracy",
    "macro F1",
    "rare recall",
    "out of fold",
    "ECE",
    "learnt from",
    "processor time",
)
_NAMES: Final = {
    baseline.MAJORITY: "the most frequent intent",
    baseline.LINEAR: "a linear model of words and letters",
    baseline.ENCODER: "the encoder untrained, a linear model on it",
    baseline.CHAMPION: "the champion",
}


def table(told: account.Account) -> str:
    """The candidate first; then a row a baseline."""
    scores, seen = told.scores, told.validation
    if not told.baselines or scores is None or seen is None:
        return markup.paragraph("Nothing was measured beside it.")
    ece = markup.figure(seen.ece)
    mine = (units.percent(scores.accuracy), units.percent(scores.macro_f1))
    rare = _percent(scores.rare_recall)
    rows = [markup.Row(("the candidate", *mine, rare, markup.NONE, ece, markup.NONE, markup.NONE))]
    rows += [_row(each) for each in told.baselines]
    words = "Out of fold: recall of the rare intents among training rows, in five folds by group."
    return markup.table(_COLUMNS, rows, "stack") + markup.paragraph(words)


def _row(each: baseline.Baseline) -> markup.Row:
    apart, learnt = markup.NONE, markup.NONE
    if each.out_of_fold is not None:
        apart = f"{units.percent(each.out_of_fold.rare_recall)} (n = {each.out_of_fold.n:,})"
    if each.trained:
        learnt = f"{each.trained:,} rows"
    cells = (
        _NAMES.get(each.name, each.name),
        units.percent(each.accuracy),
        units.percent(each.macro_f1),
        _percent(each.rare_recall),
        apart,
        markup.figure(each.ece),
        learnt,
        f"{each.seconds:.1f} s",
    )
    return markup.Row(cells)


def _percent(ratio: float | None) -> str:
    return markup.NONE if ratio is None else units.percent(ratio)
