"""One tick of the roll-up: move the stream's clock, then bring every window that a changed minute touches up to date, in one transaction."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from schemas import tables, windows
from streams import rollup, store

Changed = list[tuple[dt.datetime, str, str]]

_SOURCE = {"5m": tables.pane_minute, "1h": tables.pane_hour, "1d": tables.pane_day, "7d": tables.pane_day}


def roll_up(engine: sa.Engine, *, topic: str, owner: str, high_watermarks: Mapping[int, int]) -> int:
    """Do a tick if the lease is ours; returns how many windows changed."""
    with engine.begin() as connection:  # apart from the roll-up: a flush that waits for these rows must not wait for the whole tick
        store.note_high_watermarks(connection, topic, high_watermarks)
    with engine.begin() as connection:
        if not store.hold_lease(connection, "rollup", owner):
            return 0
        before = store.move_clock(connection, topic, None)
        clock = store.move_clock(connection, topic, rollup.watermark(store.positions(connection, topic)))
        if clock is None:
            return 0
        dirty = store.take_dirty(connection)
        widen(connection, dirty)
        changed = refresh(connection, dirty, clock) + refresh_weeks(connection, before or clock, clock)
        store.complete_windows(connection, clock)
    return changed


def widen(connection: sa.Connection, dirty: Changed) -> None:
    """Rebuild the hours and days that hold a changed minute."""
    steps = ((tables.pane_minute, tables.pane_hour, rollup.HOUR), (tables.pane_hour, tables.pane_day, rollup.DAY))
    for source, target, step in steps:
        for start, models in _by_slot(dirty, step).items():
            store.put_panes(connection, target, rollup.wider(store.panes(connection, source, start, start + step, models), step))


def _by_slot(dirty: Changed, step: dt.timedelta) -> dict[dt.datetime, set[str]]:
    slots: dict[dt.datetime, set[str]] = defaultdict(set)
    for start, model, _ in dirty:
        slots[windows.floor(start, step)].add(model)
    return slots


def refresh(connection: sa.Connection, dirty: Changed, clock: dt.datetime) -> int:
    """Merge again every window that holds a changed minute."""
    changed = 0
    for horizon in windows.HORIZONS:
        wanted = {(model, role, end) for start, model, role in dirty for end in rollup.ends(start, horizon, clock)}
        changed += _remerge(connection, horizon, wanted, clock)
    return changed


def refresh_weeks(connection: sa.Connection, before: dt.datetime, clock: dt.datetime) -> int:
    """When midnight passes, a new week begins to be looked at; it holds days that no new log has touched."""
    days = (windows.floor(clock, rollup.DAY) - windows.floor(before, rollup.DAY)) // rollup.DAY
    ends = [windows.floor(clock, rollup.DAY) + rollup.DAY * (1 - i) for i in range(min(days, 400))]
    wanted = {(model, role, end) for end in ends for _, model, role in store.open_weeks(connection, end)}
    return _remerge(connection, "7d", wanted, clock)


def _remerge(connection: sa.Connection, horizon: str, wanted: Iterable[tuple[str, str, dt.datetime]], clock: dt.datetime) -> int:
    by_end: dict[dt.datetime, set[tuple[str, str]]] = defaultdict(set)
    for model, role, end in wanted:
        by_end[end].add((model, role))
    stored = store.stored_windows(connection, horizon, by_end.keys())
    changed = []
    for end, pairs in by_end.items():
        panes = store.panes(connection, _SOURCE[horizon], end - windows.HORIZONS[horizon], end, {model for model, _ in pairs})
        for model, role in sorted(pairs):
            new = rollup.window(panes, model=model, role=role, ending_at=end, horizon=horizon)
            revised = rollup.revised(stored.get((model, role, end)), new, clock)
            changed += [revised] if revised else []
    store.put_windows(connection, changed)
    return len(changed)
