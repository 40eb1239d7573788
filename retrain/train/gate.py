"""Pure. Candidate against champion on the same held-out rows: pass | fail | inconclusive, one line
a gate. Missing evidence never passes.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrain.evaluation import calibration, comparison, confusion
from schemas import policy, present, runs
from streams.stats import proportion

_SEED = 20260420
# Of the time that the slowest answers took; alone on its core a load test loses a hundredth.
_BUSY = 0.1
Verdict = runs.GateVerdict


@dataclass(frozen=True, slots=True)
class Evidence:
    """The held-out rows: what people said they mean, and which belong together. Shapes (n,)."""

    labels: npt.NDArray[np.int64]
    groups: Sequence[str]


@dataclass(frozen=True, slots=True)
class Answers:
    """What one compiled model said of the evidence, calibrated. Shapes (n,)."""

    predicted: npt.NDArray[np.int64]
    confidence: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Serving:
    """How the candidate's artefact behaves: load test and parity; None where it was not measured.

    work_p95_ms: the p95 of the CPU time that answers took. core_share: how much of a core the
    slowest of them got.
    """

    p95_latency_ms: float | None
    error_rate: float | None
    requests: int
    parity: bool | None
    agreement: float | None
    parity_n: int
    work_p95_ms: float | None = None
    core_share: float = 1.0


def report(
    candidate: Answers,
    champion: Answers | None,
    evidence: Evidence,
    serving: Serving,
    rules: policy.Gates,
) -> tuple[runs.Gate, ...]:
    """Every gate. Without a champion only the absolute ones, and each says so."""
    if not len(evidence.labels):
        quality = [
            runs.Gate(
                "accuracy",
                Verdict.INCONCLUSIVE,
                None,
                None,
                None,
                None,
                None,
                0,
                "no held-out rows",
            )
        ]
    elif champion is None:
        quality = list(_absolute(candidate, evidence, rules))
    else:
        quality = list(_paired(candidate, champion, evidence, rules))
    return (*quality, *_serving(serving, rules))


def overall(gates: Sequence[runs.Gate]) -> runs.GateVerdict:
    """fail if any fails, else inconclusive if any is, else pass; nothing at all is inconclusive."""
    verdicts = {gate.verdict for gate in gates}
    if Verdict.FAIL in verdicts:
        return Verdict.FAIL
    return Verdict.PASS if verdicts == {Verdict.PASS} else Verdict.INCONCLUSIVE


def _absolute(candidate: Answers, evidence: Evidence, rules: policy.Gates) -> Iterator[runs.Gate]:
    found, note = (
        confusion.scores(evidence.labels, candidate.predicted),
        "no champion: absolute gate",
    )
    low, high = proportion.wilson(found.accuracy * found.n, found.n)
    verdict = (
        Verdict.PASS
        if low > rules.min_accuracy
        else Verdict.FAIL
        if high < rules.min_accuracy
        else Verdict.INCONCLUSIVE
    )
    yield runs.Gate(
        "accuracy", verdict, found.accuracy, None, rules.min_accuracy, low, high, found.n, note
    )
    yield runs.Gate(
        "macro_f1",
        _at_least(found.macro_f1, rules.min_macro_f1),
        found.macro_f1,
        None,
        rules.min_macro_f1,
        None,
        None,
        found.n,
        note,
    )
    ece, floor = _ece(candidate, evidence), calibration.ece_floor(candidate.confidence, _SEED)
    yield runs.Gate(
        "ece",
        _at_least(rules.max_ece, ece - floor),
        ece,
        None,
        rules.max_ece,
        floor,
        None,
        found.n,
        f"{note}; low is the noise floor",
    )


def _paired(
    candidate: Answers, champion: Answers, evidence: Evidence, rules: policy.Gates
) -> Iterator[runs.Gate]:
    differences = comparison.differences(
        evidence.labels, champion.predicted, candidate.predicted, evidence.groups, seed=_SEED
    )
    new, old = (
        confusion.scores(evidence.labels, answers.predicted) for answers in (candidate, champion)
    )
    yield _non_inferior(
        "accuracy", new.accuracy, old.accuracy, differences["accuracy"], rules.accuracy_margin
    )
    yield _non_inferior(
        "macro_f1", new.macro_f1, old.macro_f1, differences["macro_f1"], rules.macro_f1_margin
    )
    for intent in present.CRITICAL:
        difference = differences.get(f"recall:{intent}")
        yield _critical(
            intent, new.recall[intent], old.recall[intent], difference, rules.critical_recall_margin
        )
    ece, before = _ece(candidate, evidence), _ece(champion, evidence)
    floor = calibration.ece_floor(candidate.confidence, _SEED)
    # No worse than the champion, or as good as calibration can look at this n.
    excess = min(ece - before, ece - floor)
    yield runs.Gate(
        "ece",
        _at_least(rules.ece_margin, excess),
        ece,
        before,
        rules.ece_margin,
        floor,
        None,
        new.n,
        "low is the noise floor",
    )


def _non_inferior(
    name: str, new: float, old: float, difference: comparison.Difference, margin: float
) -> runs.Gate:
    """Pass when the whole interval of the difference lies above -margin, fail when it lies below."""
    place = (new, old, margin, difference.low, difference.high, difference.n)
    if difference.low > -margin:
        return runs.Gate(name, Verdict.PASS, *place)
    if difference.high < -margin:
        return runs.Gate(name, Verdict.FAIL, *place)
    return runs.Gate(
        name,
        Verdict.INCONCLUSIVE,
        *place,
        f"label {comparison.labels_needed(difference, margin)} more",
    )


def _critical(
    intent: str,
    new: float | None,
    old: float | None,
    difference: comparison.Difference | None,
    margin: float,
) -> runs.Gate:
    """No critical regression: fail when a loss is proven, pass while the loss seen stays within the
    margin.

    Held-out rows of one critical intent are too few for non-inferiority; the interval and n stand
    beside the verdict.
    """
    name = f"recall:{intent}"
    if difference is None or new is None or old is None:
        return runs.Gate(
            name,
            Verdict.INCONCLUSIVE,
            new,
            old,
            margin,
            None,
            None,
            0,
            "no held-out rows of this intent",
        )
    place = (new, old, margin, difference.low, difference.high, difference.n)
    if difference.high < 0 and difference.value < -margin:
        return runs.Gate(name, Verdict.FAIL, *place)
    if difference.value >= -margin:
        return runs.Gate(name, Verdict.PASS, *place)
    return runs.Gate(
        name,
        Verdict.INCONCLUSIVE,
        *place,
        f"label {comparison.labels_needed(difference, margin)} more",
    )


def _serving(serving: Serving, rules: policy.Gates) -> Iterator[runs.Gate]:
    p95, note = latency(serving, rules.p95_latency_ms)
    errors = serving.error_rate
    yield runs.Gate(
        "p95_latency_ms",
        _at_least(rules.p95_latency_ms, p95),
        p95,
        None,
        rules.p95_latency_ms,
        None,
        None,
        serving.requests,
        note,
    )
    yield runs.Gate(
        "load_error_rate",
        _at_least(rules.load_error_rate, errors),
        errors,
        None,
        rules.load_error_rate,
        None,
        None,
        serving.requests,
    )
    parity = (
        Verdict.INCONCLUSIVE
        if serving.parity is None
        else Verdict.PASS
        if serving.parity
        else Verdict.FAIL
    )
    yield runs.Gate(
        "parity",
        parity,
        serving.agreement,
        None,
        None,
        None,
        None,
        serving.parity_n,
        "share of answers the compiler left as they were",
    )


def latency(serving: Serving, limit: float) -> tuple[float | None, str]:
    """The p95 to judge, in ms, and why it is not the wall clock's.

    A busy neighbour makes answers late, no model slow: where the slowest ones are over the limit
    and did not get the core to themselves, the time that the work itself took is judged.

    >>> latency(Serving(61.0, 0.0, 1000, True, 1.0, 600, work_p95_ms=4.2, core_share=0.57), 15.0)
    (4.2, "the machine was busy: 43 % of the slowest answers' time went to others; judged by CPU time; wall-clock p95 was 61.0 ms")
    """
    wall, work, others = serving.p95_latency_ms, serving.work_p95_ms, 1 - serving.core_share
    if wall is None or work is None or wall <= limit or others < _BUSY:
        return wall, ""
    note = (
        f"the machine was busy: {others:.0%}".replace("%", " %")
        + " of the slowest answers' time went to others"
    )
    return work, f"{note}; judged by CPU time; wall-clock p95 was {wall:.1f} ms"


def _at_least(large: float | None, small: float | None) -> runs.GateVerdict:
    if large is None or small is None or math.isnan(large) or math.isnan(small):
        return Verdict.INCONCLUSIVE
    return Verdict.PASS if large >= small else Verdict.FAIL


def _ece(answers: Answers, evidence: Evidence) -> float:
    return calibration.ece(answers.confidence, answers.predicted == evidence.labels)
