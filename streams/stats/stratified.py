"""Pure. Whether one group's share of hits differs from all others', beyond what the strata (hours,
days) in which they came explain.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """Of each group: trials; hits; by how much its share of hits differs from all others' of the
    same strata; its z-score. Shapes (groups,).
    """

    n: Ints
    hits: Ints
    gap: Floats
    z: Floats


def against_others(n: Ints, hits: Ints) -> Compared:
    """Mantel-Haenszel's risk difference of each group to all others over strata, and its z (Cochran
    1954). Args: trials and hits, shape (groups, strata).

    Two strata of eight, in each of which group 0 hits one of four and group 1 three:

    >>> compared = against_others(np.full((2, 2), 4), np.array([[1, 1], [3, 3]]))
    >>> compared.gap.tolist(), compared.z.round(2).tolist()
    ([-0.5, 0.5], [-1.87, 1.87])
    """
    all_n = n.sum(axis=0)
    all_hits = hits.sum(axis=0)
    others = all_n - n
    others_hits = all_hits - hits
    size = np.maximum(all_n, 1)  # one between two others may be empty
    weight = (n * others / size).sum(axis=1)
    difference = ((hits * others - others_hits * n) / size).sum(axis=1)

    # A stratum of one trial has no others, and no spread.
    possible = np.maximum(all_n**2 * (all_n - 1), 1)
    of_stratum = all_hits * (all_n - all_hits) / possible
    spread = np.where(all_n > 1, n * others * of_stratum, 0.0).sum(axis=1)
    return Compared(
        n=n.sum(axis=1),
        hits=hits.sum(axis=1),
        gap=quotient(difference, weight),
        z=quotient(difference, np.sqrt(spread)),
    )


def by_stratum(group: Ints, stratum: Ints, hit: Bools, groups: int) -> tuple[Ints, Ints]:
    """Trials and hits of each group in each stratum, shape (groups, strata from the first to the
    last). Args: of each trial its group, 0 to groups - 1, its stratum, and whether it was a hit,
    shape (m,), m > 0.

    >>> n, hits = by_stratum(np.array([0, 1, 1]), np.array([7, 7, 9]), np.array([True] * 3), 2)
    >>> n.tolist()
    [[1, 0, 0], [1, 0, 1]]
    """
    first = int(stratum.min())
    strata = int(stratum.max()) - first + 1
    shape = groups, strata
    cells = groups * strata
    cell = group * strata + (stratum - first)
    n = np.bincount(cell, minlength=cells)
    hits = np.bincount(cell[hit], minlength=cells)
    return n.reshape(shape), hits.reshape(shape)


def quotient(part: npt.ArrayLike, whole: npt.ArrayLike) -> Floats:
    """part / whole, of one shape; 0 where nothing is divided by.

    >>> quotient([1, 2], [4, 0]).tolist()
    [0.25, 0.0]
    """
    wholes = np.asarray(whole, dtype=np.float64)
    nothing = np.zeros(wholes.shape)
    divided: Floats = np.divide(part, wholes, out=nothing, where=wholes > 0)
    return divided
