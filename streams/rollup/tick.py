"""One tick of the roll-up: move the stream's clock, bring every window that a changed minute
touches up to date, drop what is past keeping.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa

from schemas import tables, tallies, windows
from streams import leases
from streams import store as claims
from streams.panes import retention
from streams.panes import store as pane_store
from streams.rollup import merge, store, watermark

Changed = Sequence[tuple[dt.datetime, str, str]]

_SOURCE = {
    "5m": tables.pane_minute,
    "1h": tables.pane_hour,
    "1d": tables.pane_day,
    "7d": tables.pane_day,
}


def roll_up(
    engine: sa.Engine, *, topic: str, owner: str, high_watermarks: Mapping[int, int]
) -> int:
    """Do a tick if the lease is ours; returns how many windows changed."""
    # Apart from the roll-up: a flush that waits for these rows must not wait for the whole tick.
    with engine.begin() as connection:
        store.note_high_watermarks(connection, topic, high_watermarks)
    with engine.begin() as connection:
        if not leases.hold(connection, "rollup", owner):
            return 0
        before = claims.clock(connection, topic)
        clock = store.move_clock(
            connection, topic, watermark.watermark(store.positions(connection, topic))
        )
        if clock is None:
            return 0
        dirty = store.take_dirty(connection)
        left = store.oldest_dirty(connection)
        # In a long catch-up a window is whole only up to the minutes not rolled up yet.
        passed = clock if left is None else min(clock, left)
        widen(connection, dirty)
        changed = refresh(connection, dirty, clock, passed) + refresh_weeks(
            connection, before or clock, clock, passed
        )
        store.complete_windows(connection, passed)
    prune(engine, topic, clock)
    return changed


def widen(connection: sa.Connection, dirty: Changed) -> None:
    """Rebuild the hours and days that hold a changed minute."""
    steps = (
        (tables.pane_minute, tables.pane_hour, merge.HOUR),
        (tables.pane_hour, tables.pane_day, merge.DAY),
    )
    for source, target, step in steps:
        slots: dict[dt.datetime, set[str]] = defaultdict(set)
        for start, model, _ in dirty:
            slots[windows.floor(start, step)].add(model)
        if target.name in retention.WIDTHS:
            pane_store.make_partitions(connection, target.name, retention.slots(target.name, slots))
        for start, models in slots.items():
            wider = merge.wider(store.panes(connection, source, start, start + step, models), step)
            pane_store.put_panes(connection, target, wider.places, wider.tallies)


def refresh(
    connection: sa.Connection, dirty: Changed, clock: dt.datetime, passed: dt.datetime
) -> int:
    """Merge again every window that holds a changed minute."""
    changed = 0
    for horizon in windows.HORIZONS:
        targets = {
            (model, role, end)
            for start, model, role in dirty
            for end in merge.ends(start, horizon, clock)
        }
        changed += _remerge(connection, horizon, targets, passed)
    return changed


def refresh_weeks(
    connection: sa.Connection, before: dt.datetime, clock: dt.datetime, passed: dt.datetime
) -> int:
    """When midnight passes, a new week begins to be looked at; it holds days that no new log has
    touched.
    """
    days = (windows.floor(clock, merge.DAY) - windows.floor(before, merge.DAY)) // merge.DAY
    ends = [windows.floor(clock, merge.DAY) + merge.DAY * (1 - i) for i in range(min(days, 400))]
    return _remerge(
        connection,
        "7d",
        {target for end in ends for target in store.open_weeks(connection, end)},
        passed,
    )


def _remerge(
    connection: sa.Connection, horizon: str, targets: Collection[merge.Target], passed: dt.datetime
) -> int:
    """Windows whose spans touch are read together: neighbours share panes, and one query reads them
    all.
    """
    changed = 0
    for group in _runs(targets, windows.HORIZONS[horizon]):
        begin = min(end for *_, end in group) - windows.HORIZONS[horizon]
        panes = store.panes(
            connection,
            _SOURCE[horizon],
            begin,
            max(end for *_, end in group),
            {model for model, *_ in group},
        )
        wanted, found = merge.merged(panes, horizon, group)
        stored = store.stored_windows(connection, horizon, group)
        rows = tallies.to_rows(found)
        revised = [
            (t, merge.revised(stored.get(t), row, complete=passed >= t[2]))
            for t, row in zip(wanted, rows, strict=True)
        ]
        news = [(target, state) for target, state in revised if state is not None]
        store.put_windows(connection, horizon, news)
        changed += len(news)
    return changed


def _runs(targets: Collection[merge.Target], width: dt.timedelta) -> list[list[merge.Target]]:
    runs: list[list[merge.Target]] = []
    for target in sorted(targets, key=lambda target: target[2]):
        if runs and target[2] - width <= runs[-1][-1][2]:
            runs[-1].append(target)
        else:
            runs.append([target])
    return runs


def prune(engine: sa.Engine, topic: str, clock: dt.datetime) -> None:
    """Once a day of the stream's clock: drop what was announced a day ago, then announce the next
    day. Between the two every worker has seen it.
    """
    with engine.begin() as connection:
        edge = claims.keep_from(connection, topic)
        if edge == retention.keep_from(clock):
            return
        standing = {
            name for table in retention.WIDTHS for name in pane_store.partitions(connection, table)
        }
        store.drop_partitions(connection, retention.expired(standing, clock, edge) if edge else [])
        store.keep_minutes_from(connection, topic, retention.keep_from(clock))
        store.forget_letter_bytes(connection)
