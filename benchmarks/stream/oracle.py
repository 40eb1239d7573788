"""Pure. What a benchmark's logs must count to, computed from the generator's columns. Imports
nothing of the stream worker, so that it can contradict it.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.stream import dataset

# Log buckets of the contract: bin i >= 1 holds (FLOOR g^(i-1), FLOOR g^i] milliseconds.
_GAMMA = 1.005 / 0.995
_FLOOR_MS = 1e-6
_EDGES = _FLOOR_MS * _GAMMA ** np.arange(
    math.ceil(math.log(600_000 / _FLOOR_MS) / math.log(_GAMMA)) + 2
)

Minute = tuple[int, str, str]  # minutes since 1970, model, intent or "error"
PaneKey = tuple[int, str, str]  # minutes since 1970, model, role
LABELS = (*dataset.INTENTS, "error")


@dataclass(slots=True)
class Pane:
    """One minute of a model and a role. `bins`: latency bin -> logs."""

    n: int
    errors: int
    latency_sum_us: int
    intents: tuple[int, ...]
    bins: dict[int, int]


@dataclass(slots=True)
class Truth:
    """`minutes`: (logs, sum of latency in us) of each minute, model and intent; `dead`: records or
    lines that are no serving logs.
    """

    minutes: dict[Minute, tuple[int, int]]
    panes: dict[PaneKey, Pane]
    dead: int
    logs: int


def truth(blocks: Iterable[dataset.Columns]) -> Truth:
    """Count all blocks."""
    total = Truth({}, {}, 0, 0)
    for columns in blocks:
        total.dead += int(columns.poison.sum())
        total.logs += len(columns.number) - int(columns.poison.sum())
        _add(total, columns)
    return total


def _add(total: Truth, columns: dataset.Columns) -> None:
    good = ~columns.poison
    minute, latency = columns.ts_ms[good] // 60_000, columns.latency_us[good]
    model, role, intent = columns.model[good], columns.role[good], columns.intent[good]
    low = int(minute.min(initial=1 << 40))
    group = ((minute - low) * len(dataset.MODELS) + model) * len(dataset.ROLES) + role
    cell = group * len(LABELS) + intent
    counts, sums = np.bincount(cell), np.bincount(cell, weights=latency)
    bins = np.searchsorted(_EDGES, latency / 1000, side="left")
    pairs, amounts = np.unique(group * len(_EDGES) + bins, return_counts=True)
    for at in np.flatnonzero(counts):
        _add_cell(total, low, int(at), int(counts[at]), int(sums[at]))
    for at, amount in zip(pairs.tolist(), amounts.tolist(), strict=True):
        pane_bins = _pane(total, low, at // len(_EDGES)).bins
        pane_bins[at % len(_EDGES)] = pane_bins.get(at % len(_EDGES), 0) + amount


def _add_cell(total: Truth, low: int, at: int, count: int, latency_us: int) -> None:
    group, intent = divmod(at, len(LABELS))
    pane = _pane(total, low, group)
    pane.n += count
    pane.latency_sum_us += latency_us
    if intent == dataset.ERROR:
        pane.errors += count
    else:
        pane.intents = (
            *pane.intents[:intent],
            pane.intents[intent] + count,
            *pane.intents[intent + 1 :],
        )
    minute, model, _ = _pane_key(low, group)
    n, before_us = total.minutes.get((minute, model, LABELS[intent]), (0, 0))
    total.minutes[minute, model, LABELS[intent]] = (n + count, before_us + latency_us)


def _pane_key(low: int, group: int) -> PaneKey:
    rest, role = divmod(group, len(dataset.ROLES))
    minute, model = divmod(rest, len(dataset.MODELS))
    return low + minute, dataset.MODELS[model], dataset.ROLES[role]


def _pane(total: Truth, low: int, group: int) -> Pane:
    return total.panes.setdefault(
        _pane_key(low, group), Pane(0, 0, 0, (0,) * len(dataset.INTENTS), {})
    )


def panes(rows: Iterable[Mapping[str, Any]]) -> dict[PaneKey, Pane]:
    """Panes as aggregator.plain writes them."""
    by_key = {}
    for row in rows:
        bins = {int(at): int(count) for at, count in row["bins"].items()}
        by_key[row["minute"], row["model"], row["role"]] = Pane(
            row["n"], row["errors"], row["latency_sum_us"], tuple(row["intents"]), bins
        )
    return by_key


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a contestant counted exactly, and in words what differs."""

    exact: bool
    missing: str = ""


def minutes_verdict(counted: Mapping[Minute, tuple[int, int]], true: Truth) -> Verdict:
    """A peer's minutes against the truth."""
    keys = counted.keys() | true.minutes.keys()
    wrong = {key for key in keys if counted.get(key) != true.minutes.get(key)}
    if not wrong:
        return Verdict(True)
    lost = extra = 0
    for key in wrong:
        missing = true.minutes.get(key, (0, 0))[0] - counted.get(key, (0, 0))[0]
        lost += max(missing, 0)
        extra += max(-missing, 0)
    return Verdict(
        False,
        f"{len(wrong)} of {len(true.minutes)} minutes differ: "
        f"{lost} logs too few, {extra} too many",
    )


def panes_verdict(counted: Mapping[PaneKey, Pane], dead: int, true: Truth) -> Verdict:
    """Our panes and dead letters against the truth: every intent, every latency bin, every sum."""
    keys = counted.keys() | true.panes.keys()
    wrong = {key for key in keys if counted.get(key) != true.panes.get(key)}
    if not wrong and dead == true.dead:
        return Verdict(True)
    logs = sum(pane.n for pane in counted.values())
    return Verdict(
        False,
        f"{len(wrong)} of {len(true.panes)} panes differ, "
        f"{logs} of {true.logs} logs, {dead} of {true.dead} dead letters",
    )
