"""Pure. Panes -> wider panes -> windows, by merging only: many at once, as schemas.tallies. Never
recomputes anything from logs and never reads a clock.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from schemas import tallies, windows

HOUR: Final = dt.timedelta(hours=1)
DAY: Final = dt.timedelta(days=1)

Target = tuple[str, str, dt.datetime]  # model, role, and the end of a window


@dataclass(frozen=True, slots=True)
class Panes:
    """Panes side by side: `places` names each, `tallies` counts it."""

    places: Sequence[windows.Place]
    tallies: tallies.Tallies


def wider(panes: Panes, step: dt.timedelta) -> Panes:
    """Merge panes into panes of `step`, partition by partition."""
    slots: list[windows.Place] = []
    for place in panes.places:
        start = windows.floor(place.start, step)
        slots.append(windows.Place(start, place.model, place.role, place.part))

    places = sorted(set(slots))
    number = {place: i for i, place in enumerate(places)}
    into = np.array([number[slot] for slot in slots], dtype=np.int64)
    return Panes(places, panes.tallies.merged(into, len(places)))


def ends(
    start: dt.datetime,
    horizon: str,
    watermark: dt.datetime,
) -> list[dt.datetime]:
    """The ends of every window of `horizon` that holds `start`, as far as the one in which the
    watermark lies.

    >>> t = dt.datetime(2026, 4, 20, 10, 41, tzinfo=dt.UTC)
    >>> [e.isoformat() for e in ends(t, "1h", t)]
    ['2026-04-20T11:00:00+00:00']
    >>> len(ends(t, "7d", t)), len(ends(t, "7d", t + dt.timedelta(days=30)))
    (1, 7)
    """
    step = windows.STEPS[horizon]
    first = windows.floor(start, step) + step
    last = first + windows.HORIZONS[horizon] - step
    current = windows.floor(watermark, step) + step
    # A log ahead of the watermark has its first window all the same.
    newest = min(last, max(current, first))

    every = []
    end = first
    while end <= newest:
        every.append(end)
        end += step
    return every


def merged(
    panes: Panes,
    horizon: str,
    targets: Iterable[Target],
) -> tuple[list[Target], tallies.Tallies]:
    """The tally of each target window, merged over partitions, from the panes that lie in it; a
    target may come out empty.
    """
    wanted = sorted(set(targets))
    number = {target: i for i, target in enumerate(wanted)}
    step = windows.STEPS[horizon]
    in_a_window = range(windows.HORIZONS[horizon] // step)

    rows: list[int] = []
    into: list[int] = []
    for row, place in enumerate(panes.places):
        first = windows.floor(place.start, step) + step
        for i in in_a_window:
            end = first + i * step
            target = number.get((place.model, place.role, end))
            if target is not None:
                rows.append(row)
                into.append(target)

    chosen = panes.tallies.chosen(np.array(rows, dtype=np.int64))
    counts = chosen.merged(np.array(into, dtype=np.int64), len(wanted))
    return wanted, counts


@dataclass(frozen=True, slots=True)
class State:
    """A window as stored, without its bounds: `row` holds its tally as windows.to_row gives it."""

    row: Mapping[str, object]
    revision: int = 0
    amended: bool = False
    complete: bool = False


def revised(
    old: State | None,
    row: Mapping[str, object],
    *,
    complete: bool,
) -> State | None:
    """The window's next state; None if nothing has changed since `old`. `complete`: the watermark
    has passed its end.
    """
    if old is None:
        return State(row, revision=1, complete=complete)
    if old.row == row:
        return None

    return State(
        row,
        revision=old.revision + 1,
        amended=old.amended or old.complete,
        complete=old.complete or complete,
    )
