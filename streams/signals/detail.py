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
    found = [*_overall(window, reference), *_rates(window), *_shares(window, reference)]
    if reference is not None:
        found += [*_contributions(window, reference), *_unseen(window, reference)]
    return tuple(signal for signal in found if signal.n)


def _overall(window: windows.Window, reference: runs.Reference | None) -> Iterator[verdicts.Signal]:
    tally = window.tally
    yield measure.latency(window, 50)
    yield measure.latency(window, 99)
    yield measure.rate(window, "fallback_rate", int(tally.intent_fallback.sum()), tally.answered)
    yield _mean_confidence(window, reference)
    # A tally holds the sum of tokens and of margins and no second moment: an interval would be a
    # guess.
    yield measure.number(
        window, "mean_tokens", _ratio(tally.tokens_sum, tally.answered), tally.answered
    )
    yield measure.number(
        window,
        "mean_margin",
        _ratio(tally.margin_sum_micro / windows.MICRO, tally.margin_n),
        tally.margin_n,
    )
    if reference is not None and reference.script_counts:
        known = [reference.script_counts.get(script, 0) for script in slices.SCRIPTS]
        yield measure.mix_kl(window, "script_mix_kl", tally.script_count, known, sum(known))


def _mean_confidence(window: windows.Window, reference: runs.Reference | None) -> verdicts.Signal:
    tally = window.tally
    value = _ratio(tally.confidence_sum_micro / windows.MICRO, tally.answered)
    low, high = mean.interval(tally.confidence_bins, value) if value is not None else (None, None)
    known = reference.mean_confidence if reference else None
    reference_n = reference.n if reference and known is not None else None
    return measure.number(
        window,
        "mean_confidence",
        value,
        tally.answered,
        low=low,
        high=high,
        reference=known,
        reference_n=reference_n,
    )


def _ratio(part: float, whole: int) -> float | None:
    return part / whole if whole else None


def _rates(window: windows.Window) -> Iterator[verdicts.Signal]:
    """How unsure the answers of each intent are, over the answers of that intent."""
    tally = window.tally
    for name, hits in (
        ("low_confidence_rate", tally.intent_low),
        ("fallback_rate", tally.intent_fallback),
    ):
        for intent, k, n in zip(
            present.INTENTS, hits.tolist(), tally.intent_count.tolist(), strict=True
        ):
            yield measure.rate(window, name, k, n, intent=intent)


def _shares(window: windows.Window, reference: runs.Reference | None) -> Iterator[verdicts.Signal]:
    """Each intent's share of the answers beside its share in the reference. An intent that nobody
    wants any more is a share of 0 out of n.
    """
    live, answered = window.tally.intent_count, window.tally.answered
    known = measure.intents(reference) if reference else []
    if reference is None or not sum(known):
        for intent, k in zip(present.INTENTS, live.tolist(), strict=True):
            yield measure.rate(window, "intent_share", k, answered, intent=intent)
        return
    p_values = divergence.g_tests(live=live, reference=known).tolist()
    for intent, k, before, p_value in zip(
        present.INTENTS, live.tolist(), known, p_values, strict=True
    ):
        yield measure.rate(
            window, "intent_share", k, answered, intent=intent, reference=before / sum(known), reference_n=reference.n, p_value=p_value
        )  # fmt: skip


def _contributions(window: windows.Window, reference: runs.Reference) -> Iterator[verdicts.Signal]:
    """What each intent adds to the window's intent_mix_kl, with what it adds on average when
    nothing has moved; both sum to the whole's.
    """
    live, known, n = window.tally.intent_count, measure.intents(reference), window.tally.answered
    terms = divergence.contributions(live=live, reference=known).tolist()
    floors = divergence.noise_floors(reference=known, n=n, reference_n=reference.n).tolist()
    for intent, term, floor in zip(present.INTENTS, terms, floors, strict=True):
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
    known, answered = measure.intents(reference), window.tally.answered
    for intent, k, before in zip(
        present.INTENTS, window.tally.intent_count.tolist(), known, strict=True
    ):
        if k and not before and sum(known):
            yield measure.rate(
                window,
                "unseen_intent",
                k,
                answered,
                intent=intent,
                reference=0.0,
                reference_n=reference.n,
            )
