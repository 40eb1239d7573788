"""Pure. Labels that take longer than a week: how old the newest stretch is whose labels are there.

No label, because nobody labels any more, is not lateness: then the labels that do come are quick.
"""

import datetime as dt
from collections.abc import Callable
from typing import Final

import numpy as np

from retrain.evaluation import samples
from retrain.labels.votes import Votes
from schemas import decisions, times, windows

Judged = tuple[samples.Sample, tuple[decisions.Aside, ...]]  # messages, and whom nobody believes
IN_TIME: Final = dt.timedelta()
LOOK_BACK: Final = dt.timedelta(days=28)
_WEEK: Final = windows.HORIZONS["7d"]
_DAY: Final = windows.HORIZONS["1d"]
_ENOUGH: Final = 0.5  # of a week: labels that are late by less leave enough of it
# Of the labels that come, enough to speak for the others: the last ones take as long again.
_PLATEAU: Final = 0.75


def may_be(week: samples.Sample) -> bool:
    """Whether most of a week's messages have no answer yet, so that it is worth asking how late
    labels are.
    """
    return len(week) > 0 and float(week.answered.mean()) < _ENOUGH


def newest(
    at: dt.datetime,
    judged: Callable[[dt.datetime], Judged],
    how_late: Callable[[], dt.timedelta],
) -> tuple[Judged, dt.timedelta]:
    """The messages that an evaluation at `at` rests on, and the age of the week whose labels are
    there. Live and replay read alike: `judged` those since an instant, `how_late` only where a week
    has too few answers.
    """
    week = judged(at - _WEEK)
    late = how_late() if may_be(week[0]) else IN_TIME
    return (judged(at - _WEEK - late), late) if late else (week, late)


def age(ts_us: samples.Ints, standing: Votes, at: dt.datetime) -> dt.timedelta:
    """The whole days after which three quarters of the labels are there that were given in the week
    before `at`; 0 where half of these took less than half a week, and where none was given. At most
    as much as leaves a week of LOOK_BACK. `ts_us`: when the messages of LOOK_BACK came, in
    microseconds, by the votes' rows.

    Labels that came 200 to 250 hours after their messages:

    >>> at = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)
    >>> from retrain.labels import votes
    >>> hour = dt.timedelta(hours=1)
    >>> sent = [at - (260 + i) * hour for i in range(50)]
    >>> ids = [f"r{i}" for i in range(50)]
    >>> came = [t + (200 + i) * hour for i, t in enumerate(sent)]
    >>> said = [votes.Entry(i, "a1", t, "", "faq") for i, t in zip(ids, came)]
    >>> given = votes.latest(votes.said(ids, said))
    >>> age(np.array([times.micros(t) for t in sent]), given, at).days
    10
    """
    lately = standing.chosen(standing.at_us > times.micros(at - _WEEK))
    if not len(lately):
        return IN_TIME
    delay_us = lately.at_us - ts_us[lately.row]
    half, most = np.quantile(delay_us, (0.5, _PLATEAU)) / (_DAY / dt.timedelta(microseconds=1))
    if half < _WEEK / _DAY / 2:
        return IN_TIME
    return min(int(np.ceil(most)) * _DAY, LOOK_BACK - _WEEK)
