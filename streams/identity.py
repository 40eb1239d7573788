"""Pure. Which topic an offset is an offset in. A name is used again, by a topic made anew or by
another cluster; an id never is.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as Kafka shows it at one instant: its id, and of each partition that answers where it
    ends.

    stable: the last stable offset, which is how far a reader of committed records gets: behind it a
    transaction is open. ends: the end of the log.
    """

    id: str
    stable: Mapping[int, int]
    ends: Mapping[int, int]


def another(topic: str, read: str, now: str) -> str:
    """What to say of a topic that is not the one that was read, and what to do. The same for every
    partition, so that it is told once.
    """
    cause = f"{topic} is another topic than the one that was read: its id is {now}, not {read}"
    reasons = "it was made anew, or INTENTWATCH_KAFKA leads to another cluster"
    anew = f"`python -m services.redrive anew {topic}` counts it from its first record"
    return f"{cause} ({reasons}); if that is meant, {anew}; what was counted stays counted"


def beyond(topic: str, part: int, offset: int, end: int, *, known: bool) -> str:
    """What to say where the log ends before the offset that was read up to. known: whether the
    topic is known to be the one that was read.

    >>> beyond("t", 0, 100, 40, known=True).partition(": ")[2].partition(";")[0]
    'Postgres stands at offset 100, the topic ends at 40: it has lost records that were read'
    """
    stands = f"{topic}/{part}: Postgres stands at offset {offset}, the topic ends at {end}"
    if known:
        return f"{stands}: it has lost records that were read; {_back(topic, part, end)}"
    anew = f"`python -m services.redrive anew {topic}` counts it from its first record"
    return f"{stands}: it was made anew or has lost records; if it was made anew, {anew}"


def parted(topic: str, part: int, offset: int, at: int) -> str:
    """What to say where the log has other records from offset `at` on than those that were read up
    to `offset`: a leader without them was elected, or a disk lost them.
    """
    cause = f"{topic}/{part}: records that were read are not in the log any more"
    other = f"from offset {at} to {offset} it holds other ones"
    return f"{cause}: {other} (an unclean election, or a lost disk); {_back(topic, part, at)}"


def _back(topic: str, part: int, to: int) -> str:
    command = f"python -m services.redrive back {topic}/{part} --to {to}"
    return f"if that is known, `{command}` reads on from there; what was counted stays counted"
