"""Pure. Counted logs and labels -> the scenes of a replay: one for every hour with traffic, holding what was known when it ended."""

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from retrain import moment, replay
from retrain.evaluation import live
from retrain.history import archive
from schemas import decisions, events, runs, windows
from streams import columns

_WEEK = windows.HORIZONS["7d"]


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Archives by model, their references, and when people gave labels (microseconds, in order). `logs`: all of them together."""

    archives: Mapping[str, archive.Archive]
    references: Mapping[str, runs.Reference | None]
    since: dt.datetime | None
    logs: archive.Block
    labelled_us: Sequence[int]

    @property
    def hours(self) -> int:
        """How many scenes there are."""
        return len(self.logs.keys)


def history(logs: archive.Block, given: Sequence[events.HumanLabel], known: runs.Reference | dt.datetime) -> History:
    """Index logs and labels. `known`: the reference, or the instant until which each model's own logs are its reference, from then on.

    A model that appears later has none of its own; it is held to what the first one showed.
    """
    found = archive.archives(logs, given)
    labelled_us = [columns.micros(label.labelled_at) for label in given]
    if isinstance(known, runs.Reference):
        return History(found, dict.fromkeys(found, known), None, logs, labelled_us)
    own = {model: learnt(one, known) for model, one in sorted(found.items(), key=lambda item: (item[1].starts[0], item[0]))}
    opening = next((reference for reference in own.values() if reference is not None), None)
    return History(found, {model: reference or opening for model, reference in own.items()}, known, logs, labelled_us)


def scenes(past: History) -> Iterator[replay.Scene]:
    """One scene an hour with traffic, oldest first. A model other than the first to appear counts as promoted at its first hour."""
    first = {model: one.starts[0] for model, one in past.archives.items()}
    opening = min(first, key=lambda model: (first[model], model)) if first else None
    for start_us, model in sorted((start_us, model) for model, start_us in past.logs.keys):
        mine, end = past.archives[model], columns.instant(start_us + archive.HOUR_US)
        reference = past.references[model] if past.since is None or end > past.since else None
        hours = mine.hours(mine.rows(end - _WEEK, end))
        here = moment.Moment(model, end, _windows(mine, end), reference, mine.sampled(end - _WEEK, end, as_of=end), hours)
        end_us = columns.micros(end)
        messages, labels = int(np.searchsorted(past.logs.ts_us, end_us, side="right")), bisect_right(past.labelled_us, end_us)
        yield replay.Scene(here, decisions.Past(promoted_at=None if model == opening else first[model]), messages, labels)


def _windows(mine: archive.Archive, end: dt.datetime) -> dict[str, windows.Window]:
    found = {}
    for horizon in ("1h", "1d", "7d"):
        if windows.floor(end, windows.STEPS[horizon]) == end:
            start = end - windows.HORIZONS[horizon]
            rows = mine.rows(start, end)
            if len(rows):
                found[horizon] = windows.Window(mine.model, "champion", horizon, start, end, mine.tally(rows), 1, complete=True)
    return found


def learnt(mine: archive.Archive, until: dt.datetime) -> runs.Reference | None:
    """What the model looked like until an instant, by its own logs and labels; None without an answer."""
    start = mine.starts[0]
    rows = mine.rows(start, windows.floor(until, archive.HOUR))  # whole hours
    total = mine.tally(rows)
    if not total.answered:
        return None
    estimates = live.estimates(mine.sampled(start, until, as_of=until), mine.hours(mine.rows(start, until)))
    labelled = runs.Reference(
        model=mine.model,
        n=0,
        intent_counts={},
        accuracy=estimates[0].estimate,
        accuracy_n=None if estimates[0].n_effective is None else round(estimates[0].n_effective),
        recall={e.intent: e.estimate for e in estimates if e.intent and e.estimate is not None},
    )
    return moment.seen(total, labelled)
