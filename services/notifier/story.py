"""Pure. Everything a thread has told -> where its incident stands now, and that in one line: what
happened with numbers. The word comes first: a phone shows the first forty letters.
"""

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from schemas import alerts, decisions, messages, runs, units, why
from services.notifier import figures, limits

Hold = decisions.HoldReason
Kind = decisions.Kind
News = messages.News
State = runs.State
Verdict = runs.GateVerdict
Run = messages.RunChanged
Decision = decisions.Decision

WORDS: Final = {
    Kind.RETRAIN: "RETRAIN DECIDED",
    Kind.ROLLBACK: "ROLL BACK",
    Kind.FIX_UPSTREAM: "FIX UPSTREAM",
    Kind.REWEIGHT: "REWEIGHT",
    Kind.HOLD: "HOLD",
}
# Of what is called for and held.
HELD: Final = {
    Hold.PAUSED: "PAUSED",
    Hold.NOT_WORTH_IT: "NOT WORTH IT",
    Hold.COOLING_DOWN: "COOLING DOWN",
    Hold.RUN_IN_PROGRESS: "RUN IN PROGRESS",
    Hold.MIX_ONLY: "MIX MOVED",
    Hold.INTENT_LOST: "INTENT LOST",
}
SLOW, BLIND, MISSED, BREACH = "SLOW", "BLIND", "NEVER MET", "IN BREACH"


class NotComposable(ValueError):
    """A payload that no message can be made of; the text names the field."""


@dataclass(frozen=True, slots=True)
class Told:
    """One row of the outbox, not yet read: its kind, its payload, when it was written."""

    kind: str
    payload: Mapping[str, Any]
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Story:
    """Everything a thread has told: what was decided, where its run stands, how its alert does."""

    decision: Decision | None
    run: Run | None
    run_id: str | None
    alert: alerts.Alert | None
    at: dt.datetime

    @property
    def over(self) -> bool:
        """Whether nothing of it stands any more."""
        return self.alert is not None and self.alert.ended is not None

    @property
    def held(self) -> alerts.Alert | None:
        """The alert that nobody acts on; None where something was asked."""
        if self.alert is None or self.run is not None:
            return None
        return self.alert if self.alert.asked is Kind.HOLD else None

    @property
    def about(self) -> Decision | None:
        """The decision, where it is about this incident: slow answers beside a drift have their own
        thread, and what was decided of the drift says nothing of them.
        """
        apart = self.alert is not None and self.alert.subject not in alerts.CASES
        return None if apart else self.decision

    @property
    def reasons(self) -> list[decisions.Reason]:
        """What is told of in numbers, as it stands now, what decided first."""
        if self.alert is not None:
            return why.foremost([each.reason for each in self.alert.figures])
        return [] if self.decision is None else why.telling(self.decision)


def message(row: Told) -> messages.Message:
    """The message of a row. Raises NotComposable."""
    try:
        return messages.read(row.kind, row.payload)
    except messages.NotReadable as error:
        raise NotComposable(str(error)) from None


def story(thread: Sequence[Told]) -> Story:
    """What the rows of a thread come to. Raises NotComposable."""
    decision = run = run_id = alert = None
    for row in thread:
        match message(row):
            case messages.DecisionTaken() as told:
                decision, run_id = told.taken, told.run_id or run_id
                run = None if told.run_id else run  # the one before it has ended
                if alert is not None:
                    alert = dataclasses.replace(alert, asked=told.taken.decision)
            case Run() as told:
                run, run_id = told, told.run_id
            case messages.AlertChanged() as told:
                alert = told.alert
                # What asked for something stays the ground of all that follows.
                if told.taken and (decision is None or decision.decision is Kind.HOLD):
                    decision = told.taken
            case _:
                raise NotComposable("an alarm in the thread of something else")
    return Story(decision, run, run_id, alert, thread[-1].at)


def headline(told: Story) -> str:
    """What happened, with numbers."""
    run, decision, alert = told.run, told.decision, told.alert
    if alert is not None and told.over and not _served(run):
        return over(alert)
    if run is None:
        if told.held is not None:
            return _held(told.held)
        if decision is None:
            return "nothing is known of it any more"
        called = word(alert) if alert is not None else WORDS[decision.decision]
        return f"{called} {decision.model}: {numbers(told.reasons)}"

    if run.state in (State.REJECTED, State.CANCELLED, State.FAILED):
        return _without_a_champion(run)

    first_gate = figures.gates_short(run.gates[:1])
    if run.state is State.CHAMPION:
        before = f" over {run.champion}" if run.champion else ", the first champion"
        return f"PROMOTED {run.candidate}{before}: {first_gate}{_tie(run)}"
    if run.state is State.REGISTERED:
        return f"APPROVAL NEEDED {run.candidate}: every gate passed, {first_gate}{_tie(run)}"

    if decision is None:
        return f"TRAINING {run.run_id}"
    return f"TRAINING {run.run_id} for {decision.model}: {numbers(told.reasons)}"


def _tie(run: Run) -> str:
    """Where a linear model of the same rows is as good as the candidate."""
    gate = runs.tie(run.gates)
    if gate is None or gate.champion is None:
        return ""
    return f"; only ties with a linear model, {units.percent(gate.champion)} (n = {gate.n:,})"


def _served(run: Run | None) -> bool:
    """A promotion says more than that what it cures is over."""
    return run is not None and run.state is State.CHAMPION


def over(alert: alerts.Alert) -> str:
    """That it has ended, for how long it stood, and the worst it was."""
    lasted = units.lasted(alert.lasted_s)
    worst = [_worst(each) for each in alert.figures if each.worst is not None]
    was = f"{word(alert)} {alert.model}"
    ended = f"OVER after {lasted}: "
    ended += f"{alert.by}; was {was}" if alert.by else was
    return f"{ended}; {', '.join(worst[:2])}" if worst else ended


def _worst(each: alerts.Figure) -> str:
    assert each.worst is not None
    return f"worst {why.words(each.reason)} {why.amount(each.reason, each.worst)}"


def word(alert: alerts.Alert) -> str:
    """What an alert is called."""
    if alert.asked is not Kind.HOLD:
        return WORDS[alert.asked]
    if alert.subject in alerts.CASES:
        return HELD.get(alert.hold, BREACH) if alert.hold else BREACH
    if alert.subject == alerts.LATENCY:
        return SLOW
    if alert.subject == alerts.LABELS:
        return BLIND
    return MISSED if alert.never else BREACH


def _held(alert: alerts.Alert) -> str:
    """An alert that nobody acts on: its first figure, for how long, and how sure it is."""
    lasted = units.lasted(alert.lasted_s)
    who = f"{word(alert)} {alert.model}"
    reasons = why.foremost([each.reason for each in alert.figures])
    if alert.subject == alerts.LABELS:
        return f"{who}: {_blind(reasons)} for {lasted}"
    if not reasons:
        return f"{who} for {lasted}"
    first, more = reasons[0], len(reasons) - 1
    value = "no value" if first.value is None else why.amount(first, first.value)
    sure = f"limit {why.amount(first, first.limit)}, n = {first.n:,}"
    beside = f" + {more} more" if more else ""
    return f"{who}: {why.words(first)} {value} for {lasted} ({sure}){beside}"


def _blind(reasons: Sequence[decisions.Reason]) -> str:
    """What cannot be told for want of labels, and how many would do."""
    for reason in reasons:
        if reason.labels_needed:
            return f"accuracy cannot be judged, n = {reason.n:,} labels, {why.needed(reason)},"
    if not reasons:
        return "accuracy cannot be judged"
    first = reasons[0]
    value = "no value" if first.value is None else why.amount(first, first.value)
    return f"{why.words(first)} {value} (n = {first.n:,})"


def numbers(reasons: Sequence[decisions.Reason]) -> str:
    """The signals that fit beside each other."""
    line = ""
    for reason in reasons:
        figure = why.short(reason)
        if not line:
            line = figure
            continue
        longer = f"{line} + {figure}"
        if len(longer) > limits.HEADER - 42:
            break
        line = longer
    return line or "no signal in breach"


def _without_a_champion(run: Run) -> str:
    """How it ended; what a person has ended says by whom."""
    if run.state is State.FAILED:
        return f"FAILED {run.run_id}: {run.error}"
    if run.state is State.CANCELLED:
        return f"CANCELLED {run.run_id} {run.error}"
    return f"REJECTED {run.candidate} {run.error}" if run.error else _rejected(run)


def _rejected(run: Run) -> str:
    """The gates that do not pass, those that failed before those that cannot tell."""
    failed = []
    inconclusive = []
    for gate in run.gates:
        if gate.verdict is Verdict.FAIL:
            failed.append(gate)
        elif gate.verdict is not Verdict.PASS:
            inconclusive.append(gate)

    outcome = "FAILED" if failed else "INCONCLUSIVE"
    gates = figures.gates_short(failed + inconclusive)
    return f"GATES {outcome} {run.candidate}: {gates}"
