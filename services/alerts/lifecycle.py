"""Pure. How alerts go on from hour to hour: they wait until they have lasted for long enough, are
told, shown anew when a figure has changed enough to be read, and end.
"""

import dataclasses
import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from schemas import alerts, decisions, messages, policy
from services.alerts import standing

Alert = alerts.Alert
Kind = decisions.Kind
News = messages.News

_HOUR: Final = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Change:
    """An alert as it stands after an hour; `news`: what a person is told of it, None for nothing.
    asks: it is what the hour's decision asks for something about; tells: and the decision is told.
    """

    alert: Alert
    news: News | None = None
    asks: bool = False
    tells: bool = False


def after(known: Sequence[Alert], hour: standing.Hour) -> Iterator[Change]:
    """What an hour changes of the open alerts, and those it begins. Alerts of a model that serves
    no more are over.
    """
    taken = hour.taken
    mine = []
    for alert in known:
        if alert.model == taken.model:
            mine.append(alert)
        else:
            yield _over(alert, f"{taken.model} serves")

    gone_on = set()
    for each in standing.standing(mine, hour):
        if each.of is not None:
            gone_on.add(each.of.id)
        yield _stands(each, hour)
    shown = {reason.signal: reason for reason in taken.reasons}
    for alert in mine:
        if alert.id in gone_on:
            continue
        change = _rests(alert, taken.at, hour.rules.telling, shown)
        if change is not None:
            yield change


def told(
    changes: Iterable[Change],
    taken: decisions.Decision,
    run_id: str | None,
) -> Iterator[messages.Message]:
    """What a person is told of these changes; `run_id`: the run that the decision begins."""
    for change in changes:
        if change.tells:
            yield messages.DecisionTaken(taken, run_id, change.alert.id)
        if change.news is not None:
            about = taken if change.alert.model == taken.model else None
            yield messages.AlertChanged(change.alert, change.news, about)


def _over(alert: Alert, by: str | None = None) -> Change:
    ended = dataclasses.replace(alert, ended=alert.seen, by=by)
    return Change(ended, None if alert.told is None else News.OVER)


def _rests(
    alert: Alert,
    at: dt.datetime,
    rules: policy.Telling,
    shown: dict[str, decisions.Reason],
) -> Change | None:
    """Of an alert that does not stand now: one that nobody was told of is forgotten, any other is
    over when it has rested for long enough.
    """
    if alert.told is None or at - alert.seen >= rules.over_after_hours * _HOUR:
        return _over(alert)
    figures = tuple(
        each.seen(shown[each.reason.signal]) if each.reason.signal in shown else each
        for each in alert.figures
    )
    rested = dataclasses.replace(alert, figures=figures, updated=at)
    return Change(rested, News.REFRESHED) if readable(rested) != readable(alert) else None


def _stands(each: standing.Standing, hour: standing.Hour) -> Change:
    """An alert that stands: begun, told now, told before, or still waiting. A decision is told when
    it asks for something that was not asked for yet; a retrain begins a run, so each is.
    """
    taken, former = hour.taken, each.of
    alert = _begun(each, taken) if former is None else _gone_on(former, each, taken)
    tells = each.acts and (taken.decision is not alert.asked or taken.decision is Kind.RETRAIN)
    if each.acts:
        alert = dataclasses.replace(alert, asked=taken.decision)
    newer = dataclasses.replace(alert, updated=taken.at)

    if former is None or former.told is None:
        told = dataclasses.replace(newer, told=taken.at)
        if tells:
            return Change(told, None, asks=True, tells=True)
        lasts = taken.at - alert.since >= waits(each.subject, hour.rules) * _HOUR
        return Change(told, News.OPENED) if lasts else Change(alert)
    if tells or readable(newer) != readable(former):
        return Change(newer, News.REFRESHED, each.acts, tells)
    # What nobody could read stays as it was told: many small steps are one large one.
    return Change(dataclasses.replace(alert, figures=former.figures), None, each.acts)


def waits(subject: str, rules: policy.Policy) -> float:
    """For how many hours a breach stands before a person is told."""
    if subject == alerts.LATENCY:
        return rules.telling.slow_after_hours
    if subject == alerts.LABELS:  # until then the first labels may still be on their way
        return rules.telling.after_hours + rules.labels.maturity_hours
    return rules.telling.after_hours


def _begun(each: standing.Standing, taken: decisions.Decision) -> Alert:
    return Alert(
        id=alerts.identity(taken.model, each.subject, taken.at),
        model=taken.model,
        subject=each.subject,
        since=each.since or taken.at,
        seen=taken.at,
        figures=tuple(alerts.figure(reason) for reason in each.reasons),
        decision_id=taken.id,
        hold=_hold(each, taken),
        never=each.never,
    )


def _gone_on(former: Alert, each: standing.Standing, taken: decisions.Decision) -> Alert:
    """The alert with what the hour shows. It began when it was told; one that was not told begins
    when its breach did.
    """
    shown = {reason.signal: reason for reason in taken.reasons}
    figures = []
    for before in former.figures:
        newest = shown.get(before.reason.signal)
        figures.append(before if newest is None else before.seen(newest))
    names = {before.reason.signal for before in former.figures}
    for reason in each.reasons:
        if reason.signal not in names:
            figures.append(alerts.figure(reason))
    begins = each.since if former.told is None and each.since else former.since
    return dataclasses.replace(
        former,
        subject=each.subject,
        since=begins,
        seen=taken.at,
        figures=tuple(figures),
        hold=_hold(each, taken),
    )


def _hold(
    each: standing.Standing,
    taken: decisions.Decision,
) -> decisions.HoldReason | None:
    """Why nothing is done about a case; of other alerts the hour's decision says nothing."""
    return taken.hold_reason if each.subject in alerts.CASES else None


def readable(alert: Alert) -> object:
    """What a reader would notice: two digits of each value, who is in breach, why nothing is done,
    and how long it has lasted, in steps that grow.
    """
    shown = []
    for each in alert.figures:
        reason = each.reason
        values = tuple(_two_digits(value) for value in (reason.value, each.worst))
        shown.append((reason.signal, reason.breached, reason.decided, reason.intents, *values))
    lasted = min(alert.updated or alert.seen, alert.seen) - alert.since
    return alert.subject, alert.hold, alert.asked, step(lasted), tuple(shown)


def _two_digits(value: float | None) -> str:
    return "-" if value is None else f"{value:.2g}"


def step(lasted: dt.timedelta) -> int:
    """Hours, as coarse as they are many: every one of the first six, then six at a time, then days.

    >>> [step(dt.timedelta(hours=hours)) for hours in (3, 7, 11, 13, 30, 47)]
    [3, 6, 6, 12, 24, 24]
    """
    hours = lasted // _HOUR
    coarse = 1 if hours < 6 else 6 if hours < 24 else 24
    return hours // coarse * coarse
