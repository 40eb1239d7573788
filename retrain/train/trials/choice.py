"""Pure. Which of the tried is taken, and why: what differs by no more than chance on the held-out
rows is a tie.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from retrain.evaluation import comparison, confusion
from retrain.train.trials import outcome
from schemas import policy

NONE: Final = "none"


@dataclass(frozen=True, slots=True)
class Held:
    """The held-out rows that all were asked: what they mean, shape (n,), and which belong together.
    `seed`: of the bootstrap.
    """

    labels: confusion.Labels
    groups: Sequence[str]
    seed: int


@dataclass(frozen=True, slots=True)
class Choice:
    """`ties`: what is as good as the selected one for all that the held-out rows tell."""

    selected: str
    reason: str
    ties: tuple[str, ...] = ()


def of_losses(tried: Sequence[outcome.Outcome], held: Held, present: str) -> Choice:
    """The loss of the highest macro-F1; the recipe's `present` one where that is a tie with it, as
    nothing speaks for a change.
    """
    best, ties = _best(tried, held)
    alike = {each.name: each for each in (best, *ties)}
    taken = alike.get(present, best)
    others = tuple(name for name in alike if name != taken.name)
    said = f"macro_f1 {_points(taken.scores.macro_f1)}, rare {_points(taken.scores.rare_recall)}"
    reason = f"{said} on {len(held.labels)} held-out rows; {_against(others, len(tried))}"
    return Choice(taken.name, reason, others)


def of_encoders(
    tried: Sequence[outcome.Outcome],
    held: Held,
    rules: policy.Gates,
    monthly: Mapping[str, float],
) -> Choice:
    """Of those that are right often and answer fast enough the one of the highest macro-F1; of a
    tie the cheapest a month, or the fastest where a price is not told. A shape is never taken.
    """
    able = [each for each in tried if each.trained and _fits(each, rules)]
    shapes = [each.name for each in tried if not each.trained]
    unheard = f"; {_listed(shapes)}: shape only, random weights" if shapes else ""
    limits = f"accuracy {_points(rules.min_accuracy)} and p95 {rules.p95_latency_ms:g} ms"
    if not able:
        return Choice(NONE, f"no trained encoder keeps {limits}{unheard}")

    best, ties = _best(able, held)
    alike = (best, *ties)
    priced = all(each.name in monthly for each in alike)
    taken = min(alike, key=lambda each: monthly[each.name] if priced else each.p95_ms or 0.0)
    others = tuple(each.name for each in alike if each is not taken)
    said = f"keeps {limits} with {_points(taken.scores.accuracy)} and {taken.p95_ms or 0:.1f} ms"
    reason = f"{said} on {len(held.labels)} held-out rows; {_against(others, len(able))}{unheard}"
    return Choice(taken.name, reason, others)


def _fits(tried: outcome.Outcome, rules: policy.Gates) -> bool:
    fast = tried.p95_ms is not None and tried.p95_ms <= rules.p95_latency_ms
    return fast and tried.scores.accuracy >= rules.min_accuracy


def _best(
    tried: Sequence[outcome.Outcome], held: Held
) -> tuple[outcome.Outcome, list[outcome.Outcome]]:
    """That of the highest macro-F1, the first where it is alike, and those that are not proven
    worse: the paired 95 % interval of the difference holds 0.
    """
    best = max(tried, key=lambda each: each.scores.macro_f1)
    ties = []
    for other in tried:
        if other is not best and not _proven(best, other, held):
            ties.append(other)
    return best, ties


def _proven(best: outcome.Outcome, other: outcome.Outcome, held: Held) -> bool:
    by_name = comparison.differences(
        held.labels, other.predicted, best.predicted, held.groups, seed=held.seed
    )
    return by_name["macro_f1"].low > 0


def _against(ties: Sequence[str], of: int) -> str:
    """What the others are beside the one that is taken, of `of` that could be."""
    if of == 1:
        return "nothing else to compare"
    if not ties:
        return "proven above all others"
    return f"a tie with {_listed(ties)}: within noise"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _points(ratio: float | None) -> str:
    return "unknown" if ratio is None else f"{100 * ratio:.1f}"


def told(choice: Choice, gamma: float | None = None) -> dict[str, Any]:
    """Fields of [DECISION]. `gamma`: of a focal loss."""
    focus = {} if gamma is None else {"gamma": gamma}
    return {"selected": choice.selected, **focus, "reason": choice.reason}
