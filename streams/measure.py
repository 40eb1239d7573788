"""Pure. Turn a window into the label-free signals the policy judges.

Never reads a clock, a topic or a table; streams.judge decides what the numbers mean.
"""

from collections.abc import Iterator

from schemas import runs, taxonomy, verdicts, windows
from streams.stats import divergence, histogram, proportion


def signals(window: windows.Window, reference: runs.Reference | None) -> tuple[verdicts.Signal, ...]:
    """p95 latency, error rate, low-confidence rate and intent-mix KL of one window, in this order; the KL only where there is a reference."""
    return tuple(_signals(window, reference))


def _signals(window: windows.Window, reference: runs.Reference | None) -> Iterator[verdicts.Signal]:
    tally = window.tally
    yield _signal(window, "p95_latency_ms", histogram.quantile_ms(tally.latency_bins, 0.95), tally.n, *_latency_interval(tally))
    yield _rate(window, "error_rate", tally.errors, tally.n)
    yield _rate(window, "low_confidence_rate", int(tally.intent_low.sum()), tally.answered)
    if reference is not None:
        yield intent_mix_kl(window, reference)


def _signal(window: windows.Window, name: str, value: float | None, n: int, low: float | None, high: float | None) -> verdicts.Signal:
    return verdicts.Signal(model=window.model, horizon=window.horizon, end=window.end, signal=name, value=value, n=n, low=low, high=high)


def _rate(window: windows.Window, name: str, hits: int, n: int) -> verdicts.Signal:
    low, high = proportion.wilson(hits, n)
    return _signal(window, name, hits / n if n else None, n, low, high)


def _latency_interval(tally: windows.Tally) -> tuple[float | None, float | None]:
    """95 % interval of the p95: the order statistics whose ranks bound it (the quantile's rank is binomial)."""
    low, high = proportion.wilson(0.95 * tally.n, tally.n)
    return histogram.quantile_ms(tally.latency_bins, low), histogram.quantile_ms(tally.latency_bins, high)


def intent_mix_kl(window: windows.Window, reference: runs.Reference) -> verdicts.Signal:
    """D(live || reference) in nats, with the mean it would have with no drift at all and the two-sample G-test's p-value."""
    live = window.tally.intent_count
    known = [reference.intent_counts.get(intent, 0) for intent in taxonomy.INTENTS]
    n = int(live.sum())
    return verdicts.Signal(
        model=window.model,
        horizon=window.horizon,
        end=window.end,
        signal="intent_mix_kl",
        value=divergence.kl(live=live, reference=known) if n else None,
        n=n,
        reference_n=reference.n,
        noise_floor=divergence.noise_floor(k=len(taxonomy.INTENTS), n=n, reference_n=reference.n) if n else None,
        p_value=divergence.g_test(live=live, reference=known),
    )
