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
_BEYOND = ("watch", "breach")  # verdicts of a figure beyond its limit
_DIGITS = {  # of a figure that is no share
    signals.Unit.NATS: 3,
    signals.Unit.MS: 1,
    signals.Unit.ODDS: 1,
}
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
_NAMES = ", ".join(f"{signal.short} ({signal.words})" for signal in signals.ALL)
_WORDS = f"verdicts and reasons: {_NAMES}."
LEGEND = f"""\
story: stable days, one on which only the mix of intents moves, then later, new language. \
n: messages. low_conf: share of answers with confidence under 0.6.
kl: intent mix against the reference (its noise floor). \
live accuracy: estimate [its 95 % interval] (labels). truth: what only the demo can know.
{_WORDS}
ok; watch: beyond the limit, not surely; breach: surely; blind: too little to judge by; \
!: counts, as it is so in enough of the last windows (or was, and has
not left its limit). Under each day stands every decision that differs \
from the one of the hour before in outcome or in what counts (!), else the last: hold
with the name of what it waits for, then every reason: those that count (!) first, \
then those that are watched (?: beyond the limit, not surely or not for long
enough); and the labels still needed until a figure can be judged, \
or the loss that it shows be proven."""


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
        decision = str(self.row["decision"])
        if decision == "hold":
            return f"hold {self.row['hold_reason']}"
        return decision

    def level(self, signal: str) -> str:
        """ok, watch, breach or blind; empty where there is no verdict."""
        return str(self.verdicts.get(signal, {}).get("verdict", ""))


def changes(before: Row | None, taken: Sequence[Row]) -> list[Row]:
    """Of a day's hourly decisions those that differ from the one before, in outcome or in which
    reasons count; its last where none does.
    """
    different = []
    for earlier, row in pairwise([before, *taken]):
        if row is None:
            continue
        if earlier is None or _outcome(earlier) != _outcome(row):
            different.append(row)
    return different or list(taken[-1:])


def _outcome(row: Row) -> tuple[Any, ...]:
    counts = tuple(reason["signal"] for reason in row["reasons"] if reason["breached"])
    return (
        row["model"],
        row["decision"],
        row["hold_reason"],
        row["cause"],
        counts,
    )


def percent(value: float | None) -> str:
    """A ratio for people."""
    return "-" if value is None else f"{value * 100:.1f}%"


def heading() -> str:
    """The first line of the table."""
    return _line(HEADINGS)


def line(day: Day) -> str:
    """One day."""
    window = day.window
    right, n = day.truth
    return _line(
        (
            day.date.isoformat(),
            day.kind,
            window["model"],
            str(window["n"]),
            f"{window['p95_latency_ms']:.1f}",
            percent(window["error_rate"]),
            percent(window["low_confidence_rate"]),
            _mix(day.signals.get("intent_mix_kl")),
            _accuracy(day.quality),
            percent(right / n if n else None),
            _verdicts(day.signals),
            day.decision,
        )
    )


def _mix(kl: Row | None) -> str:
    """The intent mix against the reference, and what is noise in it."""
    if not kl or kl["value"] is None:
        return "-"
    return f"{kl['value']:.3f} ({kl['noise_floor']:.3f})"


def _accuracy(quality: Row | None) -> str:
    if not quality:
        return "-"
    low = percent(quality["low"])
    high = percent(quality["high"])
    return f"{percent(quality['estimate'])} [{low}, {high}] ({quality['n_labels']})"


def _verdicts(by_name: Mapping[str, Row]) -> str:
    """The usual signals, and what else is beyond its limit."""
    parts = []
    for signal in signals.ALL:
        row = by_name.get(signal.name)
        if row is None:
            continue
        if signal.name in _USUAL or row["verdict"] in _BEYOND:
            mark = "!" if row["in_breach"] else ""
            parts.append(f"{signal.short}:{row['verdict']}{mark}")
    return " ".join(parts)


def row(day: Day) -> str:
    """What a day prints: its line, and under it each decision with its reasons."""
    return "\n".join([line(day), *map(why, day.taken)])


def why(taken: Taken) -> str:
    """A decision with its cause, every reason (what counts first, then what is watched) with value,
    95 % interval, n and limit, and the labels still needed.
    """
    row = taken.row
    marked = []
    unknown = []
    for reason in row["reasons"]:
        if reason["value"] is None:
            unknown.append(signals.of(reason["signal"]).short)
        else:
            marked.append((_mark(reason, taken), reason))
    marked.sort(key=lambda pair: "!? ".index(pair[0] or " "))

    needed = []
    for name, verdict in taken.verdicts.items():
        if verdict["labels_needed"]:
            needed.append(f"{signals.of(name).short} {verdict['labels_needed']}")

    parts = [_reason(reason) + mark for mark, reason in marked]
    if unknown:
        parts.append(f"no value: {', '.join(unknown)}")
    if needed:
        parts.append(f"labels still needed: {', '.join(needed)}")
    cause = f" ({row['cause']})" if row["cause"] else ""
    what = f"{row['model']} {taken.outcome}{cause}"
    return f"{'':12}{row['at']:%Y-%m-%d %H:%M} {what}: {'; '.join(parts)}"


def _mark(reason: Row, taken: Taken) -> str:
    """`!` for what counts, `?` for what is beyond its limit and does not count yet."""
    if reason["breached"]:
        return "!"
    return "?" if taken.level(reason["signal"]) in _BEYOND else ""


def _reason(reason: Row) -> str:
    name = reason["signal"]
    interval = ""
    if reason["low"] is not None and reason["high"] is not None:
        low = _figure(name, reason["low"])
        high = _figure(name, reason["high"])
        interval = f" [{low}, {high}]"
    value = f"{_figure(name, reason['value'])}{interval}"
    limit = _figure(name, reason["limit"])
    return f"{signals.of(name).short} {value} (n {reason['n']}, limit {limit})"


def _figure(name: str, value: float) -> str:
    unit = signals.of(name).unit
    digits = _DIGITS.get(unit)
    return percent(value) if digits is None else f"{value:.{digits}f}"


def _line(cells: Sequence[str]) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)]
    return "  ".join(padded).rstrip()


def run_line(run: Row) -> str:
    """A run and its gates: verdict, value, n and note of each."""
    gates = ", ".join(map(_gate, run["gates"]))
    return f"run {run['id']}: {run['state']}, candidate {run['candidate']}, {gates}"


def _gate(gate: Row) -> str:
    verdict = f"{gate['gate']} {gate['verdict']}"
    if gate["value"] is not None:
        verdict += f" {gate['value']:.4g} (n {gate['n']})"
    if gate.get("note"):
        verdict += f" ({gate['note']})"
    return verdict
