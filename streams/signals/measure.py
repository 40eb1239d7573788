"""Pure. Turn a window into the label-free signals the policy judges, by the rulers every other
signal is measured with too.

Never reads a clock, a topic or a table; streams.signals.judge decides what the numbers mean,
streams.signals.detail has the signals nobody judges.
"""

from collections.abc import Iterator, Mapping
from statistics import NormalDist
from typing import Any

import numpy as np

from schemas import present, runs, slices, verdicts, windows
from streams.stats import divergence, histogram, proportion

_ALL = 50  # texts of no known script, and no other: their producer does not tell


def signals(window: windows.Window, reference: runs.Reference | None) -> Iterator[verdicts.Signal]:
    """p95 latency, error rate and low-confidence rate of a window, and what compares its texts with
    the reference's where there is one.
    """
    tally = window.tally
    yield latency(window, 95)
    yield rate(window, "error_rate", tally.errors, tally.n)
    yield rate(window, "low_confidence_rate", int(tally.intent_low.sum()), tally.answered)
    if reference is None:
        return
    yield tokenizer_mismatch(window, reference)
    yield tokens_lost(window, reference)
    if reference.script_counts:
        yield other_script_excess(window, reference.script_counts)


def mix(window: windows.Window, reference: runs.Reference | None) -> Iterator[verdicts.Signal]:
    """What compares the predicted intents with the reference's; nothing without one."""
    if reference is not None:
        yield intent_mix_kl(window, reference)
        yield intent_mix_shift(window, reference)


def number(
    window: windows.Window, name: str, value: float | None, n: int, **known: Any
) -> verdicts.Signal:
    """A signal of the window. `known`: what else verdicts.Signal has of it."""
    return verdicts.Signal(
        model=window.model,
        horizon=window.horizon,
        end=window.end,
        signal=name,
        value=value,
        n=n,
        **known,
    )


def rate(window: windows.Window, name: str, hits: int, n: int, **known: Any) -> verdicts.Signal:
    """A ratio in [0, 1] with Wilson's interval; no value where n is 0."""
    low, high = proportion.wilson(hits, n)
    return number(window, name, hits / n if n else None, n, low=low, high=high, **known)


def latency(window: windows.Window, percent: int) -> verdicts.Signal:
    """A percentile of latency in milliseconds. Its interval: the order statistics whose ranks bound
    it (the quantile's rank is binomial).
    """
    bins, n, q = window.tally.latency_bins, window.tally.n, percent / 100
    low, high = proportion.wilson(q * n, n)
    interval = {"low": histogram.quantile_ms(bins, low), "high": histogram.quantile_ms(bins, high)}
    return number(window, f"p{percent}_latency_ms", histogram.quantile_ms(bins, q), n, **interval)


def intent_mix_kl(window: windows.Window, reference: runs.Reference) -> verdicts.Signal:
    """D(live || reference) of the predicted intents in nats."""
    return mix_kl(
        window, "intent_mix_kl", window.tally.intent_count, intents(reference), reference.n
    )


def intent_mix_shift(window: windows.Window, reference: runs.Reference) -> verdicts.Signal:
    """By how much (ratio) the share of the intent that moved most has moved, with Newcombe's
    interval (1998), both without the sign. As it is the largest of all, its interval is wider and
    its p-value, of the G-test, larger by the number of intents (Bonferroni).
    """
    live, known = window.tally.intent_count, np.array(intents(reference), dtype=np.int64)
    n, before = int(live.sum()), int(known.sum())
    if not n or not before:
        return number(window, "intent_mix_shift", None, 0)
    most = int(np.argmax(np.abs(live / n - known / before)))
    z = NormalDist().inv_cdf(1 - 0.025 / len(known))
    value, low, high = proportion.difference(
        proportion.known(int(live[most]), n, z), proportion.known(int(known[most]), before, z)
    )
    ends = sorted((abs(low), abs(high)))
    p_value = min(1.0, len(known) * float(divergence.g_tests(live=live, reference=known)[most]))
    interval = {"low": ends[0] if low * high > 0 else 0.0, "high": ends[1]}
    return number(
        window,
        "intent_mix_shift",
        abs(value),
        n,
        reference_n=reference.n,
        p_value=p_value,
        **interval,
    )


def tokenizer_mismatch(window: windows.Window, reference: runs.Reference) -> verdicts.Signal:
    """The least share of the logs that another tokenizer than the reference's produced, by the sums
    of its codes: (E d)^2 / E d^2 <= P(d != 0) (Cauchy and Schwarz), where d is a log's distance
    from the reference's code. It is exact where all others are one. A count, so no interval: `low`
    is itself.
    """
    n, total, squares, known = (
        window.tally.tokenizer_n,
        window.tally.tokenizer_sum,
        window.tally.tokenizer_square_sum,
        reference.tokenizer,
    )
    if not n or known is None:
        return number(window, "tokenizer_mismatch", None, 0)
    off, square = total - n * known, squares - 2 * known * total + n * known * known
    value = off * off / (n * square) if square else 0.0
    return number(window, "tokenizer_mismatch", value, n, low=value)


def other_script_excess(
    window: windows.Window, script_counts: Mapping[str, int]
) -> verdicts.Signal:
    """The share of texts in no known script less that of the reference: texts that arrive broken.
    Its interval is Wilson's of the share now.

    No value where it is all of them: a log without `script` reads so, and a producer that leaves it
    out has not broken anything. Of a few, all may be broken by chance: then there is no value
    either, but a breach stays.
    """
    count, n = int(window.tally.script_count[slices.SCRIPTS.index("other")]), window.tally.answered
    if count == n:
        return number(window, "other_script_excess", None, 0 if n >= _ALL else n)
    before = script_counts.get("other", 0) / max(1, sum(script_counts.values()))
    low, high = proportion.wilson(count, n)
    return number(
        window,
        "other_script_excess",
        count / n - before,
        n,
        low=low - before,
        high=high - before,
        reference=before,
    )


def tokens_lost(window: windows.Window, reference: runs.Reference) -> verdicts.Signal:
    """By what share the mean number of tokens lies under the reference's, 0 where it does not:
    texts that arrive cut. A tally has no second moment of tokens, so no interval: `low` is the
    value itself.
    """
    tally = window.tally
    if not reference.mean_tokens or not tally.answered:
        return number(window, "tokens_lost", None, 0)
    value = max(0.0, 1 - tally.tokens_sum / tally.answered / reference.mean_tokens)
    return number(
        window, "tokens_lost", value, tally.answered, low=value, reference=reference.mean_tokens
    )


def against_earlier(
    window: windows.Window, earlier: windows.Tally, hours: int
) -> Iterator[verdicts.Signal]:
    """What compares an hour with the same hour of earlier weeks: `earlier` is the tally of those
    `hours` together.

    The two spikes: by how much (ratio) the shares of intents that a person takes over and of
    fallbacks exceed those of then; Newcombe's interval (1998).
    """
    yield data_missing(window, earlier.n, hours)
    if present.HANDOFF:
        handed = [present.INDEX[intent] for intent in present.HANDOFF]
        yield _excess(
            window,
            "escalation_spike",
            window.tally.intent_count[handed].sum(),
            earlier,
            earlier.intent_count[handed].sum(),
        )
    yield _excess(
        window,
        "fallback_spike",
        window.tally.intent_fallback.sum(),
        earlier,
        earlier.intent_fallback.sum(),
    )


def data_missing(window: windows.Window, before: int, hours: int) -> verdicts.Signal:
    """The share of the usual logs that did not come; `before` logs came in `hours` such hours. Of
    two Poisson counts n / (n + before) is binomial, so Wilson's interval of that share gives the
    one of their ratio.
    """
    n = window.tally.n
    if not before:
        return number(window, "data_missing", None, 0)
    low, high = proportion.wilson(n, n + before)
    missing = [1 - hours * share / (1 - share) for share in (n / (n + before), high, low)]
    value, least, most = (max(0.0, each) for each in missing)
    return number(
        window,
        "data_missing",
        value,
        n + before,
        low=least,
        high=most,
        reference=before / hours,
        reference_n=before,
    )


def _excess(
    window: windows.Window, name: str, hits: int, earlier: windows.Tally, before: int
) -> verdicts.Signal:
    n, m = window.tally.answered, earlier.answered
    if not n or not m:
        return number(window, name, None, 0)
    then = proportion.known(int(before), m)
    value, low, high = proportion.difference(proportion.known(int(hits), n), then)
    return number(window, name, value, n, reference=then[0], reference_n=m, low=low, high=high)


def intents(reference: runs.Reference) -> list[int]:
    """The reference's counts in the order of present.INTENTS; an intent it does not name counts 0."""
    return [reference.intent_counts.get(intent, 0) for intent in present.INTENTS]


def mix_kl(
    window: windows.Window, name: str, live: windows.Counts, reference: list[int], reference_n: int
) -> verdicts.Signal:
    """D(live || reference) in nats, with the mean it would have with no drift at all and the
    two-sample G-test's p-value. Shapes (K,).
    """
    n = int(live.sum())
    if not n:
        return number(window, name, None, n, reference_n=reference_n, p_value=1.0)
    value = divergence.kl(live=live, reference=reference)
    low, high = divergence.interval(value, k=len(reference), n=n, reference_n=reference_n)
    return number(
        window,
        name,
        value,
        n,
        reference_n=reference_n,
        low=low,
        high=high,
        noise_floor=divergence.noise_floor(k=len(reference), n=n, reference_n=reference_n),
        p_value=divergence.g_test(live=live, reference=reference),
    )
