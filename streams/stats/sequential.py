"""Pure. Evidence that may be looked at after every label: a betting process against "accuracy is at
least the floor".
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

# Shares of the largest bet that cannot go broke; small ones find slow slides, large ones collapses.
_BETS = np.array([0.05, 0.1, 0.2, 0.4, 0.7])


def log10_e_value(
    correct: npt.ArrayLike,
    weight: npt.ArrayLike,
    floor: float,
    starts: Sequence[int] = (0,),
) -> float:
    """Decimal logarithm of the largest wealth so far of a bet that accuracy is under `floor` (Ville
    1939; Waudby-Smith and Ramdas 2024).

    correct, weight: shape (n,), labels in order of time; weight in (0, 1], proportional to 1 /
    inclusion probability, so that each label of a stratified sample counts for what it stands for.
    A label multiplies the wealth of each bet by 1 + b w (floor - correct) / (1 - floor), which is a
    fair or losing game while accuracy is at least the floor; the wealths of several bets b are
    averaged, and of several that begin at the labels `starts`: one that has lost for days on good
    answers would need days to win it back. Whenever one stops looking, wealth reaches 1000 (the
    result 3) with a probability of at most 0.001 if there is nothing to find.

    >>> round(log10_e_value([1] * 20 + [0] * 10, [1.0] * 30, 0.9), 1)
    2.1
    >>> log10_e_value([1] * 300, [1.0] * 300, 0.9)
    0.0
    >>> slide = [1] * 2000 + [1, 0, 1] * 50
    >>> [round(log10_e_value(slide, [1.0] * 2150, 0.9, starts), 1) for starts in ((0,), (0, 2000))]
    [0.0, 11.8]
    """
    y = np.asarray(correct, dtype=np.float64)
    w = np.asarray(weight, dtype=np.float64)
    # No bet wins anything at any other label, so that wealth is never larger than at one of these.
    wins = np.flatnonzero(y < floor)
    if len(wins) == 0:
        return 0.0
    stakes = _BETS[:, None] / (1 - floor) * w
    gains = np.log1p(stakes * (floor - y)).cumsum(axis=1)
    games = []
    for start in starts:
        before = gains[:, [start - 1]] if start else 0.0
        since = gains[:, wins] - before
        games.append(np.where(wins >= start, since, 0.0))
    each = np.concatenate(games)
    wealth = np.logaddexp.reduce(each, axis=0) - np.log(len(each))
    return max(0.0, float(wealth.max()) / float(np.log(10)))
