"""Pure. Whether the compiled model still is the trained one. Compilers have broken classifiers
silently, so each step is held to what it may change.

Export may change nothing, quantising each weight a little, both together hardly an answer. Answers
alone are not enough: easy rows keep theirs when a whole tensor turns to noise, and that noise can
move the logits less than twice as far as int8 does (0.030 against 0.016 of their standard
deviation).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from schemas import present

MIN_ROWS = 100
MIN_AGREEMENT = 0.97
MAX_ACCURACY_LOSS = 0.01
# An intent fails where so many changed answers would come of MIN_AGREEMENT less often than this.
MIN_CHANCE = 0.001
MAX_EXPORT_SHIFT = 0.001  # measured 1e-6; a corrupted tensor moves it by 0.03 or more
# Measured 0.009 for most tensors, 0.095 for the position embeddings; noise has 1.4.
MAX_WEIGHT_ERROR = 0.20
MAX_LOGIT_SHIFT = 0.10  # measured 0.016 to 0.028
_TINY = np.finfo(np.float64).tiny  # in place of a size of 0, which nothing can be divided by

Logits = npt.NDArray[np.float64]
Answers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class OfIntent:
    """What a compiler did to the rows that mean one intent: how many kept their answer, and recall
    before and after, in [0, 1].
    """

    intent: str
    n: int
    agreement: float
    recall: float
    compiled_recall: float
    passed: bool


@dataclass(frozen=True, slots=True)
class Parity:
    """Ratios in [0, 1]; shifts are mean absolute differences in standard deviations of the eager
    logits; the weight error is the worst tensor's. `by_intent`: of those that have rows.
    """

    n: int
    agreement: float
    accuracy_loss: float
    export_shift: float
    weight_error: float
    logit_shift: float
    passed: bool | None  # None: too few rows to tell
    by_intent: tuple[OfIntent, ...] = ()


def check(
    eager: Logits,
    exported: Logits | None,
    compiled: Logits,
    labels: npt.NDArray[np.int64],
    weight_error: float,
) -> Parity:
    """Compare logits, all (n, K), on labelled rows. Too few rows tell nothing; a number that is
    none never passes. `exported`: None of a backend without that step.
    """
    n = len(labels)
    exported = eager if exported is None else exported
    finite = all(np.isfinite(logits).all() for logits in (eager, exported, compiled))
    if not n or not finite:
        return Parity(n, 0.0, 1.0, float("inf"), weight_error, float("inf"), passed=False)

    before = eager.argmax(1)
    after = compiled.argmax(1)
    agreement = float((before == after).mean())
    loss = float((before == labels).mean() - (after == labels).mean())
    exporting = _shift(eager, exported)
    whole = _shift(eager, compiled)

    answers_hold = agreement >= MIN_AGREEMENT and loss <= MAX_ACCURACY_LOSS
    numbers_hold = (
        exporting <= MAX_EXPORT_SHIFT
        and weight_error <= MAX_WEIGHT_ERROR
        and whole <= MAX_LOGIT_SHIFT
    )
    intents = by_intent(before, after, labels)
    passed = answers_hold and numbers_hold and all(each.passed for each in intents)
    return Parity(
        n=n,
        agreement=agreement,
        accuracy_loss=loss,
        export_shift=exporting,
        weight_error=weight_error,
        logit_shift=whole,
        passed=passed if n >= MIN_ROWS else None,
        by_intent=intents,
    )


def by_intent(before: Answers, after: Answers, labels: Answers) -> tuple[OfIntent, ...]:
    """Parity of each intent that has rows: a rare one can be lost as a whole and all answers still
    agree to 98 %. Shapes (n,), places of intents.
    """
    outcomes = []
    for place in np.unique(labels):
        rows = labels == place
        n = int(rows.sum())
        changed = int((before[rows] != after[rows]).sum())
        # How often so many or more would change if one answer did with the chance that is allowed.
        chance = special.bdtrc(changed - 1, n, 1 - MIN_AGREEMENT) if changed else 1.0
        outcomes.append(
            OfIntent(
                intent=present.INTENTS[place],
                n=n,
                agreement=1 - changed / n,
                recall=float((before[rows] == place).mean()),
                compiled_recall=float((after[rows] == place).mean()),
                passed=bool(chance >= MIN_CHANCE),
            )
        )
    return tuple(outcomes)


def error(before: npt.NDArray[np.float32], after: npt.NDArray[np.float32]) -> float:
    """How far a weight tensor moved: root mean square of the difference over that of the tensor.

    >>> error(np.array([3.0, 4.0]), np.array([3.0, 4.5]))
    0.1
    """
    if before.shape != after.shape:
        return float("inf")
    size = max(np.linalg.norm(before), _TINY)
    return float(np.linalg.norm(before - after) / size)


def _shift(eager: Logits, other: Logits) -> float:
    deviation = max(eager.std(), _TINY)
    return float(np.abs(eager - other).mean() / deviation)
