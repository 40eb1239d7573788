"""Two models and their mean on four messages: what each is sure of decides."""

import numpy as np
import pytest

from benchmarks.train import mean
from schemas import present

K = len(present.INTENTS)


def sure(*answers: tuple[int, float]) -> mean.Floats:
    """Probabilities: so much for one intent, the rest for all others alike."""
    said = np.empty((len(answers), K))
    for row, (intent, much) in zip(said, answers, strict=True):
        row[:] = (1 - much) / (K - 1)
        row[intent] = much
    return said


def test_the_surer_of_two_models_decides_what_the_mean_says() -> None:
    """Of four messages of intent 0 the fine-tune gets two and the linear model two others, each
    surer where it is right.
    """
    labels = np.zeros(4, dtype=np.int64)
    tuned = sure((0, 0.9), (0, 0.9), (1, 0.5), (1, 0.5))
    linear = sure((1, 0.5), (1, 0.5), (0, 0.9), (0, 0.9))

    told = mean._compared(labels, list("abcd"), np.log(tuned), linear)

    assert [told[name]["accuracy"] for name in ("tuned", "linear", "mean")] == [0.5, 0.5, 1.0]
    assert (told["n"], told["p_mean"], told["p_linear"]) == (4, 0.5, 1.0)
    # 0.9 and half of a ninth of 0.5 less than 1: far from sure, and always right
    assert told["mean"]["ece"] == pytest.approx(1 - (0.9 + 0.5 / 9) / 2)
