"""Every alarm that opens closes: each kind has facts in which it holds, and facts in which it is
over. What tells of something that has happened never stands.
"""

import ast
import dataclasses
import datetime as dt

import pytest
import syntax

from schemas import decisions, messages
from services.alarms import causes, state
from streams.stages import stage

AT = dt.datetime(2026, 4, 20, 10, tzinfo=dt.UTC)
LATER = AT + dt.timedelta(hours=1)
WELL = state.Partition("t", 3, 50, 50, bad_until=0, moved_at=AT, still_s=1.0, max_event_ts=AT)
BEATS = state.Clock(AT, still_s=1.0, behind_s=0.0, beat_s=1.0)
GONE = dataclasses.replace(BEATS, beat_s=600.0)


def facts(*partitions: state.Partition, **more: object) -> state.Facts:
    """Those of a shop in which all is well, but for what is given."""
    output: dict[str, object] = {"clock": BEATS}
    beside = {name: more.pop(name) for name in ("beat", "stages") if name in more}
    made = state.Output(**(output | more))  # type: ignore[arg-type]
    return state.Facts(partitions or (WELL,), output=made, **beside)  # type: ignore[arg-type]


def waits(name: str) -> state.Waiting:
    return state.Waiting(name, AT, 3600.0)


def stuck(**changed: object) -> state.Partition:
    return dataclasses.replace(WELL, high_watermark=60, still_s=90.0, **changed)  # type: ignore[arg-type]


HELD = dataclasses.replace(WELL, max_event_ts=LATER)
ASIDE = state.Aside(AT, AT)
LIAR = state.Distrusted(AT, decisions.Aside("a3", 61, 0.2, -0.7, -9.0))
FAILING = stage.Failing(name="rollup", since=AT, failing_s=90.0, failures=7, error="boom")

# How each kind is called, the facts in which it holds, and those in which it is over.
KINDS = {
    "t/3:stuck:50": (facts(stuck()), facts(stuck(next_offset=55))),
    "t:missing:2026-04-20T10:00:00+00:00": (
        facts(dataclasses.replace(WELL, still_s=3600.0)),
        facts(dataclasses.replace(WELL, moved_at=LATER)),
    ),
    "t:dying:2026-04-20": (facts(dataclasses.replace(WELL, stalls=3)), facts()),
    "t/3:open:50": (
        facts(dataclasses.replace(WELL, log_end=60, still_s=1000.0)),
        facts(dataclasses.replace(WELL, log_end=60, high_watermark=60, next_offset=60)),
    ),
    "t:bad:0:abc": (
        facts(dataclasses.replace(WELL, topic_id="abc")),
        facts(dataclasses.replace(WELL, topic_id="def")),
    ),
    "t:bad:0": (facts(), facts(dataclasses.replace(WELL, bad_until=60))),
    "t:ended:2026-04-20:1a2b": (facts(clock=GONE), facts()),
    "stage:rollup:2026-04-20T10:00:00+00:00": (facts(stages=[FAILING]), facts()),
    "run:waiting:ft_1:2026-04-20T10:00:00+00:00": (facts(run=waits("ft_1")), facts()),
    "run:aside:ft_1": (facts(newest_run="ft_1"), facts(newest_run="ft_2")),
    "champion:none": (facts(unpromoted="v1"), facts()),
    "rollup:waiting:2026-04-20T10:00:00+00:00": (
        facts(minute=waits("m"), clock=dataclasses.replace(BEATS, still_s=9999.0)),
        facts(),
    ),
    "clock:held:2026-04-20T10:00:00+00:00": (
        facts(HELD),
        facts(HELD, clock=dataclasses.replace(BEATS, watermark=LATER)),
    ),
    "hour:waiting:2026-04-20T10:00:00+00:00": (facts(due=[AT]), facts()),
    ASIDE.key: (facts(set_aside=[ASIDE]), facts()),
    LIAR.key: (facts(distrusted=[LIAR]), facts()),
    "scheduler:dead:2026-04-20T10:00:00+00:00": (
        facts(beat=state.Beat(AT, 90.0)),
        facts(beat=state.Beat(LATER, 1.0)),
    ),
}
# Where alarms are raised in the source, and of how many kinds: a new one needs a line above.
RAISED = {
    "retrain/train/attempts.py": 1,
    "retrain/train/promote.py": 1,  # it was rolled back: that has happened
    "services/alarms/causes.py": 12,
    "services/alarms/transactions.py": 1,
    "streams/worker/counter.py": 2,  # bad records; and that some were deleted, which has happened
    "streams/worker/ending.py": 1,
}


def holds(key: str, now: state.Facts) -> bool:
    return causes.holds(key, now, causes.standing(now))


@pytest.mark.parametrize("key", KINDS)
def test_every_alarm_that_opens_closes(key: str) -> None:
    opened, closed = KINDS[key]
    assert holds(key, opened)
    assert not holds(key, closed)


@pytest.mark.parametrize("key", KINDS)
def test_a_scheduler_of_another_topic_says_nothing_of_it(key: str) -> None:
    of_a_topic = key.startswith(("t:", "t/"))
    assert causes.about(key, "t")
    assert causes.about(key, None)
    assert causes.about(key, "other") is not of_a_topic


def test_a_worker_that_ended_is_not_back_before_it_has_settled() -> None:
    dying = facts(dataclasses.replace(WELL, stalls=1))
    assert holds("t:ended:2026-04-20:1a2b", dying)


def test_no_alarm_is_raised_that_nobody_here_knows() -> None:
    raised = {}
    for path in syntax.modules():
        calls = [node for node in syntax.nodes(path) if isinstance(node, ast.Call)]
        names = [ast.unparse(call.func) for call in calls]
        many = sum(name in ("Alarm", "messages.AlarmRaised") for name in names)
        if many and "notifier" not in str(path):
            raised[str(path.relative_to(syntax.ROOT))] = many
    assert raised == RAISED


def test_what_has_happened_does_not_last_and_rows_of_before_never_end() -> None:
    old = messages.read("alarm", {"key": "k", "cause": "c", "remedy": "r"})
    assert isinstance(old, messages.AlarmRaised)
    assert not old.lasts
    assert messages.AlarmRaised("k", "c", "r").lasts
