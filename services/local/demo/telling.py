"""Pure. What `make demo` says: an event as a sentence in plain words, where to look, how long
still. Numbers come with their interval.
"""

import datetime as dt
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from schemas import runs, signals, units
from services.local.demo import report, story

WIDEST: Final = 100
_CAUSES: Final = {
    "language": "new language",
    "mix": "another mix",
    "pipeline": "a broken pipeline",
    "bad_release": "a bad release",
}
_ASKED: Final = {
    "rollback": "a rollback is asked for",
    "fix_upstream": "something before the model is broken: mend it, a retrain would not help",
    "reweight": "people ask for other things, the answers are as good:"
    " a new reference mix is asked for",
}
_CHANGES: Final = {
    story.MIX: "a campaign: customers ask for other things, in the same words",
    story.LATER: "customers bring new words",
}
_HOLDS: Final = {
    "COOLING_DOWN": "so soon after the last",
    "RUN_IN_PROGRESS": "while a model is in training",
    "PAUSED": "while decisions are paused",
}
_STEPS: Final = {
    runs.State.QUEUED: "{model} waits for the retrain worker",
    runs.State.TRAINING: "training {model}, epoch {epoch}",
    runs.State.EVALUATED: "compiling {model} and testing it under load",
    runs.State.COMPILED: "holding {model} against its gates",
}


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence or a cell, and how it looks on a terminal (a style of rich's)."""

    text: str
    style: str = ""


def accuracy(
    estimate: float | None,
    low: float | None,
    high: float | None,
) -> str:
    """A ratio with its 95 % interval.

    >>> accuracy(0.7196, 0.69, 0.751), accuracy(None, None, None)
    ('72 % [69, 75]', '-')
    """
    if estimate is None:
        return "-"
    return f"{100 * estimate:.0f} %{_interval(low, high)}"


def _interval(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return ""
    return f" [{100 * low:.0f}, {100 * high:.0f}]"


def breached(row: report.Row) -> set[str]:
    """The signals that count as in breach in a decision."""
    return {reason["signal"] for reason in row["reasons"] if reason["breached"]}


def decisive(row: report.Row) -> set[str]:
    """The signals that a decision rests on; those in breach where it does not say."""
    decided = {reason["signal"] for reason in row["reasons"] if reason.get("decided")}
    return decided or breached(row)


def begins(kind: str, date: dt.date) -> Said | None:
    """What the story changes with this day; nothing on an ordinary one."""
    change = _CHANGES.get(kind)
    if change is None:
        return None
    return Said(f"{date:%-d %b}: {change}", "bold cyan")


def events(before: report.Day | None, day: report.Day) -> Iterator[Said]:
    """What a day's decisions say that those of the day before did not; nothing on a quiet day."""
    acts: set[str] = set()
    for taken in day.taken:
        if taken.row["decision"] not in ("hold", *acts):
            acts.add(taken.row["decision"])
            yield decided(taken)
    if acts or not day.taken:
        return

    last = day.taken[-1]
    now = breached(last.row)
    was = breached(before.taken[-1].row) if before and before.taken else set()
    if now - was:
        yield _held(last, now - was)
    elif was and not now and _reason(last, "live_accuracy"):
        yield Said(
            f"{_at(last)} nothing is in breach any more: {_answers(last)}",
            "green",
        )


def _held(last: report.Taken, new: set[str]) -> Said:
    """Why there is no retrain all the same, with what is newly in breach."""
    waits = _HOLDS.get(str(last.row["hold_reason"]))
    what = f"no retrain {waits}" if waits else "no retrain"
    sentence = f"{_at(last)} {what}: {worded(last, new)}"
    if "live_accuracy" not in new:
        sentence += f"; {_answers(last)}"
    return Said(sentence, "yellow")


def _at(taken: report.Taken) -> str:
    return f"{taken.row['at']:%-d %b %H:%M}"


def decided(taken: report.Taken) -> Said:
    """A decision that asks for something."""
    row = taken.row
    why = worded(taken, decisive(row))
    cause = f" (cause: {_CAUSES[row['cause']]})" if row["cause"] in _CAUSES else ""
    if row["decision"] == "retrain":
        words = f"retrain decided{cause}: {why}; a new model is in training"
    else:
        words = f"{_ASKED[row['decision']]}{cause}: {why}"
    return Said(f"{_at(taken)} {words}", "bold magenta")


def worded(taken: report.Taken, names: set[str]) -> str:
    """What these signals say: accuracy first, then what moved, at most three; a second figure of
    the same thing only where the first is silent.
    """
    order = [signal.name for signal in signals.ALL]
    reasons = [reason for reason in taken.row["reasons"] if reason["signal"] in names]
    reasons.sort(key=lambda reason: order.index(reason["signal"]))
    first = [reason for reason in reasons if not signals.repeats(reason["signal"])]
    parts = [_worded(taken, reason) for reason in (first or reasons)[:3]]
    return _list(parts) or "an open business incident"


# Said beside what was usual.
_USUAL: Final = (signals.LIVE_ACCURACY.name, signals.RECENT_ACCURACY.name)


def _worded(taken: report.Taken, reason: report.Row) -> str:
    name = reason["signal"]
    value = reason["value"]
    signal = signals.of(name)
    if value is None:
        return f"{signal.words} in breach since before"
    if signal.unit is signals.Unit.ODDS:
        return f"{units.odds(value)} that accuracy fell, by {reason['n']:,} labels"

    low = reason["low"]
    high = reason["high"]
    sentence = signal.sentence.format(
        value=accuracy(value, low, high),
        points=f"{100 * value:.0f}{_interval(low, high)}",
    )
    usual = taken.verdicts.get(name, {}).get("reference") if name in _USUAL else None
    if not usual:
        return sentence
    return f"{sentence} where {100 * usual:.0f} % was usual"


def _list(parts: Sequence[str]) -> str:
    """Words in a row.

    >>> _list(["a", "b", "c"]), _list(["a"])
    ('a, b, and c', 'a')
    """
    if not parts:
        return ""
    *before, last = parts
    return f"{', '.join(before)}, and {last}" if before else last


def _reason(taken: report.Taken, name: str) -> report.Row | None:
    reasons: Sequence[report.Row] = taken.row["reasons"]
    for reason in reasons:
        if reason["signal"] == name and reason["value"] is not None:
            return reason
    return None


def _answers(taken: report.Taken) -> str:
    """How good the answers are, for a decision that lets them be."""
    reason = _reason(taken, "live_accuracy")
    if reason is None:
        return "too few labels yet to say how good the answers are"
    figure = accuracy(reason["value"], reason["low"], reason["high"])
    level = taken.level("live_accuracy")
    if level == "ok":
        return f"accuracy holds at {figure}"
    if level == "breach":
        return f"accuracy fell to {figure}"
    return f"accuracy {figure}, its loss not proven"


def opening(
    plan: story.Story,
    first: dt.date,
    *,
    own: bool,
) -> list[Said]:
    """What will be played, and of how much: the first real numbers."""
    messages = sum(map(len, plan.days))
    new = first + dt.timedelta(days=list(plan.kinds).index(story.LATER))
    source = "messages of your own" if own else "invented messages"
    intents = len({row["intent"] for row in plan.corpus})

    traffic = f"{len(plan.days)} days of a shop's chat in minutes: {messages:,} {source}"
    learning = f"{len(plan.corpus):,} labelled ones of {intents} intents to learn from"
    sentences = [
        Said(f"{traffic}, new language from {new:%-d %b}", "bold"),
        Said(f"{learning}; none of them comes again, nor one like it"),
    ]
    if plan.left_out:
        sentences.append(Said(plan.left_out, "yellow"))
    return sentences


def addresses(
    host: str,
    board: int,
    slack: int,
    gateway: int,
) -> list[Said]:
    """Where to look while it runs."""
    measured = "latency, confidence, mix, accuracy, each against its limit"
    on_call = "what the on-call reads: one message an incident"
    return [
        Said(f"board    http://{host}:{board}/  {measured}", "cyan"),
        Said(f"Slack    http://{host}:{slack}/  {on_call}", "cyan"),
        Said(f"gateway  http://{host}:{gateway}/readyz  which model answers", "cyan"),
    ]


def places(
    host: str,
    board: int,
    slack: int,
    *,
    keep: str | None,
    log: str,
) -> list[tuple[str, str]]:
    """Where to look next. keep: the file of variables, if everything stays up; the log outlives the
    run.
    """
    written = ("Log", f"{log}  every figure, and every reason of every decision")
    if keep is None:
        again = (
            "make demo KEEP=1 leaves board, Slack page and gateway up,"
            " with a command that replays every decision"
        )
        return [written, ("Next", again)]

    page = keep.removesuffix("env") + "replay.html"
    return [
        ("Board", f"http://{host}:{board}/"),
        ("Slack", f"http://{host}:{slack}/"),
        written,
        ("Replay", f". {keep}; .venv/bin/python retrain/run.py replay --html {page}"),
        ("Report", f"{page}  is what the replay draws"),
    ]


def step(state: str, model: str, epoch: int) -> str:
    """What a run is at.

    >>> step("training", "the next model", 2), step("gated", "the next model", 3)
    ('training the next model, epoch 2', 'promoting the next model')
    """
    words = _STEPS.get(runs.State(state), "promoting {model}")
    return words.format(model=model, epoch=epoch)


def learnt(validation: Mapping[str, Any], n: int) -> Said:
    """An epoch of training, from its [VAL] line."""
    right = f"{100 * validation['acc']:.1f} % of {n:,} held-out messages right"
    return Said(f"epoch {validation['epoch']}: {right}")


def gated(
    run: report.Row,
    *,
    restarted: bool,
    first: bool,
) -> Iterator[Said]:
    """What a run's gates said, and what came of it."""
    gates = run["gates"]
    passed = [gate for gate in gates if gate["verdict"] == "pass"]
    outcome = f"{run['candidate']} passed {len(passed)} of {len(gates)} gates"
    if run["promoted"]:
        quiet = "the gateway was RESTARTED" if restarted else "nobody noticed a restart"
        served = "serves" if first else f"serves; {quiet}"
        yield Said(f"{outcome} and {served}", "bold green")
    elif gates:
        missed = []
        for gate in gates:
            if gate not in passed:
                name = gate["gate"].replace("_", " ")
                missed.append(f"{name} {gate['verdict']}")
        yield Said(f"{outcome} and does not serve: {', '.join(missed)}", "bold red")

    for gate in gates:
        if gate["gate"] == "p95_latency_ms" and gate["note"]:
            yield Said(gate["note"], "yellow")


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """Lines of at most `width` columns; those after the first are indented."""
    lines = textwrap.wrap(
        text,
        min(width, WIDEST),
        subsequent_indent=indent,
        break_on_hyphens=False,
    )
    return lines or [""]


def part(
    name: str,
    text: str,
    margin: int,
    width: int,
) -> list[str]:
    """A part of the closing box: its name in the margin, its text beside it.

    >>> part("Board", "http://127.0.0.1:1/ all that is measured", 7, 30)
    ['Board  http://127.0.0.1:1/ all', '       that is measured']
    """
    heading = name
    lines = []
    for line in textwrap.wrap(text, width - margin, break_on_hyphens=False):
        lines.append(heading.ljust(margin) + line)
        heading = ""
    return lines


def left(seconds: float, *, longer: bool = False) -> str:
    """How long still, in words. longer: it is more than was told before.

    >>> left(400), left(60), left(5)
    ('about 7 min left', 'about 60 s left', 'a few seconds left')
    >>> left(400, longer=True)
    'about 7 min left, as this machine is slower than thought'
    """
    why = ", as this machine is slower than thought" if longer else ""
    if seconds < 20:
        return f"a few seconds left{why}"
    if seconds > 90:
        minutes = round(seconds / 60)
        return f"about {minutes} min left{why}"
    tens = round(seconds / 10)
    return f"about {10 * tens} s left{why}"
