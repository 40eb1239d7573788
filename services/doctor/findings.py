"""Pure. What the facts about a dependency or a process mean: ok, warn or fail, each with its
remedy. Never asks for a fact itself.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from schemas import messages, present, times, topics
from schemas import taxonomy as taxonomies
from services import shape
from services.alarms import causes, state
from streams.stages import stage

LAG_WATCHED = 100_000  # records: less than a second of the worker's measured speed
IDLE_S = 120.0  # a process at work does something more often than this


class Status(StrEnum):
    """How good the news is; one `fail` makes the doctor exit 4."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor."""

    check: str
    status: Status
    detail: str
    remedy: str | None = None


@dataclass(frozen=True, slots=True)
class Outbox:
    """Messages not yet sent: how many were refused before, and how long ago the next attempt fell
    due (seconds, 0 if it has not).
    """

    refused: int
    overdue_s: float


def migration(current: str | None, head: str) -> Finding:
    """Whether the tables are the ones this version declares.

    >>> migration("0001", "0002").status
    <Status.FAIL: 'fail'>
    """
    if current == head:
        return Finding("migration", Status.OK, f"at {head}")
    return Finding(
        "migration",
        Status.FAIL,
        f"the database is at {current or 'no revision'}, this version needs {head}",
        "run `alembic upgrade head`",
    )


def taxonomy(held: taxonomies.Taxonomy | None, strange: str | None) -> Finding:
    """Whose intents the database holds; `strange`: why they are not this process's, if they are
    not.
    """
    if strange is not None:
        cause, _, remedy = strange.partition("; ")
        return Finding("taxonomy", Status.FAIL, cause, remedy)
    if held is None:
        return Finding(
            "taxonomy",
            Status.OK,
            f"nobody's yet; the first process makes it {present.TAXONOMY.version}",
        )
    return Finding("taxonomy", Status.OK, f"{held.version}, {len(held.intents)} intents")


def provisioned(
    there: Mapping[str, shape.Shape],
    wanted: Sequence[topics.Topic],
) -> Finding:
    """Whether every topic is there and as the contract has it.

    >>> provisioned({}, topics.TOPICS).detail
    'intentwatch.serving_log.v1 is missing'
    """
    wrong = []
    remedies = []
    unseen = None
    for topic in wanted:
        has = there.get(topic.name)
        if has is None:
            wrong.append(f"{topic.name} is missing")
            remedies.append("run `python -m services.provision`")
            continue
        broken = shape.broken(topic, has)
        if broken:
            wrong.append(f"{topic.name} {broken}")
            remedies.append(shape.remedy(topic, has))
        elif has.settings is None:
            unseen = shape.unseen(topic)
    if wrong:
        return Finding("topics", Status.FAIL, "; ".join(wrong), "; ".join(remedies))
    if unseen:
        return said("topics", Status.WARN, unseen)
    return Finding("topics", Status.OK, f"{len(wanted)} in place")


def said(check: str, status: Status, sentence: str) -> Finding:
    """Of a sentence that is said elsewhere too: cause; remedy."""
    cause, _, remedy = sentence.partition("; ")
    return Finding(check, status, cause, remedy)


def lag(partitions: Sequence[state.Partition]) -> Finding:
    """How far the windows are behind the log, in records, and where most of it lies.

    >>> lag([]).detail
    '0 records behind'
    """
    records = sum(partition.lag for partition in partitions)
    most = max(partitions, key=lambda partition: partition.lag, default=None)
    detail = f"{records} records behind"
    if most and most.lag:
        detail += f", {most.lag} of them in partition {most.part}"
    if records > LAG_WATCHED:
        return Finding(
            "lag",
            Status.WARN,
            detail,
            "wait, or start another stream worker: they share the partitions",
        )
    return Finding("lag", Status.OK, detail)


def stuck(partitions: Sequence[state.Partition]) -> Finding:
    """Whether every partition with unread records moves."""
    still = []
    for p in partitions:
        if p.stuck:
            place = f"partition {p.part} at offset {p.next_offset}"
            still.append(f"{place} for {p.still_s:.0f} s with {p.lag} unread")
    if still:
        return Finding(
            "partitions",
            Status.FAIL,
            f"standing still: {'; '.join(still)}",
            "read the stream worker's log: it says what it waits for, or why it has stopped; "
            "then restart it",
        )
    return Finding("partitions", Status.OK, f"{len(partitions)} move, or have nothing unread")


def clock(stream_clock: state.Clock | None, *, test_clock: bool) -> Finding:
    """How old the watermark is. `test_clock`: event time is simulated.

    >>> at = times.instant("2026-04-20T10:00:00Z")
    >>> late = state.Clock(at, still_s=0.0, behind_s=7200.5, beat_s=0.0)
    >>> clock(late, test_clock=False).status
    <Status.WARN: 'warn'>
    """
    if stream_clock is None:
        return Finding("watermark", Status.OK, "no log has been counted yet")
    at = times.rfc3339(stream_clock.watermark)
    if test_clock:
        return Finding("watermark", Status.OK, f"at {at}, simulated")
    detail = f"at {at}, {stream_clock.behind_s:.0f} s behind the wall clock"
    if stream_clock.behind_s > causes.BEHIND.total_seconds():
        return Finding(
            "watermark",
            Status.WARN,
            detail,
            "no window after it is complete; "
            "look at lag and partitions, then at what sends the logs",
        )
    return Finding("watermark", Status.OK, detail)


def arrivals(partitions: Sequence[state.Partition]) -> Finding:
    """Whether logs come. A gap is no fault of a process of ours, so it only warns."""
    silent = causes.missing(partitions)
    if silent is not None:
        since = times.rfc3339(silent.moved_at)
        return Finding(
            "logs",
            Status.WARN,
            f"no serving log has come since {since}, {silent.still_s:.0f} s ago",
            "is the gateway serving, and does a stream worker run?",
        )
    last = causes.newest(partitions)
    if last is None:
        return Finding("logs", Status.OK, "none has ever come")
    return Finding("logs", Status.OK, f"the last one came {last.still_s:.0f} s ago")


def dead(by_reason: Mapping[str, int]) -> Finding:
    """What could not be read in the last hour.

    >>> dead({"invalid": 3}).detail
    '3 in the last hour: invalid 3'
    """
    if not by_reason:
        return Finding("deadletters", Status.OK, "none in the last hour")
    total = sum(by_reason.values())
    reasons = [f"{reason} {n}" for reason, n in sorted(by_reason.items())]
    return Finding(
        "deadletters",
        Status.WARN,
        f"{total} in the last hour: {', '.join(reasons)}",
        "look at them with `python -m services.redrive ls`, mend the producer, then `replay` them",
    )


def alarms(raised: Sequence[messages.AlarmRaised]) -> Finding:
    """What the on-call was told and is still so."""
    if not raised:
        return Finding("alarms", Status.OK, "none open")
    what = "; ".join(alarm.cause for alarm in raised)
    return Finding("alarms", Status.WARN, f"{len(raised)} open: {what}", raised[-1].remedy)


def rollup(left_s: float | None) -> Finding:
    """Whether some stream worker rolls windows up. `left_s`: seconds its lease still holds,
    negative once lapsed, None if never taken.

    >>> rollup(-1.0).detail
    'the roll-up lease lapsed 1 s ago'
    """
    if left_s is not None and left_s > 0:
        return Finding("streams", Status.OK, "a worker holds the roll-up lease")
    detail = "no stream worker has ever rolled windows up"
    if left_s is not None:
        detail = f"the roll-up lease lapsed {abs(left_s):.0f} s ago"
    return Finding(
        "streams",
        Status.FAIL,
        detail,
        "start `python -m streams worker`; if it runs, read its log and restart it",
    )


def retrain(left_s: float | None) -> Finding:
    """Whether a retrain worker is there: seconds the newer of its leases still holds. It renews one
    every second while idle, the other during a run.

    >>> retrain(-60.0).status, retrain(12.0).status
    (<Status.FAIL: 'fail'>, <Status.OK: 'ok'>)
    """
    if left_s is not None and left_s > 0:
        return Finding("retrain", Status.OK, "a worker holds the lease")
    detail = "no worker has ever taken the lease"
    if left_s is not None:
        detail = f"the lease lapsed {abs(left_s):.0f} s ago"
    return Finding(
        "retrain",
        Status.FAIL,
        detail,
        "start `python retrain/run.py work`; if it runs, read its log and restart it",
    )


def scheduler(hours_due: int, idle_s: float | None, last: state.Beat | None = None) -> Finding:
    """Whether a scheduler lives and complete hours get their monitors. `idle_s`: seconds since the
    last job was done, None if none ever was.

    >>> scheduler(3, 600.0).status, scheduler(0, 600.0).status
    (<Status.FAIL: 'fail'>, <Status.OK: 'ok'>)
    """
    dead = causes.unattended(last)
    if dead is not None:
        return Finding("scheduler", Status.FAIL, dead.cause, dead.remedy)
    if hours_due == 0:
        return Finding("scheduler", Status.OK, "every complete hour has been judged")
    detail = f"{hours_due} complete hour(s) not judged yet"
    if idle_s is None or idle_s > IDLE_S:
        return Finding(
            "scheduler",
            Status.FAIL,
            f"{detail}, no job done lately",
            "start `python -m services.scheduler`; if it runs, read its log and restart it",
        )
    return Finding("scheduler", Status.WARN, f"{detail}, it is catching up", "wait and look again")


def judged(clock: dt.datetime | None, newest_end: dt.datetime | None) -> Finding:
    """Whether hours become complete, so that there is something to judge. A pause of the traffic is
    no fault of a process of ours, so it only warns.

    >>> judged(times.instant("2026-04-20T10:20:00Z"), times.instant("2026-04-20T10:00:00Z")).detail
    'the newest complete hour ended 2026-04-20T10:00:00Z'
    """
    if clock is None or newest_end is None:
        return Finding(
            "judged", Status.OK, "no hour has been complete yet, so nothing has been judged"
        )
    pause = causes.pause(clock, newest_end)
    if pause is not None:
        return Finding("judged", Status.WARN, *pause)
    return Finding(
        "judged", Status.OK, f"the newest complete hour ended {times.rfc3339(newest_end)}"
    )


def set_aside(hours: Sequence[state.Aside]) -> Finding:
    """Whether some hour could not be judged."""
    if not hours:
        return Finding("hours", Status.OK, "none is set aside")
    ends = [times.rfc3339(hour.end) for hour in hours]
    named = ", ".join(ends[:5])
    if len(ends) > 5:
        named += " ..."
    again = f"python -m services.scheduler again {ends[0]}"
    return Finding(
        "hours",
        Status.WARN,
        f"{len(ends)} set aside after three failures each: {named}",
        f"read the scheduler's log; when the cause is mended, `{again}`",
    )


def failing(one: stage.Failing) -> Finding:
    """A stage whose rounds fail; it goes on trying.

    >>> since = times.instant("2026-04-20T00:00:00Z")
    >>> failing(stage.Failing("rollup", since, 90.0, 7, "KeyError: 'x'")).detail
    "rollup has failed since 2026-04-20T00:00:00Z, 7 times in a row: KeyError: 'x'"
    """
    since = f"has failed since {times.rfc3339(one.since)}"
    detail = f"{one.name} {since}, {one.failures} times in a row: {one.error}"
    return Finding(stage.process(one.name), Status.FAIL, detail, causes.remedy(one.name))


def notifier(waiting: Outbox) -> Finding:
    """Whether messages leave. Each attempt moves the next one into the future, so an overdue one
    means that nobody tries.

    >>> notifier(Outbox(refused=0, overdue_s=600.0)).status
    <Status.FAIL: 'fail'>
    >>> notifier(Outbox(refused=2, overdue_s=0.0)).status
    <Status.WARN: 'warn'>
    """
    if waiting.overdue_s > IDLE_S:
        detail = f"a message has waited {waiting.overdue_s:.0f} s for an attempt"
        return Finding(
            "notifier",
            Status.FAIL,
            detail,
            "start `python -m services.notifier`; if it runs, read its log and restart it",
        )
    if waiting.refused:
        return Finding(
            "notifier",
            Status.WARN,
            f"{waiting.refused} message(s) not accepted yet",
            "read the notifier's log; check INTENTWATCH_SLACK_TOKEN",
        )
    return Finding("notifier", Status.OK, "nothing is overdue")
