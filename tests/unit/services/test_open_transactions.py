"""What waits behind an open transaction is no lag; it is named, and an alarm once it hangs."""

import dataclasses
import datetime as dt

import pytest

from services.alarms import causes, state, transactions
from services.doctor import findings, position

AT = dt.datetime(2026, 4, 20, 10, tzinfo=dt.UTC)
WELL = state.Partition(
    "t", 3, next_offset=50, high_watermark=50, bad_until=0, moved_at=AT, still_s=9999.0, log_end=50
)
OPEN = dataclasses.replace(WELL, log_end=57)


@pytest.mark.parametrize(
    ("stands", "behind", "lag"),
    [
        (WELL, 0, 0),
        (OPEN, 7, 0),
        (dataclasses.replace(OPEN, next_offset=40), 7, 10),
        # An older release notes no end of the log, or one that is passed by now.
        (dataclasses.replace(WELL, log_end=0), 0, 0),
        (dataclasses.replace(WELL, log_end=30), 0, 0),
        # A flush was quicker than the tick.
        (dataclasses.replace(OPEN, next_offset=55), 2, 0),
    ],
)
def test_behind_an_open_transaction_is_what_lies_past_the_last_stable_offset(
    stands: state.Partition, behind: int, lag: int
) -> None:
    assert (stands.behind_open, stands.lag) == (behind, lag)


def test_one_that_hangs_is_an_alarm_and_no_missing_log() -> None:
    (alarm,) = causes.alarms(state.Facts([OPEN]))

    assert alarm.key == "t/3:open:50"
    assert alarm.cause.startswith("t/3: 7 records wait behind a transaction")
    assert "kafka-transactions.sh" in alarm.remedy


@pytest.mark.parametrize(
    "stands",
    [
        dataclasses.replace(OPEN, still_s=899.0),  # brokers allow a quarter of an hour
        dataclasses.replace(WELL, still_s=10.0),
        dataclasses.replace(OPEN, next_offset=40, still_s=50.0),  # unread: nobody knows how far
    ],
)
def test_one_that_may_still_end_is_none(stands: state.Partition) -> None:
    assert not transactions.hanging(stands)
    assert list(causes.alarms(state.Facts([stands]))) == []


@pytest.mark.parametrize(
    ("still_s", "status"), [(5.0, findings.Status.OK), (5000.0, findings.Status.WARN)]
)
def test_the_doctor_names_what_waits(still_s: float, status: findings.Status) -> None:
    waiting = dataclasses.replace(OPEN, still_s=still_s)

    finding = position.open_transactions([WELL, waiting])

    assert finding is not None
    assert (finding.status, finding.detail) == (
        status,
        "behind an open transaction: 7 records in partition 3",
    )
    assert position.open_transactions([WELL]) is None


@pytest.mark.parametrize(
    ("ids", "told"), [(["", "abc"], False), (["old", "abc"], True), (["old"], True), ([""], False)]
)
def test_the_doctor_names_a_topic_that_is_not_the_one_that_was_read(
    ids: list[str], told: bool
) -> None:
    partitions = [dataclasses.replace(WELL, topic_id=each) for each in ids]

    finding = position.another_topic(partitions, "t", "abc")

    assert (finding is not None) is told
    if finding:
        assert finding.detail.startswith("t is another topic than the one that was read")
        assert "`python -m services.redrive anew t`" in str(finding.remedy)
