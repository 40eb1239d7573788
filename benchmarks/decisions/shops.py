"""Pure. Shops of three sizes: the taxonomy file of each and what its customers ask for.

A process has one taxonomy for its life, so whoever plays several shops needs a process for each.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from schemas import present

Floats = npt.NDArray[np.float64]

OURS: Final = 10  # MangaAssist's own, whose file is the product's
SIZES: Final = (OURS, 3, 77)
_SEED_MIX: Final = (0.221, 0.152, 0.180, 0.080, 0.121, 0.070, 0.050, 0.041, 0.030, 0.055)


def taxonomy(size: int) -> str:
    """The file of a shop with so many intents: every fifth is critical and rare, the last one too.

    >>> taxonomy(3).splitlines()[-1]
    'intent_02 = {destination = "desk_2", rare = true, critical = true}'
    """
    lines = [f'version = "shop-{size}"', "[intents]"]
    for place in range(size):
        grave = place % 5 == 4 or place == size - 1
        marks = ", rare = true, critical = true" if grave else ""
        lines.append(f'intent_{place:02} = {{destination = "desk_{place}"{marks}}}')
    return "\n".join(lines)


def mix(size: int) -> Floats:
    """How often each intent is meant, shares of shape (size,): the seed's, or by rank.

    >>> mix(3).round(3).tolist()
    [0.515, 0.296, 0.189]
    """
    by_rank = 1 / (np.arange(size) + 1.0 + 0.02 * size) ** 0.8
    shares = np.array(_SEED_MIX) if size == OURS else by_rank
    if size == 3:
        shares = shares**1.2
    normal: Floats = shares / shares.sum()
    return normal


def common(nth: int) -> int:
    """The place of the nth of the three most common intents of this process."""
    ordered = np.argsort(-mix(len(present.INTENTS)), kind="stable")
    return int(ordered[nth % min(3, len(ordered))])


def rare(nth: int) -> int:
    """The place of the nth of the rare, critical intents of this process."""
    both = [name for name in present.RARE if name in present.CRITICAL]
    return present.INDEX[both[nth % len(both)]]
