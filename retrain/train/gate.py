"""Pure. Candidate against champion on the same held-out rows: pass | fail | inconclusive, one line
a gate. Missing evidence never passes.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrain.evaluation import calibration, comparison, confusion
from retrain.train import beaten, covered
from schemas import policy, present, runs
from streams.stats import proportion

_SEED = 20260420
# Of the time that the slowest answers took; alone on its core a load test loses a hundredth.
_BUSY = 0.1
Verdict = runs.GateVerdict


@dataclass(frozen=True, slots=True)
class Evidence:
    """The held-out rows: what people said they mean, and which belong together. Shapes (n,).
    `lacking`: what covered.lacking says of all parts. `rival`: a linear model of the same rows.
    """

    labels: npt.NDArray[np.int64]
    groups: Sequence[str]
    lacking: Sequence[covered.Lack] = ()
    rival: beaten.Rival | None = None


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
        nothing = (None,) * 5
        quality = [runs.Gate("accuracy", Verdict.INCONCLUSIVE, *nothing, 0, "no held-out rows")]
    elif champion is None:
        quality = list(_absolute(candidate, evidence, rules))
    else:
        quality = list(_paired(candidate, champion, evidence, rules))
    if evidence.rival is not None and len(evidence.labels):
        labels, groups = evidence.labels, evidence.groups
        quality.append(beaten.gate(labels, candidate.predicted, evidence.rival, groups))
    return (*quality, covered.gate(evidence.lacking), *_serving(serving, rules))


def overall(gates: Sequence[runs.Gate]) -> runs.GateVerdict:
    """fail if any fails, else inconclusive if any is, else pass; nothing at all is inconclusive."""
    verdicts = {gate.verdict for gate in gates}
    if Verdict.FAIL in verdicts:
        return Verdict.FAIL
    return Verdict.PASS if verdicts == {Verdict.PASS} else Verdict.INCONCLUSIVE


def _absolute(candidate: Answers, evidence: Evidence, rules: policy.Gates) -> Iterator[runs.Gate]:
    note = covered.FIRST
    scores = confusion.scores(evidence.labels, candidate.predicted)
    low, high = proportion.wilson(scores.accuracy * scores.n, scores.n)
    yield runs.Gate(
        "accuracy",
        _beyond(low, high, rules.min_accuracy),
        scores.accuracy,
        None,
        rules.min_accuracy,
        low,
        high,
        scores.n,
        note,
    )
    yield runs.Gate(
        "macro_f1",
        _at_least(scores.macro_f1, rules.min_macro_f1),
        scores.macro_f1,
        None,
        rules.min_macro_f1,
        None,
        None,
        scores.n,
        note,
    )

    for intent in present.CRITICAL:
        # Of the mean over all intents the least is known; none that matters may lie lower.
        yield covered.recall(intent, evidence.labels, candidate.predicted, rules.min_macro_f1)

    ece = _ece(candidate, evidence)
    floor = calibration.ece_floor(candidate.confidence, _SEED)
    yield runs.Gate(
        "ece",
        _at_least(rules.max_ece, ece - floor),
        ece,
        None,
        rules.max_ece,
        floor,
        None,
        scores.n,
        f"{note}; low is the noise floor",
    )


def _paired(
    candidate: Answers, champion: Answers, evidence: Evidence, rules: policy.Gates
) -> Iterator[runs.Gate]:
    differences = comparison.differences(
        evidence.labels, champion.predicted, candidate.predicted, evidence.groups, seed=_SEED
    )
    new = confusion.scores(evidence.labels, candidate.predicted)
    old = confusion.scores(evidence.labels, champion.predicted)
    yield _non_inferior(
        "accuracy",
        new.accuracy,
        old.accuracy,
        differences["accuracy"],
        rules.accuracy_margin,
    )
    yield _non_inferior(
        "macro_f1",
        new.macro_f1,
        old.macro_f1,
        differences["macro_f1"],
        rules.macro_f1_margin,
    )
    for intent in present.CRITICAL:
        yield _critical(
            intent,
            new.recall[intent],
            old.recall[intent],
            differences.get(f"recall:{intent}"),
            rules.critical_recall_margin,
        )

    ece = _ece(candidate, evidence)
    before = _ece(champion, evidence)
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
    """Pass when the whole interval of the difference lies above -margin, fail when it lies
    below.
    """
    verdict = _beyond(difference.low, difference.high, -margin)
    return _compared(name, verdict, new, old, difference, margin)


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
            name, Verdict.INCONCLUSIVE, new, old, margin, None, None, 0, covered.NO_ROWS
        )

    verdict = Verdict.INCONCLUSIVE
    if difference.high < 0 and difference.value < -margin:
        verdict = Verdict.FAIL
    elif difference.value >= -margin:
        verdict = Verdict.PASS
    return _compared(name, verdict, new, old, difference, margin)


def _compared(
    name: str,
    verdict: Verdict,
    new: float,
    old: float,
    difference: comparison.Difference,
    margin: float,
) -> runs.Gate:
    """A gate of a difference; one that cannot tell says how many labels would let it."""
    note = ""
    if verdict is Verdict.INCONCLUSIVE:
        note = f"label {comparison.labels_needed(difference, margin)} more"
    interval = (difference.low, difference.high, difference.n)
    return runs.Gate(name, verdict, new, old, margin, *interval, note)


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
    limit = rules.load_error_rate
    verdict = _at_least(limit, errors)
    yield runs.Gate("load_error_rate", verdict, errors, None, limit, None, None, serving.requests)
    yield runs.Gate(
        "parity",
        _of_check(serving.parity),
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

    >>> busy = Serving(61.0, 0.0, 1000, True, 1.0, 600, work_p95_ms=4.2, core_share=0.57)
    >>> p95, note = latency(busy, 15.0)
    >>> p95, note.split("; ")[1:]
    (4.2, ['judged by CPU time', 'wall-clock p95 was 61.0 ms'])
    >>> note.split("; ")[0]
    "the machine was busy: 43 % of the slowest answers' time went to others"
    """
    wall = serving.p95_latency_ms
    work = serving.work_p95_ms
    others = 1 - serving.core_share
    if wall is None or work is None or wall <= limit or others < _BUSY:
        return wall, ""
    share = f"{others:.0%}".replace("%", " %")
    why = f"the machine was busy: {share} of the slowest answers' time went to others"
    return work, f"{why}; judged by CPU time; wall-clock p95 was {wall:.1f} ms"


def _beyond(low: float, high: float, limit: float) -> runs.GateVerdict:
    """Of an interval that has to lie above the limit."""
    if low > limit:
        return Verdict.PASS
    if high < limit:
        return Verdict.FAIL
    return Verdict.INCONCLUSIVE


def _of_check(passed: bool | None) -> runs.GateVerdict:
    if passed is None:
        return Verdict.INCONCLUSIVE
    return Verdict.PASS if passed else Verdict.FAIL


def _at_least(large: float | None, small: float | None) -> runs.GateVerdict:
    if large is None or small is None or math.isnan(large) or math.isnan(small):
        return Verdict.INCONCLUSIVE
    return Verdict.PASS if large >= small else Verdict.FAIL


def _ece(answers: Answers, evidence: Evidence) -> float:
    return calibration.ece(answers.confidence, answers.predicted == evidence.labels)
