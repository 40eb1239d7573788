"""Pure. Chunk: what the transport hands to the agent, one run of records of one partition, in offset order."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Record:
    """One Kafka record. `batch`: its value holds several logs, one a line. `appended`: the broker's append time, UTC."""

    offset: int
    value: bytes | None
    batch: bool
    appended: dt.datetime


@dataclass(frozen=True, slots=True)
class Chunk:
    """Records of one partition; `claim` is the epoch under which they were fetched, `next_offset` where the following chunk begins."""

    topic: str
    part: int
    claim: int
    first_offset: int
    next_offset: int
    records: tuple[Record, ...]
