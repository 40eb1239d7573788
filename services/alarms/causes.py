"""Pure. What should move and does not: partitions, logs, windows, decisions, runs, and the stages
that loop. Each is an alarm with its remedy.
"""

import datetime as dt
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from schemas import messages, times, windows
from services.alarms import state
from streams.stages import stage

Alarm = messages.AlarmRaised

# A scheduler ticks twice a second; a deployment's restart takes a few seconds.
UNATTENDED_S: Final = 60.0
# No night is so quiet that a shop has no message for a quarter of an hour.
MISSING_S: Final = 15 * 60.0
# A stage's rounds are seconds apart, and what passes by itself passes in less.
FAILING_S: Final = 60.0
IDLE_OUTPUT_S: Final = 180.0  # input comes and nothing goes out
_IDLE_MINUTES: Final = round(IDLE_OUTPUT_S / 60)
HELD: Final = dt.timedelta(minutes=5)  # a clock so far behind the newest log is held, not late
# Hours are judged: two without a log leave a decision without evidence.
BEHIND: Final = dt.timedelta(hours=2)
DYING: Final = 3  # owners in a row that ended before they had settled

_DOCTOR = "`python -m services.doctor` names what is missing"
_READ_LOG: Final = {
    stage.ROLLUP: "no window comes out meanwhile; read the stream worker's log; `python -m services.doctor streams`",
    stage.SCHEDULER: "nothing is decided meanwhile; read the scheduler's log; `python -m services.doctor scheduler`",
    stage.NOTIFIER: "no message leaves meanwhile; read the notifier's log; `python -m services.doctor notifier`",
    stage.GATEWAY: "the model before it keeps serving, where there was one; read the gateway's log; look at the model's directory under INTENTWATCH_MODELS",
    stage.RETRAIN: "no run goes on meanwhile; read the retrain worker's log; `python -m services.doctor retrain`",
}


def remedy(name: str) -> str:
    """What to do about a stage that fails; its name may go on after the first word."""
    return _READ_LOG.get(name.split()[0], f"read the log of {name}")


def newest(found: Sequence[state.Partition]) -> state.Partition | None:
    """The partition that moved last; None before the first record."""
    return min(
        (p for p in found if p.high_watermark or p.next_offset),
        key=lambda p: p.still_s,
        default=None,
    )


def missing(found: Sequence[state.Partition]) -> state.Partition | None:
    """The partition whose record was the last one to come, if that is too long ago; None while
    records wait unread: then they do come.
    """
    last = newest(found)
    return (
        last
        if last is not None and last.still_s > MISSING_S and not any(p.lag for p in found)
        else None
    )


def pause(clock: dt.datetime, newest_end: dt.datetime | None) -> tuple[str, str] | None:
    """That the stream has gone on and no hour has been complete for long, and when the next one
    will be; None while hours come.
    """
    if newest_end is None or clock - newest_end <= BEHIND:
        return None
    next_end = windows.floor(clock, windows.STEPS["1h"]) + windows.STEPS["1h"]
    since = (
        f"no hour has been complete since {_utc(newest_end)},"
        f" and the stream's clock stands at {_utc(clock)}"
    )
    return (
        since,
        f"nothing is judged meanwhile; the next hour ends at {_utc(next_end)},"
        " and is complete when a log of after it is counted",
    )


def alarms(facts: state.Facts, watched_s: float = math.inf) -> Iterator[Alarm]:
    """Everything that should move and does not: the key holds what ends it, such as the next offset
    or the next record.

    watched_s: for how long somebody has looked. What has waited since before, through a stop of
    everything, has not had its turn yet.
    """
    yield from _partitions(facts.partitions)
    yield from failing(facts.stages)
    if watched_s > IDLE_OUTPUT_S:
        yield from _output(facts)


def _partitions(found: Sequence[state.Partition]) -> Iterator[Alarm]:
    for p in found:
        place = f"{p.topic}/{p.part}"
        if p.stuck:
            cause = f"{place} stands still at offset {p.next_offset} with {p.lag} records unread, since {_utc(p.moved_at)}"
            remedy = "run `python -m services.doctor streams`; read the stream worker's log and restart it"
            yield Alarm(f"{place}:stuck:{p.next_offset}", cause, remedy)
    dying = [p for p in found if p.stalls >= DYING]
    # One worker holds many partitions, and their offsets may move between two of its deaths.
    if dying:
        first = dying[0]
        places = ", ".join(str(p.part) for p in dying)
        cause = f"the stream worker has ended {max(p.stalls for p in dying)} times in a row soon after it took partitions {places} of {first.topic}"
        yield Alarm(
            f"{first.topic}:dying:{first.moved_at:%Y-%m-%d}",
            cause,
            "read the end of its log: the last line says why it ended",
        )
    last = missing(found)
    if last is not None:
        cause = f"{last.topic}: no serving log has come since {_utc(last.moved_at)}"
        yield Alarm(
            f"{last.topic}:missing:{last.moved_at.isoformat()}",
            cause,
            f"is the gateway serving, and does a stream worker run? {_DOCTOR}",
        )


def failing(stages: Sequence[stage.Failing]) -> Iterator[Alarm]:
    """The stages whose rounds have failed for too long."""
    for one in stages:
        if one.failing_s > FAILING_S:
            cause = f"{one.name} has failed since {_utc(one.since)}, {one.failures} times in a row: {one.error}"
            yield Alarm(f"stage:{one.name}:{one.since.isoformat()}", cause, remedy(one.name))


def _output(facts: state.Facts) -> Iterator[Alarm]:
    yield from _windows(facts)
    run, unpromoted = facts.output.run, facts.output.unpromoted
    if run is not None and run.age_s > IDLE_OUTPUT_S:
        cause = f"run {run.name} has waited since {_utc(run.since)} and no retrain worker is there"
        yield Alarm(f"run:waiting:{run.name}", cause, "start `python retrain/run.py work`")
    if unpromoted is not None:
        cause = f"windows come and no decision: {unpromoted} answers as champion, but no model has been promoted here, so there is nothing to judge it by"
        yield Alarm(
            "champion:none",
            cause,
            "import labelled messages with `python -m services.labels corpus FILE`, then `python retrain/run.py run`",
        )


def _windows(facts: state.Facts) -> Iterator[Alarm]:
    """Windows that do not come out, once for one cause: a roll-up that fails and a partition that
    is stuck are told by themselves.
    """
    minute, clock, partitions = facts.output.minute, facts.output.clock, facts.partitions
    if any(p.stuck for p in partitions) or any(one.name == stage.ROLLUP for one in facts.stages):
        return
    # In a long catch-up a minute may wait its turn, but the clock moves.
    rests = clock is None or clock.still_s > IDLE_OUTPUT_S
    if minute is not None and minute.age_s > IDLE_OUTPUT_S and rests:
        cause = f"logs are counted and no window comes out: the minute {minute.name} has waited for the roll-up since {_utc(minute.since)}"
        yield Alarm(f"rollup:waiting:{minute.since.isoformat()}", cause, remedy(stage.ROLLUP))


def clock_held(facts: state.Facts) -> Alarm | None:
    """Logs are counted and the stream's clock does not follow them; how long, nobody records. A
    stuck partition is told by itself.
    """
    clock, partitions = facts.output.clock, facts.partitions
    ahead = max((p.max_event_ts for p in partitions if p.max_event_ts), default=None)
    if clock is None or ahead is None or ahead - clock.watermark <= HELD:
        return None
    if any(p.stuck for p in partitions) or any(one.name == stage.ROLLUP for one in facts.stages):
        return None
    cause = (
        f"the stream's clock stands at {_utc(clock.watermark)},"
        f" though logs up to {_utc(ahead)} have been counted for over {_IDLE_MINUTES} minutes"
    )
    unread = ", ".join(f"{p.part} ({p.lag} unread)" for p in partitions if p.lag)
    if unread:
        where = (
            f"partitions {unread} hold it; read the stream worker's log:"
            " it says what it waits for; then restart it"
        )
    else:
        where = (
            "no partition holds it, so nobody rolls up;"
            " `python -m services.doctor streams` says who should; restart that stream worker"
        )
    return Alarm(
        f"clock:held:{clock.watermark.isoformat()}",
        cause,
        f"no window is complete meanwhile; {where}",
    )


@dataclass(slots=True)
class Lasting:
    """Since when one scheduler has seen what nobody records the beginning of, in seconds of its
    monotonic clock, by the key of the alarm.
    """

    since_s: dict[str, float] = field(default_factory=dict)

    def alarms(self, facts: state.Facts, now_s: float) -> Iterator[Alarm]:
        """The hour that has been due longest, and a clock that does not follow the logs, where the
        same one has lasted too long.
        """
        oldest = min(facts.output.due, default=None)
        seen = (None if oldest is None else hour_waiting(oldest), clock_held(facts))
        by_key = {alarm.key: alarm for alarm in seen if alarm is not None}
        self.since_s = {key: self.since_s.get(key, now_s) for key in by_key}
        for key, alarm in by_key.items():
            if now_s - self.since_s[key] > IDLE_OUTPUT_S:
                yield alarm


def hour_waiting(end: dt.datetime) -> Alarm:
    """The hour that ends there is due, and nobody judges it."""
    cause = (
        f"windows come and no decision: the hour that ended {_utc(end)}"
        f" has been due for over {_IDLE_MINUTES} minutes"
    )
    return Alarm(f"hour:waiting:{end.isoformat()}", cause, remedy(stage.SCHEDULER))


def hour_set_aside(hour: state.Aside, error: str, tries: int) -> Alarm:
    """An hour could not be judged, and nobody tries any more."""
    cause = f"the hour that ended {_utc(hour.end)} is set aside: judging it failed {tries} times ({error}); it has no decision, later hours have theirs"
    remedy = f"read the scheduler's log; when the cause is mended, `python -m services.scheduler again {times.rfc3339(hour.end)}` judges it"
    return Alarm(hour.key, cause, remedy)


def unattended(last: state.Beat | None) -> Alarm | None:
    """The dead man's alarm, told by the notifier: no scheduler ticks, so nothing is judged and no
    other alarm is raised. None before the first tick ever.
    """
    if last is None or last.age_s <= UNATTENDED_S:
        return None
    cause = f"no scheduler has ticked since {_utc(last.at)}: nothing is judged, decided or watched"
    remedy = "start `python -m services.scheduler`; it catches up by itself. `python -m services.doctor scheduler`"
    return Alarm(f"scheduler:dead:{last.at.isoformat()}", cause, remedy)


def standing(facts: state.Facts) -> set[str]:
    """The keys of all alarms whose cause still holds, also of those the stream worker raises when
    it stops at bad records.
    """
    dead = unattended(facts.beat)
    topics = {p.topic for p in facts.partitions}
    stopped = {
        f"{topic}:bad:{sum(p.bad_until for p in facts.partitions if p.topic == topic)}"
        for topic in topics
    }
    hours = {hour.key for hour in facts.output.set_aside} | {
        hour_waiting(end).key for end in facts.output.due
    }
    held = clock_held(facts)
    alone = {alarm.key for alarm in (dead, held) if alarm is not None}
    return stopped | hours | alone | {alarm.key for alarm in alarms(facts)}


def _utc(at: dt.datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
