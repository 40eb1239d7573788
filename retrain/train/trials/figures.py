"""Pure. What a trial is told by: fields of a log line, and a row of JSON with the same names."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from retrain.decide import economics
from retrain.train.trials import outcome

_SHAPE_ONLY: Final = "shape only, random weights"


def of_loss(tried: outcome.Outcome) -> dict[str, Any]:
    """Fields of [ABLATION]."""
    return {
        "loss": tried.name,
        "overall_acc": tried.scores.accuracy,
        "rare_acc": tried.scores.rare_recall,
        "train_min": round(tried.minutes, 2),
    }


def of_encoder(tried: outcome.Outcome, price: Mapping[str, float | None]) -> dict[str, Any]:
    """Fields of [MODEL_BENCH]. `price`: monthly_cost and cost_per_point, None where unknown."""
    return {
        "model": tried.name,
        "acc": tried.scores.accuracy,
        "p95_ms": None if tried.p95_ms is None else round(tried.p95_ms, 2),
        "monthly_cost": price["monthly_cost"],
        "macro_f1": tried.scores.macro_f1,
        "size_mb": tried.mb,
        "train_min": round(tried.minutes, 2),
        "cost_per_point": price["cost_per_point"],
        "weights": "trained" if tried.trained else _SHAPE_ONLY,
    }


def prices(
    tried: Sequence[outcome.Outcome], monthly: Mapping[str, float]
) -> dict[str, dict[str, float | None]]:
    """By name what a month of serving costs, and what a point of accuracy does beside the cheapest
    trained encoder; the answers of a shape are worth no price.
    """
    priced = [each for each in tried if each.trained and each.name in monthly]
    least = min(priced, key=lambda each: monthly[each.name], default=None)
    told = {}
    for each in tried:
        point = None
        if least is not None and each in priced:
            point = economics.per_point(
                monthly[each.name],
                monthly[least.name],
                each.scores.accuracy,
                least.scores.accuracy,
            )
        told[each.name] = {"monthly_cost": monthly.get(each.name), "cost_per_point": _two(point)}
    return told


def _two(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def row(tried: outcome.Outcome, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the line as JSON, with what else is known."""
    scores = tried.scores
    more = {
        "n": scores.n,
        "accuracy": scores.accuracy,
        "macro_f1": scores.macro_f1,
        "rare_recall": scores.rare_recall,
        "recall": scores.recall,
        "note": tried.note or None,
    }
    return {**fields, **more}
