"""Pure. What stands in breach at one hour, each signal in one alert: in the case that the decision
names, in the open alert it belongs to, or in one of its own.
"""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from schemas import alerts, decisions, policy, signals, verdicts
from schemas.signals import Role

Cause, Hold, Kind = decisions.Cause, decisions.HoldReason, decisions.Kind
Reason = decisions.Reason
Level = verdicts.Level

ACCURACY: Final = signals.LIVE_ACCURACY.name
STARVED: Final = signals.LABEL_STARVED.name
UNANSWERED: Final = signals.UNANSWERED_SHARE.name
MIX: Final = signals.INTENT_MIX_KL.name
WORST: Final = signals.WORST_CASE_ACCURACY.name
# Which roles belong to a case, whatever decided it: in an incident of language accuracy and mix
# are no incidents of their own. While a release may be to blame the cause of a loss is unknown, and
# it is the same loss when it is known.
OWNS: Final[Mapping[str, Collection[Role]]] = {
    Cause.LANGUAGE: (Role.QUALITY, Role.DRIFT),
    Cause.MIX: (Role.DRIFT,),
    Cause.PIPELINE: (Role.UPSTREAM,),
    Cause.BAD_RELEASE: (),
}
_LASTING: Final = (*OWNS, alerts.LABELS)  # subjects that no other one takes over
# A shop without traffic has no labels either, and that is told as what it is.
_NO_TRAFFIC: Final = (Hold.TOO_FEW_LOGS, Hold.STALE_WINDOWS)


@dataclass(frozen=True, slots=True)
class Standing:
    """Something that stands in breach now. `since`: None where nobody records it; `of`: the open
    alert that it goes on with; `acts`: it has asked for something, and is told at once.
    """

    subject: str
    reasons: tuple[Reason, ...]
    since: dt.datetime | None
    of: alerts.Alert | None = None
    acts: bool = False
    never: bool = False


@dataclass(frozen=True, slots=True)
class Hour:
    """What was decided in an hour, and from which verdicts. `never`: the signals that this version
    has never been well in.
    """

    taken: decisions.Decision
    judged: Sequence[verdicts.Verdict]
    rules: policy.Policy
    never: Collection[str] = ()

    @property
    def breached(self) -> dict[str, Reason]:
        """The reasons in breach by name, in the order in which people are told of them; without a
        mix that was to be expected.
        """
        expected: Collection[str] = ()
        if self.taken.hold_reason is Hold.EXPECTED:
            expected = [signal.name for signal in signals.ALL if MIX in signals.family(signal.name)]
        by_name = {}
        for reason in self.taken.reasons:
            if reason.breached and reason.signal not in expected:
                by_name[reason.signal] = reason
        ordered = [signal.name for signal in signals.ALL if signal.name in by_name]
        strange = [name for name in by_name if name not in ordered]
        return {name: by_name[name] for name in (*ordered, *strange)}

    @property
    def subject(self) -> str | None:
        """That of the case that the decision names; None where it names none."""
        cause = self.taken.cause
        if cause is None or self.taken.hold_reason is Hold.EXPECTED:
            return None
        return str(Cause.LANGUAGE if cause is Cause.UNKNOWN else cause)

    def belongs(self, name: str, subject: str, witnesses: Collection[str]) -> bool:
        """Whether a signal is part of this case: by the roles of what it is about, or because it
        tells the same as one of the case's witnesses.
        """
        family = signals.family(name)
        if family & {first for each in witnesses for first in signals.family(each)}:
            return True
        roles = {role for each in family for role in self.rules.trigger.roles(each)}
        return bool(roles.intersection(OWNS.get(subject, ())))


def standing(known: Sequence[alerts.Alert], hour: Hour) -> Iterator[Standing]:
    """Everything that stands, the decision's own case first."""
    left = hour.breached
    for case in _cases(known, hour, left):
        left = {name: reason for name, reason in left.items() if reason not in case.reasons}
        yield case
    labels = _labels(known, hour)
    if labels is not None:
        yield labels
        left = {name: reason for name, reason in left.items() if reason not in labels.reasons}
    left.pop(STARVED, None)
    while left:
        first = next(iter(left))
        reasons = tuple(left[name] for name in left if name in signals.family(first))
        left = {name: reason for name, reason in left.items() if reason not in reasons}
        subject = signals.first(first)
        met = all(reason.signal not in hour.never for reason in reasons)
        yield Standing(subject, reasons, since(reasons), _of(known, subject), never=not met)


def _cases(
    known: Sequence[alerts.Alert],
    hour: Hour,
    left: Mapping[str, Reason],
) -> Iterator[Standing]:
    """The case that the decision names; then those that are open and still have a witness in breach
    that no other case has taken.
    """
    left = dict(left)
    subject = hour.subject
    if subject is not None:
        witnesses = [reason.signal for reason in hour.taken.reasons if reason.decided]
        case = _case(hour, subject, witnesses, left, _former(known, subject, witnesses))
        yield case
        left = {name: reason for name, reason in left.items() if reason not in case.reasons}

    for alert in known:
        if alert.subject not in OWNS or alert.subject == subject:
            continue
        witnesses = [each.reason.signal for each in alert.figures if each.reason.decided]
        if any(name in left for name in witnesses):
            case = _case(hour, alert.subject, witnesses, left, alert)
            yield case
            left = {name: reason for name, reason in left.items() if reason not in case.reasons}


def _case(
    hour: Hour,
    subject: str,
    witnesses: Collection[str],
    left: Mapping[str, Reason],
    former: alerts.Alert | None,
) -> Standing:
    mine = [left[name] for name in left if hour.belongs(name, subject, witnesses)]
    began = since([reason for reason in mine if reason.signal in witnesses])
    acts = subject == hour.subject and hour.taken.decision is not Kind.HOLD
    return Standing(subject, tuple(mine), began, former, acts)


def _former(
    known: Sequence[alerts.Alert],
    subject: str,
    witnesses: Collection[str],
) -> alerts.Alert | None:
    """The open alert of this case; else the one that has told of a witness of it already: it is the
    same trouble, and stays in its thread.
    """
    same = _of(known, subject)
    if same is not None:
        return same
    for alert in known:
        shown = {each.reason.signal for each in alert.figures}
        if alert.subject not in _LASTING and shown & set(witnesses):
            return alert
    return None


def _of(known: Sequence[alerts.Alert], subject: str) -> alerts.Alert | None:
    return next((alert for alert in known if alert.subject == subject), None)


def _labels(known: Sequence[alerts.Alert], hour: Hour) -> Standing | None:
    """That nobody can say how good the answers are: accuracy is blind, or labels do not come, or do
    not speak for all.
    """
    if hour.taken.hold_reason in _NO_TRAFFIC:
        return None
    blind = set()
    for verdict in hour.judged:
        name, level = verdict.signal.signal, verdict.verdict
        if name == ACCURACY and level is Level.BLIND and not verdict.in_breach:
            blind.add(name)
        if name in (STARVED, UNANSWERED) and verdict.in_breach:
            blind.add(name)
        if name == WORST and verdict.in_breach and hour.taken.hold_reason is Hold.LABELS_BIASED:
            blind.add(name)
    if not blind:
        return None
    reasons = tuple(reason for reason in hour.taken.reasons if reason.signal in blind)
    began = since(reasons) if ACCURACY not in blind else None
    return Standing(alerts.LABELS, reasons, began, _of(known, alerts.LABELS))


def since(reasons: Sequence[Reason]) -> dt.datetime | None:
    """Since when the first of them has been in breach."""
    known = [dt.datetime.fromisoformat(reason.since) for reason in reasons if reason.since]
    return min(known, default=None)


def never_met(
    history: Mapping[str, Sequence[verdicts.Verdict]],
    judged: Sequence[verdicts.Verdict],
) -> set[str]:
    """The signals in breach whenever they could be judged, and already by what the version was at
    its promotion: nothing has changed, it has never been better.
    """
    never = set()
    for verdict in judged:
        name, before = verdict.signal.signal, verdict.signal.reference
        if not verdict.in_breach or before is None:
            continue
        if not signals.of(name).beyond(before, verdict.limit):
            continue
        earlier = history.get(name, ())
        if all(each.in_breach or each.verdict is Level.BLIND for each in earlier):
            never.add(name)
    return never
