"""Pure. What other tools' documented rules would have said of the same days, written out: each looks at one day and says whether it alarms.

They see what they were made for: the predicted mix of a day against the reference's, or the day's plain label mean. None names a cause.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import stats

from streams.stats import divergence

Counts = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Day:
    """Counts of predicted intents of the day and of the reference, shape (10,); answers under 0.6; labels given by the day's end and how many agree; mean
    confidence of the day and of each day of the reference.
    """

    live: Counts
    reference: Counts
    low_confidence_rate: float
    labels: int
    right: int
    confidence: float
    confidences: tuple[float, ...]


def _shares(day: Day) -> tuple[Counts, Counts]:
    return (day.live + 0.5) / (day.live + 0.5).sum(), (day.reference + 0.5) / (day.reference + 0.5).sum()


def js_distance(day: Day) -> bool:
    """Evidently 0.7's default for categories of 1,000 rows and more: Jensen-Shannon distance (base 2) of at least 0.1."""
    p, q = _shares(day)
    mean = (p + q) / 2
    divergence = float((np.sum(p * np.log2(p / mean)) + np.sum(q * np.log2(q / mean))) / 2)
    return math.sqrt(max(0.0, divergence)) >= 0.1


def hellinger(day: Day) -> bool:
    """whylogs' drift threshold: Hellinger distance over 0.15."""
    p, q = _shares(day)
    return float(np.sqrt(np.sum((np.sqrt(p) - np.sqrt(q)) ** 2) / 2)) > 0.15


def psi(day: Day) -> bool:
    """Scouter's chi-square threshold: PSI over chi2(0.95; B - 1) (1/n + 1/m)."""
    p, q = _shares(day)
    value = float(np.sum((p - q) * np.log(p / q)))
    return bool(value > stats.chi2.ppf(0.95, len(p) - 1) * (1 / day.live.sum() + 1 / day.reference.sum()))


def chi_square(day: Day) -> bool:
    """A plain homogeneity test at 5 %, what many dashboards run."""
    return bool(stats.chi2_contingency(np.stack([day.live, day.reference]) + 0.5, correction=False).pvalue < 0.05)


def bare_levels(day: Day) -> bool:
    """The seed's levels taken as they stand: KL over 0.028, or a plain label mean under 90 %, or more than 8 % under 0.6."""
    mean = day.right / day.labels if day.labels else 1.0
    return divergence.kl(live=day.live, reference=day.reference) > 0.028 or mean < 0.90 or day.low_confidence_rate > 0.08


def expected_accuracy(day: Day) -> bool:
    """NannyML's CBPE: accuracy expected from calibrated confidences alone, beyond three standard deviations of the reference's chunks (here its days)."""
    return abs(day.confidence - np.mean(day.confidences)) > 3 * float(np.std(day.confidences))


RIVALS: Final[Mapping[str, Callable[[Day], bool]]] = {
    "js_distance_0.1": js_distance,
    "hellinger_0.15": hellinger,
    "psi_chi2": psi,
    "chi_square_5%": chi_square,
    "expected_accuracy_3sd": expected_accuracy,
    "bare_levels": bare_levels,
}
