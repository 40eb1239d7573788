"""Pure. What stands above the panels: how things are in one line, what is silent, who serves, what
was decided and what runs.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any, Final

from schemas import policy, runs, signals
from services.alarms import causes
from services.dashboard import board, facts, judged, panels, words

State = board.State

SILENT_S: Final = 120.0  # a stream worker writes its clock every second
# The worst first. `no limit` says nothing about how things are.
_ORDER: Final = (
    State.BREACH,
    State.STALE,
    State.WATCH,
    State.UNJUDGED,
    State.BLIND,
    State.NO_DATA,
    State.OK,
)
# Of a panel that has been judged, and not long ago.
_NOW: Final = (State.BREACH, State.WATCH, State.BLIND, State.OK)
_NAMES: Final = {each.key: each.name for each in panels.JUDGED}


def of(known: facts.Facts, rules: policy.Policy, *, test_clock: bool = False) -> board.Board:
    """The whole board. `test_clock`: event time is simulated, so its distance from the wall clock
    means nothing.
    """
    ten = panels.panels(known, rules)
    silent = tuple(alarms(known.stream, test_clock=test_clock))
    state, headline = _headline(ten, silent, last_judged(known, rules))
    ends = [point.end for panel in ten for series in panel.series for point in series.points]
    return board.Board(
        state=state,
        headline=headline,
        alarms=silent,
        summary=tuple(_summary(known, test_clock=test_clock)),
        reasons=tuple(_reason(reason) for reason in (known.decision or {}).get("reasons", ())),
        panels=ten,
        champion=known.champion,
        since=max(min(ends, default=known.stream.since), known.stream.since),
        until=max([known.stream.until, *ends]),
        read_at=known.stream.now,
    )


def alarms(stream: facts.Stream, *, test_clock: bool) -> Iterator[str]:
    """What should speak and does not, each with what to do."""
    if stream.watermark is None or stream.beat_s is None:
        yield f"No serving log has been counted yet{_waits(stream)}"
        return
    if stream.beat_s > SILENT_S:
        yield f"No stream worker has moved the clock for {words.span(stream.beat_s)}: nothing here is current. `python -m services.doctor streams`"
    behind = stream.now - stream.watermark
    if behind > causes.BEHIND and not test_clock:
        old = words.span(behind.total_seconds())
        yield f"The newest serving log is {old} old: is the gateway serving?"
    pause = causes.pause(stream.watermark, stream.newest_end)
    if pause is not None:
        since, meanwhile = pause
        yield f"{since[:1].upper()}{since[1:]}: {meanwhile}."
    if stream.unjudged > 1:
        yield f"{stream.unjudged} complete hours have not been judged: {judged.unjudged(stream)}."


def _waits(stream: facts.Stream) -> str:
    """Why no log has come: who does not run, or that everything waits for the first message."""
    commands = {"streams": "python -m streams worker", "gateway": "python -m services.gateway"}
    wanting = [command for process, command in commands.items() if not stream.runs(process)]
    if not wanting:
        return ": the gateway and the stream worker run, and wait for the first POST /classify."
    named = " and ".join(f"`{command}`" for command in wanting)
    return f". Start {named}; `python -m services.doctor` names what is missing."


def _headline(
    ten: Sequence[board.Panel], silent: Sequence[str], last: str
) -> tuple[board.State, str]:
    """The worst state and what is in it. Silence is worse than anything but a breach; only what is
    judged now can be well.

    last: how things stood when they were judged last.
    """
    six = [panel for panel in ten if panel.key in _NAMES]
    others = [
        panel
        for panel in ten
        if panel.key not in _NAMES and panel.state not in (State.OK, State.NO_DATA)
    ]
    worst = next(
        (state for state in _ORDER if any(panel.state is state for panel in (*six, *others))),
        State.NO_DATA,
    )
    if (
        silent
        and worst is not State.BREACH
        and any(panel.state is not State.NO_DATA for panel in six)
    ):
        worst = State.STALE
    named = [panel for panel in (*six, *others) if panel.state is worst]
    names = ", ".join(panel.name for panel in named)
    judged_now = any(panel.state in _NOW for panel in six)
    said = {
        State.OK: f"All {len(six)} judged panels are within their limits",
        State.NO_DATA: f"Nothing is in breach; no figure yet for {names}"
        if judged_now
        else "Nothing has been judged yet",
        State.STALE: f"These figures are old{': ' + names if names else ''}"
        if judged_now
        else f"Nothing is judged now{last}",
        State.BLIND: f"Nothing is in breach; too little evidence for {names}",
        State.UNJUDGED: f"Nobody has judged {names}",
    }
    return worst, said.get(worst) or ", ".join(_measured(panel) for panel in named)


def last_judged(known: facts.Facts, rules: policy.Policy) -> str:
    """How the judged panels stood when they were judged last, and when, as the end of a sentence;
    empty if they never were.
    """
    newest = [(each, rows[-1]) for each in panels.JUDGED if (rows := known.of(each.key))]
    if not newest:
        return ""
    states = {
        each.name: judged.standing(each, row, getattr(rules.signals, each.key))[0]
        for each, row in newest
    }
    worst = next(state for state in _ORDER if state in states.values())
    names = ", ".join(name for name, state in states.items() if state is worst)
    at = max(row["end"] for _, row in newest)
    return f"; the last state known was {worst.upper()} at {words.when(at)}: {names}"


def _measured(panel: board.Panel) -> str:
    """A panel with its value and limit, for the headline."""
    if panel.limit is None or panel.value is None:
        return panel.name
    return f"{panel.name} {words.amount(panel.unit, panel.value)} (limit {words.amount(panel.unit, panel.limit)})"


def _summary(known: facts.Facts, *, test_clock: bool) -> Iterator[board.Item]:
    """What was decided and what is being done about it, then who serves and how current all this
    is.
    """
    stream, hours = known.stream, known.served("1h")
    yield board.Item("Last decision", *_decision(known.decision, known.action))
    yield board.Item("Run", *_run(known.run))
    if known.promotions:
        last = known.promotions[-1]
        how = "rolled back" if last["kind"] == "rollback" else "promoted"
        yield board.Item(
            "Champion", last["model"], f"since {words.when(last['at'])}, {how} by {last['by']}"
        )
    else:
        yield board.Item("Champion", "none", judged.no_champion(known))
    newest = (
        f"last complete hour ends {words.when(hours[-1]['end'])}"
        if hours
        else "no complete hour yet"
    )
    yield board.Item(
        "Stream clock", words.when(stream.watermark) if stream.watermark else "not started", newest
    )
    yield board.Item("Freshness", *_freshness(stream, test_clock=test_clock))


def _freshness(stream: facts.Stream, *, test_clock: bool) -> tuple[str, str]:
    if stream.watermark is None or stream.beat_s is None:
        return "no log counted yet", f"lag {stream.lag:,} records"
    behind = words.span((stream.now - stream.watermark).total_seconds())
    event = "event time is simulated" if test_clock else f"newest log {behind} old"
    return f"clock moved {words.span(stream.beat_s)} ago", f"{event}, lag {stream.lag:,} records"


def _decision(decision: facts.Row | None, action: facts.Row | None) -> tuple[str, str]:
    """The newest decision; a hold also names the newest that was none."""
    if decision is None:
        return "none yet", "the scheduler decides after each complete hour"
    what = words.spoken(decision["decision"]) + (
        f": {words.spoken(decision['hold_reason'])}" if decision["hold_reason"] else ""
    )
    cause = f", cause {words.spoken(decision['cause'])}" if decision["cause"] else ""
    earlier = ""
    if action is not None and action["id"] != decision["id"]:
        earlier = f"; before that {words.spoken(action['decision'])} at {words.when(action['at'])}"
    return what, f"{words.when(decision['at'])}, {decision['model']}{cause}{earlier}"


def _run(run: facts.Row | None) -> tuple[str, str]:
    """The newest run: its state, candidate and the gates it did not pass."""
    if run is None:
        return "none yet", ""
    missed = [
        f"{gate['gate']} {gate['verdict']}"
        for gate in run["gates"] or ()
        if gate["verdict"] != runs.GateVerdict.PASS
    ]
    parts = [
        f"candidate {run['candidate']}" if run["candidate"] else "",
        f"{len(run['gates'])} gates, {', '.join(missed) or 'all passed'}" if run["gates"] else "",
        f"waits for a promotion: `python retrain/run.py show {run['id']}`"
        if run["state"] == runs.State.REGISTERED
        else "",
        str(run["error"] or "").partition("\n")[0][:200],
        _since(run["ended"] or run["started"], "ended" if run["ended"] else "started"),
    ]
    return f"{run['id']}: {run['state']}", ", ".join(part for part in parts if part)


def _since(at: dt.datetime | None, what: str) -> str:
    return f"{what} {words.when(at)}" if at else "waits for a worker: `python retrain/run.py work`"


def _reason(reason: facts.Row) -> dict[str, Any]:
    """A reason of the decision with its unit, for the table."""
    signal = signals.of(reason["signal"])
    names = ("signal", "value", "limit", "n", "low", "high", "breached")
    return {name: reason[name] for name in names} | {
        "unit": board.Unit(signal.unit),
        "at_least": signal.falls,
        "name": _NAMES.get(signal.name, signal.words),
    }
