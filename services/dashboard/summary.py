"""Pure. What stands above the panels: how things are in one line, what is silent, who serves, what
was decided and what runs.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from schemas import policy, runs, signals
from services.alarms import causes
from services.dashboard import board, champions, facts, judged, panels, words

Facts = facts.Facts
Row = facts.Row
Stream = facts.Stream
State = board.State
Board = board.Board
Item = board.Item
Panel = board.Panel

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
_NAMES: Final = {signal.key: signal.name for signal in panels.JUDGED}
# Without these no serving log comes.
_COMMANDS: Final = {
    "streams": "python -m streams worker",
    "gateway": "python -m services.gateway",
}


def of(
    snapshot: Facts,
    rules: policy.Policy,
    *,
    test_clock: bool = False,
) -> Board:
    """The whole board. `test_clock`: event time is simulated, so its distance from the wall clock
    means nothing.
    """
    stream = snapshot.stream
    ten = panels.panels(snapshot, rules)
    silent = tuple(alarms(stream, test_clock=test_clock))
    last = last_judged(snapshot, rules)
    state, headline = _headline(ten, silent, last)

    ends = []
    for panel in ten:
        for series in panel.series:
            ends += [point.end for point in series.points]
    first = min(ends, default=stream.since)

    decision = snapshot.decision or {}
    reasons = decision.get("reasons", ())
    return Board(
        state=state,
        headline=headline,
        alarms=silent,
        summary=tuple(_summary(snapshot, test_clock=test_clock)),
        reasons=tuple(map(_reason, reasons)),
        panels=ten,
        champion=snapshot.champion,
        champion_run=champions.made_by(snapshot),
        since=max(first, stream.since),
        until=max([stream.until, *ends]),
        read_at=stream.now,
    )


def alarms(stream: Stream, *, test_clock: bool) -> Iterator[str]:
    """What should speak and does not, each with what to do."""
    if stream.watermark is None or stream.beat_s is None:
        yield f"No serving log has been counted yet{_waits(stream)}"
        return

    if stream.beat_s > SILENT_S:
        still = words.span(stream.beat_s)
        yield (
            f"No stream worker has moved the clock for {still}: nothing here is current."
            " `python -m services.doctor streams`"
        )

    behind = stream.now - stream.watermark
    if behind > causes.BEHIND and not test_clock:
        old = words.span(behind.total_seconds())
        yield f"The newest serving log is {old} old: is the gateway serving?"

    pause = causes.pause(stream.watermark, stream.newest_end)
    if pause is not None:
        since, meanwhile = pause
        sentence = f"{since}: {meanwhile}."
        yield sentence[:1].upper() + sentence[1:]

    if stream.unjudged > 1:
        why = judged.unjudged(stream)
        yield f"{stream.unjudged} complete hours have not been judged: {why}."


def _waits(stream: Stream) -> str:
    """Why no log has come: who does not run, or that everything waits for the first message."""
    missing = []
    for process, command in _COMMANDS.items():
        if not stream.runs(process):
            missing.append(f"`{command}`")
    if not missing:
        return ": the gateway and the stream worker run, and wait for the first POST /classify."
    named = " and ".join(missing)
    return f". Start {named}; `python -m services.doctor` names what is missing."


def _headline(
    ten: Sequence[Panel],
    silent: Sequence[str],
    last: str,
) -> tuple[State, str]:
    """The worst state and what is in it. Silence is worse than anything but a breach; only what is
    judged now can be well.

    last: how things stood when they were judged last.
    """
    six = []
    others = []
    for panel in ten:
        if panel.key in _NAMES:
            six.append(panel)
        # Those nobody judges are told of only where something is the matter.
        elif panel.state not in (State.OK, State.NO_DATA):
            others.append(panel)

    told_of = [*six, *others]
    worst = _worst({panel.state for panel in told_of})
    has_figures = any(panel.state is not State.NO_DATA for panel in six)
    if silent and has_figures and worst is not State.BREACH:
        worst = State.STALE
    named = [panel for panel in told_of if panel.state is worst]
    judged_now = any(panel.state in _NOW for panel in six)
    return worst, _sentence(worst, named, last, judged_now=judged_now)


def _worst(states: Collection[State]) -> State:
    """The first of these in the order of how bad they are."""
    for state in _ORDER:
        if state in states:
            return state
    return State.NO_DATA


def _sentence(
    worst: State,
    named: Sequence[Panel],
    last: str,
    *,
    judged_now: bool,
) -> str:
    """What the worst state means, and of which panels."""
    names = ", ".join(panel.name for panel in named)
    match worst:
        case State.OK:
            return f"All {len(_NAMES)} judged panels are within their limits"
        case State.NO_DATA if judged_now:
            return f"Nothing is in breach; no figure yet for {names}"
        case State.NO_DATA:
            return "Nothing has been judged yet"
        case State.STALE if not judged_now:
            return f"Nothing is judged now{last}"
        case State.STALE:
            return f"These figures are old: {names}" if names else "These figures are old"
        case State.BLIND:
            return f"Nothing is in breach; too little evidence for {names}"
        case State.UNJUDGED:
            return f"Nobody has judged {names}"
    return ", ".join(map(_measured, named))


def last_judged(snapshot: Facts, rules: policy.Policy) -> str:
    """How the judged panels stood when they were judged last, and when, as the end of a sentence;
    empty if they never were.
    """
    states = {}
    ends = []
    for signal in panels.JUDGED:
        rows = snapshot.of(signal.key)
        if not rows:
            continue
        newest = rows[-1]
        rule = getattr(rules.signals, signal.key)
        states[signal.name], _ = judged.standing(signal, newest, rule)
        ends.append(newest["end"])
    if not states:
        return ""

    worst = _worst(states.values())
    names = ", ".join(name for name, state in states.items() if state is worst)
    at = words.when(max(ends))
    return f"; the last state known was {worst.upper()} at {at}: {names}"


def _measured(panel: Panel) -> str:
    """A panel with its value and limit, for the headline."""
    if panel.limit is None or panel.value is None:
        return panel.name
    unit = panel.unit
    value = words.amount(unit, panel.value)
    limit = words.amount(unit, panel.limit)
    return f"{panel.name} {value} (limit {limit})"


def _summary(snapshot: Facts, *, test_clock: bool) -> Iterator[Item]:
    """What was decided and what is being done about it, then who serves and how current all this
    is.
    """
    yield Item("Last decision", *_decision(snapshot.decision, snapshot.action))
    yield Item("Run", *_run(snapshot.run))
    yield Item("Champion", *_champion(snapshot))
    yield Item("Stream clock", *_clock(snapshot))
    yield Item("Freshness", *_freshness(snapshot.stream, test_clock=test_clock))


def _champion(snapshot: Facts) -> tuple[str, str]:
    """Who serves, since when and by whose word."""
    if not snapshot.promotions:
        return "none", judged.no_champion(snapshot)
    last = snapshot.promotions[-1]
    since = words.when(last["at"])
    how = "rolled back" if last["kind"] == "rollback" else "promoted"
    return last["model"], f"since {since}, {how} by {last['by']}"


def _clock(snapshot: Facts) -> tuple[str, str]:
    """Event time, and up to where there are whole hours."""
    hours = snapshot.served("1h")
    newest = "no complete hour yet"
    if hours:
        end = words.when(hours[-1]["end"])
        newest = f"last complete hour ends {end}"

    watermark = snapshot.stream.watermark
    if watermark is None:
        return "not started", newest
    return words.when(watermark), newest


def _freshness(stream: Stream, *, test_clock: bool) -> tuple[str, str]:
    """How long ago the clock moved, and how far it is behind the wall clock."""
    lag = f"lag {stream.lag:,} records"
    if stream.watermark is None or stream.beat_s is None:
        return "no log counted yet", lag

    event = "event time is simulated"
    if not test_clock:
        behind = stream.now - stream.watermark
        event = f"newest log {words.span(behind.total_seconds())} old"

    moved = words.span(stream.beat_s)
    return f"clock moved {moved} ago", f"{event}, {lag}"


def _decision(decision: Row | None, action: Row | None) -> tuple[str, str]:
    """The newest decision; a hold also names the newest that was none."""
    if decision is None:
        return "none yet", "the scheduler decides after each complete hour"

    what = words.spoken(decision["decision"])
    hold_reason = decision["hold_reason"]
    if hold_reason:
        what += f": {words.spoken(hold_reason)}"

    taken = words.when(decision["at"])
    detail = f"{taken}, {decision['model']}"
    cause = decision["cause"]
    if cause:
        detail += f", cause {words.spoken(cause)}"
    if action is not None and action["id"] != decision["id"]:
        earlier = words.spoken(action["decision"])
        at = words.when(action["at"])
        detail += f"; before that {earlier} at {at}"
    return what, detail


def _run(run: Row | None) -> tuple[str, str]:
    """The newest run: its state, candidate and the gates it did not pass."""
    if run is None:
        return "none yet", ""

    name = run["id"]
    state = run["state"]
    candidate = run["candidate"]
    gates = run["gates"]
    error = str(run["error"] or "")

    parts = []
    if candidate:
        parts.append(f"candidate {candidate}")
    if gates:
        parts.append(_gates(gates))
    if state == runs.State.REGISTERED:
        parts.append(f"waits for a promotion: `python retrain/run.py show {name}`")
    first_line, _, _ = error.partition("\n")
    if first_line:
        parts.append(first_line[:200])
    parts.append(_since(run))
    return f"{name}: {state}", ", ".join(parts)


def _gates(gates: Sequence[Row]) -> str:
    """How many gates there were, and those it did not pass."""
    missed = []
    for gate in gates:
        verdict = gate["verdict"]
        if verdict != runs.GateVerdict.PASS:
            missed.append(f"{gate['gate']} {verdict}")
    outcome = ", ".join(missed) or "all passed"
    return f"{len(gates)} gates, {outcome}"


def _since(run: Row) -> str:
    """When it ended, else when it began, else that nobody has taken it."""
    ended = run["ended"]
    started = run["started"]
    if ended:
        return f"ended {words.when(ended)}"
    if started:
        return f"started {words.when(started)}"
    return "waits for a worker: `python retrain/run.py work`"


def _reason(reason: Row) -> dict[str, Any]:
    """A reason of the decision with its unit, for the table."""
    signal = signals.of(reason["signal"])
    return {
        "signal": reason["signal"],
        "value": reason["value"],
        "limit": reason["limit"],
        "n": reason["n"],
        "low": reason["low"],
        "high": reason["high"],
        "breached": reason["breached"],
        "unit": board.Unit(signal.unit),
        "at_least": signal.falls,
        "name": _NAMES.get(signal.name, signal.words),
    }
