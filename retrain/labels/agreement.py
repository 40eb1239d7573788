"""Pure. How far annotators agree beyond chance: Cohen's kappa of two, Krippendorff's alpha of any
number with labels missing. Labels are nominal.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from streams.stats import proportion


@dataclass(frozen=True, slots=True)
class Pair:
    """Two annotators on the `n` messages both have labelled: share of equal labels with a 95 %
    interval (Wilson), and Cohen's kappa.
    """

    annotators: tuple[str, str]
    n: int
    agreement: float
    low: float
    high: float
    kappa: float | None


@dataclass(frozen=True, slots=True)
class Alpha:
    """Krippendorff's alpha over `n` messages with two labels or more; its 95 % interval is None
    where the sample cannot show one.
    """

    n: int
    alpha: float | None
    low: float | None
    high: float | None


def cohen_kappa(first: Sequence[str], second: Sequence[str]) -> float | None:
    """kappa = (p_o - p_e) / (1 - p_e), with p_o the share of equal labels and p_e = sum over
    intents of the product of both shares (Cohen 1960).

    Args: two labels a message, in the same order. Returns a number in [-1, 1]: 1 full agreement, 0
    what chance gives. None without messages, and where both use one and the same intent throughout:
    then chance alone agrees. Raises ValueError where the lengths differ.

    Of 50 messages both say faq to 20 and chitchat to 15; 5 and 10 are split: p_o = 0.7, p_e = 0.5 *
    0.6 + 0.5 * 0.4 = 0.5, kappa = 0.4.

    >>> first = ["faq"] * 25 + ["chitchat"] * 25
    >>> second = ["faq"] * 20 + ["chitchat"] * 5 + ["faq"] * 10 + ["chitchat"] * 15
    >>> round(cohen_kappa(first, second), 6)
    0.4
    """
    equal = sum(a == b for a, b in zip(first, second, strict=True))
    n = len(first)
    ours = Counter(first)
    theirs = Counter(second)
    # n * n * p_e: whole numbers know when p_e is 1.
    chance = sum(count * theirs[label] for label, count in ours.items())
    if n * n <= chance:
        return None
    return (n * equal - chance) / (n * n - chance)


def krippendorff_alpha(units: Iterable[Collection[str]]) -> Alpha:
    """alpha = 1 - D_o / D_e for nominal labels: observed over expected disagreement (Krippendorff
    2011, "Computing Krippendorff's Alpha-Reliability").

    Args: one collection of labels a message, whoever gave them; a message with fewer than two says
    nothing and is left out. With m labels of a message, c of each kind: D_o = sum of (m^2 - sum
    c^2) / (m - 1), over n labels in all; D_e = (n^2 - sum n_c^2) / (n (n - 1)). The interval leaves
    out one message at a time (jackknife). alpha is None where all labels are one intent.

    The paper's example C, four observers and eleven units with two values or more, has alpha 0.743.

    >>> units = "111 2232 3333 3333 2222 1234 4444 1121 2222 555 11 3".split()
    >>> round(krippendorff_alpha(units).alpha, 3), krippendorff_alpha(units).n
    (0.743, 11)
    """
    counts = [Counter(unit) for unit in units if len(unit) > 1]
    totals = Counter[str]()
    disagreement = 0.0
    for count in counts:
        totals.update(count)
        disagreement += _disagreement(count)
    alpha = _alpha(disagreement, totals)

    without = []
    for count in counts:
        others = disagreement - _disagreement(count)
        without.append(_alpha(others, totals - count))
    low, high = _jackknife(alpha, without)
    return Alpha(len(counts), alpha, low, high)


def _disagreement(count: Counter[str]) -> float:
    """One message's term of D_o."""
    return _unequal(count) / (count.total() - 1)


def _alpha(disagreement: float, totals: Counter[str]) -> float | None:
    expected = _unequal(totals)
    if not expected:
        return None
    return 1 - (totals.total() - 1) * disagreement / expected


def _unequal(counts: Counter[str]) -> int:
    """How many pairs of labels are not equal, each counted both ways."""
    n = counts.total()
    return n * n - sum(c * c for c in counts.values())


def _jackknife(
    value: float | None,
    without: Sequence[float | None],
) -> tuple[float | None, float | None]:
    """95 % interval from the figures with one message left out each; none where they do not differ:
    no spread seen is not no spread.
    """
    figures = [each for each in without if each is not None]
    n = len(figures)
    if value is None or n < len(without) or n < 2:
        return None, None

    mean = math.fsum(figures) / n
    squares = math.fsum((each - mean) ** 2 for each in figures)
    variance = (n - 1) / n * squares
    half = proportion.Z95 * math.sqrt(variance)
    if half <= 1e-9:
        return None, None
    return max(-1.0, value - half), min(1.0, value + half)


def pairs(units: Iterable[Mapping[str, str]]) -> tuple[Pair, ...]:
    """Every two annotators that share a message. Args: one mapping annotator -> intent a message.

    >>> units = [{"a1": "faq", "a2": "faq"}, {"a1": "faq", "a2": "chitchat"}, {"a1": "faq"}]
    >>> [(pair.annotators, pair.n, pair.agreement) for pair in pairs(units)]
    [(('a1', 'a2'), 2, 0.5)]
    """
    shared: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for unit in units:
        for first, second in combinations(sorted(unit), 2):
            labels = shared.setdefault((first, second), [])
            labels.append((unit[first], unit[second]))
    return tuple(_pair(annotators, labels) for annotators, labels in sorted(shared.items()))


def _pair(annotators: tuple[str, str], labels: Sequence[tuple[str, str]]) -> Pair:
    first, second = zip(*labels, strict=True)
    n = len(labels)
    equal = sum(a == b for a, b in labels)
    low, high = proportion.wilson(equal, n)
    return Pair(
        annotators=annotators,
        n=n,
        agreement=equal / n,
        low=low,
        high=high,
        kappa=cohen_kappa(first, second),
    )


def confusions(units: Iterable[Collection[str]]) -> dict[tuple[str, str], int]:
    """How many messages each two different intents were both given to, most first; which annotator
    said which does not matter.

    >>> confusions([["faq", "chitchat"], ["chitchat", "faq", "faq"], ["faq", "faq"]])
    {('chitchat', 'faq'): 2}
    """
    messages = Counter[tuple[str, str]]()
    for unit in units:
        messages.update(combinations(sorted(set(unit)), 2))
    most_first = sorted(messages.items(), key=lambda item: (-item[1], item[0]))
    return dict(most_first)
