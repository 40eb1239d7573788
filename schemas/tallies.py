"""Pure. Tallies: many tallies side by side as columns, so that thousands of panes merge in a few
array operations. The same integers as windows.Tally.

Merging only adds, so any order and any grouping of merges gives the same rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from schemas import present, slices, windows

Ints = windows.Counts

_WIDTHS: Final = {
    "intent_count": len(present.INTENTS),
    "intent_low": len(present.INTENTS),
    "intent_fallback": len(present.INTENTS),
}
WIDTHS: Final[Mapping[str, int]] = _WIDTHS | {"script_count": len(slices.SCRIPTS)}


@dataclass(frozen=True, slots=True)
class Bins:
    """The non-zero bins of many histograms: tally, bin and count of each, shapes (m,), ordered by
    tally, then bin.
    """

    row: Ints
    bin: Ints
    count: Ints

    def merged(self, into: Ints, size: int) -> "Bins":
        """Histograms added up: that of row i goes to row into[i]. `size`: how many bins one has."""
        keys, counts = added(into[self.row] * size + self.bin, self.count)
        return Bins(keys // size, keys % size, counts)

    def chosen(self, repeats: Ints) -> "Bins":
        """The histograms of the rows `repeats`, which may name one several times or not at all; row
        i is then repeats[i].
        """
        begins = np.searchsorted(self.row, repeats)
        lengths = np.searchsorted(self.row, repeats, side="right") - begins
        row = np.repeat(np.arange(len(repeats)), lengths)
        place = (
            np.arange(len(row))
            - np.repeat(np.cumsum(lengths) - lengths, lengths)
            + np.repeat(begins, lengths)
        )
        return Bins(row, self.bin[place], self.count[place])


@dataclass(frozen=True, slots=True)
class Tallies:
    """k tallies. `scalars` (k, len(windows.SCALARS)); `arrays`: (k, width) by name; histograms as
    Bins over rows 0 .. k-1.
    """

    scalars: Ints
    arrays: Mapping[str, Ints]
    latency: Bins
    confidence: Bins

    def __len__(self) -> int:
        """How many tallies."""
        return len(self.scalars)

    def merged(self, into: Ints, k: int) -> "Tallies":
        """k tallies, each the sum of those rows i whose into[i] names it."""
        return Tallies(
            _summed(self.scalars, into, k),
            {name: _summed(values, into, k) for name, values in self.arrays.items()},
            self.latency.merged(into, windows.LATENCY_BINS),
            self.confidence.merged(into, windows.CONFIDENCE_BINS),
        )

    def chosen(self, repeats: Ints) -> "Tallies":
        """The rows `repeats`, in that order; one may be named several times."""
        arrays = {name: values[repeats] for name, values in self.arrays.items()}
        return Tallies(
            self.scalars[repeats],
            arrays,
            self.latency.chosen(repeats),
            self.confidence.chosen(repeats),
        )


def added(keys: Ints, counts: Ints) -> tuple[Ints, Ints]:
    """Distinct keys in order, with the sum of their counts. Exact: integers only.

    >>> [part.tolist() for part in added(np.array([7, 3, 7]), np.array([1, 5, 2]))]
    [[3, 7], [5, 3]]
    """
    if len(keys) == 0:
        return keys, counts
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    begins = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    return ordered[begins], np.add.reduceat(counts[order], begins)


def _summed(values: Ints, into: Ints, k: int) -> Ints:
    total = np.zeros((k, values.shape[1]), dtype=np.int64)
    np.add.at(total, into, values)
    return total


def stacked(parts: Sequence[Tallies]) -> Tallies:
    """All rows of several Tallies, one after the other."""
    begins = np.cumsum([0, *(len(part) for part in parts)])
    names = [(part, int(begin)) for part, begin in zip(parts, begins, strict=False)]
    return Tallies(
        np.concatenate([part.scalars for part in parts]),
        {name: np.concatenate([part.arrays[name] for part in parts]) for name in WIDTHS},
        _end_to_end([(part.latency, begin) for part, begin in names]),
        _end_to_end([(part.confidence, begin) for part, begin in names]),
    )


def _end_to_end(parts: Sequence[tuple[Bins, int]]) -> Bins:
    rows = np.concatenate([bins.row + begin for bins, begin in parts])
    return Bins(
        rows,
        np.concatenate([bins.bin for bins, _ in parts]),
        np.concatenate([bins.count for bins, _ in parts]),
    )


def from_rows(rows: Sequence[Any]) -> Tallies:
    """The tallies of database rows (mappings with windows.TALLY_COLUMNS), in their order."""
    k = len(rows)
    scalars = np.array(
        [[row[name] for name in windows.SCALARS] for row in rows], dtype=np.int64
    ).reshape(k, len(windows.SCALARS))
    arrays = {
        name: np.array([row[name] for row in rows], dtype=np.int64).reshape(k, width)
        for name, width in WIDTHS.items()
    }
    return Tallies(
        scalars,
        arrays,
        _unpacked([row["latency_bins"] for row in rows]),
        _unpacked([row["confidence_bins"] for row in rows]),
    )


def _unpacked(histograms: Sequence[bytes]) -> Bins:
    pairs = np.frombuffer(b"".join(histograms), dtype=windows.PAIR)
    lengths = np.array([len(raw) // windows.PAIR.itemsize for raw in histograms], dtype=np.int64)
    return Bins(
        np.repeat(np.arange(len(histograms)), lengths),
        pairs["bin"].astype(np.int64),
        pairs["count"].astype(np.int64),
    )


def to_rows(found: Tallies) -> list[dict[str, Any]]:
    """Each tally as the columns of windows.to_row."""
    k = len(found)
    scalars = [dict(zip(windows.SCALARS, values, strict=True)) for values in found.scalars.tolist()]
    arrays = {name: values.tolist() for name, values in found.arrays.items()}
    latency, confidence = _packed(found.latency, k), _packed(found.confidence, k)
    return [
        scalars[i]
        | {name: values[i] for name, values in arrays.items()}
        | {"latency_bins": latency[i], "confidence_bins": confidence[i]}
        for i in range(k)
    ]


def _packed(bins: Bins, k: int) -> list[bytes]:
    pairs = np.empty(len(bins.row), dtype=windows.PAIR)
    pairs["bin"], pairs["count"] = bins.bin, bins.count
    raw, size = pairs.tobytes(), windows.PAIR.itemsize
    ends = np.searchsorted(bins.row, np.arange(1, k + 1)).tolist()
    return [raw[begin * size : end * size] for begin, end in zip([0, *ends], ends, strict=False)]


def one(found: Tallies, i: int) -> windows.Tally:
    """Tally i by itself."""
    return windows.from_row(to_rows(found.chosen(np.array([i])))[0])


def of(tally: windows.Tally) -> Tallies:
    """One tally as a stack of one."""
    return from_rows([windows.to_row(tally)])
