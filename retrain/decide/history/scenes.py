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
from retrain.evaluation import live, nonresponse
from retrain.evaluation import reference as references_of
from retrain.labels import lateness
from schemas import decisions, events, policy, runs, slices, times, windows

_DAY, _WEEK = windows.HORIZONS["1d"], windows.HORIZONS["7d"]
_FIRST_HOUR = np.array([0])

ByModel = Mapping[str, runs.Reference | None]


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Archives by model and when people gave labels (microseconds, in order). `reference`: what all
    are held to, or the instant until which each model's own logs are its reference, from then on.
    `logs`: all of them together.
    """

    archives: Mapping[str, archive.Archive]
    reference: runs.Reference | dt.datetime
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
    logs: archive.Block,
    given: Sequence[events.HumanLabel],
    reference: runs.Reference | dt.datetime,
) -> History:
    """Index logs and labels, these in the order people gave them."""
    labelled_us = [times.micros(label.labelled_at) for label in given]
    return History(archive.archives(logs, given), reference, logs, labelled_us)


def references(
    past: History,
    rules: policy.Labels,
) -> dict[str, runs.Reference | None]:
    """By model. One that appears after the instant until which history is the reference has none of
    its own; it is held to what the first one showed.
    """
    if isinstance(past.reference, runs.Reference):
        held_to: ByModel = dict.fromkeys(past.archives, past.reference)
    else:
        held_to = _own(past.archives, past.reference, rules)

    complete: dict[str, runs.Reference | None] = {}
    for model, reference in held_to.items():
        complete[model] = reference and _with_tokenizer(reference, past.archives[model])
    return complete


def _own(
    archives: Mapping[str, archive.Archive],
    until: dt.datetime,
    rules: policy.Labels,
) -> ByModel:
    """What each model showed until an instant; of one that showed nothing what the first did."""
    own = {}
    opening = None
    for model in sorted(archives, key=lambda model: (archives[model].starts[0], model)):
        own[model] = learnt(archives[model], until, rules)
        opening = opening or own[model]
    return {model: reference or opening for model, reference in own.items()}


def _with_first_day(
    reference: runs.Reference | None,
    mine: archive.Archive,
) -> runs.Reference | None:
    """The reference from the model's second day on: what it does not tell of its texts, their
    scripts and length, as the first day had it.
    """
    if reference is None:
        return None
    if reference.script_counts is not None and reference.mean_tokens is not None:
        return reference

    first_day = mine.rows(mine.starts[0], mine.starts[0] + _DAY)
    tally = mine.tally(first_day)
    scripts = reference.script_counts
    if not scripts:
        scripts = dict(zip(slices.SCRIPTS, tally.script_count.tolist(), strict=True))
    tokens = reference.mean_tokens
    if not tokens:
        tokens = tally.tokens_sum / tally.answered if tally.answered else None
    return dataclasses.replace(reference, script_counts=scripts, mean_tokens=tokens)


def _with_tokenizer(
    reference: runs.Reference,
    mine: archive.Archive,
) -> runs.Reference:
    """The reference; where it does not tell the tokenizer, or is another model's, with that of the
    model's first hour, as a model never changes it. How many tokens a text has is the tokenizer's
    too.
    """
    is_mine = reference.model == mine.model
    if reference.tokenizer is not None and is_mine:
        return reference
    tokenizer = mine.tally(_FIRST_HOUR).tokenizer
    tokens = reference.mean_tokens if is_mine else None
    return dataclasses.replace(reference, tokenizer=tokenizer, mean_tokens=tokens)


def scenes(past: History, rules: policy.Labels) -> Iterator[replay.Scene]:
    """One scene an hour with traffic, oldest first. A model other than the first to appear counts
    as promoted at its first hour.
    """
    first_hour = {model: one.starts[0] for model, one in past.archives.items()}
    opening = min(first_hour, default=None, key=lambda model: (first_hour[model], model))
    held_to = references(past, rules)
    from_second_day = {}
    for model, reference in held_to.items():
        from_second_day[model] = _with_first_day(reference, past.archives[model])

    in_order = sorted((start_us, model) for model, start_us in past.logs.keys)
    for start_us, model in in_order:
        end_us = start_us + archive.HOUR_US
        end = times.from_micros(end_us)
        on_second_day = end >= first_hour[model] + _DAY
        reference = (from_second_day if on_second_day else held_to)[model]
        if not _is_past(past.reference, end):
            reference = None
        promoted_at = None if model == opening else first_hour[model]
        messages = int(np.searchsorted(past.logs.ts_us, end_us, side="right"))
        labels = bisect_right(past.labelled_us, end_us)
        yield replay.Scene(
            view(past, model, end, reference, rules),
            decisions.Past(promoted_at=promoted_at),
            messages,
            labels,
        )


def _is_past(reference: runs.Reference | dt.datetime, end: dt.datetime) -> bool:
    """Whether an hour that ended then may be held to it: what is learnt holds from then on."""
    return isinstance(reference, runs.Reference) or end > reference


def view(
    past: History,
    model: str,
    end: dt.datetime,
    reference: runs.Reference | None,
    rules: policy.Labels,
) -> View:
    """What was known of a model when an hour ended."""
    mine = past.archives[model]
    (sampled, aside), age = lateness.newest(
        end,
        lambda since: mine.judged(since, end, end, rules),
        lambda: mine.age(end),
    )
    start = end - age - _WEEK
    earlier, earlier_hours = _earlier(past, "1h", end)
    ending = _windows(mine, end)
    return View(
        model=model,
        at=end,
        windows=ending,
        reference=reference,
        sampled=sampled,
        hours=mine.hours(mine.rows(start, end)),
        earlier=earlier,
        earlier_hours=earlier_hours,
        usual_day=_earlier(past, "1d", end)[0] if "1d" in ending else None,
        last_days=_last_days(mine, end) if "1d" in ending else (),
        aside=aside,
        age=age,
    )


def _last_days(mine: archive.Archive, end: dt.datetime) -> tuple[windows.Tally, ...]:
    """The whole days up to an instant without a gap, a week at most, oldest first."""
    days: list[windows.Tally] = []
    while len(days) < _WEEK // _DAY:
        rows = mine.rows(end - _DAY, end)
        if not len(rows):
            break
        days.append(mine.tally(rows))
        end -= _DAY
    return tuple(reversed(days))


def _earlier(
    past: History,
    horizon: str,
    end: dt.datetime,
) -> tuple[windows.Tally | None, int]:
    """The same window of earlier weeks, all champions together, and of how many weeks; None without
    any.
    """
    ends = [end - back for back in EARLIER]
    with_traffic = set()
    total = None
    for one in past.archives.values():
        rows = []
        for then in ends:
            of_then = one.rows(then - windows.HORIZONS[horizon], then)
            if len(of_then):
                with_traffic.add(then)
                rows.append(of_then)
        if rows:
            tally = one.tally(np.concatenate(rows))
            total = tally if total is None else total + tally
    return total, len(with_traffic)


def _windows(
    mine: archive.Archive,
    end: dt.datetime,
) -> dict[str, windows.Window]:
    ending = {}
    for horizon in ("1h", "1d", "7d"):
        if windows.floor(end, windows.STEPS[horizon]) != end:
            continue
        start = end - windows.HORIZONS[horizon]
        rows = mine.rows(start, end)
        if len(rows):
            tally = mine.tally(rows)
            ending[horizon] = windows.Window(
                mine.model,
                "champion",
                horizon,
                start,
                end,
                tally,
                revision=1,
                complete=True,
            )
    return ending


def learnt(
    mine: archive.Archive,
    until: dt.datetime,
    rules: policy.Labels,
) -> runs.Reference | None:
    """What the model looked like until an instant, by its own logs and labels; None without an
    answer.
    """
    start = mine.starts[0]
    whole_hours = mine.rows(start, windows.floor(until, archive.HOUR))
    total = mine.tally(whole_hours)
    if not total.answered:
        return None

    sampled = mine.sampled(start, until, as_of=until, rules=rules)
    figures = live.figures(sampled, mine.hours(mine.rows(start, until)))
    recall = {}
    for each in figures.recalls:
        if each.intent and each.estimate is not None:
            recall[each.intent] = each.estimate

    n = figures.accuracy.n_effective
    labelled = runs.Reference(
        model=mine.model,
        n=0,
        intent_counts={},
        accuracy=figures.accuracy.estimate,
        accuracy_n=None if n is None else round(n),
        recall=recall,
        left_out=nonresponse.share(figures.covered),
    )
    return references_of.seen(total, labelled)
