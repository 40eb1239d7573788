"""Pure. What the outbox tells -> a Slack message. Written for the on-call at 3 a.m.: what happened
with numbers, why, what to do, where to look.

A thread's root is a function of everything told so far, so editing it twice changes nothing. Never
a number without its n.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from schemas import decisions, messages, runs, signals, times
from services.notifier import advice, figures, limits

Kind = decisions.Kind
Role = signals.Role
State = runs.State
Verdict = runs.GateVerdict
Alarm = messages.AlarmRaised
Run = messages.RunChanged
Decision = decisions.Decision

WORDS: Final = {
    Kind.RETRAIN: "RETRAIN DECIDED",
    Kind.ROLLBACK: "ROLL BACK",
    Kind.FIX_UPSTREAM: "FIX UPSTREAM",
    Kind.REWEIGHT: "REWEIGHT",
    Kind.HOLD: "HOLD",
}
_ROLES: Final = (Role.QUALITY, Role.DRIFT)


class NotComposable(ValueError):
    """A payload that no message can be made of; the text names the field."""


@dataclass(frozen=True, slots=True)
class Told:
    """One row of the outbox, not yet read: its kind, its payload, when it was written."""

    kind: str
    payload: Mapping[str, Any]
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Message:
    """What Slack is given: `text` for phones and screen readers, `blocks` for the eye."""

    text: str
    blocks: list[limits.Block]


@dataclass(frozen=True, slots=True)
class Story:
    """Everything a thread has told: its decision, if one began it, and where its run stands."""

    decision: Decision | None
    run: Run | None
    run_id: str | None
    at: dt.datetime


def root(thread: Sequence[Told]) -> Message:
    """The message at the head of the thread: the state now over the evidence of the decision."""
    last = thread[-1]
    newest = _message(last)
    if isinstance(newest, Alarm):
        return _alarm(newest, last.at)

    story = _story(thread)
    headline = limits.cut(_headline(story), limits.HEADER)
    blocks = [
        _header(headline),
        limits.section(_lead(story)),
    ]
    if story.decision:
        grounds = "\n".join(figures.grounds(story.decision))
        blocks += _fields(story.decision.reasons)
        blocks.append(limits.section(f"*Why this fired*\n{grounds}"))
    if story.run:
        blocks += _outcome(story.run)

    next_step = advice.next_step(story.decision, story.run)
    blocks.append(limits.section(f"*Next step*\n{next_step}"))
    blocks.append(limits.context(_origin(story)))
    return _fitted(limits.escape(headline), blocks)


def _fitted(text: str, blocks: list[limits.Block]) -> Message:
    text, blocks = limits.fitted(text, blocks)
    return Message(text, blocks)


def _message(row: Told) -> messages.Message:
    try:
        return messages.read(row.kind, row.payload)
    except messages.NotReadable as error:
        raise NotComposable(str(error)) from None


def _header(headline: str) -> limits.Block:
    return {
        "type": "header",
        "text": _plain_text(headline),
    }


def _plain_text(text: str) -> limits.Block:
    """Text in which nothing is markup."""
    return {
        "type": "plain_text",
        "text": text,
        "emoji": False,
    }


def _alarm(alarm: Alarm, at: dt.datetime) -> Message:
    headline = limits.cut(f"ALARM {alarm.cause}", limits.HEADER)
    cause = limits.escape(alarm.cause)
    remedy = limits.escape(alarm.remedy)
    blocks = [
        _header(headline),
        limits.section(cause),
        limits.section(f"*Next step*\n{remedy}"),
        limits.context([f"at {limits.date(at)}"]),
    ]
    return _fitted(limits.escape(headline), blocks)


def reply(row: Told) -> Message:
    """One line of history in the thread."""
    message = _message(row)
    if isinstance(message, Alarm):
        return _alarm(message, row.at)

    story = _story([row])
    line = _line(story)
    blocks = [
        limits.section(line),
        limits.context([f"at {limits.date(row.at)}"]),
    ]
    return _fitted(line, blocks)


def _line(story: Story) -> str:
    """A step of a run by its name; whatever ends or waits for a person with its numbers."""
    run = story.run
    if run is None or run.state in runs.ENDED or run.state is State.REGISTERED:
        return limits.escape(_headline(story))
    state = run.state.upper()
    return f"{state} `{limits.escape(run.run_id)}`{advice.progress(run.state)}"


def possible_duplicate(message: Message) -> Message:
    """The same message, saying that an earlier attempt may have arrived too and could not be looked
    up.
    """
    note = (
        "possible duplicate: an earlier attempt was not confirmed,"
        " and Slack would not let us look it up"
    )
    blocks = [*message.blocks, limits.context([note])]
    return _fitted(message.text, blocks)


def _story(thread: Sequence[Told]) -> Story:
    decision = None
    run = None
    run_id = None
    for row in thread:
        match _message(row):
            case messages.DecisionTaken() as message:
                decision = message.taken
                run_id = message.run_id
            case Run() as message:
                run = message
                run_id = message.run_id
            case Alarm():
                raise NotComposable("an alarm in the thread of something else")
    return Story(decision, run, run_id, thread[-1].at)


def _headline(story: Story) -> str:
    """What happened, with numbers. The word comes first: a phone shows the first forty letters."""
    run = story.run
    decision = story.decision
    if run is None:
        assert decision is not None
        word = WORDS[decision.decision]
        return f"{word} {decision.model}: {_evidence(decision)}"

    if run.state is State.REJECTED:
        return _rejected(run)
    if run.state is State.FAILED:
        return f"FAILED {run.run_id}: {run.error}"

    first_gate = figures.gates_short(run.gates[:1])
    if run.state is State.CHAMPION:
        over = f" over {run.champion}" if run.champion else ", the first champion"
        return f"PROMOTED {run.candidate}{over}: {first_gate}"
    if run.state is State.REGISTERED:
        return f"APPROVAL NEEDED {run.candidate}: every gate passed, {first_gate}"

    if decision is None:
        return f"TRAINING {run.run_id}"
    return f"TRAINING {run.run_id} for {decision.model}: {_evidence(decision)}"


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


def _evidence(decision: Decision) -> str:
    """The breached signals that fit beside each other, quality first."""
    breached = [reason for reason in decision.reasons if reason.breached]
    breached.sort(key=_foremost)
    line = ""
    for reason in breached:
        figure = figures.short(reason)
        if not line:
            line = figure
            continue
        longer = f"{line} + {figure}"
        if len(longer) > limits.HEADER - 42:
            break
        line = longer
    return line or "no signal in breach"


def _foremost(reason: decisions.Reason) -> list[bool]:
    """A key that sorts a loss of quality first, then a drift, then whatever else."""
    return [role not in reason.roles for role in _ROLES]


def _lead(story: Story) -> str:
    parts = []
    decision = story.decision
    if decision:
        model = limits.escape(decision.model)
        parts.append(f"Model `{model}`")
        if decision.cause:
            parts.append(f"believed cause: *{decision.cause}*")
        else:
            parts.append("no cause named")
        total = len(decision.reasons)
        breached = sum(reason.breached for reason in decision.reasons)
        parts.append(f"{breached} of {total} signals in breach")

    if story.run_id:
        run_id = limits.escape(story.run_id)
        run = f"run `{run_id}`"
        parts.append(run if decision else f"{run}, started by hand")
    return "  ·  ".join(parts)


def _fields(reasons: Sequence[decisions.Reason]) -> Iterator[limits.Block]:
    """The evidence in two columns, what is in breach first. Beyond Slack's ten the last one says
    how many are missing.
    """
    if not reasons:
        return
    ordered = sorted(reasons, key=lambda reason: not reason.breached)
    texts = [figures.field(reason) for reason in ordered]
    if len(texts) > limits.FIELDS:
        shown = limits.FIELDS - 1
        rest = len(texts) - shown
        texts = [*texts[:shown], f"… and {rest} more signals"]

    fields = []
    for text in texts:
        cut = limits.cut(text, limits.FIELD)
        fields.append({"type": "mrkdwn", "text": cut})
    yield {"type": "section", "fields": fields}


def _outcome(run: Run) -> Iterator[limits.Block]:
    if run.error:
        # What an exception said is foreign.
        error = limits.cut(f"Error: {run.error}", limits.SECTION)
        yield {"type": "section", "text": _plain_text(error)}
    if run.gates:
        passed = sum(gate.verdict is Verdict.PASS for gate in run.gates)
        title = f"*Gates*: {passed} of {len(run.gates)} pass"
        lines = [title, *figures.gate_lines(run.gates)]
        yield limits.section("\n".join(lines))


def _origin(story: Story) -> list[str]:
    updated = f"updated {limits.date(story.at)}"
    taken = story.decision
    if taken is None:
        return [updated]

    identity = limits.escape(taken.id)
    sha256 = limits.escape(taken.sha256[:12])
    parts = (
        f"decision `{identity}`",
        f"sha256 `{sha256}`",
        f"decided {limits.date(taken.at)}",
        updated,
    )
    at = times.rfc3339(taken.at)
    replay = f"replay: `python retrain/run.py replay --from {at} --to {at}`"
    return ["  ·  ".join(parts), replay]
