"""What the doctor makes of facts: each finding at its edge, with its remedy wherever it is no good
news.
"""

import dataclasses
import datetime as dt

import pytest

from schemas import topics
from services import shape
from services.alarms import causes, state
from services.doctor import findings
from streams.stages import stage

AT = dt.datetime(2026, 4, 20, 10, tzinfo=dt.UTC)
FRESH = state.Partition(
    "t", 0, next_offset=50, high_watermark=50, bad_until=0, moved_at=AT, still_s=1.0
)
OK, WARN, FAIL = findings.Status.OK, findings.Status.WARN, findings.Status.FAIL
TOPIC = topics.SERVING_LOG
KEPT = shape.made_with(TOPIC)


def behind(part: int, records: int) -> state.Partition:
    return dataclasses.replace(FRESH, part=part, high_watermark=50 + records)


def provisioned(partitions: int, settings: dict[str, str] | None = KEPT) -> findings.Finding:
    """The contract's topic, so made."""
    there = {TOPIC.name: shape.Shape(partitions, settings)}
    return findings.provisioned(there, topics.TOPICS)


def stands(behind_s: float) -> state.Clock:
    return state.Clock(AT, still_s=0.0, behind_s=behind_s, beat_s=0.0)


@pytest.mark.parametrize(
    ("finding", "status", "says"),
    [
        (findings.migration("0005", "0005"), OK, "at 0005"),
        (
            findings.migration(None, "0005"),
            FAIL,
            "the database is at no revision, this version needs 0005",
        ),
        (
            findings.migration("0006", "0005"),
            FAIL,
            "the database is at 0006, this version needs 0005",
        ),
        (provisioned(12), OK, "1 in place"),
        (provisioned(3), FAIL, "has 3 partitions, not 12"),
        (
            provisioned(3, {"cleanup.policy": "compact"}),
            FAIL,
            "has 3 partitions, not 12, and cleanup.policy=compact, not delete",
        ),
        (provisioned(12, None), WARN, "this client may not see the settings of topic"),
        (findings.provisioned({}, topics.TOPICS), FAIL, "is missing"),
        (findings.lag([]), OK, "0 records behind"),
        (
            findings.lag([behind(1, 7), behind(4, 90)]),
            OK,
            "97 records behind, 90 of them in partition 4",
        ),
        (findings.lag([behind(0, findings.LAG_WATCHED)]), OK, "100000 records behind"),
        (findings.lag([behind(0, findings.LAG_WATCHED + 1)]), WARN, "100001 records behind"),
        (findings.stuck([]), OK, "0 move, or have nothing unread"),
        (findings.clock(None, test_clock=False), OK, "no log has been counted yet"),
        (findings.clock(stands(7200.0), test_clock=False), OK, "7200 s behind the wall clock"),
        (findings.clock(stands(7200.1), test_clock=False), WARN, "7200 s behind the wall clock"),
        (findings.clock(stands(9e9), test_clock=True), OK, "at 2026-04-20T10:00:00Z, simulated"),
        (findings.arrivals([]), OK, "none has ever come"),
        (findings.arrivals([FRESH]), OK, "the last one came 1 s ago"),
        (findings.dead({}), OK, "none in the last hour"),
        (
            findings.dead({"too_late": 1, "invalid": 2}),
            WARN,
            "3 in the last hour: invalid 2, too_late 1",
        ),
        (findings.alarms([]), OK, "none open"),
        (findings.rollup(0.1), OK, "a worker holds the roll-up lease"),
        (findings.rollup(0.0), FAIL, "the roll-up lease lapsed 0 s ago"),
        (findings.rollup(None), FAIL, "no stream worker has ever rolled windows up"),
        (findings.retrain(0.1), OK, "a worker holds the lease"),
        (findings.retrain(None), FAIL, "no worker has ever taken the lease"),
        (findings.scheduler(0, None), OK, "every complete hour has been judged"),
        (
            findings.scheduler(2, findings.IDLE_S),
            WARN,
            "2 complete hour(s) not judged yet, it is catching up",
        ),
        (findings.scheduler(2, findings.IDLE_S + 1), FAIL, "no job done lately"),
        (findings.scheduler(1, None), FAIL, "no job done lately"),
        (
            findings.scheduler(0, None, state.Beat(AT, causes.UNATTENDED_S + 1)),
            FAIL,
            "no scheduler has ticked since 2026-04-20 10:00:00 UTC",
        ),
        (findings.set_aside([]), OK, "none is set aside"),
        (findings.notifier(findings.Outbox(0, 0.0)), OK, "nothing is overdue"),
        (
            findings.notifier(findings.Outbox(3, findings.IDLE_S)),
            WARN,
            "3 message(s) not accepted yet",
        ),
        (
            findings.notifier(findings.Outbox(3, findings.IDLE_S + 1)),
            FAIL,
            "a message has waited 121 s for an attempt",
        ),
    ],
)
def test_a_fact_has_its_status_at_the_edge_and_a_remedy_unless_all_is_well(
    finding: findings.Finding, status: findings.Status, says: str
) -> None:
    assert (finding.status, says in finding.detail) == (status, True), finding.detail
    assert (finding.remedy is None) == (status is OK)


def test_of_several_topics_all_that_is_wrong_is_told_each_with_its_remedy() -> None:
    other = dataclasses.replace(TOPIC, name="other", partitions=4)
    finding = findings.provisioned({TOPIC.name: shape.Shape(3, KEPT)}, (TOPIC, other))
    assert finding.detail == f"{TOPIC.name} has 3 partitions, not 12; other is missing"
    assert finding.remedy == (
        "run `python -m services.provision --alter`; run `python -m services.provision`"
    )


def test_hours_set_aside_are_named_the_first_five_and_the_first_one_in_the_command() -> None:
    hours = [state.Aside(AT + i * dt.timedelta(hours=1), AT) for i in range(7)]
    finding = findings.set_aside(hours)
    assert finding.detail.startswith(
        "7 set aside after three failures each: 2026-04-20T10:00:00Z, "
    )
    assert finding.detail.endswith("2026-04-20T14:00:00Z ...")
    assert finding.remedy is not None
    assert finding.remedy.endswith("again 2026-04-20T10:00:00Z`")


def test_every_stuck_partition_is_in_the_one_finding() -> None:
    still = dataclasses.replace(behind(2, 5), still_s=90.4)
    finding = findings.stuck([FRESH, still, dataclasses.replace(still, part=3)])
    assert finding.status is FAIL
    assert finding.detail == (
        "standing still: partition 2 at offset 50 for 90 s with 5 unread; "
        "partition 3 at offset 50 for 90 s with 5 unread"
    )


def test_open_alarms_are_all_told_and_the_newest_ones_remedy_helps() -> None:
    finding = findings.alarms(
        [causes.Alarm("a", "one thing", "do this"), causes.Alarm("b", "another", "do that")]
    )
    assert (finding.detail, finding.remedy) == ("2 open: one thing; another", "do that")


@pytest.mark.parametrize(
    "name", [stage.ROLLUP, stage.SCHEDULER, stage.NOTIFIER, stage.RETRAIN, stage.GATEWAY]
)
def test_a_stage_that_fails_is_told_under_its_process_with_that_process_log_to_read(
    name: str,
) -> None:
    finding = findings.failing(stage.Failing(name, AT, 90.0, 7, "KeyError: 'x'"))
    assert (finding.check, finding.status) == (stage.process(name), FAIL)
    assert finding.remedy == causes.remedy(name)
    assert "'s log" in finding.remedy
