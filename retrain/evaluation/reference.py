"""Pure. What a model looks like when it is good, and what that lets one expect of it today."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

from retrain.evaluation import live, samples
from schemas import present, runs, slices, windows
from streams.stats import histogram


def seen(tally: windows.Tally, before: runs.Reference) -> runs.Reference:
    """The reference by a tally with one answer at least; what labels said of the model before
    stays.
    """
    answered = tally.answered
    confidence_sum = tally.confidence_sum_micro / windows.MICRO
    low = int(tally.intent_low.sum())
    intents = tally.intent_count.tolist()
    scripts = tally.script_count.tolist()
    tokenizer = before.tokenizer
    if tokenizer is None:
        tokenizer = tally.tokenizer
    return dataclasses.replace(
        before,
        n=int(tally.intent_count.sum()),
        intent_counts=dict(zip(present.INTENTS, intents, strict=True)),
        mean_confidence=confidence_sum / answered,
        low_confidence_rate=low / answered,
        p95_latency_ms=histogram.quantile_ms(tally.latency_bins, 0.95),
        script_counts=dict(zip(slices.SCRIPTS, scripts, strict=True)),
        mean_tokens=tally.tokens_sum / answered,
        tokenizer=tokenizer,
    )


def labels(
    reference: runs.Reference | None,
    intents: Sequence[str] = present.INTENTS,
) -> int | None:
    """On how many labels of these intents the reference's figures rest; None where nobody says.

    Of some intents: about their share of all.
    """
    if reference is None:
        return None
    n = reference.accuracy_n
    if n is None or intents == present.INTENTS:
        return n

    counts = reference.intent_counts
    every = sum(counts.values())
    if not every:
        return None
    mine = sum(counts.get(intent, 0) for intent in intents)
    return max(1, round(n * mine / every))


def accuracy(reference: runs.Reference | None, sampled: samples.Sample) -> float | None:
    """The reference's accuracy at today's mix, never above its own; None where nobody says it.

    A mix that moves to harder intents lowers it, and no training cures that: accuracy + sum over
    intents of (share now - share then) x recall then (where none is known, accuracy).
    """
    if reference is None or reference.accuracy is None:
        return None
    moved = _moved(reference, reference.accuracy, sampled)
    return max(0.0, reference.accuracy + min(0.0, moved))


def _moved(
    reference: runs.Reference,
    accuracy: float,
    sampled: samples.Sample,
) -> float:
    """What today's mix alone adds to the accuracy; 0 where one of the two mixes is unknown."""
    before = sum(reference.intent_counts.values())
    if not len(sampled) or not before:
        return 0.0

    weight = 1 / sampled.p
    now = [live.total(weight[mine]) for mine in live.rows_of_intents(sampled.predicted)]
    total = math.fsum(now)
    recalls = reference.recall or {}
    terms = []
    for intent, part in zip(present.INTENTS, now, strict=True):
        share_now = part / total
        share_then = reference.intent_counts.get(intent, 0) / before
        recall = recalls.get(intent, accuracy)
        terms.append((share_now - share_then) * recall)
    return math.fsum(terms)


def mean_recall(recall: Mapping[str, float], counts: Mapping[str, int]) -> float | None:
    """The mean of the recalls that are known, by these counts; None where none is."""
    terms = []
    total = 0
    for intent in present.INTENTS:
        count = counts.get(intent, 0)
        if count and intent in recall:
            terms.append(recall[intent] * count)
            total += count
    return math.fsum(terms) / total if total else None
