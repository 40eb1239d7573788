"""Which silence is told and which is rest: partitions, logs, hours and schedulers at the very
instants at which rest becomes an alarm.
"""

import dataclasses
import datetime as dt
import math
import random

import builders
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alarms import causes, state
from streams.stages import stage

AT = builders.AT
HOUR = dt.timedelta(hours=1)
SECOND = dt.timedelta(seconds=1)


def partition(part: int = 0, *, lag: int = 0, still_s: float = 1.0) -> state.Partition:
    """Fifty records were read, and `lag` more wait."""
    return state.Partition("t", part, 50, 50 + lag, 0, AT, still_s)


EMPTY = state.Partition("t", 9, 0, 0, 0, AT, 9e9)
PARTITIONS = st.lists(
    st.builds(partition, st.integers(0, 11), lag=st.integers(0, 5), still_s=st.floats(0, 3600)),
    max_size=8,
)


@pytest.mark.parametrize(
    ("read", "written", "lag"),
    [(0, 0, 0), (50, 50, 0), (50, 51, 1), (51, 50, 0)],
)
def test_what_is_unread_is_never_less_than_nothing(read: int, written: int, lag: int) -> None:
    """A topic that was made anew may end before what was read of the old one."""
    topic = state.Partition("t", 0, read, written, 0, AT, 999.0)

    assert (topic.lag, topic.stuck) == (lag, lag > 0)


@pytest.mark.parametrize(
    ("lag", "still_s", "stuck"),
    [(1, 60.0, False), (1, 60.1, True), (0, 3600.0, False), (1, 0.0, False)],
)
def test_unread_records_that_stand_for_over_a_minute_are_stuck(
    lag: int, still_s: float, *, stuck: bool
) -> None:
    assert partition(lag=lag, still_s=still_s).stuck is stuck


def test_the_newest_record_is_the_one_that_moved_last_and_an_empty_partition_has_none() -> None:
    first, second = partition(1, still_s=30.0), partition(2, still_s=20.0)

    assert causes.newest([]) is None
    assert causes.newest([EMPTY]) is None
    assert causes.newest([first, EMPTY, second]) is second


@given(PARTITIONS, st.randoms(use_true_random=False))
def test_the_order_of_partitions_changes_no_alarm(
    partitions: list[state.Partition], order: random.Random
) -> None:
    other = list(partitions)
    order.shuffle(other)

    keys = [
        {alarm.key for alarm in causes.alarms(state.Facts(each))} for each in (partitions, other)
    ]
    assert keys[0] == keys[1]


@given(PARTITIONS)
def test_every_alarm_that_is_told_stands(partitions: list[state.Partition]) -> None:
    """Else it would be over as soon as it is told."""
    facts = state.Facts(partitions)

    assert {alarm.key for alarm in causes.alarms(facts)} <= causes.standing(facts)


@given(PARTITIONS)
def test_every_alarm_has_a_cause_and_a_step(partitions: list[state.Partition]) -> None:
    for alarm in causes.alarms(state.Facts(partitions)):
        assert alarm.cause
        assert alarm.remedy


def test_logs_are_missing_after_a_quarter_of_an_hour_without_any() -> None:
    assert causes.missing([partition(still_s=900.0)]) is None
    silent = partition(still_s=900.1)
    assert causes.missing([silent]) is silent
    assert causes.missing([silent, partition(1, still_s=1.0)]) is None
    assert causes.missing([silent, partition(1, lag=1, still_s=5000.0)]) is None, (
        "records that wait unread have come"
    )


@pytest.mark.parametrize(
    ("clock", "end", "paused"),
    [
        (AT, None, False),
        (AT, AT, False),
        (AT + 2 * HOUR, AT, False),
        (AT + 2 * HOUR + SECOND, AT, True),
        (AT - 5 * HOUR, AT, False),  # a stream that is read again from its beginning
    ],
)
def test_a_stream_pauses_where_no_hour_was_complete_for_over_two(
    clock: dt.datetime, end: dt.datetime | None, *, paused: bool
) -> None:
    assert (causes.pause(clock, end) is not None) is paused


@pytest.mark.parametrize(
    ("clock", "next_end"),
    [
        (AT + 3 * HOUR, "2026-04-20 04:00:00 UTC"),
        (AT + 3 * HOUR - SECOND, "2026-04-20 03:00:00 UTC"),
        (dt.datetime(2028, 2, 29, 23, 30, tzinfo=dt.UTC), "2028-03-01 00:00:00 UTC"),
    ],
)
def test_a_pause_says_when_the_next_hour_ends(clock: dt.datetime, next_end: str) -> None:
    paused = causes.pause(clock, AT)

    assert paused is not None
    assert f"the next hour ends at {next_end}" in paused[1]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (stage.ROLLUP, "no window comes out meanwhile"),
        (stage.SCHEDULER, "nothing is decided meanwhile"),
        (stage.NOTIFIER, "no message leaves meanwhile"),
        (stage.RETRAIN, "no run goes on meanwhile"),
        (f"{stage.GATEWAY} champion", "the model before it keeps serving"),
        (f"{stage.GATEWAY} <b> of\nv2", "the model before it keeps serving"),
        ("rollups", "read the log of rollups"),  # another name that only begins alike
    ],
)
def test_a_stage_that_fails_has_its_own_step(name: str, says: str) -> None:
    assert causes.remedy(name).startswith(says)


@pytest.mark.parametrize(
    ("age_s", "dead"), [(0.0, False), (60.0, False), (60.1, True), (math.inf, True)]
)
def test_a_scheduler_is_dead_after_a_minute_without_a_tick(age_s: float, *, dead: bool) -> None:
    alarm = causes.unattended(state.Beat(AT, age_s))

    assert (alarm is not None) is dead
    if alarm is not None:
        assert alarm.key == "scheduler:dead:2026-04-20T00:00:00+00:00"


def test_the_dead_mans_alarm_is_one_for_each_death() -> None:
    first = causes.unattended(state.Beat(AT, 61.0))
    still = causes.unattended(state.Beat(AT, 6000.0))
    second = causes.unattended(state.Beat(AT + HOUR, 61.0))

    assert first is not None
    assert still is not None
    assert second is not None
    assert first == still
    assert first.key != second.key


def test_several_partitions_of_one_worker_that_dies_are_one_alarm_with_the_most_deaths() -> None:
    dying = [
        dataclasses.replace(partition(part), stalls=stalls) for part, stalls in ((3, 4), (5, 7))
    ]

    (alarm,) = causes.alarms(state.Facts(dying))

    assert alarm.key == "t:dying:2026-04-20"
    assert alarm.cause == (
        "the stream worker has ended 7 times in a row soon after it took partitions 3, 5 of t"
    )


def test_an_hour_that_is_set_aside_again_is_told_again() -> None:
    first = state.Aside(AT, AT + HOUR)
    again = state.Aside(AT, AT + 2 * HOUR)

    assert first.key != again.key
    assert first.key == state.Aside(AT, AT + HOUR).key


def test_only_the_oldest_hour_that_waits_is_told() -> None:
    """Its judging takes the others along; a second alarm would say nothing more."""
    facts = state.Facts(output=state.Output(due=[AT + HOUR, AT, AT + 2 * HOUR]))
    lasting = causes.Lasting()

    assert list(lasting.alarms(facts, 0.0)) == []
    (alarm,) = lasting.alarms(facts, causes.IDLE_OUTPUT_S + 1)
    assert alarm == causes.hour_waiting(AT)
    assert "the hour that ended 2026-04-20 00:00:00 UTC has been due for over 3 minutes" in (
        alarm.cause
    )


def test_the_bad_records_of_one_topic_are_counted_together_and_apart_from_another() -> None:
    def of(topic: str, part: int, bad: int) -> state.Partition:
        return dataclasses.replace(partition(part), topic=topic, bad_until=bad)

    facts = state.Facts([of("a", 0, 3), of("a", 1, 4), of("b", 0, 5)])

    assert causes.standing(facts) == {"a:bad:7", "b:bad:5"}


def test_nothing_at_all_is_nothing_to_tell() -> None:
    assert list(causes.alarms(state.Facts())) == []
    assert causes.standing(state.Facts()) == set()
    assert list(causes.Lasting().alarms(state.Facts(), 0.0)) == []
