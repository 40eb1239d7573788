"""Count again from Kafka's offset 0 what Postgres says was counted. The records are those that the
stream worker gets; it decodes and counts them by itself, so that it can contradict the worker.
"""

import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from streams import brokers, reread
from streams.access import Access

Cell = tuple[str, str, str]


class Unread(RuntimeError):
    """Kafka did not hand out what it holds."""


@dataclass(frozen=True, slots=True)
class Recount:
    """Logs Kafka holds and Postgres lacks, and the other way round; over every day, model and
    intent apart, so that two wrongs do not cancel.
    """

    events: int
    lost: int
    duplicated: int


def logs(access: Access, topic: str) -> list[dict[str, Any]]:
    """Every log of the topic, single or in an envelope, from the first offset to the last one there
    is now. Raises Unread.
    """
    try:
        with contextlib.closing(reread.Reader(access, topic)) as reader:
            return list(_read(reader))
    except (brokers.Unreachable, reread.Unread) as error:
        raise Unread(f"Kafka did not hand out what is to be counted again: {error}") from None


def _read(reader: reread.Reader) -> Iterator[dict[str, Any]]:
    """The logs of every record: of an envelope one a line."""
    bounds = reader.bounds()
    begins = {part: begin for part, (begin, _) in bounds.items()}
    ends = {part: end for part, (_, end) in bounds.items()}
    for run in reader.runs(begins, ends):
        for value, envelope in zip(run.values, run.batch, strict=True):
            for line in value.splitlines() if envelope else [value]:
                yield json.loads(line)


def compare(logs: list[dict[str, Any]], windows: list[dict[str, Any]]) -> Recount:
    """Kafka's logs against the day windows of Postgres."""
    sent: Counter[Cell] = Counter()
    for log in logs:
        day = log["ts"][:10]
        sent[day, log["model"], log["intent"] or "error"] += 1

    counted: Counter[Cell] = Counter()
    for window in windows:
        cells = window["intent_counts"] | {"error": window["errors"]}
        day = window["start"].date().isoformat()
        for intent, count in cells.items():
            counted[day, window["model"], intent] += count

    lost = (sent - counted).total()
    duplicated = (counted - sent).total()
    return Recount(len(logs), lost, duplicated)
