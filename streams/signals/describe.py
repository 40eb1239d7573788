"""Pure. A window as the flat record that contract.md promises: rates as ratios, latencies in
milliseconds, null where nothing was counted.
"""

from typing import Any

from schemas import present, slices, windows
from streams.stats import histogram


def _ratio(part: float, whole: int) -> float | None:
    return part / whole if whole else None


def window(window: windows.Window) -> dict[str, Any]:
    """Every key of `services.show windows --json`. n counts logs, errors included; intent,
    confidence and token figures leave errors out.
    """
    tally = window.tally
    answered = tally.answered
    unsure = int(tally.intent_low.sum())
    fallbacks = int(tally.intent_fallback.sum())
    confidence_sum = tally.confidence_sum_micro / windows.MICRO
    return {
        "model": window.model,
        "role": window.role,
        "horizon": window.horizon,
        "start": window.start,
        "end": window.end,
        "revision": window.revision,
        "amended": window.amended,
        "complete": window.complete,
        "n": tally.n,
        "errors": tally.errors,
        "p50_latency_ms": histogram.quantile_ms(tally.latency_bins, 0.5),
        "p95_latency_ms": histogram.quantile_ms(tally.latency_bins, 0.95),
        "p99_latency_ms": histogram.quantile_ms(tally.latency_bins, 0.99),
        "error_rate": _ratio(tally.errors, tally.n),
        "low_confidence_rate": _ratio(unsure, answered),
        "fallback_rate": _ratio(fallbacks, answered),
        "mean_confidence": _ratio(confidence_sum, answered),
        "mean_tokens": _ratio(tally.tokens_sum, answered),
        "intent_counts": dict(zip(present.INTENTS, tally.intent_count.tolist(), strict=True)),
        "script_counts": dict(zip(slices.SCRIPTS, tally.script_count.tolist(), strict=True)),
        "late": tally.late,
    }
