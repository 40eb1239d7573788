"""Pure. Whether the labels that are there speak for those that are not: response rates by stratum,
a test that some strata are left out, and how wrong that can make live accuracy.

Missing at random is harmless. A message that is left out for what its label would say is not, and
looks the same. But hard messages are unsure, of some intents, in some script: strata that are
answered less often than the others of the same hours, beyond chance, are called left out, and what
is missing there beyond the others' share may all be wrong, or all be right (Manski 2003,
worst-case bounds). What people cannot tell counts as missing here, though it is an answer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from retrain.evaluation import live, samples
from schemas import present, slices
from streams.stats import proportion, stratified

Ints = samples.Ints
Floats = samples.Floats

# One stratum in some 30,000 is beyond it by chance; it is asked of some twenty at every hour.
_PROVEN_Z: Final = 4.0
_SHIFT_US: Final = 3 * 3_600_000_000  # whose messages have waited about equally long
_SURE: Final = tuple(
    f"confidence {low:g} to {high:g}"
    for low, high in zip((0, *live.STRATA), (*live.STRATA, 1), strict=True)
)


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """One way to tell messages apart: the names of its strata, and of each message its place among
    them, shape (n,).
    """

    by: str
    names: Sequence[str]
    place: Ints


@dataclass(frozen=True, slots=True)
class Rate:
    """Of the `n` messages of a stratum that people were asked about `answered` have an answer, of
    which `cannot_tell` say that nobody can tell; `share` answered in [0, 1] with a 95 % interval
    (Wilson).
    """

    by: str
    stratum: str
    n: int
    answered: int
    cannot_tell: int
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Bounds:
    """Live accuracy if all that was left out is wrong, and if all of it is right; the share of the
    messages that was, and the strata, the worst answered first.
    """

    worst: live.Estimate
    best: live.Estimate
    share: float
    strata: tuple[str, ...]


def groupings(asked: samples.Sample) -> tuple[Grouping, ...]:
    """By confidence, by predicted intent, by script."""
    script = np.zeros(len(asked), dtype=np.int64)
    for place, name in enumerate(slices.SCRIPTS):
        script[(asked.slices & slices.BITS[name]) != 0] = place
    return (
        Grouping("confidence", _SURE, live.sureness(asked.confidence)),
        Grouping("predicted", present.INTENTS, asked.predicted.astype(np.int64)),
        Grouping("script", slices.SCRIPTS, script),
    )


def rates(asked: samples.Sample) -> Iterator[Rate]:
    """How often messages are answered, by each grouping; strata without a message have none.

    >>> from datetime import UTC, datetime
    >>> at = datetime(2026, 4, 20, tzinfo=UTC)
    >>> rows = [("faq", 0.95, "faq"), ("faq", 0.5, None), ("promotion", 0.5, "faq")]
    >>> asked = samples.sample((at, named, sure, 1.0, label) for named, sure, label in rows)
    >>> [(rate.stratum, rate.answered, rate.n) for rate in rates(asked)][:2]
    [('confidence 0 to 0.6', 1, 2), ('confidence 0.9 to 1', 1, 1)]
    """
    unclear = asked.label == samples.CANNOT_TELL
    for grouping in groupings(asked):
        size = len(grouping.names)
        n = np.bincount(grouping.place, minlength=size)
        answered = np.bincount(grouping.place[asked.answered], minlength=size)
        cannot_tell = np.bincount(grouping.place[unclear], minlength=size)
        for i in np.flatnonzero(n).tolist():
            share, low, high = proportion.estimate(int(answered[i]), int(n[i]))
            yield Rate(
                grouping.by,
                grouping.names[i],
                int(n[i]),
                int(answered[i]),
                int(cannot_tell[i]),
                share,
                low,
                high,
            )


def bounds(
    covered: live.Covered,
    usual: float = 0.0,
) -> Bounds | None:
    """What live accuracy may be at worst and at best; None where nothing is left out. `usual`: the
    share that was left out, too, where the reference comes from: only what is beyond that can have
    changed anything.
    """
    inside = covered.asked
    strata, missing = left_out(inside)
    if not strata:
        return None
    share = _mean(inside, missing)
    beyond = 1 - usual / share
    if beyond <= 0:
        return None
    labelled = covered.labelled
    right = (labelled.predicted == labelled.label).astype(np.float64)
    lost = missing * beyond
    lost_confidence = _mean(inside, lost * inside.confidence)

    def with_lost(value: float) -> live.Estimate:
        """Where what is left out counts as `value`, and so does the confidence in it."""
        of_labelled = lost[inside.named]
        sure = (1 - of_labelled) * labelled.confidence + of_labelled * value
        y = (1 - of_labelled) * right + of_labelled * value
        mean = covered.mean_confidence - lost_confidence + _mean(inside, lost) * value
        return live.accuracy(replace(labelled, confidence=sure), covered.n, mean, y)

    return Bounds(with_lost(0.0), with_lost(1.0), share, strata)


def share(covered: live.Covered) -> float:
    """The share of the messages that is left out."""
    strata, missing = left_out(covered.asked)
    return _mean(covered.asked, missing) if strata else 0.0


def _mean(asked: samples.Sample, values: Floats) -> float:
    """The mean of a value of each message, which stands for 1/p of them."""
    weight = 1 / asked.p
    return live.total(weight * values) / live.total(weight)


def left_out(asked: samples.Sample) -> tuple[tuple[str, ...], Floats]:
    """The strata that are labelled less often than the others, the worst first, and of each message
    the share of its like that is missing for it, shape (n,). Of several groupings the one by which
    most is missing: they tell of the same messages.
    """
    named = asked.named
    missing = np.zeros(len(asked))
    strata: tuple[str, ...] = ()
    if named.all():
        return strata, missing

    most = 0.0
    shift = asked.ts_us // _SHIFT_US
    for grouping in groupings(asked):
        size = len(grouping.names)
        n, labelled = stratified.by_stratum(grouping.place, shift, named, size)
        places = _answered_less(n, labelled)
        if not places:
            continue
        by_it = _missing(n, labelled, places)[grouping.place]
        of_it = _mean(asked, by_it)
        if of_it > most:
            most, missing = of_it, by_it
            strata = tuple(grouping.names[place] for place in places)
    return strata, missing


def _answered_less(n: Ints, labelled: Ints) -> list[int]:
    """The worst stratum first, then the rest anew. Args: messages and labelled ones, shape (strata,
    shifts).
    """
    places: list[int] = []
    rest = np.arange(len(n))
    while len(rest) > 1:
        z = stratified.against_others(n[rest], labelled[rest]).z
        worst = int(np.argmin(z))
        if z[worst] > -_PROVEN_Z:
            break
        places.append(int(rest[worst]))
        rest = np.delete(rest, worst)
    return places


def _missing(n: Ints, labelled: Ints, places: Sequence[int]) -> Floats:
    """Of each stratum the share that is missing, shape (strata,): of `places` what they lack of the
    share that the others have labelled of the same shifts.
    """
    others = np.delete(np.arange(len(n)), places)
    usual = labelled[others].sum(axis=0) / np.maximum(n[others].sum(axis=0), 1)
    expected = np.maximum((n * usual).sum(axis=1), 1.0)
    lacking = np.clip(1 - labelled.sum(axis=1) / expected, 0.0, 1.0)
    missing = np.zeros(len(n))
    missing[places] = lacking[places]
    return missing
