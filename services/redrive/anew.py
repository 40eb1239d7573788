"""`python -m services.redrive anew TOPIC` and `back TOPIC/PART --to OFFSET`: where a worker that
has stopped reads on, after the log is another one than it has read.
"""

import contextlib
from collections.abc import Iterator

import sqlalchemy as sa

from schemas import escaping, settings
from services.redrive import store
from streams import brokers, fetch, identity
from streams.access import Access

_START = "start `python -m streams worker` again"


def begun(engine: sa.Engine, topic: str) -> str:
    """Count a topic that was made anew from its first record; what was done, in words. Exit 2 where
    nobody has read it, 4 where Kafka does not show it.
    """
    shown = escaping.printable(topic)
    seen = _seen(topic)
    with engine.begin() as connection:
        left = store.begin_anew(connection, topic, seen)
    if left is None:
        remedy = "`python -m services.show offsets` lists what was read"
        settings.refuse(f"no worker has read {shown}; {remedy}", 2)
    if not left:
        return f"{shown} is the topic that was read, {seen.id}: nothing to begin anew"
    read = [f"{part} (read up to {offset})" for part, offset in sorted(left.items())]
    return (
        f"{shown} is counted from its first record, as {seen.id}: partitions {', '.join(read)}."
        f" What was counted stays counted, and every dead letter is kept; {_START}."
    )


def _seen(topic: str) -> identity.Topic:
    access = brokers.of(settings.load("kafka"))
    with _fetcher(access, topic) as fetcher:
        seen = fetcher.look()
    if seen is None:
        shown = escaping.printable(topic)
        settings.refuse(
            f"Kafka at {access.addresses} shows no topic {shown}; check INTENTWATCH_KAFKA, or make"
            " it with `python -m services.provision`",
            settings.EXIT_DEPENDENCY,
        )
    return seen


@contextlib.contextmanager
def _fetcher(access: Access, topic: str) -> Iterator[fetch.Fetcher]:
    fetcher = fetch.Fetcher(access, topic)
    try:
        yield fetcher
    finally:
        fetcher.close()


def gone_back(engine: sa.Engine, topic: str, part: int, to: int) -> str:
    """Read a partition on from where its log has other records than were read; what was done, in
    words. Exit 2 where that is none that was read.
    """
    place = f"{escaping.printable(topic)}/{part}"
    with engine.begin() as connection:
        stood = store.go_back(connection, topic, part, to)
    if stood is None:
        remedy = "`python -m services.show offsets` lists the partitions"
        settings.refuse(f"no worker has read {place}; {remedy}", 2)
    if to > stood:
        ahead = "the records between would never be counted"
        settings.refuse(f"{place} has been read up to offset {stood}; {ahead}", 2)
    return (
        f"{place} is read on from offset {to}, not {stood}: whatever the log holds from there on"
        f" is counted, and what was counted stays counted; {_START}."
    )
