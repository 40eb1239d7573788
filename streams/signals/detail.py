"""Pure. Turn a window into the label-free signals that are measured but that no rule of the policy
judges: over all intents, then of each one.

What they are and where their intervals come from: docs/signals.md. A number without any log behind
it is left out, never a made-up 0.
"""

from collections.abc import Iterator

from schemas import present, runs, slices, verdicts, windows
from streams.signals import measure
from streams.stats import divergence, mean


def signals(
    window: windows.Window, reference: runs.Reference | None
) -> tuple[verdicts.Signal, ...]:
    """Everything of one window beside measure.signals; what compares with the champion's reference
    only where that is known.
    """
    measured = list(_overall(window, reference))
    measured += _rates(window)
    measured += _shares(window, reference)
    if reference is not None:
        measured += _contributions(window, reference)
        measured += _unseen(window, reference)
    return tuple(signal for signal in measured if signal.n)


def _overall(window: windows.Window, reference: runs.Reference | None) -> Iterator[verdicts.Signal]:
    tally = window.tally
    answered = tally.answered
    yield measure.latency(window, 50)
    yield measure.latency(window, 99)
    fallbacks = int(tally.intent_fallback.sum())
    yield measure.rate(window, "fallback_rate", fallbacks, answered)
    yield _mean_confidence(window, reference)

    # A tally holds the sum of tokens and of margins and no second moment: an interval would be a
    # guess.
    mean_tokens = _ratio(tally.tokens_sum, answered)
    yield measure.number(window, "mean_tokens", mean_tokens, answered)
    margin_sum = tally.margin_sum_micro / windows.MICRO
    mean_margin = _ratio(margin_sum, tally.margin_n)
    yield measure.number(window, "mean_margin", mean_margin, tally.margin_n)

    if reference is not None and reference.script_counts:
        before = [reference.script_counts.get(script, 0) for script in slices.SCRIPTS]
        yield measure.mix_kl(window, "script_mix_kl", tally.script_count, before, sum(before))


def _mean_confidence(window: windows.Window, reference: runs.Reference | None) -> verdicts.Signal:
    tally = window.tally
    confidence_sum = tally.confidence_sum_micro / windows.MICRO
    value = _ratio(confidence_sum, tally.answered)
    low = None
    high = None
    if value is not None:
        low, high = mean.interval(tally.confidence_bins, value)
    before = None
    before_n = None
    if reference is not None and reference.mean_confidence is not None:
        before = reference.mean_confidence
        before_n = reference.n
    return measure.number(
        window,
        "mean_confidence",
        value,
        tally.answered,
        low=low,
        high=high,
        reference=before,
        reference_n=before_n,
    )


def _ratio(part: float, whole: int) -> float | None:
    return part / whole if whole else None


def _rates(window: windows.Window) -> Iterator[verdicts.Signal]:
    """How unsure the answers of each intent are, over the answers of that intent."""
    tally = window.tally
    counts = tally.intent_count.tolist()
    hits_of = {
        "low_confidence_rate": tally.intent_low,
        "fallback_rate": tally.intent_fallback,
    }
    for name, hits in hits_of.items():
        for intent, k, n in zip(present.INTENTS, hits.tolist(), counts, strict=True):
            yield measure.rate(window, name, k, n, intent=intent)


def _shares(window: windows.Window, reference: runs.Reference | None) -> Iterator[verdicts.Signal]:
    """Each intent's share of the answers beside its share in the reference. An intent that nobody
    wants any more is a share of 0 out of n.
    """
    live = window.tally.intent_count
    answered = window.tally.answered
    counts = live.tolist()
    before = measure.intents(reference) if reference else []
    before_n = sum(before)
    if reference is None or not before_n:
        for intent, k in zip(present.INTENTS, counts, strict=True):
            yield measure.rate(window, "intent_share", k, answered, intent=intent)
        return

    p_values = divergence.g_tests(live=live, reference=before).tolist()
    rows = zip(present.INTENTS, counts, before, p_values, strict=True)
    for intent, k, k_before, p_value in rows:
        yield measure.rate(
            window,
            "intent_share",
            k,
            answered,
            intent=intent,
            reference=k_before / before_n,
            reference_n=reference.n,
            p_value=p_value,
        )


def _contributions(window: windows.Window, reference: runs.Reference) -> Iterator[verdicts.Signal]:
    """What each intent adds to the window's intent_mix_kl, with what it adds on average when
    nothing has moved; both sum to the whole's.
    """
    live = window.tally.intent_count
    n = window.tally.answered
    before = measure.intents(reference)
    terms = divergence.contributions(live=live, reference=before)
    floors = divergence.noise_floors(
        reference=before,
        n=n,
        reference_n=reference.n,
    )
    rows = zip(present.INTENTS, terms.tolist(), floors.tolist(), strict=True)
    for intent, term, floor in rows:
        yield measure.number(
            window,
            "intent_mix_kl",
            term,
            n,
            intent=intent,
            reference_n=reference.n,
            noise_floor=floor,
        )


def _unseen(window: windows.Window, reference: runs.Reference) -> Iterator[verdicts.Signal]:
    """The share of each intent that is answered now and that the reference has never seen."""
    answered = window.tally.answered
    counts = window.tally.intent_count.tolist()
    before = measure.intents(reference)
    if not any(before):
        return
    for intent, k, k_before in zip(present.INTENTS, counts, before, strict=True):
        if k and not k_before:
            yield measure.rate(
                window,
                "unseen_intent",
                k,
                answered,
                intent=intent,
                reference=0.0,
                reference_n=reference.n,
            )
