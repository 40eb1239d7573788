"""Pure. Every figure of a simulated day and every reason of its decisions, from rows that Postgres gave: what the demo's log file holds."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

Row = Mapping[str, Any]

HEADINGS = ("day", "story", "model", "n", "p95_ms", "errors", "low_conf", "kl (noise)", "live accuracy [95 %] (labels)", "truth", "verdicts", "decision")
WIDTHS = (10, 6, 5, 5, 6, 6, 8, 13, 28, 6, 58, 24)
LEGEND = """\
story: stable days, one on which only the mix of intents moves, then later, new language. n: messages. low_conf: share of answers with confidence under 0.6.
kl: intent mix against the reference (its noise floor). live accuracy: estimate [its 95 % interval] (labels). truth: what only the demo can know.
verdicts and reasons: kl, conf (low_conf), acc (live accuracy), rare (recall of the rare intents), bet (e-value that accuracy fell), p95 (latency in ms), err
(error rate), shift (share of the intent that moved most), escal, fall (escalations, fallbacks above the same hour of earlier weeks), tok (logs of another
tokenizer), script (texts in no known script above the reference), gone (logs missing against earlier weeks), cut (mean tokens below the reference's), day
(live accuracy of the last day), mixacc (accuracy at the reference's mix), gap (held-out less live accuracy), starved (sampled messages without a label),
intent lost (recall lost by the one intent of ten that lost most).
ok; watch: beyond the limit, not surely; breach: surely; blind: too little to judge by; !: counts, as it is so in enough of the last windows (or was, and has
not left its limit). Under each day stands every decision that differs from the one of the hour before in outcome or in what counts (!), else the last: hold
with the name of what it waits for, then every reason: those that count (!) first, then those that are watched (?: beyond the limit, not surely or not for long
enough); and the labels still needed until a figure can be judged, or the loss that it shows be proven."""


@dataclass(frozen=True, slots=True)
class Day:
    """One simulated day: its window, signals, live accuracy and decisions from Postgres; `truth` only the demo can know."""

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
    """A decision, with the verdict of each signal: how it stands, what it is held against, how many labels it lacks."""

    row: Row
    verdicts: Mapping[str, Row]

    @property
    def outcome(self) -> str:
        """What was decided, in two words."""
        return f"hold {self.row['hold_reason']}" if self.row["decision"] == "hold" else str(self.row["decision"])

    def level(self, signal: str) -> str:
        """ok, watch, breach or blind; empty where there is no verdict."""
        return str(self.verdicts.get(signal, {}).get("verdict", ""))


def changes(before: Row | None, taken: Sequence[Row]) -> list[Row]:
    """Of a day's hourly decisions those that differ from the one before, in outcome or in which reasons count; its last where none does."""
    pairs = pairwise([before, *taken])
    return [row for earlier, row in pairs if row is not None and (earlier is None or _outcome(earlier) != _outcome(row))] or list(taken[-1:])


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
    accuracy = "-" if not quality else f"{percent(quality['estimate'])} [{percent(quality['low'])}, {percent(quality['high'])}] ({quality['n_labels']})"
    told = [(short, day.signals[name]) for name, short in _SHORT.items() if name in day.signals]
    verdicts = " ".join(
        f"{short}:{found['verdict']}{'!' if found['in_breach'] else ''}" for short, found in told if short in _USUAL or found["verdict"] in ("watch", "breach")
    )
    right, n = day.truth
    return _line((
        day.date.isoformat(), day.kind, day.window["model"], str(day.window["n"]), f"{day.window['p95_latency_ms']:.1f}", percent(day.window["error_rate"]),
        percent(day.window["low_confidence_rate"]), "-" if not kl or kl["value"] is None else f"{kl['value']:.3f} ({kl['noise_floor']:.3f})",
        accuracy, percent(right / n if n else None), verdicts, day.decision,
    ))  # fmt: skip


_SHORT = {
    "intent_mix_kl": "kl",
    "low_confidence_rate": "conf",
    "live_accuracy": "acc",
    "rare_recall": "rare",
    "accuracy_e_value": "bet",
    "p95_latency_ms": "p95",
    "error_rate": "err",
    "intent_mix_shift": "shift",
    "escalation_spike": "escal",
    "fallback_spike": "fall",
    "tokenizer_mismatch": "tok",
    "other_script_excess": "script",
    "data_missing": "gone",
    "tokens_lost": "cut",
    "recent_accuracy": "day",
    "mix_adjusted_accuracy": "mixacc",
    "offline_live_gap": "gap",
    "intent_recall_lost": "intent lost",
    "label_starved": "starved",
}
_USUAL = ("kl", "conf", "acc", "rare", "bet", "p95", "err")


def row(day: Day) -> str:
    """What a day prints: its line, and under it each decision with its reasons."""
    return "\n".join([line(day), *map(why, day.taken)])


def why(taken: Taken) -> str:
    """A decision with its cause, every reason (what counts first, then what is watched) with value, 95 % interval, n and limit, and the labels still needed."""
    row, cause = taken.row, f" ({taken.row['cause']})" if taken.row["cause"] else ""
    marked = [(_mark(reason, taken), reason) for reason in row["reasons"]]
    known = sorted(((mark, reason) for mark, reason in marked if reason["value"] is not None), key=lambda each: "!? ".index(each[0] or " "))
    unknown = ", ".join(_SHORT.get(reason["signal"], reason["signal"]) for reason in row["reasons"] if reason["value"] is None)
    needed = ", ".join(f"{_SHORT[name]} {found['labels_needed']}" for name, found in taken.verdicts.items() if found["labels_needed"])
    ends = ([f"no value: {unknown}"] if unknown else []) + ([f"labels still needed: {needed}"] if needed else [])
    return f"{'':12}{row['at']:%Y-%m-%d %H:%M} {row['model']} {taken.outcome}{cause}: " + "; ".join(
        [*(_reason(reason) + mark for mark, reason in known), *ends]
    )


def _mark(reason: Row, taken: Taken) -> str:
    """`!` for what counts, `?` for what is beyond its limit and does not count yet."""
    return "!" if reason["breached"] else "?" if taken.level(reason["signal"]) in ("watch", "breach") else ""


def _reason(reason: Row) -> str:
    name = reason["signal"]
    interval = "" if reason["low"] is None or reason["high"] is None else f" [{_figure(name, reason['low'])}, {_figure(name, reason['high'])}]"
    return f"{_SHORT.get(name, name)} {_figure(name, reason['value'])}{interval} (n {reason['n']}, limit {_figure(name, reason['limit'])})"


def _figure(name: str, value: float) -> str:
    return f"{value:.3f}" if name.endswith("_kl") else f"{value:.1f}" if name.endswith(("_ms", "_e_value")) else percent(value)


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
