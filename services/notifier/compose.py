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
from services.notifier import figures, limits

Kind, State = decisions.Kind, runs.State

WORDS: Final = {
    Kind.RETRAIN: "RETRAIN DECIDED",
    Kind.ROLLBACK: "ROLL BACK",
    Kind.FIX_UPSTREAM: "FIX UPSTREAM",
    Kind.REWEIGHT: "REWEIGHT",
    Kind.HOLD: "HOLD",
}
_ADVICE: Final = {
    Kind.RETRAIN: "Nothing to do now: the run waits for the retrain worker. If it does not start, look for `python retrain/run.py work`.",
    Kind.ROLLBACK: "The release is the likely cause: `python retrain/run.py rollback --by YOU` puts the model before it back; then look at what changed.",
    Kind.FIX_UPSTREAM: "Do not retrain: requests fail before the model answers. Look at the gateway and at what feeds it.",
    Kind.REWEIGHT: "The mix moved, the answers are as good: if it will stay, `python retrain/run.py reweight DECISION --by YOU` makes the day the reference.",
    Kind.HOLD: "Nothing to do.",
}


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

    decision: decisions.Decision | None
    run: messages.RunChanged | None
    run_id: str | None
    at: dt.datetime


def root(told: Sequence[Told]) -> Message:
    """The message at the head of the thread: the state now over the evidence of the decision."""
    newest = _message(told[-1])
    if isinstance(newest, messages.AlarmRaised):
        return _alarm(newest, told[-1].at)
    story = _story(told)
    headline = limits.cut(_headline(story), limits.HEADER)
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": headline, "emoji": False}},
        limits.section(_lead(story)),
    ]
    if story.decision:
        blocks += _fields(story.decision.reasons)
        blocks.append(
            limits.section("*Why this fired*\n" + "\n".join(figures.grounds(story.decision)))
        )
    if story.run:
        blocks += _outcome(story.run)
    blocks += [limits.section(f"*Next step*\n{_next(story)}"), limits.context(_origin(story))]
    return Message(*limits.fitted(limits.escape(headline), blocks))


def _message(told: Told) -> messages.Message:
    try:
        return messages.read(told.kind, told.payload)
    except messages.NotReadable as error:
        raise NotComposable(str(error)) from None


def _alarm(alarm: messages.AlarmRaised, at: dt.datetime) -> Message:
    headline = limits.cut(f"ALARM {alarm.cause}", limits.HEADER)
    blocks = [{"type": "header", "text": {"type": "plain_text", "text": headline, "emoji": False}}]
    blocks += [
        limits.section(limits.escape(alarm.cause)),
        limits.section(f"*Next step*\n{limits.escape(alarm.remedy)}"),
        limits.context([f"at {limits.date(at)}"]),
    ]
    return Message(*limits.fitted(limits.escape(headline), blocks))


def reply(told: Told) -> Message:
    """One line of history in the thread."""
    message = _message(told)
    if isinstance(message, messages.AlarmRaised):
        return _alarm(message, told.at)
    story = _story([told])
    if story.run is None or story.run.state in runs.ENDED or story.run.state is State.REGISTERED:
        line = limits.escape(_headline(story))
    else:
        line = f"{story.run.state.upper()} `{limits.escape(story.run.run_id)}`" + _progress(
            story.run
        )
    blocks = [limits.section(line), limits.context([f"at {limits.date(told.at)}"])]
    return Message(*limits.fitted(line, blocks))


def possible_duplicate(message: Message) -> Message:
    """The same message, saying that an earlier attempt may have arrived too and could not be looked
    up.
    """
    note = limits.context(
        [
            "possible duplicate: an earlier attempt was not confirmed, and Slack would not let us look it up"
        ]
    )
    return Message(*limits.fitted(message.text, [*message.blocks, note]))


def _story(told: Sequence[Told]) -> Story:
    decision, run, run_id = None, None, None
    for row in told:
        match _message(row):
            case messages.DecisionTaken() as message:
                decision, run_id = message.taken, message.run_id
            case messages.RunChanged() as message:
                run, run_id = message, message.run_id
            case messages.AlarmRaised():
                raise NotComposable("an alarm in the thread of something else")
    return Story(decision, run, run_id, told[-1].at)


def _headline(story: Story) -> str:
    """What happened, with numbers. The word comes first: a phone shows the first forty characters."""
    run, decision = story.run, story.decision
    if run is None:
        assert decision is not None
        return f"{WORDS[decision.decision]} {decision.model}: {_evidence(decision)}"
    if run.state is State.CHAMPION:
        over = f" over {run.champion}" if run.champion else ", the first champion"
        return f"PROMOTED {run.candidate}{over}: {figures.gates_short(run.gates[:1])}"
    if run.state is State.REGISTERED:
        return f"APPROVAL NEEDED {run.candidate}: every gate passed, {figures.gates_short(run.gates[:1])}"
    if run.state is State.REJECTED:
        short = [gate for gate in run.gates if gate.verdict is not runs.GateVerdict.PASS]
        failed = any(gate.verdict is runs.GateVerdict.FAIL for gate in short)
        return f"GATES {'FAILED' if failed else 'INCONCLUSIVE'} {run.candidate}: {figures.gates_short(sorted(short, key=lambda g: g.verdict != 'fail'))}"
    if run.state is State.FAILED:
        return f"FAILED {run.run_id}: {run.error}"
    return f"TRAINING {run.run_id}" + (
        f" for {decision.model}: {_evidence(decision)}" if decision else ""
    )


def _evidence(decision: decisions.Decision) -> str:
    """The breached signals that fit beside each other, quality first."""
    roles = (signals.Role.QUALITY, signals.Role.DRIFT)
    breached = sorted(
        (r for r in decision.reasons if r.breached),
        key=lambda r: [role not in r.roles for role in roles],
    )
    line = ""
    for reason in breached:
        longer = f"{line} + {figures.short(reason)}" if line else figures.short(reason)
        if line and len(longer) > limits.HEADER - 42:
            break
        line = longer
    return line or "no signal in breach"


def _lead(story: Story) -> str:
    parts = []
    if story.decision:
        breached = sum(reason.breached for reason in story.decision.reasons)
        cause = (
            f"believed cause: *{story.decision.cause}*"
            if story.decision.cause
            else "no cause named"
        )
        parts += [
            f"Model `{limits.escape(story.decision.model)}`",
            cause,
            f"{breached} of {len(story.decision.reasons)} signals in breach",
        ]
    if story.run_id:
        parts.append(
            f"run `{limits.escape(story.run_id)}`" + ("" if story.decision else ", started by hand")
        )
    return "  ·  ".join(parts)


def _fields(reasons: Sequence[decisions.Reason]) -> Iterator[limits.Block]:
    """The evidence in two columns, what is in breach first. Beyond Slack's ten the last one says
    how many are missing.
    """
    ordered = sorted(reasons, key=lambda reason: not reason.breached)
    texts = [figures.field(reason) for reason in ordered]
    if len(texts) > limits.FIELDS:
        texts = [
            *texts[: limits.FIELDS - 1],
            f"… and {len(texts) - limits.FIELDS + 1} more signals",
        ]
    if texts:
        yield {
            "type": "section",
            "fields": [
                {"type": "mrkdwn", "text": limits.cut(text, limits.FIELD)} for text in texts
            ],
        }


def _outcome(run: messages.RunChanged) -> Iterator[limits.Block]:
    if run.error:  # what an exception said is foreign: plain text, so nothing in it is markup
        yield {
            "type": "section",
            "text": {
                "type": "plain_text",
                "text": limits.cut(f"Error: {run.error}", limits.SECTION),
                "emoji": False,
            },
        }
    if run.gates:
        passed = sum(gate.verdict is runs.GateVerdict.PASS for gate in run.gates)
        yield limits.section(
            f"*Gates*: {passed} of {len(run.gates)} pass\n"
            + "\n".join(figures.gate_lines(run.gates))
        )


def _next(story: Story) -> str:
    run = story.run
    if run is None:
        assert story.decision is not None
        return _ADVICE[story.decision.decision]
    name, keeps = (
        limits.escape(run.run_id),
        f"`{limits.escape(run.champion)}` keeps serving" if run.champion else "No model serves yet",
    )
    look = f"`python retrain/run.py show {name}`"
    if run.state is State.CHAMPION:
        return f"Nothing to do: `{limits.escape(str(run.candidate))}` serves. Its own live accuracy follows with the labels of the next days."
    if run.state is State.REGISTERED:
        return f"{keeps}. To promote: `python retrain/run.py promote {name} --by YOUR_NAME`"
    if run.state is State.REJECTED:
        return f"{keeps}. Read the gates above; where one is inconclusive, label what it asks for. Details: {look}"
    if run.state is State.FAILED:
        return f"{keeps}. Remove the cause, then start again: `python retrain/run.py run`. Details: {look}"
    return f"Nothing to do: the run is at *{run.state}*{_progress(run)}. {keeps}."


def _progress(run: messages.RunChanged) -> str:
    """Which of the steps before an end this is."""
    steps = [State.TRAINING, State.EVALUATED, State.COMPILED, State.GATED, State.REGISTERED]
    return f", step {steps.index(run.state) + 1} of {len(steps)}" if run.state in steps else ""


def _origin(story: Story) -> list[str]:
    if story.decision is None:
        return [f"updated {limits.date(story.at)}"]
    taken = story.decision
    at, updated = times.rfc3339(taken.at), f"updated {limits.date(story.at)}"
    return [
        f"decision `{limits.escape(taken.id)}`  ·  sha256 `{limits.escape(taken.sha256[:12])}`  ·  decided {limits.date(taken.at)}  ·  {updated}",
        f"replay: `python retrain/run.py replay --from {at} --to {at}`",
    ]
