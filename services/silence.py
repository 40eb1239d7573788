"""Pure. What should move and does not: a partition with unread records, a stream without new ones. The wall clock drives these alarms and nothing else.

The database's clock measures every age, in seconds.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

STUCK_S: Final = 60.0  # a worker stores what it has counted four times a second, and a takeover takes less than ten seconds
UNATTENDED_S: Final = 60.0  # a scheduler ticks twice a second; a deployment's restart takes a few seconds
MISSING_S: Final = 15 * 60.0  # no night is so quiet that a shop has no message for a quarter of an hour


@dataclass(frozen=True, slots=True)
class Partition:
    """Where a partition stands. `moved_at`: its last progress, or when unread records appeared after that; `still_s`: how long ago, in seconds."""

    topic: str
    part: int
    next_offset: int
    high_watermark: int
    bad_until: int
    moved_at: dt.datetime
    still_s: float

    @property
    def lag(self) -> int:
        """Records that no window counts yet."""
        return max(0, self.high_watermark - self.next_offset)

    @property
    def stuck(self) -> bool:
        """Whether it has unread records and nobody reads them."""
        return self.lag > 0 and self.still_s > STUCK_S


@dataclass(frozen=True, slots=True)
class Alarm:
    """What the on-call is told once for each `key`."""

    key: str
    cause: str
    remedy: str


def newest(found: Sequence[Partition]) -> Partition | None:
    """The partition that moved last; None before the first record."""
    return min((p for p in found if p.high_watermark or p.next_offset), key=lambda p: p.still_s, default=None)


def missing(found: Sequence[Partition]) -> Partition | None:
    """The partition whose record was the last one to come, if that is too long ago; None while records wait unread: then they do come."""
    last = newest(found)
    return last if last is not None and last.still_s > MISSING_S and not any(p.lag for p in found) else None


def alarms(found: Sequence[Partition]) -> Iterator[Alarm]:
    """One for each stuck partition and stall, one for each silence: the key holds what ends it, the next offset or the next record."""
    for p in found:
        if p.stuck:
            cause = f"{p.topic}/{p.part} stands still at offset {p.next_offset} with {p.lag} records unread, since {p.moved_at:%Y-%m-%d %H:%M:%S} UTC"
            yield Alarm(
                f"{p.topic}/{p.part}:stuck:{p.next_offset}", cause, "run `python -m services.doctor streams`; read the stream worker's log and restart it"
            )
    last = missing(found)
    if last is not None:
        cause = f"{last.topic}: no serving log has come since {last.moved_at:%Y-%m-%d %H:%M:%S} UTC"
        remedy = "is the gateway serving, and does a stream worker run? `python -m services.doctor` names what is missing"
        yield Alarm(f"{last.topic}:missing:{last.moved_at.isoformat()}", cause, remedy)


@dataclass(frozen=True, slots=True)
class Beat:
    """The schedulers' last tick and how many seconds ago it was."""

    at: dt.datetime
    age_s: float


def unattended(last: Beat | None) -> Alarm | None:
    """The dead man's alarm, told by the notifier: no scheduler ticks, so nothing is judged and no other alarm is raised. None before the first tick ever."""
    if last is None or last.age_s <= UNATTENDED_S:
        return None
    cause = f"no scheduler has ticked since {last.at:%Y-%m-%d %H:%M:%S} UTC: nothing is judged, decided or watched"
    return Alarm(
        f"scheduler:dead:{last.at.isoformat()}", cause, "start `python -m services.scheduler`; it catches up by itself. `python -m services.doctor scheduler`"
    )


def standing(found: Sequence[Partition], last: Beat | None = None) -> set[str]:
    """The keys of all alarms whose cause still holds, also of those the stream worker raises when it stops at bad records."""
    dead = unattended(last)
    topics = {p.topic for p in found}
    stopped = {f"{topic}:bad:{sum(p.bad_until for p in found if p.topic == topic)}" for topic in topics}
    return stopped | {alarm.key for alarm in alarms(found)} | ({dead.key} if dead else set())
