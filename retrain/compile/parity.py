"""Pure. Whether the compiled model still is the trained one: the same answers, no accuracy lost. Compilers have broken classifiers silently."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MIN_AGREEMENT = 0.97
MAX_ACCURACY_LOSS = 0.01
MIN_ROWS = 100


@dataclass(frozen=True, slots=True)
class Parity:
    """Compiled against eager on the same rows; ratios in [0, 1], the shift in logits."""

    n: int
    agreement: float
    accuracy_loss: float
    max_logit_shift: float
    passed: bool


def check(eager: npt.NDArray[np.float64], compiled: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> Parity:
    """Compare logits, both (n, K), on labelled rows. Too few rows, or a number that is none, never pass."""
    n = len(labels)
    if not n or not np.isfinite(compiled).all():
        return Parity(n, 0.0, 1.0, float("inf"), passed=False)
    agreement = float((eager.argmax(1) == compiled.argmax(1)).mean())
    loss = float((eager.argmax(1) == labels).mean() - (compiled.argmax(1) == labels).mean())
    passed = n >= MIN_ROWS and agreement >= MIN_AGREEMENT and loss <= MAX_ACCURACY_LOSS
    return Parity(n, agreement, loss, float(np.abs(eager - compiled).max()), passed)
