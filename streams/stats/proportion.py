"""Pure. Intervals of a proportion, and of the difference of two."""

import math

Z95 = 1.959963984540054
Estimate = tuple[float, float, float]  # a figure, and the two ends of its interval


def wilson(k: float, n: float, z: float = Z95) -> tuple[float, float]:
    """Wilson's score interval of k successes in n trials (Wilson 1927), in [0, 1]; (0, 1) where n
    is 0: nothing is known.

    >>> tuple(round(bound, 3) for bound in wilson(449, 500))
    (0.868, 0.922)
    >>> wilson(0, 0)
    (0.0, 1.0)
    """
    if n <= 0:
        return 0.0, 1.0
    p = k / n
    z2 = z * z
    scale = 1 + z2 / n
    spread = p * (1 - p) / n
    variance = spread + z2 / (4 * n * n)
    centre = (p + z2 / (2 * n)) / scale
    half = z / scale * math.sqrt(variance)
    low = max(0.0, centre - half)
    high = min(1.0, centre + half)
    return low, high


def estimate(k: float, n: float, z: float = Z95) -> Estimate:
    """k / n with Wilson's interval. Raises ZeroDivisionError where n is 0."""
    low, high = wilson(k, n, z)
    return k / n, low, high


def promise(value: float, n: int | None) -> Estimate:
    """A reference's figure with its interval: without error only where nobody says on how many
    labels it rests.

    >>> tuple(round(end, 2) for end in promise(1.0, 21))
    (1.0, 0.85, 1.0)
    >>> promise(0.9, None)
    (0.9, 0.9, 0.9)
    """
    if not n:
        return value, value, value
    return estimate(value * n, n)


def difference(one: Estimate, other: Estimate) -> Estimate:
    """`one` less `other`, independent of each other, with Newcombe's interval from theirs (1998).

    >>> tuple(round(bound, 4) for bound in difference(estimate(56, 70), estimate(48, 80)))
    (0.2, 0.0524, 0.3339)
    """
    a, a_low, a_high = one
    b, b_low, b_high = other
    below = math.hypot(a - a_low, b_high - b)
    above = math.hypot(a_high - a, b - b_low)
    value = a - b
    return value, value - below, value + above
