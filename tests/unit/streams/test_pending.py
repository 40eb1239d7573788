"""What waits for a flush, where one could not be done."""

import datetime as dt

from streams import store
from streams.worker import pending

AT = dt.datetime(2026, 4, 20, 10, tzinfo=dt.UTC)


def counted(low: int, high: int, leader_epoch: int | None = None) -> pending.Pending:
    ts = AT + dt.timedelta(seconds=high)
    return pending.Pending(3, low, high, ts, leader_epoch=leader_epoch)


def test_what_could_not_be_stored_is_stored_with_what_came_after_it() -> None:
    both = pending.joined(
        {0: counted(0, 10, 1), 1: counted(5, 6, 1)},
        {0: counted(10, 30, 2), 2: counted(0, 4)},
    )

    ends = {part: AT + dt.timedelta(seconds=seconds) for part, seconds in ((0, 30), (1, 6), (2, 4))}
    assert [both[part].advance(part) for part in (0, 1, 2)] == [
        store.Advance(0, 3, 0, 30, ends[0], 2),
        store.Advance(1, 3, 5, 6, ends[1], 1),
        store.Advance(2, 3, 0, 4, ends[2], None),
    ]
