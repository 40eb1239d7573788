"""Pure. The nouns of what should move: how partitions, clock, schedulers, stages and output stand
at one instant.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from schemas import decisions
from streams.stages import stage

# A worker stores what it has counted four times a second, and a takeover takes less than ten
# seconds.
STUCK_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Partition:
    """Where a partition stands. `moved_at`: its last progress, or when unread records appeared
    after that; `still_s`: how long ago, in seconds.

    stalls: how many owners in a row ended before they had settled. max_event_ts: its newest good
    log. log_end: of the log, past an open transaction. topic_id: of the topic it was read of.
    """

    topic: str
    part: int
    next_offset: int
    high_watermark: int
    bad_until: int
    moved_at: dt.datetime
    still_s: float
    stalls: int = 0
    max_event_ts: dt.datetime | None = None
    log_end: int = 0
    topic_id: str = ""

    @property
    def behind_open(self) -> int:
        """Records behind an open transaction: nobody may read them before it has ended."""
        return max(0, self.log_end - max(self.high_watermark, self.next_offset))

    @property
    def lag(self) -> int:
        """Records that no window counts yet."""
        return max(0, self.high_watermark - self.next_offset)

    @property
    def stuck(self) -> bool:
        """Whether it has unread records and nobody reads them."""
        return self.lag > 0 and self.still_s > STUCK_S


@dataclass(frozen=True, slots=True)
class Beat:
    """The schedulers' last tick and how many seconds ago it was."""

    at: dt.datetime
    age_s: float


@dataclass(frozen=True, slots=True)
class Clock:
    """Where the stream's clock stands, and how many seconds ago it last went forward by the wall
    clock.

    behind_s: how far the watermark is behind the wall clock; beat_s: how long ago a stream worker
    last wrote it.
    """

    watermark: dt.datetime
    still_s: float
    behind_s: float
    beat_s: float


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits, since when, and for how many seconds."""

    name: str
    since: dt.datetime
    age_s: float


@dataclass(frozen=True, slots=True)
class Aside:
    """An hour that could not be judged: its end, and when its tries began by the wall clock."""

    end: dt.datetime
    begun: dt.datetime

    @property
    def key(self) -> str:
        """Of its alarm: taken up and set aside again, it is told again."""
        return f"hour:aside:{self.end.isoformat()}:{self.begun.isoformat()}"


@dataclass(frozen=True, slots=True)
class Distrusted:
    """Whose labels the newest decision does not rest on, and its instant."""

    at: dt.datetime
    source: decisions.Aside

    @property
    def key(self) -> str:
        """Of the alarm: while it lasts it is told again each week."""
        year, week, _ = self.at.isocalendar()
        intent = self.source.intent or "all"
        return f"annotator:{self.source.annotator}:{intent}:{year}-{week}"


@dataclass(frozen=True, slots=True)
class Output:
    """What should have come out of what went in; None where nothing waits.

    minute: the changed minute that has waited longest for the roll-up. run: the queued run that no
    worker takes. unpromoted: the model of the newest champion hour, while no model has ever been
    promoted. due: the ends of complete hours that are not judged; set_aside: of those that could
    not be. distrusted: annotators whose labels do not count. newest_run: the run that was queued
    last.
    """

    clock: Clock | None = None
    minute: Waiting | None = None
    run: Waiting | None = None
    unpromoted: str | None = None
    due: Sequence[dt.datetime] = ()
    set_aside: Sequence["Aside"] = ()
    distrusted: Sequence["Distrusted"] = ()
    newest_run: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """How everything that should move stands, at one instant."""

    partitions: Sequence[Partition] = ()
    beat: Beat | None = None
    stages: Sequence[stage.Failing] = ()
    output: Output = Output()
