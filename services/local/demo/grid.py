"""Pure. A simulated day as a row of `make demo`'s table: its cells, and its state as a word."""

from collections.abc import Sequence
from typing import Final

from services.local.demo import report, telling
from services.local.demo.telling import Said

_WIDE: Final = (
    ("day", 6),
    ("messages", 8),
    ("p95", 8),
    ("KL", 6),
    ("low confidence", 14),
    ("accuracy", 17),
    ("state", 9),
)
_NARROW: Final = (
    ("day", 6),
    ("msgs", 5),
    ("p95", 7),
    ("KL", 5),
    ("lowconf", 7),
    ("accuracy", 13),
    ("state", 8),
)
_STYLES: Final = {"ok": "green", "watching": "yellow", "blind": "dim", "breach": "red"}
_ACTS: Final = {
    "retrain": "retrain",
    "rollback": "roll back",
    "fix_upstream": "fix",
    "reweight": "reweight",
}


def columns(width: int) -> Sequence[tuple[str, int]]:
    """Heading and width of each column, as wide as the screen allows."""
    return _WIDE if width >= 80 else _NARROW


def heading(width: int) -> list[Said]:
    """The table's first line."""
    return _cells([Said(name, "bold") for name, _ in columns(width)], width)


LEGEND: Final = Said(
    "state: watching, over a limit but not surely; breach, surely; blind, too little to judge by",
    "dim",
)


def row(day: report.Day, width: int) -> list[Said]:
    """One simulated day."""
    window = day.window
    values = [
        f"{day.date:%-d %b}",
        f"{window['n']:,}",
        _milliseconds(window["p95_latency_ms"]),
        _mix(day.signals.get("intent_mix_kl")),
        _share(window["low_confidence_rate"]),
        _accuracy(day.quality),
    ]
    cells = [Said(value) for value in values]
    return _cells([*cells, state(day)], width)


def _mix(kl: report.Row | None) -> str:
    if not kl or kl["value"] is None:
        return "-"
    return f"{kl['value']:.3f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _accuracy(quality: report.Row | None) -> str:
    if not quality:
        return telling.accuracy(None, None, None)
    return telling.accuracy(quality["estimate"], quality["low"], quality["high"])


def _cells(row: Sequence[Said], width: int) -> list[Said]:
    """Padded: words to the left, figures to the right."""
    gap = "  " if width >= 80 else " "
    last = len(row) - 1
    padded = []
    for i, (cell, (_, size)) in enumerate(zip(row, columns(width), strict=True)):
        text = cell.text
        if i < last - 1:
            text = text.rjust(size) + gap
        elif i < last:
            text = text.ljust(size) + gap
        padded.append(Said(text, cell.style))
    return padded


def _milliseconds(value: float | None) -> str:
    """At most seven characters.

    >>> _milliseconds(2.04), _milliseconds(61.0), _milliseconds(150.2), _milliseconds(600_000)
    ('2.0 ms', '61.0 ms', '150 ms', '600 s')
    """
    if value is None:
        return "-"
    if value < 100:
        return f"{value:.1f} ms"
    if value < 9_999:
        return f"{value:.0f} ms"
    return f"{value / 1000:.0f} s"


def state(day: report.Day) -> Said:
    """How the day ended, in a word: what was asked for, else what is in breach, watched, or not to
    be told yet.
    """
    acts = [each.row["decision"] for each in day.taken if each.row["decision"] != "hold"]
    if acts:
        return Said(_ACTS[acts[-1]], "bold magenta")
    word = _held(day.taken[-1].row) if day.taken else "blind"
    return Said(word, _STYLES[word])


def _held(last: report.Row) -> str:
    """How a day stands on which nothing was asked for."""
    hold = str(last["hold_reason"])
    if telling.breached(last):
        return "breach"
    if hold == "WATCHING":
        return "watching"
    return "blind" if hold.startswith("TOO_FEW") else "ok"
