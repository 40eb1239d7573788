"""One tick of the roll-up: move the stream's clock, bring every window that a changed minute
touches up to date, drop what is past keeping.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Final

import sqlalchemy as sa

from schemas import tables, tallies, windows
from streams import identity, leases
from streams import store as claims
from streams.panes import retention
from streams.panes import store as pane_store
from streams.rollup import merge, store, watermark

Changed = Sequence[tuple[dt.datetime, str, str]]

# At most so many weeks are begun in one tick, should the clock leap years ahead.
_MIDNIGHTS: Final = 400

_SOURCE = {
    "5m": tables.pane_minute,
    "1h": tables.pane_hour,
    "1d": tables.pane_day,
    "7d": tables.pane_day,
}


def roll_up(
    engine: sa.Engine,
    *,
    topic: str,
    owner: str,
    seen: identity.Topic | None,
) -> int:
    """Do a tick if the lease is ours; returns how many windows changed. seen: the topic as it is
    now; None while Kafka does not say.
    """
    # Apart from the roll-up: a flush that waits for these rows must not wait for the whole tick.
    if seen:
        with engine.begin() as connection:
            store.note_ends(connection, topic, seen)
    with engine.begin() as connection:
        if not leases.hold(connection, "rollup", owner):
            return 0

        before = claims.clock(connection, topic)
        read_up_to = watermark.watermark(store.positions(connection, topic))
        clock = store.move_clock(connection, topic, read_up_to)
        if clock is None:
            return 0

        dirty = store.take_dirty(connection)
        left = store.oldest_dirty(connection)
        # In a long catch-up a window is whole only up to the minutes not rolled up yet.
        passed = clock if left is None else min(clock, left)

        widen(connection, dirty)
        changed = refresh(connection, dirty, clock, passed)
        changed += refresh_weeks(connection, before or clock, clock, passed)
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
            needed = retention.slots(target.name, slots)
            pane_store.make_partitions(connection, target.name, needed)

        for start, models in slots.items():
            narrow = store.panes(connection, source, start, start + step, models)
            wider = merge.wider(narrow, step)
            pane_store.put_panes(connection, target, wider.places, wider.tallies)


def refresh(
    connection: sa.Connection,
    dirty: Changed,
    clock: dt.datetime,
    passed: dt.datetime,
) -> int:
    """Merge again every window that holds a changed minute."""
    changed = 0
    for horizon in windows.HORIZONS:
        targets: set[merge.Target] = set()
        for start, model, role in dirty:
            ends = merge.ends(start, horizon, clock)
            targets |= {(model, role, end) for end in ends}
        changed += _remerge(connection, horizon, targets, passed)
    return changed


def refresh_weeks(
    connection: sa.Connection,
    before: dt.datetime,
    clock: dt.datetime,
    passed: dt.datetime,
) -> int:
    """When midnight passes, a new week begins to be looked at; it holds days that no new log has
    touched.
    """
    today = windows.floor(clock, merge.DAY)
    midnights = (today - windows.floor(before, merge.DAY)) // merge.DAY

    targets: set[merge.Target] = set()
    for days_ago in range(min(midnights, _MIDNIGHTS)):
        end = today + merge.DAY * (1 - days_ago)
        targets.update(store.open_weeks(connection, end))
    return _remerge(connection, "7d", targets, passed)


def _remerge(
    connection: sa.Connection,
    horizon: str,
    targets: Collection[merge.Target],
    passed: dt.datetime,
) -> int:
    """Windows whose spans touch are read together: neighbours share panes, and one query reads them
    all.
    """
    changed = 0
    for group in _runs(targets, windows.HORIZONS[horizon]):
        panes = _panes(connection, horizon, group)
        wanted, counts = merge.merged(panes, horizon, group)
        stored = store.stored_windows(connection, horizon, group)

        news: list[tuple[merge.Target, merge.State]] = []
        for target, row in zip(wanted, tallies.to_rows(counts), strict=True):
            complete = passed >= _end(target)
            state = merge.revised(stored.get(target), row, complete=complete)
            if state is not None:
                news.append((target, state))

        store.put_windows(connection, horizon, news)
        changed += len(news)
    return changed


def _runs(targets: Collection[merge.Target], width: dt.timedelta) -> list[list[merge.Target]]:
    """Targets in runs: in each a window begins by the time the one before it ends."""
    runs: list[list[merge.Target]] = []
    for target in sorted(targets, key=_end):
        begin = _end(target) - width
        if runs and begin <= _end(runs[-1][-1]):
            runs[-1].append(target)
        else:
            runs.append([target])
    return runs


def _end(target: merge.Target) -> dt.datetime:
    return target[2]


def _panes(
    connection: sa.Connection,
    horizon: str,
    group: Sequence[merge.Target],
) -> merge.Panes:
    """The panes that lie in any of these windows, which are in the order of their ends."""
    begin = _end(group[0]) - windows.HORIZONS[horizon]
    end = _end(group[-1])
    models = {model for model, *_ in group}
    return store.panes(connection, _SOURCE[horizon], begin, end, models)


def prune(engine: sa.Engine, topic: str, clock: dt.datetime) -> None:
    """Once a day of the stream's clock: drop what was announced a day ago, then announce the next
    day. Between the two every worker has seen it.
    """
    with engine.begin() as connection:
        announced = claims.keep_from(connection, topic)
        following = retention.keep_from(clock)
        if announced == following:
            return

        if announced:
            partitions: set[str] = set()
            for table in retention.WIDTHS:
                partitions |= pane_store.partitions(connection, table)
            expired = retention.expired(partitions, clock, announced)
            store.drop_partitions(connection, expired)

        store.keep_minutes_from(connection, topic, following)
        store.forget_letter_bytes(connection)
