"""Pure. Sampled messages that have no label: whether so many that figures say little, and whether
more than in the days before, and so many that a loss of accuracy may hide there.

The strata of retrain/evaluation/nonresponse.py show who is left out of a week. Annotators who pass
over what the model got wrong, however sure it was, leave out as much of every stratum. That shows
in time alone: labels take as long today as they took at this hour of the days before, so of the
last two days as many messages should be without one.
"""

import dataclasses
import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance
from typing import Final

from retrain.decide.view import History, View
from retrain.evaluation import live
from schemas import policy, signals, verdicts, windows
from streams.signals import judge
from streams.stats import proportion

Level = verdicts.Level

NAME: Final = signals.UNANSWERED_SHARE.name
_DAYS: Final = 2  # one has too few labels to tell, three see a change too late
_DAY: Final = windows.HORIZONS["1d"]
_WEEK: Final = windows.HORIZONS["7d"]
_EARLIER: Final = tuple(days * _DAY for days in range(_DAYS, 8))
_ENOUGH: Final = 4  # of these days
_RISEN_Z: Final = 1.64  # more are missing: once in twenty looks by chance
_LOST_Z: Final = 2.58  # and may hide a loss: once in two hundred; it acts on nothing


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean of a few days with its standard error."""

    value: float
    error: float


@dataclass(frozen=True, slots=True)
class Usual:
    """What the days before had at this hour: the share of `n` messages without a label, and its
    variance from day to day beyond chance; live accuracy.
    """

    share: float
    n: int
    between_days: float
    accuracy: Figure

    def error(self, n: int) -> float:
        """The standard error of what the share of `n` messages is above it."""
        chance = self.share * (1 - self.share)
        return math.sqrt(chance / n + chance / self.n + self.between_days)


def starved(view: View, rules: policy.Policy) -> verdicts.Signal:
    """The share of the messages that were to be labelled, and whose time for it is over, that
    nobody has labelled.
    """
    name, rule = signals.LABEL_STARVED.name, rules.signals.label_starved
    begin = view.until - windows.HORIZONS[rule.horizon]
    wait = dt.timedelta(hours=rules.labels.maturity_hours)
    overdue = view.at - max(wait, view.age)
    asked = view.sampled.between(begin, overdue)

    n = len(asked)
    missing = int((~asked.answered).sum())
    value = missing / n if n else None
    low, high = proportion.wilson(missing, n)
    return view.signal(
        name,
        rule.horizon,
        value,
        n,
        low=low,
        high=high,
    )


def more_than_usual(view: View, rules: policy.Policy) -> verdicts.Verdict:
    """The verdict on the share of the last days' messages without a label, where hours of which
    most are still to come do not count; none where labels were given and set aside. While it is in
    breach it is held to what was usual before that, for a week: then all labels of the week have
    come like that, and are compared with each other again.
    """
    rule, past = rules.signals.unanswered_share, view.history.get(NAME, ())
    told = view.covered(dt.timedelta() if view.aside else _DAYS * _DAY)
    n, missing = len(told.asked), int((~told.asked.named).sum())
    known = usual(view.history, view.at)

    if past and _is_old(past[-1], view.at):
        past = ()

    before, before_n = (known.share, known.n) if known else (None, None)
    if past and past[-1].in_breach:
        before, before_n = past[-1].signal.reference, past[-1].signal.reference_n
    low, high = proportion.wilson(missing, n)
    signal = view.signal(
        NAME,
        rule.horizon,
        missing / n if n else None,
        n,
        low=low,
        high=high,
        reference=before,
        reference_n=before_n,
    )
    held_to = _above(rule, before or 0.0)
    return judge.verdict(signal, held_to, past, given=_level(told, signal, held_to, known))


def _is_old(last: verdicts.Verdict, at: dt.datetime) -> bool:
    """Whether a breach has stood for a week."""
    return last.in_breach and last.since is not None and at - last.since >= _WEEK


def _above(rule: policy.Level, usual_share: float) -> policy.Level:
    """The rule, whose levels are points more than usual, as levels of the share."""
    enter, leave = usual_share + rule.enter, usual_share + rule.leave
    return dataclasses.replace(rule, enter=enter, leave=leave)


def usual(history: History, at: dt.datetime) -> Usual | None:
    """What was usual by the verdicts of the same hour of the week before, but for those in breach;
    None of too few days.
    """
    shares = _earlier(history.get(NAME, ()), at)
    days = _earlier(history.get(signals.RECENT_ACCURACY.name, ()), at)
    if min(len(shares), len(days)) < _ENOUGH:
        return None

    values = [signal.value or 0.0 for signal in shares]
    n = sum(signal.n for signal in shares)
    share = sum(signal.n * value for signal, value in zip(shares, values, strict=True)) / n
    chance = fmean(share * (1 - share) / signal.n for signal in shares)
    accuracies = [signal.value or 0.0 for signal in days]
    return Usual(
        share,
        n // _DAYS,  # the stretches of two days in a row share one
        max(0.0, variance(values) - chance),
        Figure(fmean(accuracies), math.sqrt(variance(accuracies) / len(days))),
    )


def _earlier(judged: Sequence[verdicts.Verdict], at: dt.datetime) -> list[verdicts.Signal]:
    """The figures of the same hour of earlier days that were not in breach."""
    ends = {at - back for back in _EARLIER}
    return [
        each.signal
        for each in judged
        if each.signal.end in ends and each.signal.n and not each.in_breach
    ]


def _level(
    told: live.Covered, signal: verdicts.Signal, rule: policy.Level, known: Usual | None
) -> verdicts.Level:
    """Breach where more are missing, and all of these may be wrong, so that a loss is proven."""
    if known is None or signal.value is None or signal.n < rule.min_n:
        return Level.BLIND
    share, error = signal.value, known.error(signal.n)
    rises = share > rule.enter and share - known.share > _RISEN_Z * error
    if not rises:
        return Level.OK
    hides = _hides(live.overall(told), share, error, known)
    return Level.BREACH if hides else Level.OK


def _hides(now: live.Estimate, share: float, error: float, known: Usual) -> bool:
    """Whether fewer messages have a label that says they are right than in the days before, beyond
    chance.
    """
    if now.estimate is None or now.high is None:
        return False
    of_now = (now.high - now.estimate) / proportion.Z95
    lost = known.accuracy.value * (1 - known.share) - now.estimate * (1 - share)
    of_lost = math.hypot(
        (1 - share) * of_now, now.estimate * error, (1 - known.share) * known.accuracy.error
    )
    return lost > _LOST_Z * of_lost
