"""What should move and does not is told once a stall; what merely rests is not told at all."""

import dataclasses
import datetime as dt
from typing import Any

import pytest

from schemas import decisions, messages
from services.alarms import causes, state
from services.doctor import findings
from streams.stages import stage

AT = dt.datetime(2026, 4, 20, 10, tzinfo=dt.UTC)
FRESH = state.Partition(
    "t", 0, next_offset=50, high_watermark=50, bad_until=0, moved_at=AT, still_s=1.0
)
RESTING = dataclasses.replace(FRESH, part=1, still_s=3600.0)
UNREAD = dataclasses.replace(FRESH, part=2, high_watermark=60, still_s=30.0)
STUCK = dataclasses.replace(UNREAD, part=3, still_s=61.0)
EMPTY = dataclasses.replace(FRESH, part=4, next_offset=0, high_watermark=0, still_s=9999.0)


def clock(watermark: dt.datetime, still_s: float) -> state.Clock:
    return state.Clock(watermark, still_s, behind_s=0.0, beat_s=0.0)


def keys(*partitions: state.Partition) -> list[str]:
    return [alarm.key for alarm in causes.alarms(state.Facts(partitions))]


@pytest.mark.parametrize(
    "partitions", [(), (EMPTY,), (FRESH,), (FRESH, RESTING), (FRESH, UNREAD), (UNREAD, RESTING)]
)
def test_nothing_is_told_of_what_rests_or_moves(partitions: tuple[state.Partition, ...]) -> None:
    assert keys(*partitions) == []
    assert findings.stuck(partitions).status == "ok"
    assert findings.arrivals(partitions).status == "ok"


def test_a_stuck_partition_is_one_alarm_for_each_stall() -> None:
    assert keys(FRESH, STUCK) == ["t/3:stuck:50"]
    assert keys(FRESH, dataclasses.replace(STUCK, high_watermark=99, still_s=600.0)) == [
        "t/3:stuck:50"
    ]
    assert keys(FRESH, dataclasses.replace(STUCK, next_offset=55)) == ["t/3:stuck:55"]
    finding = findings.stuck([FRESH, STUCK])
    assert finding.status == "fail"
    assert "partition 3 at offset 50 for 61 s with 10 unread" in finding.detail


def test_a_silence_is_one_alarm_until_the_next_log() -> None:
    silent = dataclasses.replace(FRESH, still_s=causes.MISSING_S + 1)
    (alarm,) = causes.alarms(state.Facts([silent, RESTING, EMPTY]))
    assert alarm.key == "t:missing:2026-04-20T10:00:00+00:00"
    assert "since 2026-04-20 10:00:00 UTC" in alarm.cause
    assert keys(dataclasses.replace(silent, still_s=causes.MISSING_S + 600)) == [alarm.key]
    assert keys(dataclasses.replace(silent, moved_at=AT + dt.timedelta(hours=1), still_s=3.0)) == []
    assert findings.arrivals([silent]).status == "warn"


def test_records_that_wait_unread_are_no_silence() -> None:
    assert keys(dataclasses.replace(STUCK, still_s=9999.0)) == ["t/3:stuck:50"]


def test_a_scheduler_silent_for_a_minute_is_dead_and_one_that_never_ticked_is_not_started() -> None:
    late = state.Beat(AT, causes.UNATTENDED_S + 1)
    alarm = causes.unattended(late)
    assert alarm is not None
    assert "since 2026-04-20 10:00:00 UTC" in alarm.cause
    assert causes.standing(state.Facts(beat=late)) == {alarm.key}
    assert causes.unattended(state.Beat(AT, 5.0)) is None
    assert causes.unattended(None) is None
    assert findings.scheduler(0, 5.0, late).status == "fail"
    assert findings.scheduler(0, 5.0, state.Beat(AT, 5.0)).status == "ok"


def test_an_alarm_stands_until_what_it_tells_of_has_changed() -> None:
    assert causes.standing(state.Facts([FRESH, STUCK])) == {"t:bad:0", "t/3:stuck:50"}
    assert causes.standing(
        state.Facts([FRESH, dataclasses.replace(STUCK, bad_until=60, next_offset=60)])
    ) == {"t:bad:60"}


def stands(**output: Any) -> list[str]:
    """The keys of the alarms on this output, beside a partition that is all right."""
    newest_log = dataclasses.replace(FRESH, max_event_ts=AT)
    return [
        alarm.key
        for alarm in causes.alarms(state.Facts([newest_log], output=state.Output(**output)))
    ]


def waits(name: str, age_s: float) -> state.Waiting:
    return state.Waiting(name, AT, age_s)


def test_an_owner_that_ends_again_and_again_is_told_at_the_third_time() -> None:
    assert keys(dataclasses.replace(FRESH, stalls=2)) == []
    assert keys(dataclasses.replace(FRESH, stalls=3)) == ["t:dying:2026-04-20"]
    twelve = [
        dataclasses.replace(FRESH, part=part, next_offset=50 + part, stalls=3) for part in range(12)
    ]
    assert keys(*twelve) == ["t:dying:2026-04-20"], "one worker, one alarm"


def test_a_stage_that_this_version_does_not_know_hides_no_alarm() -> None:
    new = stage.Failing("courier", AT, 61.0, 9, "KeyError: 'x'")
    (alarm,) = causes.alarms(state.Facts(stages=[new]))
    assert alarm.remedy == "read the log of courier"


def test_a_stage_that_fails_for_a_minute_is_told_once_for_each_time() -> None:
    short = stage.Failing("rollup", AT, causes.FAILING_S, 9, "KeyError: 'x'")
    assert list(causes.alarms(state.Facts(stages=[short]))) == []
    for name in (
        stage.ROLLUP,
        stage.SCHEDULER,
        stage.NOTIFIER,
        stage.RETRAIN,
        f"{stage.GATEWAY} champion",
    ):
        (alarm,) = causes.alarms(
            state.Facts(stages=[dataclasses.replace(short, name=name, failing_s=61.0)])
        )
        assert alarm.key == f"stage:{name}:2026-04-20T10:00:00+00:00"
        assert (
            alarm.cause
            == f"{name} has failed since 2026-04-20 10:00:00 UTC, 9 times in a row: KeyError: 'x'"
        )
        assert "log" in alarm.remedy
        assert findings.failing(dataclasses.replace(short, name=name)).status == "fail"


def test_logs_that_are_counted_and_come_out_in_no_window_are_told_after_three_minutes() -> None:
    assert stands(minute=waits("2026-04-20T09:58:00Z", causes.IDLE_OUTPUT_S)) == []
    late = waits("2026-04-20T09:58:00Z", causes.IDLE_OUTPUT_S + 1)
    assert stands(minute=late) == ["rollup:waiting:2026-04-20T10:00:00+00:00"]
    assert stands(minute=late, clock=clock(AT, 1.0)) == [], (
        "a long catch-up: the minute waits its turn"
    )
    assert stands(minute=late, clock=clock(AT, causes.IDLE_OUTPUT_S + 1)) == [
        "rollup:waiting:2026-04-20T10:00:00+00:00"
    ]


def test_what_waited_through_a_stop_of_everything_has_its_turn_first() -> None:
    output = state.Output(minute=waits("2026-04-20T09:58:00Z", 3600.0), run=waits("ft_1", 3600.0))
    assert list(causes.alarms(state.Facts(output=output), watched_s=5.0)) == []
    assert (
        len(list(causes.alarms(state.Facts(output=output), watched_s=causes.IDLE_OUTPUT_S + 1)))
        == 2
    )


def test_a_roll_up_that_fails_is_told_by_itself() -> None:
    facts = state.Facts(
        stages=[stage.Failing("rollup", AT, 61.0, 9, "x")],
        output=state.Output(minute=waits("2026-04-20T09:58:00Z", 3600.0)),
    )
    assert [alarm.key for alarm in causes.alarms(facts)] == [
        "stage:rollup:2026-04-20T10:00:00+00:00"
    ]


def ahead(part: int = 0, lag: int = 0, **more: object) -> state.Partition:
    """A partition whose newest log is of `AT`."""
    return dataclasses.replace(FRESH, part=part, high_watermark=50 + lag, max_event_ts=AT, **more)  # type: ignore[arg-type]


def held(facts: state.Facts, *looks_s: float) -> list[messages.AlarmRaised]:
    """What a scheduler tells at the last of its looks."""
    lasting = causes.Lasting()
    for at in looks_s:
        told = list(lasting.alarms(facts, at))
    return told


BEHIND = state.Output(clock=clock(AT - dt.timedelta(minutes=6), still_s=9000.0))


def test_a_clock_stands_when_logs_have_been_counted_for_three_minutes_without_it() -> None:
    facts = state.Facts([ahead(), ahead(part=3, lag=7, still_s=30.0)], output=BEHIND)
    assert held(facts, 0.0, causes.IDLE_OUTPUT_S) == []
    (alarm,) = held(facts, 0.0, causes.IDLE_OUTPUT_S + 1)
    assert alarm.key == "clock:held:2026-04-20T09:54:00+00:00"
    assert (
        "stands at 2026-04-20 09:54:00 UTC, though logs up to 2026-04-20 10:00:00 UTC"
        in alarm.cause
    )
    assert "partitions 3 (7 unread) hold it; read the stream worker's log" in alarm.remedy
    assert alarm.key in causes.standing(facts)
    assert causes.standing(
        dataclasses.replace(facts, output=state.Output(clock=clock(AT, 0.0)))
    ) == {"t:bad:0"}, "over once it has moved"


def test_a_standing_clock_that_no_partition_holds_has_a_step_too() -> None:
    (alarm,) = held(state.Facts([ahead()], output=BEHIND), 0.0, causes.IDLE_OUTPUT_S + 1)
    assert (
        "no partition holds it, so nobody rolls up; `python -m services.doctor streams`"
        in alarm.remedy
    )


def test_the_first_logs_after_a_lull_are_no_fault() -> None:
    lasting, lull = (
        causes.Lasting(),
        state.Facts([ahead()], output=state.Output(clock=clock(AT, still_s=3600.0))),
    )
    assert list(lasting.alarms(lull, 0.0)) == []
    # Counted this second; the clock stood through the night, and moves with the next roll-up.
    woken = state.Facts([ahead()], output=BEHIND)
    assert list(lasting.alarms(woken, 3600.0)) == []
    assert list(lasting.alarms(lull, 3605.0)) == []
    assert list(lasting.alarms(woken, 9000.0)) == [], "another lull, counted anew"


def test_a_clock_behind_a_stuck_partition_is_told_once() -> None:
    stuck = dataclasses.replace(STUCK, max_event_ts=AT)
    facts = state.Facts([stuck], output=BEHIND)
    assert held(facts, 0.0, 9000.0) == []
    assert [alarm.key for alarm in causes.alarms(facts)] == ["t/3:stuck:50"]


def test_a_stream_that_goes_on_without_a_complete_hour_is_named() -> None:
    assert findings.judged(AT + dt.timedelta(hours=2), AT).status == "ok"
    finding = findings.judged(AT + dt.timedelta(hours=2, minutes=1), AT)
    assert (
        finding.status,
        "no hour has been complete since 2026-04-20 10:00:00 UTC" in finding.detail,
    ) == ("warn", True)
    assert "the next hour ends at 2026-04-20 13:00:00 UTC" in (finding.remedy or "")
    assert "nothing has been judged" in findings.judged(AT, None).detail


def test_windows_without_a_decision_are_told_once_for_each_hour() -> None:
    lasting, later = causes.Lasting(), AT + dt.timedelta(hours=1)

    def due(*ends: dt.datetime) -> state.Facts:
        return state.Facts(output=state.Output(due=ends))

    assert list(lasting.alarms(due(), 0.0)) == []
    assert list(lasting.alarms(due(later, AT), 10.0)) == []
    assert list(lasting.alarms(due(AT), 10.0 + causes.IDLE_OUTPUT_S)) == []
    (alarm,) = lasting.alarms(due(AT, later), 11.0 + causes.IDLE_OUTPUT_S)
    assert alarm.key in causes.standing(due(AT))
    assert list(lasting.alarms(due(later), 12.0 + causes.IDLE_OUTPUT_S)) == [], (
        "another hour waits from now on"
    )
    assert alarm.key not in causes.standing(due(later))


def test_a_run_without_a_worker_and_logs_without_a_champion_are_told() -> None:
    assert stands(run=waits("ft_1", 9.0)) == []
    assert stands(run=waits("ft_1", causes.IDLE_OUTPUT_S + 1)) == [
        "run:waiting:ft_1:2026-04-20T10:00:00+00:00"
    ]
    assert stands(unpromoted="v14") == ["champion:none"]


def test_an_hour_set_aside_stands_until_it_is_judged() -> None:
    hour = state.Aside(AT, AT + dt.timedelta(hours=2))
    alarm = causes.hour_set_aside(hour, "KeyError: 'x'", 3)
    assert "failed 3 times (KeyError: 'x')" in alarm.cause
    assert "python -m services.scheduler again 2026-04-20T10:00:00Z" in alarm.remedy
    assert alarm.key in causes.standing(state.Facts(output=state.Output(set_aside=[hour])))
    assert causes.standing(state.Facts()) == set()
    assert findings.set_aside([hour]).status == "warn"
    assert findings.set_aside([]).status == "ok"


def test_an_annotator_who_is_set_aside_is_an_alarm_once_a_week() -> None:
    liar = decisions.Aside(
        "a3", 61, 0.1, -0.77, -9.0, None, "recommendation", "product_discovery", 48, 120, 2
    )

    def alarm(at: dt.datetime) -> messages.AlarmRaised:
        output = state.Output(distrusted=[state.Distrusted(at, liar)])
        (raised,) = causes.alarms(state.Facts(output=output))
        return raised

    assert alarm(AT).cause == (
        "annotator a3 is set aside: calls recommendation product_discovery,"
        " 48 of 61; others 2 of 120"
    )
    assert alarm(AT).key == alarm(AT + dt.timedelta(days=6)).key
    assert alarm(AT).key != alarm(AT + dt.timedelta(days=7)).key
    assert alarm(AT).key in causes.standing(
        state.Facts(output=state.Output(distrusted=[state.Distrusted(AT, liar)]))
    )
