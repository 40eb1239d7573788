"""Pure. Figures with their unit and signals by their names, as the board and Slack both write them."""

from typing import Final

SIGNALS: Final = {
    "accuracy_e_value": "evidence of lost accuracy",
    "p95_latency_ms": "p95 latency",
    "low_confidence_rate": "low-confidence rate",
    "intent_mix_kl": "intent mix KL",
    "intent_mix_shift": "largest shift of an intent's share",
    "escalation_spike": "escalations above the same hour of earlier weeks",
    "fallback_spike": "fallbacks above the same hour of earlier weeks",
    "tokens_lost": "mean tokens below the reference's",
    "data_missing": "logs missing against the same hour of earlier weeks",
    "mix_adjusted_accuracy": "accuracy at the reference's mix",
    "offline_live_gap": "live accuracy below that on held-out rows",
    "intent_recall_lost": "recall lost by one intent",
    "label_starved": "sampled messages without a label",
    "tokenizer_mismatch": "logs of another tokenizer",
    "other_script_excess": "texts in no known script above the reference",
}


def called(signal: str) -> str:
    """A signal's name in words."""
    return SIGNALS.get(signal) or signal.replace("_", " ")


def percent(ratio: float) -> str:
    """A ratio as percent; small ones keep two digits.

    >>> percent(0.714), percent(0.0002), percent(0.0)
    ('71.4 %', '0.02 %', '0.0 %')
    """
    value = 100 * ratio
    return f"{value:.1f} %" if abs(value) < 1e-6 or abs(value) >= 0.1 else f"{value:.2g} %"


def ms(value: float) -> str:
    """A latency in milliseconds."""
    return f"{value:.1f} ms"


def nats(value: float) -> str:
    """A divergence in nats."""
    return f"{value:.3f} nats"


def odds(log10: float) -> str:
    """Evidence as odds, from its decimal logarithm.

    >>> odds(3.0), odds(20.0)
    ('1,000 : 1', 'over 1,000,000,000,000 : 1')
    """
    return f"{'over ' if log10 > 12 else ''}{10 ** min(log10, 12):,.0f} : 1"
