"""Pure. What the demo shows of each simulated day, and its last line, from rows that Postgres gave."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]

HEADINGS = ("day", "story", "model", "n", "p95_ms", "errors", "low_conf", "kl (noise)", "live accuracy [95 %] (labels)", "truth", "verdicts", "decision")
WIDTHS = (10, 6, 5, 5, 6, 6, 8, 13, 28, 6, 34, 24)


@dataclass(frozen=True, slots=True)
class Day:
    """One simulated day: its window, signals, live accuracy and decisions from Postgres; `truth` only the demo can know."""

    date: dt.date
    kind: str
    window: Row
    signals: Mapping[str, Row]
    quality: Row | None
    truth: tuple[int, int]
    taken: Row

    @property
    def decision(self) -> str:
        """What was decided, in two words."""
        return f"hold {self.taken['hold_reason']}" if self.taken["decision"] == "hold" else str(self.taken["decision"])


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
    verdicts = " ".join(
        f"{_SHORT[name]}:{found['verdict']}{'!' if found['in_breach'] else ''}" for name, found in sorted(day.signals.items()) if name in _SHORT
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
}


def why(day: Day) -> str:
    """The day's decision with its cause, every reason with value, 95 % interval, n and limit, and the labels that are still needed."""
    cause = f" ({day.taken['cause']})" if day.taken["cause"] else ""
    reasons = "; ".join(_reason(reason) for reason in day.taken["reasons"])
    needed = (day.quality or {}).get("labels_needed")
    return f"{'':12}{day.decision}{cause}: {reasons}" + (f"; {needed} labels still needed" if needed else "")


def _reason(reason: Row) -> str:
    name = reason["signal"]
    if reason["value"] is None:
        return f"{_SHORT.get(name, name)} unknown (n {reason['n']})"
    interval = "" if reason["low"] is None or reason["high"] is None else f" [{_figure(name, reason['low'])}, {_figure(name, reason['high'])}]"
    shown = f"{_SHORT.get(name, name)} {_figure(name, reason['value'])}{interval} (n {reason['n']}, limit {_figure(name, reason['limit'])})"
    return shown + ("!" if reason["breached"] else "")


def _figure(name: str, value: float) -> str:
    return f"{value:.3f}" if name.endswith("_kl") else f"{value:.1f}" if name.endswith(("_ms", "_e_value")) else percent(value)


def _line(cells: Sequence[str]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)).rstrip()


def mean_accuracy(days: Sequence[Day]) -> float | None:
    """Mean of the days' live accuracies, each as the quality table gives it."""
    found = [day.quality["estimate"] for day in days if day.quality and day.quality["estimate"] is not None]
    return sum(found) / len(found) if found else None


def problems(summary: Mapping[str, Any]) -> list[str]:
    """Why the loop did not close; empty when it did."""
    found = [f"{name}={summary[name]}" for name in ("lost", "duplicated") if summary[name] != 0]
    stable, drifted, after = (summary[name] for name in ("acc_stable", "acc_drifted", "acc_after"))
    if summary["promoted"] < 1:
        found.append("no retrained model was promoted")
    if not summary["slack_sent"] or summary["slack_unsent"]:
        found.append(f"Slack got {summary['slack_sent']} messages and lacks {summary['slack_unsent']}")
    if summary["early_retrains"]:
        found.append("a retrain in the stable or mix-only days")
    if summary["swaps"] < 2 or not summary["same_process"]:
        found.append("the promotion did not show over HTTP in the same gateway process")
    if stable is None or drifted is None or after is None:
        return [*found, "an accuracy is missing"]
    if stable > 0.97:
        found.append(f"acc_stable={stable:.3f} is trivial")
    if drifted > stable - 0.15:
        found.append(f"acc_drifted={drifted:.3f} is not 0.15 under acc_stable={stable:.3f}")
    if after < drifted + (stable - drifted) / 2:
        found.append(f"acc_after={after:.3f} regains less than half of the loss")
    return found


LAST = ("events", "windows", "lost", "duplicated", "decisions", "retrains", "promoted", "acc_stable", "acc_drifted", "acc_after", "seconds")


def last_line(summary: Mapping[str, Any]) -> str:
    """`[DEMO] events=... seconds=...`."""
    values = {name: f"{value:.3f}" if isinstance(value := summary[name], float) and name != "seconds" else value for name in LAST}
    return "[DEMO] " + " ".join(f"{name}={value}" for name, value in values.items())
