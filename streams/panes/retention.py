"""Pure. Which partitions of the pane tables there are: one a day of minutes, one a week of hours;
and from when on minutes are kept.

Retention drops whole partitions, which costs the same however many rows they hold.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Final

from schemas import events, windows

WIDTHS: Final = {"pane_minute": dt.timedelta(days=1), "pane_hour": dt.timedelta(days=7)}
# A log may be 8 days late and restates its windows, so its minute must still be there: one day
# more, since a partition goes as a whole.
KEPT: Final = {
    "pane_minute": events.PAST_LIMIT + dt.timedelta(days=1),
    "pane_hour": dt.timedelta(days=60),
}
LETTER_BYTES_KEPT: Final = dt.timedelta(days=30)  # may hold what a customer wrote


def slots(table: str, starts: Iterable[dt.datetime]) -> list[dt.datetime]:
    """The begins of the partitions that hold these starts."""
    width = WIDTHS[table]
    return sorted({windows.floor(start, width) for start in starts})


def name(table: str, slot: dt.datetime) -> str:
    """A partition's table.

    >>> name("pane_minute", dt.datetime(2026, 4, 20, tzinfo=dt.UTC))
    'pane_minute_20260420'
    """
    return f"{table}_{slot:%Y%m%d}"


def slot_of(partition: str) -> tuple[str, dt.datetime]:
    """The table and the begin of a partition, from its name.

    >>> slot_of("pane_hour_20260416")[1].isoformat()
    '2026-04-16T00:00:00+00:00'
    """
    table, _, day = partition.rpartition("_")
    slot = dt.datetime.strptime(day, "%Y%m%d").replace(tzinfo=dt.UTC)
    return table, slot


def keep_from(watermark: dt.datetime) -> dt.datetime:
    """The oldest minute still kept when the stream's clock stands at `watermark`."""
    oldest = watermark - KEPT["pane_minute"]
    return windows.floor(oldest, WIDTHS["pane_minute"])


def expired(
    partitions: Iterable[str],
    watermark: dt.datetime,
    edge: dt.datetime,
) -> list[str]:
    """Partitions all of whose panes are past keeping. `edge`: the stored keep_from, which workers
    have seen: no minute after it may go.

    >>> now = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)
    >>> edge = dt.datetime(2026, 4, 11, tzinfo=dt.UTC)
    >>> expired(["pane_minute_20260401", "pane_minute_20260420"], now, edge)
    ['pane_minute_20260401']
    """
    past = []
    for partition in partitions:
        table, slot = slot_of(partition)
        oldest = edge if table == "pane_minute" else watermark - KEPT[table]
        if slot + WIDTHS[table] <= oldest:
            past.append(partition)
    return past
