"""Pure. What an evaluation says in the seed's lines; rates as ratios, the encoder turns them to
percent and points.
"""

from collections.abc import Iterator
from typing import Any, Final

from retrain.decide.evaluate import Evaluation
from schemas import decisions, signals
from streams.signals import describe

Line = tuple[str, dict[str, Any]]

INCIDENTS: Final = "business incidents"


def of_hour(evaluation: Evaluation) -> Iterator[Line]:
    """[MONITOR_HOURLY] of the hour, if it has a window."""
    window = evaluation.view.windows.get("1h")
    if window is None:
        return
    shown = describe.window(window)
    yield (
        "MONITOR_HOURLY",
        {
            "model": window.model,
            "p50_ms": shown["p50_latency_ms"],
            "p95_ms": shown["p95_latency_ms"],
            "p99_ms": shown["p99_latency_ms"],
            "err_rate": shown["error_rate"],
            "low_conf_rate": shown["low_confidence_rate"],
            "kl_div": evaluation.value(signals.INTENT_MIX_KL.name, "1h"),
        },
    )


def of_day(evaluation: Evaluation) -> Iterator[Line]:
    """[MONITOR_DAILY] of the day that ends, if it has a window."""
    window = evaluation.view.windows.get("1d")
    figures = evaluation.figures["1d"]
    if window is not None:
        yield (
            "MONITOR_DAILY",
            {
                "model": window.model,
                "sampled_acc": figures.accuracy.estimate,
                "rare_recall": figures.rare_recall.estimate,
                "fallback_rate": describe.window(window)["fallback_rate"],
            },
        )


def of_week(evaluation: Evaluation) -> Iterator[Line]:
    """[MONITOR_WEEKLY] of the week that ends, if it has a window."""
    window = evaluation.view.windows.get("7d")
    if window is not None:
        yield (
            "MONITOR_WEEKLY",
            {
                "model": window.model,
                "kl_div": evaluation.value(signals.INTENT_MIX_KL.name, "7d"),
                "sampled_acc": evaluation.figures["7d"].accuracy.estimate,
                "low_conf_rate": describe.window(window)["low_confidence_rate"],
            },
        )


def alert(decision: decisions.Decision, incidents: int) -> Line:
    """[ALERT] of a retrain: every breached signal is in the reason, and so are open business
    incidents.
    """
    breached = [reason.signal for reason in decision.reasons if reason.breached]
    words = signals.alert_words(breached)
    if incidents:
        words.append(INCIDENTS)
    return "ALERT", {"retrain_trigger": True, "reason": " + ".join(words)}
