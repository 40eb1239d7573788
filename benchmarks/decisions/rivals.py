"""Pure. Documented rules, written out, that other tools would have applied to the same days: each
looks at one day and says whether it alarms.

What can be run by its own code is in tools.py. These see the predicted mix of a day against the
reference's, or the day's plain label mean. None names a cause.
"""

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
    """Counts of predicted intents of the day and of the reference, shape (10,); answers under 0.6;
    labels given by the day's end and how many agree.
    """

    live: Counts
    reference: Counts
    low_confidence_rate: float
    labels: int
    right: int


def _shares(day: Day) -> tuple[Counts, Counts]:
    return (day.live + 0.5) / (day.live + 0.5).sum(), (day.reference + 0.5) / (
        day.reference + 0.5
    ).sum()


def hellinger(day: Day) -> bool:
    """whylogs' drift threshold: Hellinger distance over 0.15."""
    p, q = _shares(day)
    return float(np.sqrt(np.sum((np.sqrt(p) - np.sqrt(q)) ** 2) / 2)) > 0.15


def psi(day: Day) -> bool:
    """Scouter's chi-square threshold: PSI over chi2(0.95; B - 1) (1/n + 1/m)."""
    if not day.live.sum():
        return False
    p, q = _shares(day)
    value = float(np.sum((p - q) * np.log(p / q)))
    return bool(
        value > stats.chi2.ppf(0.95, len(p) - 1) * (1 / day.live.sum() + 1 / day.reference.sum())
    )


def chi_square(day: Day) -> bool:
    """A plain homogeneity test at 5 %, what many dashboards run."""
    return bool(
        stats.chi2_contingency(np.stack([day.live, day.reference]) + 0.5, correction=False).pvalue
        < 0.05
    )


def bare_levels(day: Day) -> bool:
    """The seed's levels taken as they stand: KL over 0.028, or a plain label mean under 90 %, or
    more than 8 % under 0.6.
    """
    mean = day.right / day.labels if day.labels else 1.0
    return (
        divergence.kl(live=day.live, reference=day.reference) > 0.028
        or mean < 0.90
        or day.low_confidence_rate > 0.08
    )


RIVALS: Final[Mapping[str, Callable[[Day], bool]]] = {
    "hellinger_0.15": hellinger,
    "psi_chi2": psi,
    "chi_square_5%": chi_square,
    "bare_levels": bare_levels,
}
