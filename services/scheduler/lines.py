"""Pure. What the monitors say in the seed's lines; rates as ratios, the encoder turns them to percent and points."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from retrain.evaluation import live
from schemas import verdicts, windows
from streams.signals import describe

Line = tuple[str, dict[str, Any]]


def hourly(window: windows.Window, kl: float | None) -> Line:
    """[MONITOR_HOURLY] of an hour."""
    shown = describe.window(window)
    latencies = {f"p{p}_ms": shown[f"p{p}_latency_ms"] for p in (50, 95, 99)}
    return "MONITOR_HOURLY", {
        "model": window.model, **latencies, "err_rate": shown["error_rate"], "low_conf_rate": shown["low_confidence_rate"], "kl_div": kl,
    }  # fmt: skip


def daily(window: windows.Window, estimates: Sequence[live.Estimate]) -> Line:
    """[MONITOR_DAILY] of a day."""
    accuracy, rare = (estimates[i].estimate for i in (0, 1))
    return "MONITOR_DAILY", {"model": window.model, "sampled_acc": accuracy, "rare_recall": rare, "fallback_rate": describe.window(window)["fallback_rate"]}


def weekly(window: windows.Window, kl: float | None, estimates: Sequence[live.Estimate]) -> Line:
    """[MONITOR_WEEKLY] of a week."""
    low = describe.window(window)["low_confidence_rate"]
    return "MONITOR_WEEKLY", {"model": window.model, "kl_div": kl, "sampled_acc": estimates[0].estimate, "low_conf_rate": low}


# Every signal of the policy, in the order they are said; what is the same thing seen otherwise has the same words and is said once.
WORDS: Final[Mapping[str, str]] = {
    "live_accuracy": "live accuracy degradation",
    "accuracy_e_value": "live accuracy degradation",
    "recent_accuracy": "live accuracy degradation",
    "mix_adjusted_accuracy": "live accuracy degradation",
    "offline_live_gap": "live accuracy degradation",  # against what held-out rows promised
    "rare_recall": "rare recall degradation",
    "intent_recall_lost": "intent recall degradation",
    "intent_mix_kl": "drift",
    "intent_mix_shift": "drift",
    "low_confidence_rate": "low confidence",
    "escalation_spike": "escalations",
    "fallback_spike": "fallbacks",
    "other_script_excess": "unreadable texts",
    "tokens_lost": "shortened texts",
    "tokenizer_mismatch": "another tokenizer",
    "data_missing": "missing logs",
    "label_starved": "missing labels",
    "p95_latency_ms": "latency",
    "error_rate": "errors",
}
INCIDENTS: Final = "business incidents"


def alert(found: Iterable[verdicts.Verdict], incidents: int) -> Line:
    """[ALERT] of a retrain: every breached signal is in the reason, and so are open business incidents."""
    breached = {v.signal.signal for v in found if v.in_breach}
    said = [words for name, words in WORDS.items() if name in breached] + ([INCIDENTS] if incidents else [])
    return "ALERT", {"retrain_trigger": True, "reason": " + ".join(dict.fromkeys(said))}
