"""The recount against what Postgres holds and what `services.show windows` prints: logs lost and
logs doubled, apart, cell by cell.
"""

import calendar
import datetime as dt
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sqlalchemy as sa
from faults import recount

_WIDTHS = {"5m": 300, "1h": 3600, "1d": 86_400, "7d": 7 * 86_400}
_STEPS = _WIDTHS | {"7d": 86_400}
_PAIRS = [("bin", "<u4"), ("count", "<u8")]
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_INTENTS = slice(recount.STARTS["intent_count"], recount.STARTS["intent_count"] + 10)
_SCRIPTS = slice(recount.STARTS["script_count"], recount.STARTS["script_count"] + 4)


@dataclass
class Verdict:
    """Logs missing and logs too many, summed over cells so that two wrongs do not cancel; and the
    first places where that was.

    Panes and the windows of each horizon show the same logs: the worst of these views counts, a log
    that is missing in all of them once.
    """

    n: int
    views: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    places: list[str] = field(default_factory=list)

    @property
    def lost(self) -> int:
        return max((lost for lost, _ in self.views.values()), default=0)

    @property
    def duplicated(self) -> int:
        return max((duplicated for _, duplicated in self.views.values()), default=0)

    def add(self, view: str, lost: int, duplicated: int) -> None:
        self.views[view][0] += lost
        self.views[view][1] += duplicated

    def note(self, where: object, wanted: Any, got: Any, ignored: tuple[str, ...] = ()) -> None:
        """Compare one pane's vectors stretch by stretch; a log counts once, however many of its
        figures are wrong.
        """
        if np.array_equal(wanted, got):
            return
        lost = duplicated = 0
        for name, start in recount.STARTS.items():
            gap = (wanted - got)[start : start + recount.LAYOUT[name]]
            if name in ignored or not gap.any():
                continue
            self.places.append(
                f"{where} {name}: wanted {wanted[start]}, got {got[start]}"
                if len(gap) == 1
                else f"{where} {name}: {_worst(gap)}"
            )
            summed = name in recount.SUMS
            lost = max(lost, int((gap > 0).any()) if summed else int(gap[gap > 0].sum()))
            duplicated = max(
                duplicated, int((gap < 0).any()) if summed else -int(gap[gap < 0].sum())
            )
        self.add("panes", lost, duplicated)


def _worst(gap: Any) -> str:
    at = int(np.abs(gap).argmax())
    return f"{int(np.abs(gap).sum())} off, most at {at}: {int(gap[at])}"


def panes(database: str) -> dict[recount.Cell, Any]:
    """Every minute pane as a vector."""
    engine = sa.create_engine(database, poolclass=sa.NullPool)
    with engine.connect() as connection:
        rows = connection.execute(sa.text("select * from pane_minute")).mappings().all()
    return {
        (
            calendar.timegm(row["start"].utctimetuple()),
            row["model"],
            row["role"],
            row["part"],
        ): _stored(row)
        for row in rows
    }


def _stored(row: Any) -> Any:
    pane = np.zeros(recount.SIZE, dtype=np.int64)
    for name, start in recount.STARTS.items():
        if name.endswith("_bins"):
            pairs = np.frombuffer(bytes(row[name]), dtype=_PAIRS)
            pane[start + pairs["bin"].astype(np.int64)] = pairs["count"]
        else:
            pane[start : start + recount.LAYOUT[name]] = row[name]
    return pane


def cells(counted: recount.Counted, database: str, ignored: tuple[str, ...] = ()) -> Verdict:
    """Panes by minute, model, role and partition. What was redriven stands in a partition of its
    own (-1): then over all partitions together.
    """
    verdict, wanted, held = Verdict(counted.n), counted.cells, panes(database)
    if any(part < 0 for *_, part in held):
        wanted, held = _together(wanted), _together(held)
    nothing = np.zeros(recount.SIZE, dtype=np.int64)
    for key in sorted(wanted.keys() | held.keys()):
        verdict.note(key, wanted.get(key, nothing), held.get(key, nothing), ignored)
    return verdict


def _together(apart: dict[recount.Cell, Any]) -> dict[recount.Cell, Any]:
    panes: dict[recount.Cell, Any] = {}
    for (minute, model, role, _), held in apart.items():
        panes[minute, model, role, -1] = panes.get((minute, model, role, -1), 0) + held
    return panes


def windows(
    counted: recount.Counted,
    shown: Iterable[dict[str, Any]],
    verdict: Verdict,
    ignored: tuple[str, ...] = (),
) -> None:
    """Windows by model, role, horizon and end, as printed; percentiles against the exact order
    statistic.
    """
    wanted = _wanted(counted)
    exact = _Latencies(counted)
    seen = set()
    for window in shown:
        end = int((dt.datetime.fromisoformat(window["end"]) - _EPOCH).total_seconds())
        key = (window["model"], window["role"], window["horizon"], end)
        seen.add(key)
        _window(verdict, key, window, wanted.get(key), exact, ignored)
    for key in wanted.keys() - seen:
        # Of the weeks, those that end with a day that has logs must be there.
        if key[2] != "7d" or (*key[:3], key[3] - 86_400) not in wanted:
            verdict.add(key[2], int(wanted[key][0]), 0)
            verdict.places.append(f"{key}: no such window, {int(wanted[key][0])} logs")


def _wanted(counted: recount.Counted) -> dict[tuple[str, str, str, int], Any]:
    windows: dict[tuple[str, str, str, int], Any] = defaultdict(int)
    for (minute, model, role, _), held in counted.cells.items():
        for horizon, step in _STEPS.items():
            first = minute // step * step + step
            for end in range(first, first + _WIDTHS[horizon], step):
                windows[model, role, horizon, end] = windows[model, role, horizon, end] + held
    return dict(windows)


class _Latencies:
    """Every latency by minute, model and role."""

    def __init__(self, counted: recount.Counted) -> None:
        apart: dict[str, list[tuple[Any, Any]]] = defaultdict(list)
        for (minute, of), keys, latency in (
            (*[place], keys, latency) for place, keys, latency in counted.latencies
        ):
            for i, key in enumerate(keys):
                apart[key].append((minute[of == i], latency[of == i]))
        self._of = {}
        for key, pieces in apart.items():
            minute, latency = (np.concatenate(column) for column in zip(*pieces, strict=True))
            order = np.argsort(minute, kind="stable")
            self._of[key] = (minute[order], latency[order])

    def sorted(self, model: str, role: str, start: int, end: int) -> Any:
        minute, latency = self._of[f"{model}\x00{role}"]
        return np.sort(latency[np.searchsorted(minute, start) : np.searchsorted(minute, end)])


def _window(
    verdict: Verdict,
    key: tuple[str, str, str, int],
    shown: dict[str, Any],
    wanted: Any,
    exact: _Latencies,
    ignored: tuple[str, ...],
) -> None:
    if wanted is None:
        verdict.add(key[2], 0, shown["n"])
        verdict.places.append(f"{key}: {shown['n']} logs that Kafka does not hold")
        return
    names = [name for name in ("n", "errors", "late") if name not in ignored]
    counts = [(name, int(wanted[recount.STARTS[name]]), shown[name]) for name in names]
    counts += list(
        zip(
            shown["intent_counts"],
            wanted[_INTENTS].tolist(),
            shown["intent_counts"].values(),
            strict=True,
        )
    )
    counts += list(
        zip(
            shown["script_counts"],
            wanted[_SCRIPTS].tolist(),
            shown["script_counts"].values(),
            strict=True,
        )
    )
    counts += _rates(shown, wanted)
    wrong = [(name, a, b) for name, a, b in counts if a != b]
    verdict.places += [f"{key} {name}: wanted {a}, shown {b}" for name, a, b in wrong]
    verdict.add(
        key[2],
        max((a - b for _, a, b in wrong if a > b), default=0),
        max((b - a for _, a, b in wrong if b > a), default=0),
    )
    latency = exact.sorted(key[0], key[1], key[3] - _WIDTHS[key[2]], key[3])
    for percent in (50, 95, 99):
        true = latency[math.ceil(percent / 100 * len(latency)) - 1]
        if abs(shown[f"p{percent}_latency_ms"] - true) > true * (recount.ALPHA + 1e-9):
            verdict.add(key[2], 1, 0)
            verdict.places.append(
                f"{key} p{percent}: exact {true}, shown {shown[f'p{percent}_latency_ms']}"
            )


def _rates(shown: dict[str, Any], wanted: Any) -> list[tuple[str, int, int]]:
    answered = shown["n"] - shown["errors"]
    rates = []
    for rate, name in (("low_confidence_rate", "intent_low"), ("fallback_rate", "intent_fallback")):
        start = recount.STARTS[name]
        rates.append(
            (rate, int(wanted[start : start + 10].sum()), round((shown[rate] or 0.0) * answered))
        )
    rates.append(
        (
            "mean_tokens",
            int(wanted[recount.STARTS["tokens_sum"]] > 0),
            int((shown["mean_tokens"] or 0) > 0),
        )
    )
    return rates
