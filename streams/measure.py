"""Pure. Turn a window into the label-free signals the policy judges, by the rulers every other signal is measured with too.

Never reads a clock, a topic or a table; streams.judge decides what the numbers mean, streams.detail has the signals nobody judges.
"""

from collections.abc import Iterator
from typing import Any

from schemas import runs, taxonomy, verdicts, windows
from streams.stats import divergence, histogram, proportion


def signals(window: windows.Window, reference: runs.Reference | None) -> tuple[verdicts.Signal, ...]:
    """p95 latency, error rate, low-confidence rate and intent-mix KL of one window, in this order; the KL only where there is a reference."""
    return tuple(_signals(window, reference))


def _signals(window: windows.Window, reference: runs.Reference | None) -> Iterator[verdicts.Signal]:
    tally = window.tally
    yield latency(window, 95)
    yield rate(window, "error_rate", tally.errors, tally.n)
    yield rate(window, "low_confidence_rate", int(tally.intent_low.sum()), tally.answered)
    if reference is not None:
        yield intent_mix_kl(window, reference)


def number(window: windows.Window, name: str, value: float | None, n: int, **known: Any) -> verdicts.Signal:
    """A signal of the window. `known`: what else verdicts.Signal has of it."""
    return verdicts.Signal(model=window.model, horizon=window.horizon, end=window.end, signal=name, value=value, n=n, **known)


def rate(window: windows.Window, name: str, hits: int, n: int, **known: Any) -> verdicts.Signal:
    """A ratio in [0, 1] with Wilson's interval; no value where n is 0."""
    low, high = proportion.wilson(hits, n)
    return number(window, name, hits / n if n else None, n, low=low, high=high, **known)


def latency(window: windows.Window, percent: int) -> verdicts.Signal:
    """A percentile of latency in milliseconds. Its interval: the order statistics whose ranks bound it (the quantile's rank is binomial)."""
    bins, n, q = window.tally.latency_bins, window.tally.n, percent / 100
    low, high = proportion.wilson(q * n, n)
    interval = {"low": histogram.quantile_ms(bins, low), "high": histogram.quantile_ms(bins, high)}
    return number(window, f"p{percent}_latency_ms", histogram.quantile_ms(bins, q), n, **interval)


def intent_mix_kl(window: windows.Window, reference: runs.Reference) -> verdicts.Signal:
    """D(live || reference) of the predicted intents in nats."""
    return mix_kl(window, "intent_mix_kl", window.tally.intent_count, intents(reference), reference.n)


def intents(reference: runs.Reference) -> list[int]:
    """The reference's counts in the order of taxonomy.INTENTS; an intent it does not name counts 0."""
    return [reference.intent_counts.get(intent, 0) for intent in taxonomy.INTENTS]


def mix_kl(window: windows.Window, name: str, live: windows.Counts, reference: list[int], reference_n: int) -> verdicts.Signal:
    """D(live || reference) in nats, with the mean it would have with no drift at all and the two-sample G-test's p-value. Shapes (K,)."""
    n = int(live.sum())
    return number(
        window,
        name,
        divergence.kl(live=live, reference=reference) if n else None,
        n,
        reference_n=reference_n,
        noise_floor=divergence.noise_floor(k=len(reference), n=n, reference_n=reference_n) if n else None,
        p_value=divergence.g_test(live=live, reference=reference),
    )
