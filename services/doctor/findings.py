"""Pure. What the facts about a dependency or a process mean: ok, warn or fail, each with its remedy. Never asks for a fact itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from schemas import topics

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
    """Messages not yet sent: how many were refused before, and how long ago the next attempt fell due (seconds, 0 if it has not)."""

    refused: int
    overdue_s: float


def migration(current: str | None, head: str) -> Finding:
    """Whether the tables are the ones this version declares.

    >>> migration("0001", "0002").status
    <Status.FAIL: 'fail'>
    """
    if current == head:
        return Finding("migration", Status.OK, f"at {head}")
    return Finding("migration", Status.FAIL, f"the database is at {current or 'no revision'}, this version needs {head}", "run `alembic upgrade head`")


def provisioned(found: Mapping[str, int], wanted: tuple[topics.Topic, ...]) -> Finding:
    """Whether every topic is there with its partitions.

    >>> provisioned({}, topics.TOPICS).detail
    'intentwatch.serving_log.v1 is missing'
    """
    missing = [f"{topic.name} is missing" for topic in wanted if topic.name not in found]
    other = [f"{t.name} has {found[t.name]} partitions, not {t.partitions}" for t in wanted if t.name in found and found[t.name] != t.partitions]
    if missing:
        return Finding("topics", Status.FAIL, "; ".join(missing + other), "run `python -m services.provision`")
    if other:
        return Finding("topics", Status.FAIL, "; ".join(other), "make a topic with the contract's partitions; Kafka cannot take partitions away")
    return Finding("topics", Status.OK, f"{len(wanted)} in place")


def lag(records: int) -> Finding:
    """How far the windows are behind the log, in records.

    >>> lag(LAG_WATCHED + 1).status
    <Status.WARN: 'warn'>
    """
    if records > LAG_WATCHED:
        return Finding("lag", Status.WARN, f"{records} records behind", "wait, or start another stream worker: they share the partitions")
    return Finding("lag", Status.OK, f"{records} records behind")


def rollup(left_s: float | None) -> Finding:
    """Whether some stream worker rolls windows up. `left_s`: seconds its lease still holds, negative once lapsed, None if never taken.

    >>> rollup(-1.0).detail
    'the roll-up lease lapsed 1 s ago'
    """
    if left_s is None or left_s <= 0:
        detail = "no stream worker has ever rolled windows up" if left_s is None else f"the roll-up lease lapsed {-left_s:.0f} s ago"
        return Finding("streams", Status.FAIL, detail, "start `python -m streams worker`; if it runs, read its log and restart it")
    return Finding("streams", Status.OK, "a worker holds the roll-up lease")


def retrain(left_s: float | None) -> Finding:
    """Whether a retrain worker is there: seconds the newer of its leases still holds. It renews one every second while idle, the other during a run.

    >>> retrain(-60.0).status, retrain(12.0).status
    (<Status.FAIL: 'fail'>, <Status.OK: 'ok'>)
    """
    if left_s is not None and left_s > 0:
        return Finding("retrain", Status.OK, "a worker holds the lease")
    detail = "no worker has ever taken the lease" if left_s is None else f"the lease lapsed {-left_s:.0f} s ago"
    return Finding("retrain", Status.FAIL, detail, "start `python retrain/run.py work`; if it runs, read its log and restart it")


def scheduler(hours_due: int, idle_s: float | None) -> Finding:
    """Whether hours that are complete get their monitors. `idle_s`: seconds since the last job was done, None if none ever was.

    >>> scheduler(3, 600.0).status, scheduler(0, 600.0).status
    (<Status.FAIL: 'fail'>, <Status.OK: 'ok'>)
    """
    if hours_due == 0:
        return Finding("scheduler", Status.OK, "every complete hour has been judged")
    detail = f"{hours_due} complete hour(s) not judged yet"
    if idle_s is None or idle_s > IDLE_S:
        return Finding(
            "scheduler", Status.FAIL, f"{detail}, no job done lately", "start `python -m services.scheduler`; if it runs, read its log and restart it"
        )
    return Finding("scheduler", Status.WARN, f"{detail}, it is catching up", "wait and look again")


def notifier(waiting: Outbox) -> Finding:
    """Whether messages leave. Each attempt moves the next one into the future, so an overdue one means that nobody tries.

    >>> notifier(Outbox(refused=0, overdue_s=600.0)).status, notifier(Outbox(refused=2, overdue_s=0.0)).status
    (<Status.FAIL: 'fail'>, <Status.WARN: 'warn'>)
    """
    if waiting.overdue_s > IDLE_S:
        detail = f"a message has waited {waiting.overdue_s:.0f} s for an attempt"
        return Finding("notifier", Status.FAIL, detail, "start `python -m services.notifier`; if it runs, read its log and restart it")
    if waiting.refused:
        return Finding("notifier", Status.WARN, f"{waiting.refused} message(s) not accepted yet", "read the notifier's log; check INTENTWATCH_SLACK_TOKEN")
    return Finding("notifier", Status.OK, "nothing is overdue")
