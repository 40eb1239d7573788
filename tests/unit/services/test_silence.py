"""What should move and does not is told once a stall; what merely rests is not told at all."""

import dataclasses
import datetime as dt

import pytest

from services import silence
from services.doctor import findings

AT = dt.datetime(2026, 4, 20, 10, tzinfo=dt.UTC)
FRESH = silence.Partition("t", 0, next_offset=50, high_watermark=50, bad_until=0, moved_at=AT, still_s=1.0)
RESTING = dataclasses.replace(FRESH, part=1, still_s=3600.0)
UNREAD = dataclasses.replace(FRESH, part=2, high_watermark=60, still_s=30.0)
STUCK = dataclasses.replace(UNREAD, part=3, still_s=61.0)
EMPTY = dataclasses.replace(FRESH, part=4, next_offset=0, high_watermark=0, still_s=9999.0)


def keys(*found: silence.Partition) -> list[str]:
    return [alarm.key for alarm in silence.alarms(found)]


@pytest.mark.parametrize("found", [(), (EMPTY,), (FRESH,), (FRESH, RESTING), (FRESH, UNREAD), (UNREAD, RESTING)])
def test_nothing_is_told_of_what_rests_or_moves(found: tuple[silence.Partition, ...]) -> None:
    assert keys(*found) == []
    assert findings.stuck(found).status == "ok"
    assert findings.arrivals(found).status == "ok"


def test_a_stuck_partition_is_one_alarm_for_each_stall() -> None:
    assert keys(FRESH, STUCK) == ["t/3:stuck:50"]
    assert keys(FRESH, dataclasses.replace(STUCK, high_watermark=99, still_s=600.0)) == ["t/3:stuck:50"]
    assert keys(FRESH, dataclasses.replace(STUCK, next_offset=55)) == ["t/3:stuck:55"]
    found = findings.stuck([FRESH, STUCK])
    assert (found.status, "partition 3 at offset 50 for 61 s with 10 unread" in found.detail) == ("fail", True)


def test_a_silence_is_one_alarm_until_the_next_log() -> None:
    silent = dataclasses.replace(FRESH, still_s=silence.MISSING_S + 1)
    (alarm,) = silence.alarms([silent, RESTING, EMPTY])
    assert alarm.key == "t:missing:2026-04-20T10:00:00+00:00"
    assert "since 2026-04-20 10:00:00 UTC" in alarm.cause
    assert keys(dataclasses.replace(silent, still_s=silence.MISSING_S + 600)) == [alarm.key]
    assert keys(dataclasses.replace(silent, moved_at=AT + dt.timedelta(hours=1), still_s=3.0)) == []
    assert findings.arrivals([silent]).status == "warn"


def test_records_that_wait_unread_are_no_silence() -> None:
    assert keys(dataclasses.replace(STUCK, still_s=9999.0)) == ["t/3:stuck:50"]


def test_a_scheduler_that_does_not_tick_for_a_minute_is_dead_and_one_that_never_did_is_not_started_yet() -> None:
    late = silence.Beat(AT, silence.UNATTENDED_S + 1)
    alarm = silence.unattended(late)
    assert alarm is not None
    assert "since 2026-04-20 10:00:00 UTC" in alarm.cause
    assert silence.standing([], late) == {alarm.key}
    assert silence.unattended(silence.Beat(AT, 5.0)) is None
    assert silence.unattended(None) is None
    assert findings.scheduler(0, 5.0, late).status == "fail"
    assert findings.scheduler(0, 5.0, silence.Beat(AT, 5.0)).status == "ok"


def test_an_alarm_stands_until_what_it_tells_of_has_changed() -> None:
    assert silence.standing([FRESH, STUCK]) == {"t:bad:0", "t/3:stuck:50"}
    assert silence.standing([FRESH, dataclasses.replace(STUCK, bad_until=60, next_offset=60)]) == {"t:bad:60"}
