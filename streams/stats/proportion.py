"""Pure. Intervals of a proportion."""

import math

Z95 = 1.959963984540054


def wilson(k: float, n: float, z: float = Z95) -> tuple[float, float]:
    """Wilson's score interval of k successes in n trials (Wilson 1927), in [0, 1]; (0, 1) where n is 0: nothing is known.

    >>> tuple(round(bound, 3) for bound in wilson(449, 500))
    (0.868, 0.922)
    >>> wilson(0, 0)
    (0.0, 1.0)
    """
    if n <= 0:
        return 0.0, 1.0
    p, z2 = k / n, z * z
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = z / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)
