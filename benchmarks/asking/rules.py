"""Pure. Which messages of a pool get their label under each rule, by what the champion says of them
and by lots.

Our own are the product's functions of `streams.sample`; the order within the train queue, which
there is Postgres' (services/labels/order), is written out here.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from schemas import present
from streams import sample

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_BETWEEN_WORDS: Final = re.compile(r"[\W\d_]+")
_SAMPLED: Final = 2  # for each that is answered: labels run out half way through the queue


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """n messages that may be asked about: normalised texts; what the champion says of each, of
    shape (n,); and novelty, as the gateway has it.
    """

    texts: list[str]
    predicted: Ints
    confidence: Floats
    margin: Floats
    novelty: Floats


# Places in the pool of those that are labelled: of a pool, lots of shape (3, n), and how many.
Rule = Callable[[Pool, Floats, int], Ints]


def at_random(_pool: Pool, lots: Floats, n: int) -> Ints:
    """Any message as likely as another."""
    return np.argsort(lots[0])[:n]


def measured(pool: Pool, lots: Floats, n: int) -> Ints:
    """The measure queue."""
    names = [present.INTENTS[place] for place in pool.predicted.tolist()]
    confidence = pool.confidence.tolist()
    weights = list(map(sample.weight, names, confidence))
    return _drawn(lots[1], np.array(weights))[:n]


def interesting(pool: Pool, lots: Floats, n: int) -> Ints:
    """The train queue as the gateway samples it, answered in the order in which messages came."""
    return _drawn(lots[2], _interest(pool))[:n]


def in_turn(pool: Pool, lots: Floats, n: int) -> Ints:
    """The train queue of twice as many, answered in its order."""
    queue = _drawn(lots[2], _interest(pool))[: _SAMPLED * n]
    return _in_turn(pool, queue)[:n]


def both(pool: Pool, lots: Floats, n: int) -> Ints:
    """Both queues, with the budget's shares."""
    share = round(n * sample.MEASURE_SHARE)
    first = measured(pool, lots, share)
    drawn = _drawn(lots[2], _interest(pool))
    others = drawn[~np.isin(drawn, first)]
    queue = others[: _SAMPLED * (n - share)]
    return np.concatenate([first, _in_turn(pool, queue)[: n - share]])


ARMS: Final[Mapping[str, Rule]] = {
    "random": at_random,
    "train queue as sampled": interesting,
    "train queue in its order": in_turn,
    "both queues": both,
}


def _interest(pool: Pool) -> Floats:
    columns = (pool.confidence, pool.margin, pool.novelty)
    told = zip(*(column.tolist() for column in columns), strict=True)
    return np.array([sample.interest(*each) for each in told])


def _drawn(lots: Floats, weights: Floats) -> Ints:
    """All places, so that the first n are a sample in which a chance is nearly proportional to its
    weight (sequential Poisson sampling, Ohlsson 1998).
    """
    return np.argsort(lots / np.maximum(weights, 1e-9), kind="stable")


def _in_turn(pool: Pool, queue: Ints) -> Ints:
    """Intent by intent in turn, by what was predicted; last what is worded like an earlier one."""
    wordings = [wording(pool.texts[place]) for place in queue.tolist()]
    again = np.array(_times_before(wordings)) > 0
    turn = np.array(_times_before(pool.predicted[queue].tolist()))
    return queue[np.lexsort((turn, again))]


def wording(text: str) -> str:
    """What is the same for messages that differ by a number or a comma.

    >>> wording("where is volume 3, please") == wording("where is volume 12 please")
    True
    """
    return _BETWEEN_WORDS.sub(" ", text.lower()).strip()


def _times_before(values: Sequence[object]) -> list[int]:
    """How often each has come before.

    >>> _times_before(["a", "b", "a"])
    [0, 0, 1]
    """
    counts: dict[object, int] = {}
    before = []
    for value in values:
        before.append(counts.get(value, 0))
        counts[value] = counts.get(value, 0) + 1
    return before
