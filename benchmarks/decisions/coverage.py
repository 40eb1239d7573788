"""Pure. How good the estimate of live accuracy is: coverage of its interval, bias, width, against
the naive mean and a uniform sample of the same size.
"""

import math
from dataclasses import dataclass

import numpy as np

from benchmarks.decisions import shops
from retrain.evaluation import live, samples, wishes
from schemas import present
from streams import sample
from streams.stats import proportion


@dataclass(frozen=True, slots=True)
class Figures:
    """Means over `rounds` simulated weeks; biases and widths in points (hundredths). least_width:
    of a sample drawn for accuracy alone, as Neyman would.
    """

    rounds: int
    labels: float
    coverage: float
    bias: float
    width: float
    naive_bias: float
    uniform_width: float
    least_width: float


def figures(seed: int, rounds: int = 2_000, answers: int = 14_000, budget: float = 500) -> Figures:
    """Draw weeks of answers, sample them as the gateway does, estimate."""
    rng = np.random.default_rng(seed)
    rows = np.array([_round(rng, answers, budget) for _ in range(rounds)])
    labels, covered, *points = rows.mean(axis=0).tolist()
    return Figures(rounds, labels, covered, *(100 * each for each in points))


def _round(rng: np.random.Generator, n: int, budget: float) -> tuple[float, ...]:
    intent = rng.choice(shops.OURS, n, p=shops.mix(shops.OURS))
    unsure = rng.random(n) < 0.12
    confidence = np.where(unsure, rng.uniform(0.3, 0.7, n), rng.beta(30, 1.2, n))
    chance = np.clip(confidence - 0.01, 0, 1)
    right = rng.random(n) < chance
    weights = [
        sample.weight(present.INTENTS[i], c)
        for i, c in zip(intent.tolist(), confidence.tolist(), strict=True)
    ]
    mean = sum(weights) / n
    p = np.array([sample.inclusion(weight, mean, budget, n, 0.002) for weight in weights])
    chosen = rng.random(n) < p
    said = np.where(right, intent, (intent + 1) % 10)[chosen]
    k = int(chosen.sum())
    labelled = samples.Sample(
        np.zeros(k, dtype=np.int64),
        intent[chosen].astype(np.int16),
        said.astype(np.int16),
        confidence[chosen],
        p[chosen],
        wishes.none(k),
        np.zeros(k, dtype=np.uint16),
    )
    accuracy = live.accuracy(labelled, n, float(confidence.mean()))
    truth = float(right.mean())
    assert accuracy.estimate is not None
    assert accuracy.low is not None
    assert accuracy.high is not None
    assert accuracy.naive is not None
    low, high = proportion.wilson(truth * k, k)
    least = 2 * proportion.Z95 * float(np.sqrt(chance * (1 - chance)).mean()) / math.sqrt(k)
    return (
        k,
        accuracy.low <= truth <= accuracy.high,
        accuracy.estimate - truth,
        accuracy.high - accuracy.low,
        accuracy.naive - truth,
        high - low,
        least,
    )
