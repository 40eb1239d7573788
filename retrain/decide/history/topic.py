"""Serving logs from a Kafka topic, by the broker's append time: read from offset to offset, in no
group, nothing committed, nothing written.
"""

import contextlib
import datetime as dt
from collections.abc import Iterator
from itertools import islice

from retrain import progress
from retrain.decide.history import archive, files
from retrain.intake import unpack
from schemas import settings, times
from streams import brokers, reread
from streams.access import Access
from streams.count import observe


def serving_logs(
    access: Access,
    name: str,
    since: dt.datetime | None,
    until: dt.datetime | None,
) -> files.Taken[archive.Block]:
    """The champion's logs of the records appended at since <= t < until; None: from the first
    record kept, to the last there is now.

    Malformed lines, which the stream worker puts among the dead letters, are left out and counted.
    Raises files.BadHistory for a topic that does not exist; ends with exit 4 where Kafka
    does not hand it out.
    """
    malformed = 0

    def blocks() -> Iterator[archive.Block]:
        nonlocal malformed
        logs = lines(access, name, since, until)
        while rows := list(islice(logs, files.LINES)):
            block, left_out = archive.block(rows)
            malformed += len(left_out)
            yield block

    joined = archive.joined(blocks())
    return files.Taken(joined, malformed)


def lines(
    access: Access,
    name: str,
    since: dt.datetime | None,
    until: dt.datetime | None,
) -> Iterator[bytes]:
    """Every log of the topic between two append times, those in an envelope one by one, partition
    by partition.
    """
    try:
        with contextlib.closing(reread.Reader(access, name)) as reader:
            bounds = reader.bounds()
            if not bounds:
                raise files.BadHistory(
                    f"there is no topic {name} at {access.addresses};"
                    " name one that exists with --topic"
                )
            begins = {part: begin for part, (begin, _) in bounds.items()}
            ends = {part: end for part, (_, end) in bounds.items()}
            if since is not None:
                begins = reader.since(_milliseconds(since), bounds)
            if until is not None:
                ends = reader.since(_milliseconds(until), bounds)
            yield from _read(reader, begins, ends)
    except (brokers.Unreachable, reread.Unread) as error:
        settings.refuse(str(error), settings.EXIT_DEPENDENCY)


def _milliseconds(at: dt.datetime) -> int:
    return -(-times.micros(at) // 1000)  # rounded up: nothing from before `at`


def _read(
    reader: reread.Reader,
    begins: dict[int, int],
    ends: dict[int, int],
) -> Iterator[bytes]:
    total = sum(max(0, end - begins[part]) for part, end in ends.items())
    with progress.bar(
        "topic",
        total,
        "record",
        unit_scale=True,
        delay=unpack.QUIET_S,
    ) as bar:
        for run in reader.runs(begins, ends):
            bar.update(len(run.values))
            for value, batch in zip(run.values, run.batch, strict=True):
                for _, line in observe.lines(value, batch=batch):
                    yield line
