"""Pure. The retrain job's nouns: reference, evaluation, gate, promotion, and the states a run goes
through.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from schemas import present


class State(StrEnum):
    """States of a run, in order; each is recorded before the next begins."""

    QUEUED = "queued"
    TRAINING = "training"
    EVALUATED = "evaluated"
    COMPILED = "compiled"
    GATED = "gated"
    REGISTERED = "registered"
    CHAMPION = "champion"
    REJECTED = "rejected"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED: Final = (State.CHAMPION, State.REJECTED, State.FAILED, State.CANCELLED)


class GateVerdict(StrEnum):
    """A gate never passes on missing evidence: that is `inconclusive`."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate: the candidate's value, the champion's, the allowed margin, the interval of their
    difference and its n.
    """

    gate: str
    verdict: GateVerdict
    value: float | None
    champion: float | None
    margin: float | None
    low: float | None
    high: float | None
    n: int
    note: str = ""


LINEAR: Final = "linear"  # the gate that sets a candidate beside a linear model


def tie(gates: Sequence[Gate]) -> Gate | None:
    """The gate of a candidate that is proven neither better nor worse than a linear model."""
    for gate in gates:
        passed = gate.gate == LINEAR and gate.verdict is GateVerdict.PASS
        if passed and gate.low is not None and gate.low <= 0:
            return gate
    return None


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of a run, of a step or of an epoch's end; neither for one of the whole run."""

    epoch: int | None
    step: int | None
    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Reference:
    """What a model looked like when it was known to be good: contract.md's reference.json."""

    model: str
    n: int
    intent_counts: dict[str, int]
    mean_confidence: float | None = None
    low_confidence_rate: float | None = None
    accuracy: float | None = None
    accuracy_n: int | None = None
    recall: dict[str, float] | None = None
    p95_latency_ms: float | None = None
    script_counts: dict[str, int] | None = None
    mean_tokens: float | None = None
    left_out: float | None = None  # share of the messages whose labels were missing not at random
    tokenizer: int | None = None  # windows.tokenizer_code of its tokenizer's hash


class Source(StrEnum):
    """What a reference was learnt from."""

    HELD_OUT = "held_out"  # the rows its run kept apart
    FIRST_DAY = "first_day"  # its first whole day as champion
    FIRST_WEEK = "first_week"  # its first whole week, with every day of the week once
    REWEIGHT = "reweight"  # the days of a moved mix, as a person has said

    def told_by(self, person: str) -> str:
        """The source with who has said so.

        >>> Source.REWEIGHT.told_by("ana")
        'reweight by ana'
        """
        return f"{self} by {person}"


def reference(body: Mapping[str, Any]) -> Reference:
    """A reference from its stored form, with merged intents read as those that took them over:
    counts add up, of recalls it is the mean by these counts. That is less than the truth, since a
    message of one taken for the other was wrong then and is right now.
    """
    stored = Reference(**body)
    names = stored.intent_counts.keys() | (stored.recall or {}).keys()
    if not names & present.MERGED.keys():
        return stored

    counts: dict[str, int] = {}
    for intent, n in stored.intent_counts.items():
        into = present.survivor(intent)
        counts[into] = counts.get(into, 0) + n

    recall = None
    if stored.recall is not None:
        recall = _survivors_recall(stored.recall, stored.intent_counts)
    return replace(stored, intent_counts=counts, recall=recall)


def _survivors_recall(recall: Mapping[str, float], counts: Mapping[str, int]) -> dict[str, float]:
    hits: dict[str, float] = {}
    weights: dict[str, float] = {}
    for intent, value in recall.items():
        into = present.survivor(intent)
        # One that was never named has a recall, too: less than one message keeps it in the mean.
        weight = max(counts.get(intent, 0), 0.5)
        hits[into] = hits.get(into, 0.0) + weight * value
        weights[into] = weights.get(into, 0.0) + weight

    return {intent: hits[intent] / weight for intent, weight in weights.items()}


@dataclass(frozen=True, slots=True)
class Promotion:
    """A model became champion: append-only, so that who served when stays answerable."""

    model: str
    at: dt.datetime
    run_id: str | None
    by: str
    kind: str  # promote | rollback
