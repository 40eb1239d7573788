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
    unsure = int(tally.intent_low.sum())
    yield rate(window, "low_confidence_rate", unsure, tally.answered)
    if reference is None:
        return
    yield low_confidence_rise(window, reference)
    yield tokenizer_mismatch(window, reference)
    yield tokens_lost(window, reference)
    if reference.script_counts:
        yield other_script_excess(window, reference.script_counts)


def mix(
    window: windows.Window,
    reference: runs.Reference | None,
    usual: windows.Tally | None = None,
) -> Iterator[verdicts.Signal]:
    """What compares the predicted intents with the reference's; nothing without one. `usual`: the
    same day of earlier weeks, where the window is a day.
    """
    if reference is not None:
        yield intent_mix_kl(window, reference, usual)
        yield intent_mix_shift(window, reference)


def number(
    window: windows.Window, name: str, value: float | None, n: int, **more: Any
) -> verdicts.Signal:
    """A signal of the window. `more`: what else verdicts.Signal has of it."""
    return verdicts.Signal(
        model=window.model,
        horizon=window.horizon,
        end=window.end,
        signal=name,
        value=value,
        n=n,
        **more,
    )


def rate(window: windows.Window, name: str, hits: int, n: int, **more: Any) -> verdicts.Signal:
    """A ratio in [0, 1] with Wilson's interval; no value where n is 0."""
    low, high = proportion.wilson(hits, n)
    value = hits / n if n else None
    return number(
        window,
        name,
        value,
        n,
        low=low,
        high=high,
        **more,
    )


def latency(window: windows.Window, percent: int) -> verdicts.Signal:
    """A percentile of latency in milliseconds. Its interval: the order statistics whose ranks bound
    it (the quantile's rank is binomial).
    """
    bins = window.tally.latency_bins
    n = window.tally.n
    q = percent / 100
    low, high = proportion.wilson(q * n, n)
    return number(
        window,
        f"p{percent}_latency_ms",
        histogram.quantile_ms(bins, q),
        n,
        low=histogram.quantile_ms(bins, low),
        high=histogram.quantile_ms(bins, high),
    )


def intent_mix_kl(
    window: windows.Window,
    reference: runs.Reference,
    usual: windows.Tally | None = None,
) -> verdicts.Signal:
    """D(live || reference) of the predicted intents in nats; against the same day of earlier weeks,
    where the window differs less from that.

    A weekend is unlike the mean of the week, and like the one before. With few answers in `usual`
    nothing would differ from it: then the reference alone is asked.
    """
    name, live = "intent_mix_kl", window.tally.intent_count
    moved = mix_kl(window, name, live, intents(reference), reference.n)
    if usual is None or 2 * usual.answered < window.tally.answered or not window.tally.answered:
        return moved
    unusual = mix_kl(window, name, live, usual.intent_count.tolist(), usual.answered)
    return min(moved, unusual, key=lambda signal: signal.excess)


def intent_mix_shift(window: windows.Window, reference: runs.Reference) -> verdicts.Signal:
    """By how much (ratio) the share of the intent that moved most has moved, with Newcombe's
    interval (1998), both without the sign. As it is the largest of all, its interval is wider and
    its p-value, of the G-test, larger by the number of intents (Bonferroni).
    """
    live = window.tally.intent_count
    before = np.array(intents(reference), dtype=np.int64)
    n = int(live.sum())
    before_n = int(before.sum())
    if not n or not before_n:
        return number(window, "intent_mix_shift", None, 0)
    moved = np.abs(live / n - before / before_n)
    most = int(np.argmax(moved))

    k = len(before)
    z = NormalDist().inv_cdf(1 - 0.025 / k)
    now = proportion.estimate(int(live[most]), n, z)
    then = proportion.estimate(int(before[most]), before_n, z)
    value, low, high = proportion.difference(now, then)
    least, largest = sorted((abs(low), abs(high)))
    p_values = divergence.g_tests(live=live, reference=before)
    return number(
        window,
        "intent_mix_shift",
        abs(value),
        n,
        reference_n=reference.n,
        p_value=min(1.0, k * float(p_values[most])),
        low=least if low * high > 0 else 0.0,
        high=largest,
    )


def low_confidence_rise(window: windows.Window, reference: runs.Reference) -> verdicts.Signal:
    """By how much (ratio) the share of unsure answers exceeds the reference's, with Newcombe's
    interval (1998) from the sizes of both samples.
    """
    name = "low_confidence_rise"
    then, then_n = reference.low_confidence_rate, reference.n
    n = window.tally.answered
    if then is None or not n or not then_n:
        return number(window, name, None, 0)
    unsure = int(window.tally.intent_low.sum())
    now = proportion.estimate(unsure, n)
    before = proportion.promise(then, then_n)
    value, low, high = proportion.difference(now, before)
    return number(
        window,
        name,
        value,
        n,
        low=low,
        high=high,
        reference=then,
        reference_n=then_n,
    )


def tokenizer_mismatch(window: windows.Window, reference: runs.Reference) -> verdicts.Signal:
    """The least share of the logs that another tokenizer than the reference's produced, by the sums
    of its codes: (E d)^2 / E d^2 <= P(d != 0) (Cauchy and Schwarz), where d is a log's distance
    from the reference's code. It is exact where all others are one. A count, so no interval: `low`
    is itself.
    """
    n = window.tally.tokenizer_n
    total = window.tally.tokenizer_sum
    squares = window.tally.tokenizer_square_sum
    code = reference.tokenizer
    if not n or code is None:
        return number(window, "tokenizer_mismatch", None, 0)
    off = total - n * code
    square = squares - 2 * code * total + n * code * code  # the sum of all d^2
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
    other = slices.SCRIPTS.index("other")
    count = int(window.tally.script_count[other])
    n = window.tally.answered
    if count == n:
        return number(window, "other_script_excess", None, 0 if n >= _ALL else n)

    total = sum(script_counts.values())
    before = script_counts.get("other", 0) / max(1, total)
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
    share = tally.tokens_sum / tally.answered / reference.mean_tokens
    value = max(0.0, 1 - share)
    return number(
        window,
        "tokens_lost",
        value,
        tally.answered,
        low=value,
        reference=reference.mean_tokens,
    )


def against_earlier(
    window: windows.Window, earlier: windows.Tally, hours: int
) -> Iterator[verdicts.Signal]:
    """What compares an hour with the same hour of earlier weeks: `earlier` is the tally of those
    `hours` together.

    The two spikes: by how much (ratio) the shares of intents that a person takes over and of
    fallbacks exceed those of then; Newcombe's interval (1998).
    """
    tally = window.tally
    yield data_missing(window, earlier.n, hours)
    if present.HANDOFF:
        handed = [present.INDEX[intent] for intent in present.HANDOFF]
        now = tally.intent_count[handed].sum()
        then = earlier.intent_count[handed].sum()
        yield _excess(window, "escalation_spike", now, earlier, then)
    now = tally.intent_fallback.sum()
    then = earlier.intent_fallback.sum()
    yield _excess(window, "fallback_spike", now, earlier, then)


def data_missing(window: windows.Window, before: int, hours: int) -> verdicts.Signal:
    """The share of the usual logs that did not come; `before` logs came in `hours` such hours. Of
    two Poisson counts n / (n + before) is binomial, so Wilson's interval of that share gives the
    one of their ratio.
    """
    n = window.tally.n
    if not before:
        return number(window, "data_missing", None, 0)

    def missing(share: float) -> float:
        return max(0.0, 1 - hours * share / (1 - share))

    low, high = proportion.wilson(n, n + before)
    return number(
        window,
        "data_missing",
        missing(n / (n + before)),
        n + before,
        low=missing(high),  # the more of them came now, the less is missing
        high=missing(low),
        reference=before / hours,
        reference_n=before,
    )


def _excess(
    window: windows.Window,
    name: str,
    hits: int,
    earlier: windows.Tally,
    before: int,
) -> verdicts.Signal:
    n = window.tally.answered
    m = earlier.answered
    if not n or not m:
        return number(window, name, None, 0)
    now = proportion.estimate(int(hits), n)
    then = proportion.estimate(int(before), m)
    value, low, high = proportion.difference(now, then)
    return number(
        window,
        name,
        value,
        n,
        reference=then[0],
        reference_n=m,
        low=low,
        high=high,
    )


def intents(reference: runs.Reference) -> list[int]:
    """The reference's counts in the order of present.INTENTS; 0 of an intent it does not name."""
    return [reference.intent_counts.get(intent, 0) for intent in present.INTENTS]


def mix_kl(
    window: windows.Window,
    name: str,
    live: windows.Counts,
    reference: list[int],
    reference_n: int,
) -> verdicts.Signal:
    """D(live || reference) in nats, with the mean it would have with no drift at all and the
    two-sample G-test's p-value. Shapes (K,).
    """
    n = int(live.sum())
    if not n:
        return number(
            window,
            name,
            None,
            n,
            reference_n=reference_n,
            p_value=1.0,
        )
    k = len(reference)
    value = divergence.kl(live=live, reference=reference)
    low, high = divergence.interval(
        value,
        k=k,
        n=n,
        reference_n=reference_n,
    )
    return number(
        window,
        name,
        value,
        n,
        reference_n=reference_n,
        low=low,
        high=high,
        noise_floor=divergence.noise_floor(
            k=k,
            n=n,
            reference_n=reference_n,
        ),
        p_value=divergence.g_test(live=live, reference=reference),
    )
