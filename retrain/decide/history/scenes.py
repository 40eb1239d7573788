"""Pure. Counted logs and labels -> the scenes of a replay: one for every hour with traffic, holding
what was known when it ended.
"""

import dataclasses
import datetime as dt
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from retrain.decide import replay
from retrain.decide.history import archive
from retrain.decide.view import EARLIER, View
from retrain.evaluation import live
from retrain.evaluation import reference as references_of
from schemas import decisions, events, policy, runs, slices, times, windows

_DAY, _WEEK = windows.HORIZONS["1d"], windows.HORIZONS["7d"]


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Archives by model and when people gave labels (microseconds, in order). `known`: the
    reference, or the instant until which each model's own logs are its reference, from then on.
    `logs`: all of them together.
    """

    archives: Mapping[str, archive.Archive]
    known: runs.Reference | dt.datetime
    logs: archive.Block
    labelled_us: Sequence[int]

    @property
    def hours(self) -> int:
        """How many scenes there are."""
        return len(self.logs.keys)

    def strangers(self, given: Sequence[events.HumanLabel]) -> int:
        """How many of the labels are of no message of the measure queue."""
        asked = {one.req_id for one in self.logs.asked}
        return sum(label.req_id not in asked for label in given)


def history(
    logs: archive.Block, given: Sequence[events.HumanLabel], known: runs.Reference | dt.datetime
) -> History:
    """Index logs and labels, these in the order people gave them."""
    return History(
        archive.archives(logs, given),
        known,
        logs,
        [times.micros(label.labelled_at) for label in given],
    )


def references(past: History, rules: policy.Labels) -> dict[str, runs.Reference | None]:
    """By model. One that appears after the instant until which history is the reference has none of
    its own; it is held to what the first one showed.
    """
    if isinstance(past.known, runs.Reference):
        held_to: dict[str, runs.Reference | None] = dict.fromkeys(past.archives, past.known)
    else:
        own = {
            model: learnt(one, past.known, rules)
            for model, one in sorted(
                past.archives.items(), key=lambda item: (item[1].starts[0], item[0])
            )
        }
        opening = next((reference for reference in own.values() if reference is not None), None)
        held_to = {model: reference or opening for model, reference in own.items()}
    return {
        model: reference and _with_tokenizer(reference, past.archives[model])
        for model, reference in held_to.items()
    }


def _with_first_day(
    reference: runs.Reference | None, mine: archive.Archive
) -> runs.Reference | None:
    """The reference from the model's second day on: what it does not tell of its texts, their
    scripts and length, as the first day had it.
    """
    if reference is None or (
        reference.script_counts is not None and reference.mean_tokens is not None
    ):
        return reference
    tally = mine.tally(mine.rows(mine.starts[0], mine.starts[0] + _DAY))
    scripts = reference.script_counts or dict(
        zip(slices.SCRIPTS, tally.script_count.tolist(), strict=True)
    )
    tokens = reference.mean_tokens or (
        tally.tokens_sum / tally.answered if tally.answered else None
    )
    return dataclasses.replace(reference, script_counts=scripts, mean_tokens=tokens)


def _with_tokenizer(reference: runs.Reference, mine: archive.Archive) -> runs.Reference:
    """The reference; where it does not tell the tokenizer, or is another model's, with that of the
    model's first hour, as a model never changes it. How many tokens a text has is the tokenizer's
    too.
    """
    if reference.tokenizer is not None and reference.model == mine.model:
        return reference
    tokens = reference.mean_tokens if reference.model == mine.model else None
    return dataclasses.replace(
        reference, tokenizer=mine.tally(np.array([0])).tokenizer, mean_tokens=tokens
    )


def scenes(past: History, rules: policy.Labels) -> Iterator[replay.Scene]:
    """One scene an hour with traffic, oldest first. A model other than the first to appear counts
    as promoted at its first hour.
    """
    first = {model: one.starts[0] for model, one in past.archives.items()}
    opening = min(first, key=lambda model: (first[model], model)) if first else None
    held_to, since = (
        references(past, rules),
        past.known if isinstance(past.known, dt.datetime) else None,
    )
    second_day = {
        model: _with_first_day(reference, past.archives[model])
        for model, reference in held_to.items()
    }
    for start_us, model in sorted((start_us, model) for model, start_us in past.logs.keys):
        mine, end = past.archives[model], times.from_micros(start_us + archive.HOUR_US)
        known = second_day if end >= first[model] + _DAY else held_to
        reference = known[model] if since is None or end > since else None
        sampled, hours = (
            mine.sampled(end - _WEEK, end, as_of=end, rules=rules),
            mine.hours(mine.rows(end - _WEEK, end)),
        )
        here = View(
            model, end, _windows(mine, end), reference, sampled, hours, *_earlier(past, end)
        )
        end_us = times.micros(end)
        messages, labels = (
            int(np.searchsorted(past.logs.ts_us, end_us, side="right")),
            bisect_right(past.labelled_us, end_us),
        )
        yield replay.Scene(
            here,
            decisions.Past(promoted_at=None if model == opening else first[model]),
            messages,
            labels,
        )


def _earlier(past: History, end: dt.datetime) -> tuple[windows.Tally | None, int]:
    """The same hour of earlier weeks, all champions together, and of how many weeks; None without
    any.
    """
    hours = [end - archive.HOUR - back for back in EARLIER]
    each = [
        [one.rows(hour, hour + archive.HOUR) for hour in hours] for one in past.archives.values()
    ]
    found = [
        one.tally(np.concatenate(rows))
        for one, rows in zip(past.archives.values(), each, strict=True)
        if any(map(len, rows))
    ]
    return (sum(found[1:], found[0]) if found else None), sum(
        any(map(len, week)) for week in zip(*each, strict=True)
    )


def _windows(mine: archive.Archive, end: dt.datetime) -> dict[str, windows.Window]:
    found = {}
    for horizon in ("1h", "1d", "7d"):
        if windows.floor(end, windows.STEPS[horizon]) == end:
            start = end - windows.HORIZONS[horizon]
            rows = mine.rows(start, end)
            if len(rows):
                found[horizon] = windows.Window(
                    mine.model, "champion", horizon, start, end, mine.tally(rows), 1, complete=True
                )
    return found


def learnt(
    mine: archive.Archive, until: dt.datetime, rules: policy.Labels
) -> runs.Reference | None:
    """What the model looked like until an instant, by its own logs and labels; None without an
    answer.
    """
    start = mine.starts[0]
    rows = mine.rows(start, windows.floor(until, archive.HOUR))  # whole hours
    total = mine.tally(rows)
    if not total.answered:
        return None
    figures = live.figures(
        mine.sampled(start, until, as_of=until, rules=rules), mine.hours(mine.rows(start, until))
    )
    labelled = runs.Reference(
        model=mine.model,
        n=0,
        intent_counts={},
        accuracy=figures.accuracy.estimate,
        accuracy_n=None
        if figures.accuracy.n_effective is None
        else round(figures.accuracy.n_effective),
        recall={
            e.intent: e.estimate for e in figures.recalls if e.intent and e.estimate is not None
        },
    )
    return references_of.seen(total, labelled)
