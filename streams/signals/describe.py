"""Pure. A window as the flat record that contract.md promises: rates as ratios, latencies in
milliseconds, null where nothing was counted.
"""

from typing import Any

from schemas import present, slices, windows
from streams.stats import histogram


def _ratio(part: float, whole: int) -> float | None:
    return part / whole if whole else None


def window(found: windows.Window) -> dict[str, Any]:
    """Every key of `services.show windows --json`. n counts logs, errors included; intent,
    confidence and token figures leave errors out.
    """
    tally, answered = found.tally, found.tally.answered
    return {
        "model": found.model,
        "role": found.role,
        "horizon": found.horizon,
        "start": found.start,
        "end": found.end,
        "revision": found.revision,
        "amended": found.amended,
        "complete": found.complete,
        "n": tally.n,
        "errors": tally.errors,
        **{
            f"p{percent}_latency_ms": histogram.quantile_ms(tally.latency_bins, percent / 100)
            for percent in (50, 95, 99)
        },
        "error_rate": _ratio(tally.errors, tally.n),
        "low_confidence_rate": _ratio(int(tally.intent_low.sum()), answered),
        "fallback_rate": _ratio(int(tally.intent_fallback.sum()), answered),
        "mean_confidence": _ratio(tally.confidence_sum_micro / windows.MICRO, answered),
        "mean_tokens": _ratio(tally.tokens_sum, answered),
        "intent_counts": dict(zip(present.INTENTS, tally.intent_count.tolist(), strict=True)),
        "script_counts": dict(zip(slices.SCRIPTS, tally.script_count.tolist(), strict=True)),
        "late": tally.late,
    }
