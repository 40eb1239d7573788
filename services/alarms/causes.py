"""Pure. What should move and does not: partitions, logs, windows, decisions, runs, and the stages
that loop. Each is an alarm with its remedy.
"""

import datetime as dt
import math
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from schemas import messages, times, windows
from services.alarms import state, transactions
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

_OF_NO_TOPIC: Final = (
    "annotator:",
    "champion:",
    "clock:",
    "hour:",
    "rollup:",
    "run:",
    "scheduler:",
    "stage:",
)
_DOCTOR = "`python -m services.doctor` names what is missing"
_READ_LOG: Final = {
    stage.ROLLUP: "no window comes out meanwhile;"
    " read the stream worker's log; `python -m services.doctor streams`",
    stage.SCHEDULER: "nothing is decided meanwhile;"
    " read the scheduler's log; `python -m services.doctor scheduler`",
    stage.NOTIFIER: "no message leaves meanwhile;"
    " read the notifier's log; `python -m services.doctor notifier`",
    stage.GATEWAY: "the model before it keeps serving, where there was one;"
    " read the gateway's log; look at the model's directory under INTENTWATCH_MODELS",
    stage.RETRAIN: "no run goes on meanwhile;"
    " read the retrain worker's log; `python -m services.doctor retrain`",
}


def remedy(name: str) -> str:
    """What to do about a stage that fails; its name may go on after the first word."""
    process = name.split()[0]
    return _READ_LOG.get(process, f"read the log of {name}")


def newest(partitions: Sequence[state.Partition]) -> state.Partition | None:
    """The partition that moved last; None before the first record."""
    begun = [p for p in partitions if p.high_watermark or p.next_offset]
    return min(begun, key=lambda p: p.still_s, default=None)


def missing(partitions: Sequence[state.Partition]) -> state.Partition | None:
    """The partition whose record was the last one to come, if that is too long ago; None while
    records wait unread: then they do come.
    """
    last = newest(partitions)
    if last is None or last.still_s <= MISSING_S:
        return None
    unread = any(p.lag or p.behind_open for p in partitions)
    return None if unread else last


def pause(clock: dt.datetime, newest_end: dt.datetime | None) -> tuple[str, str] | None:
    """That the stream has gone on and no hour has been complete for long, and when the next one
    will be; None while hours come.
    """
    if newest_end is None or clock - newest_end <= BEHIND:
        return None
    hour = windows.STEPS["1h"]
    next_end = windows.floor(clock, hour) + hour
    cause = (
        f"no hour has been complete since {_utc(newest_end)},"
        f" and the stream's clock stands at {_utc(clock)}"
    )
    outlook = (
        f"nothing is judged meanwhile; the next hour ends at {_utc(next_end)},"
        " and is complete when a log of after it is counted"
    )
    return cause, outlook


def alarms(facts: state.Facts, watched_s: float = math.inf) -> Iterator[Alarm]:
    """Everything that should move and does not: the key holds what ends it, such as the next offset
    or the next record.

    watched_s: for how long somebody has looked. What has waited since before, through a stop of
    everything, has not had its turn yet.
    """
    yield from _partitions(facts.partitions)
    yield from failing(facts.stages)
    for one in facts.output.distrusted:
        yield distrusted(one)
    if watched_s > IDLE_OUTPUT_S:
        yield from _output(facts)


def distrusted(one: state.Distrusted) -> Alarm:
    """An annotator's labels do not count; who, and why."""
    name = one.source.annotator
    return Alarm(
        one.key,
        f"annotator {name} is set aside: {one.source.said}",
        "their labels count neither in accuracy nor in training; talk to them, let somebody"
        " label these messages again; `python -m services.labels status`",
    )


def _partitions(partitions: Sequence[state.Partition]) -> Iterator[Alarm]:
    for p in partitions:
        if p.stuck:
            yield _stuck(p)
        elif transactions.hanging(p):
            yield transactions.alarm(p)

    dying = [p for p in partitions if p.stalls >= DYING]
    if dying:
        yield _dying(dying)

    last = missing(partitions)
    if last is not None:
        yield Alarm(
            f"{last.topic}:missing:{last.moved_at.isoformat()}",
            f"{last.topic}: no serving log has come since {_utc(last.moved_at)}",
            f"is the gateway serving, and does a stream worker run? {_DOCTOR}",
        )


def _stuck(p: state.Partition) -> Alarm:
    place = f"{p.topic}/{p.part}"
    return Alarm(
        f"{place}:stuck:{p.next_offset}",
        f"{place} stands still at offset {p.next_offset}"
        f" with {p.lag} records unread, since {_utc(p.moved_at)}",
        "run `python -m services.doctor streams`; read the stream worker's log and restart it",
    )


def _dying(partitions: Sequence[state.Partition]) -> Alarm:
    """Once a day: one worker holds many partitions, and their offsets may move between two of its
    deaths.
    """
    first = partitions[0]
    deaths = max(p.stalls for p in partitions)
    parts = ", ".join(str(p.part) for p in partitions)
    return Alarm(
        f"{first.topic}:dying:{first.moved_at:%Y-%m-%d}",
        f"the stream worker has ended {deaths} times in a row"
        f" soon after it took partitions {parts} of {first.topic}",
        "read the end of its log: the last line says why it ended",
    )


def failing(stages: Sequence[stage.Failing]) -> Iterator[Alarm]:
    """The stages whose rounds have failed for too long."""
    for one in stages:
        if one.failing_s > FAILING_S:
            yield Alarm(
                f"stage:{one.name}:{one.since.isoformat()}",
                f"{one.name} has failed since {_utc(one.since)},"
                f" {one.failures} times in a row: {one.error}",
                remedy(one.name),
            )


def _output(facts: state.Facts) -> Iterator[Alarm]:
    yield from _windows(facts)

    run = facts.output.run
    if run is not None and run.age_s > IDLE_OUTPUT_S:
        since = _utc(run.since)
        yield Alarm(
            f"run:waiting:{run.name}:{run.since.isoformat()}",
            f"run {run.name} has waited since {since} and no retrain worker is there",
            "start `python retrain/run.py work`",
        )

    unpromoted = facts.output.unpromoted
    if unpromoted is not None:
        yield Alarm(
            "champion:none",
            f"windows come and no decision: {unpromoted} answers as champion, but no model"
            " has been promoted here, so there is nothing to judge it by",
            "import labelled messages with `python -m services.labels corpus FILE`,"
            " then `python retrain/run.py run`",
        )


def _windows(facts: state.Facts) -> Iterator[Alarm]:
    """Windows that do not come out, once for one cause: a roll-up that fails and a partition that
    is stuck are told by themselves.
    """
    if _told_by_itself(facts):
        return
    minute, clock = facts.output.minute, facts.output.clock
    # In a long catch-up a minute may wait its turn, but the clock moves.
    rests = clock is None or clock.still_s > IDLE_OUTPUT_S
    if minute is not None and minute.age_s > IDLE_OUTPUT_S and rests:
        yield Alarm(
            f"rollup:waiting:{minute.since.isoformat()}",
            f"logs are counted and no window comes out: the minute {minute.name}"
            f" has waited for the roll-up since {_utc(minute.since)}",
            remedy(stage.ROLLUP),
        )


def _told_by_itself(facts: state.Facts) -> bool:
    """Whether another alarm says why no window comes out."""
    if any(p.stuck for p in facts.partitions):
        return True
    return any(one.name == stage.ROLLUP for one in facts.stages)


def clock_held(facts: state.Facts) -> Alarm | None:
    """Logs are counted and the stream's clock does not follow them; how long, nobody records. A
    stuck partition is told by itself.
    """
    clock = facts.output.clock
    logs = [p.max_event_ts for p in facts.partitions if p.max_event_ts]
    if clock is None or not logs or _told_by_itself(facts):
        return None
    watermark, ahead = clock.watermark, max(logs)
    if ahead - watermark <= HELD:
        return None
    return Alarm(
        f"clock:held:{watermark.isoformat()}",
        f"the stream's clock stands at {_utc(watermark)},"
        f" though logs up to {_utc(ahead)} have been counted for over {_IDLE_MINUTES} minutes",
        f"no window is complete meanwhile; {_holding(facts.partitions)}",
    )


def _holding(partitions: Sequence[state.Partition]) -> str:
    """Who holds the clock, and what to do about it."""
    unread = [f"{p.part} ({p.lag} unread)" for p in partitions if p.lag]
    if unread:
        return (
            f"partitions {', '.join(unread)} hold it; read the stream worker's log:"
            " it says what it waits for; then restart it"
        )
    return (
        "no partition holds it, so nobody rolls up;"
        " `python -m services.doctor streams` says who should; restart that stream worker"
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
        seen = []
        if facts.output.due:
            oldest = min(facts.output.due)
            seen.append(hour_waiting(oldest))
        held = clock_held(facts)
        if held is not None:
            seen.append(held)

        # What is not seen any more is forgotten: seen again, its time begins anew.
        self.since_s = {alarm.key: self.since_s.get(alarm.key, now_s) for alarm in seen}
        for alarm in seen:
            if now_s - self.since_s[alarm.key] > IDLE_OUTPUT_S:
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
    again = f"`python -m services.scheduler again {times.rfc3339(hour.end)}`"
    return Alarm(
        hour.key,
        f"the hour that ended {_utc(hour.end)} is set aside: judging it failed {tries} times"
        f" ({error}); it has no decision, later hours have theirs",
        f"read the scheduler's log; when the cause is mended, {again} judges it",
    )


def unattended(last: state.Beat | None) -> Alarm | None:
    """The dead man's alarm, told by the notifier: no scheduler ticks, so nothing is judged and no
    other alarm is raised. None before the first tick ever.
    """
    if last is None or last.age_s <= UNATTENDED_S:
        return None
    return Alarm(
        f"scheduler:dead:{last.at.isoformat()}",
        f"no scheduler has ticked since {_utc(last.at)}: nothing is judged, decided or watched",
        "start `python -m services.scheduler`; it catches up by itself."
        " `python -m services.doctor scheduler`",
    )


def standing(facts: state.Facts) -> set[str]:
    """The keys of all alarms whose cause still holds, also of those the stream worker raises when
    it stops at bad records.
    """
    keys = {alarm.key for alarm in alarms(facts)}
    for alarm in (unattended(facts.beat), clock_held(facts)):
        if alarm is not None:
            keys.add(alarm.key)
    for hour in facts.output.set_aside:
        keys.add(hour.key)
    for end in facts.output.due:
        keys.add(hour_waiting(end).key)

    if facts.output.newest_run is not None:
        keys.add(messages.aside_key(facts.output.newest_run))
    # The stream worker names its alarm after all the bad records that were accepted of a topic.
    bad_until: Counter[str] = Counter()
    topic_ids: dict[str, str] = {}
    for p in facts.partitions:
        bad_until[p.topic] += p.bad_until
        topic_ids[p.topic] = topic_ids.get(p.topic) or p.topic_id
    for topic, total in bad_until.items():
        keys.add(messages.bad_key(topic, topic_ids[topic], total))
    return keys


def about(key: str, topic: str | None) -> bool:
    """Whether an alarm is of this topic, or of what is no topic's; any is of None."""
    if topic is None:
        return True
    return key.startswith((*_OF_NO_TOPIC, f"{topic}:", f"{topic}/"))


def holds(key: str, facts: state.Facts, keys: Collection[str]) -> bool:
    """Whether the cause of a told alarm still holds; `keys`: those of `standing`.

    A worker that ended is back when one beats and has settled on every partition.
    """
    if messages.ENDED not in key:
        return key in keys
    clock = facts.output.clock
    beats = clock is not None and clock.beat_s <= UNATTENDED_S
    return not beats or any(p.stalls for p in facts.partitions)


def _utc(at: dt.datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
