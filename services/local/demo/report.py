"""Pure. Every figure of a simulated day and every reason of its decisions, from rows that Postgres
gave: what the demo's log file holds.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from schemas import signals

Row = Mapping[str, Any]

_USUAL = {*signals.in_role(signals.Role.TRAFFIC), *signals.in_role(signals.Role.RELEASE)}
HEADINGS = (
    "day",
    "story",
    "model",
    "n",
    "p95_ms",
    "errors",
    "low_conf",
    "kl (noise)",
    "live accuracy [95 %] (labels)",
    "truth",
    "verdicts",
    "decision",
)
WIDTHS = (10, 6, 5, 5, 6, 6, 8, 13, 29, 6, 58, 24)
_WORDS = (
    "verdicts and reasons: "
    + ", ".join(f"{signal.short} ({signal.words})" for signal in signals.ALL)
    + "."
)
LEGEND = f"""\
story: stable days, one on which only the mix of intents moves, then later, new language. n: messages. low_conf: share of answers with confidence under 0.6.
kl: intent mix against the reference (its noise floor). live accuracy: estimate [its 95 % interval] (labels). truth: what only the demo can know.
{_WORDS}
ok; watch: beyond the limit, not surely; breach: surely; blind: too little to judge by; !: counts, as it is so in enough of the last windows (or was, and has
not left its limit). Under each day stands every decision that differs from the one of the hour before in outcome or in what counts (!), else the last: hold
with the name of what it waits for, then every reason: those that count (!) first, then those that are watched (?: beyond the limit, not surely or not for long
enough); and the labels still needed until a figure can be judged, or the loss that it shows be proven."""


@dataclass(frozen=True, slots=True)
class Day:
    """One simulated day: its window, signals, live accuracy and decisions from Postgres; `truth`
    only the demo can know.
    """

    date: dt.date
    kind: str
    window: Row
    signals: Mapping[str, Row]
    quality: Row | None
    truth: tuple[int, int]
    taken: Sequence["Taken"]

    @property
    def decision(self) -> str:
        """What was decided, in two words: the retrain of that day, else its last decision."""
        outcomes = [each.outcome for each in self.taken]
        return "retrain" if "retrain" in outcomes else outcomes[-1]


@dataclass(frozen=True, slots=True)
class Taken:
    """A decision, with the verdict of each signal: how it stands, what it is held against, how many
    labels it lacks.
    """

    row: Row
    verdicts: Mapping[str, Row]

    @property
    def outcome(self) -> str:
        """What was decided, in two words."""
        return (
            f"hold {self.row['hold_reason']}"
            if self.row["decision"] == "hold"
            else str(self.row["decision"])
        )

    def level(self, signal: str) -> str:
        """ok, watch, breach or blind; empty where there is no verdict."""
        return str(self.verdicts.get(signal, {}).get("verdict", ""))


def changes(before: Row | None, taken: Sequence[Row]) -> list[Row]:
    """Of a day's hourly decisions those that differ from the one before, in outcome or in which
    reasons count; its last where none does.
    """
    pairs = pairwise([before, *taken])
    return [
        row
        for earlier, row in pairs
        if row is not None and (earlier is None or _outcome(earlier) != _outcome(row))
    ] or list(taken[-1:])


def _outcome(row: Row) -> tuple[Any, ...]:
    counts = tuple(reason["signal"] for reason in row["reasons"] if reason["breached"])
    return (*(row[name] for name in ("model", "decision", "hold_reason", "cause")), counts)


def percent(value: float | None) -> str:
    """A ratio for people."""
    return "-" if value is None else f"{value * 100:.1f}%"


def heading() -> str:
    """The first line of the table."""
    return _line(HEADINGS)


def line(day: Day) -> str:
    """One day."""
    kl, quality = day.signals.get("intent_mix_kl"), day.quality
    accuracy = (
        "-"
        if not quality
        else f"{percent(quality['estimate'])} [{percent(quality['low'])}, {percent(quality['high'])}] ({quality['n_labels']})"
    )
    told = [
        (signal, day.signals[signal.name]) for signal in signals.ALL if signal.name in day.signals
    ]
    verdicts = " ".join(
        f"{signal.short}:{found['verdict']}{'!' if found['in_breach'] else ''}"
        for signal, found in told
        if signal.name in _USUAL or found["verdict"] in ("watch", "breach")
    )
    right, n = day.truth
    return _line((
        day.date.isoformat(), day.kind, day.window["model"], str(day.window["n"]), f"{day.window['p95_latency_ms']:.1f}", percent(day.window["error_rate"]),
        percent(day.window["low_confidence_rate"]), "-" if not kl or kl["value"] is None else f"{kl['value']:.3f} ({kl['noise_floor']:.3f})",
        accuracy, percent(right / n if n else None), verdicts, day.decision,
    ))  # fmt: skip


def row(day: Day) -> str:
    """What a day prints: its line, and under it each decision with its reasons."""
    return "\n".join([line(day), *map(why, day.taken)])


def why(taken: Taken) -> str:
    """A decision with its cause, every reason (what counts first, then what is watched) with value,
    95 % interval, n and limit, and the labels still needed.
    """
    row, cause = taken.row, f" ({taken.row['cause']})" if taken.row["cause"] else ""
    marked = [(_mark(reason, taken), reason) for reason in row["reasons"]]
    known = sorted(
        ((mark, reason) for mark, reason in marked if reason["value"] is not None),
        key=lambda each: "!? ".index(each[0] or " "),
    )
    unknown = ", ".join(
        signals.of(reason["signal"]).short for reason in row["reasons"] if reason["value"] is None
    )
    needed = ", ".join(
        f"{signals.of(name).short} {found['labels_needed']}"
        for name, found in taken.verdicts.items()
        if found["labels_needed"]
    )
    ends = ([f"no value: {unknown}"] if unknown else []) + (
        [f"labels still needed: {needed}"] if needed else []
    )
    return f"{'':12}{row['at']:%Y-%m-%d %H:%M} {row['model']} {taken.outcome}{cause}: " + "; ".join(
        [*(_reason(reason) + mark for mark, reason in known), *ends]
    )


def _mark(reason: Row, taken: Taken) -> str:
    """`!` for what counts, `?` for what is beyond its limit and does not count yet."""
    return (
        "!"
        if reason["breached"]
        else "?"
        if taken.level(reason["signal"]) in ("watch", "breach")
        else ""
    )


def _reason(reason: Row) -> str:
    name = reason["signal"]
    interval = (
        ""
        if reason["low"] is None or reason["high"] is None
        else f" [{_figure(name, reason['low'])}, {_figure(name, reason['high'])}]"
    )
    return f"{signals.of(name).short} {_figure(name, reason['value'])}{interval} (n {reason['n']}, limit {_figure(name, reason['limit'])})"


def _figure(name: str, value: float) -> str:
    digits = {signals.Unit.NATS: 3, signals.Unit.MS: 1, signals.Unit.ODDS: 1}.get(
        signals.of(name).unit
    )
    return percent(value) if digits is None else f"{value:.{digits}f}"


def _line(cells: Sequence[str]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)).rstrip()


def run_line(run: Row) -> str:
    """A run and its gates: verdict, value, n and note of each."""
    gates = (
        f"{gate['gate']} {gate['verdict']}"
        + ("" if gate["value"] is None else f" {gate['value']:.4g} (n {gate['n']})")
        + (f" ({gate['note']})" if gate.get("note") else "")
        for gate in run["gates"]
    )
    return f"run {run['id']}: {run['state']}, candidate {run['candidate']}, " + ", ".join(gates)
