"""Pure. What the outbox tells -> a Slack message. Written for the on-call at 3 a.m.: what happened
with numbers, why, what to do, where to look.

A thread's root is a function of everything told so far, so editing it twice changes nothing. Never
a number without its n.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from schemas import alerts, messages, runs, times, units, why
from services.notifier import advice, figures, limits, links, story

Alarm = messages.AlarmRaised
Over = messages.AlarmOver
Verdict = runs.GateVerdict
State = runs.State
Run = messages.RunChanged
Story = story.Story
Told = story.Told
NotComposable = story.NotComposable


@dataclass(frozen=True, slots=True)
class Message:
    """What Slack is given: `text` for phones and screen readers, `blocks` for the eye."""

    text: str
    blocks: list[limits.Block]


def root(thread: Sequence[Told], board: str | None = None) -> Message:
    """The message at the head of the thread: the state now over the evidence of the decision.
    `board`: where people reach the dashboard.
    """
    last = thread[-1]
    newest = story.message(last)
    if isinstance(newest, Alarm):
        return _alarm(newest, last.at)
    if isinstance(newest, Over):
        return _over(newest, last.at)

    told = story.story(thread)
    headline = limits.cut(story.headline(told), limits.HEADER)
    blocks = [
        _header(headline),
        limits.section(_lead(told)),
        *_fields(told),
    ]
    grounds = "\n".join(limits.escape(line) for line in _grounds(told))
    if grounds:
        blocks.append(limits.section(f"*Why*\n{grounds}"))
    if told.run:
        blocks += _outcome(told.run)

    next_step = advice.next_step(told)
    blocks.append(limits.section(f"*Next step*\n{next_step}"))
    if board and told.run_id:
        blocks.append(limits.section(f"*Look at the run*\n{links.of_run(board, told.run_id)}"))
    blocks.append(limits.context(_origin(told)))
    return _fitted(limits.escape(headline), blocks)


def _fitted(text: str, blocks: list[limits.Block]) -> Message:
    text, blocks = limits.fitted(text, blocks)
    return Message(text, blocks)


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


def _over(alarm: Over, at: dt.datetime) -> Message:
    """In the place of the alarm: that it is over, and for how long it was told."""
    headline = limits.cut(_ended(alarm), limits.HEADER)
    blocks = [
        _header(headline),
        limits.section(limits.escape(alarm.cause)),
        limits.section("*Next step*\nNothing to do: its cause holds no more."),
        limits.context([f"over since {limits.date(at)}"]),
    ]
    return _fitted(limits.escape(headline), blocks)


def _ended(alarm: Over) -> str:
    return f"OVER after {units.lasted(alarm.lasted_s)}: {alarm.cause}"


def reply(row: Told) -> Message | None:
    """One line of history in the thread; None for what the root alone shows."""
    message = story.message(row)
    if isinstance(message, Alarm):
        return _alarm(message, row.at)
    if isinstance(message, messages.AlertChanged) and message.news is messages.News.REFRESHED:
        return None

    line = limits.escape(_ended(message)) if isinstance(message, Over) else _line(row)
    blocks = [
        limits.section(line),
        limits.context([f"at {limits.date(row.at)}"]),
    ]
    return _fitted(line, blocks)


def _line(row: Told) -> str:
    """A step of a run by its name; whatever ends or waits for a person with its numbers."""
    told = story.story([row])
    run = told.run
    if run is None or run.state in runs.ENDED or run.state is State.REGISTERED:
        return limits.escape(story.headline(told))
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


def _lead(told: Story) -> str:
    """Of which model it is, what is believed of it, since when it stands."""
    parts = []
    decision, alert = told.decision, told.alert
    if decision:
        parts.append(f"Model `{limits.escape(decision.model)}`")
        if told.about and told.about.cause:
            parts.append(f"believed cause: *{told.about.cause}*")
    elif alert:
        parts.append(f"Model `{limits.escape(alert.model)}`")
    if alert:
        parts.append(f"since {limits.date(alert.since)}")
        parts.append(_stands(alert))

    if told.run_id:
        run_id = limits.escape(told.run_id)
        run = f"run `{run_id}`"
        parts.append(run if decision else f"{run}, started by hand")
    return "  ·  ".join(parts)


def _stands(alert: alerts.Alert) -> str:
    """For how long it has stood, or had when it ended."""
    lasted = units.lasted(alert.lasted_s)
    if alert.ended is None:
        return f"for {lasted}"
    by = f": {limits.escape(alert.by)}" if alert.by else ""
    return f"*over* after {lasted}{by}"


def _fields(told: Story) -> Iterator[limits.Block]:
    """The numbers in two columns: the newest and the worst of an alert, or those that decided.
    Beyond Slack's ten the last one says how many are missing.
    """
    if told.alert is not None:
        order = {reason.signal: place for place, reason in enumerate(told.reasons)}
        shown = sorted(told.alert.figures, key=lambda each: order[each.reason.signal])
        texts = [figures.field(each.reason, each.worst) for each in shown]
    else:
        texts = [figures.field(reason) for reason in told.reasons]
    if not texts:
        return
    if len(texts) > limits.FIELDS:
        kept = limits.FIELDS - 1
        texts = [*texts[:kept], f"… and {len(texts) - kept} more signals"]

    fields = []
    for text in texts:
        fields.append({"type": "mrkdwn", "text": limits.cut(text, limits.FIELD)})
    yield {"type": "section", "fields": fields}


def _grounds(told: Story) -> Iterator[str]:
    """Why it is told: the clause of the rule and the numbers that decided. Where the decision was
    about something else, what the alert itself says.
    """
    if told.about is not None:
        yield from why.lines(told.about)
    elif told.alert is not None:
        yield advice.ground(told.alert)


def _outcome(run: Run) -> Iterator[limits.Block]:
    if run.error and run.state not in (State.REJECTED, State.CANCELLED):
        # What an exception said is foreign.
        error = limits.cut(f"Error: {run.error}", limits.SECTION)
        yield {"type": "section", "text": _plain_text(error)}
    if run.gates:
        passed = sum(gate.verdict is Verdict.PASS for gate in run.gates)
        title = f"*Gates*: {passed} of {len(run.gates)} pass"
        lines = [title, *figures.gate_lines(run.gates)]
        yield limits.section("\n".join(lines))


def _origin(told: Story) -> list[str]:
    updated = f"updated {limits.date(told.at)}"
    taken = told.decision
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
