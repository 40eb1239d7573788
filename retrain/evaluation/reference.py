"""Pure. What a model looks like when it is good, and what that lets one expect of it today."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

from retrain.evaluation import live
from schemas import present, runs, slices, windows
from streams.stats import histogram


def seen(tally: windows.Tally, before: runs.Reference) -> runs.Reference:
    """The reference by a tally with one answer at least; what labels said of the model before
    stays.
    """
    tokenizer = before.tokenizer if before.tokenizer is not None else tally.tokenizer
    return dataclasses.replace(
        before,
        n=int(tally.intent_count.sum()),
        intent_counts=dict(zip(present.INTENTS, tally.intent_count.tolist(), strict=True)),
        mean_confidence=tally.confidence_sum_micro / windows.MICRO / tally.answered,
        low_confidence_rate=int(tally.intent_low.sum()) / tally.answered,
        p95_latency_ms=histogram.quantile_ms(tally.latency_bins, 0.95),
        script_counts=dict(zip(slices.SCRIPTS, tally.script_count.tolist(), strict=True)),
        mean_tokens=tally.tokens_sum / tally.answered,
        tokenizer=tokenizer,
    )


def labels(
    reference: runs.Reference | None, intents: Sequence[str] = present.INTENTS
) -> int | None:
    """On how many labels of these intents the reference's figures rest; None where nobody says.

    Of some intents: about their share of all.
    """
    if reference is None or reference.accuracy_n is None or intents == present.INTENTS:
        return reference.accuracy_n if reference else None
    counts = reference.intent_counts
    mine, every = sum(counts.get(intent, 0) for intent in intents), sum(counts.values())
    return max(1, round(reference.accuracy_n * mine / every)) if every else None


def accuracy(reference: runs.Reference, sampled: live.Sample) -> float | None:
    """The reference's accuracy at today's mix, never above its own.

    A mix that moves to harder intents lowers it, and no training cures that: accuracy + sum over
    intents of (share now - share then) x recall then (where none is known, accuracy).
    """
    if reference.accuracy is None:
        return None
    return reference.accuracy + min(0.0, _moved(reference, sampled))


def _moved(reference: runs.Reference, sampled: live.Sample) -> float:
    before = sum(reference.intent_counts.values())
    if not len(sampled) or not before:
        return 0.0
    weight = 1 / sampled.p
    now = [
        math.fsum(weight[sampled.predicted == place].tolist())
        for place in range(len(present.INTENTS))
    ]
    total, recall = math.fsum(now), reference.recall or {}
    terms = []
    for intent, part in zip(present.INTENTS, now, strict=True):
        then = reference.intent_counts.get(intent, 0) / before
        terms.append((part / total - then) * recall.get(intent, reference.accuracy or 0.0))
    return math.fsum(terms)


def mean_recall(recall: Mapping[str, float], counts: Mapping[str, int]) -> float | None:
    """The mean of the recalls that are known, by these counts; None where none is."""
    known = [
        (recall[intent], counts[intent])
        for intent in present.INTENTS
        if intent in recall and counts.get(intent)
    ]
    total = sum(count for _, count in known)
    return math.fsum(value * count for value, count in known) / total if total else None
