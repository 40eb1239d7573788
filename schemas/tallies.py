"""Pure. Tallies: many tallies side by side as columns, so that thousands of panes merge in a few
array operations. The same integers as windows.Tally.

Merging only adds, so any order and any grouping of merges gives the same rows.
"""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from schemas import present, slices, windows

Ints = windows.Counts

WIDTHS: Final[Mapping[str, int]] = {
    "intent_count": len(present.INTENTS),
    "intent_low": len(present.INTENTS),
    "intent_fallback": len(present.INTENTS),
    "script_count": len(slices.SCRIPTS),
}
_SCALARS: Final = operator.itemgetter(*windows.SCALARS)


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
        cells = into[self.row] * size + self.bin
        keys, counts = added(cells, self.count)
        return Bins(keys // size, keys % size, counts)

    def moved(self, begin: int) -> "Bins":
        """The same histograms of the rows from `begin` on."""
        return Bins(self.row + begin, self.bin, self.count)

    def chosen(self, repeats: Ints) -> "Bins":
        """The histograms of the rows `repeats`, which may name one several times or not at all; row
        i is then repeats[i].
        """
        begins = np.searchsorted(self.row, repeats)
        lengths = np.searchsorted(self.row, repeats, side="right") - begins
        row = np.repeat(np.arange(len(repeats)), lengths)

        # Bin by bin of the answer: where it stands here, by how far into its histogram it is.
        new_begins = np.cumsum(lengths) - lengths
        into = np.arange(len(row)) - np.repeat(new_begins, lengths)
        place = into + np.repeat(begins, lengths)
        return Bins(row, self.bin[place], self.count[place])

    def total(self, size: int) -> Ints:
        """All histograms together as one of `size` bins, shape (size,)."""
        together = np.zeros(size, dtype=np.int64)
        np.add.at(together, self.bin, self.count)
        return together


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
        arrays = {name: _summed(values, into, k) for name, values in self.arrays.items()}
        return Tallies(
            _summed(self.scalars, into, k),
            arrays,
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
    differs = ordered[1:] != ordered[:-1]
    begins = np.flatnonzero(np.concatenate(([True], differs)))
    return ordered[begins], np.add.reduceat(counts[order], begins)


def _summed(values: Ints, into: Ints, k: int) -> Ints:
    total = np.zeros((k, values.shape[1]), dtype=np.int64)
    np.add.at(total, into, values)
    return total


def stacked(parts: Sequence[Tallies]) -> Tallies:
    """All rows of several Tallies, one after the other."""
    arrays: dict[str, list[Ints]] = {name: [] for name in WIDTHS}
    latency = []
    confidence = []
    begin = 0
    for part in parts:
        for name, pieces in arrays.items():
            pieces.append(part.arrays[name])
        latency.append(part.latency.moved(begin))
        confidence.append(part.confidence.moved(begin))
        begin += len(part)

    return Tallies(
        np.concatenate([part.scalars for part in parts]),
        {name: np.concatenate(pieces) for name, pieces in arrays.items()},
        _end_to_end(latency),
        _end_to_end(confidence),
    )


def _end_to_end(parts: Sequence[Bins]) -> Bins:
    return Bins(
        np.concatenate([bins.row for bins in parts]),
        np.concatenate([bins.bin for bins in parts]),
        np.concatenate([bins.count for bins in parts]),
    )


def from_rows(rows: Sequence[Any]) -> Tallies:
    """The tallies of database rows (mappings with windows.TALLY_COLUMNS), in their order."""
    arrays = {}
    for name, width in WIDTHS.items():
        arrays[name] = _matrix([row[name] for row in rows], width)

    return Tallies(
        _matrix([_SCALARS(row) for row in rows], len(windows.SCALARS)),
        arrays,
        _unpacked([row["latency_bins"] for row in rows]),
        _unpacked([row["confidence_bins"] for row in rows]),
    )


def _matrix(rows: Sequence[Sequence[int]], width: int) -> Ints:
    # Without rows numpy cannot tell the width.
    return np.array(rows, dtype=np.int64).reshape(len(rows), width)


def _unpacked(histograms: Sequence[bytes]) -> Bins:
    pairs = np.frombuffer(b"".join(histograms), dtype=windows.PAIR)
    sizes = np.array([len(raw) for raw in histograms], dtype=np.int64)
    lengths = sizes // windows.PAIR.itemsize
    return Bins(
        np.repeat(np.arange(len(histograms)), lengths),
        pairs["bin"].astype(np.int64),
        pairs["count"].astype(np.int64),
    )


def to_rows(stack: Tallies) -> list[dict[str, Any]]:
    """Each tally as the columns of windows.to_row."""
    k = len(stack)
    arrays = {name: values.tolist() for name, values in stack.arrays.items()}
    latency = _packed(stack.latency, k)
    confidence = _packed(stack.confidence, k)

    rows = []
    for i, scalars in enumerate(stack.scalars.tolist()):
        row: dict[str, Any] = dict(zip(windows.SCALARS, scalars, strict=True))
        for name, values in arrays.items():
            row[name] = values[i]
        row["latency_bins"] = latency[i]
        row["confidence_bins"] = confidence[i]
        rows.append(row)
    return rows


def _packed(bins: Bins, k: int) -> list[bytes]:
    pairs = np.empty(len(bins.row), dtype=windows.PAIR)
    pairs["bin"] = bins.bin
    pairs["count"] = bins.count
    raw = pairs.tobytes()

    last_bins = np.searchsorted(bins.row, np.arange(1, k + 1))
    ends = last_bins * windows.PAIR.itemsize
    packed = []
    begin = 0
    for end in ends.tolist():
        packed.append(raw[begin:end])
        begin = end
    return packed


def one(stack: Tallies, i: int) -> windows.Tally:
    """Tally i by itself."""
    (row,) = to_rows(stack.chosen(np.array([i])))
    return windows.from_row(row)


def total(stack: Tallies) -> windows.Tally:
    """All of them together."""
    scalars = stack.scalars.sum(axis=0).tolist()
    arrays = {name: values.sum(axis=0) for name, values in stack.arrays.items()}
    return windows.Tally(
        **dict(zip(windows.SCALARS, scalars, strict=True)),
        **arrays,
        latency_bins=stack.latency.total(windows.LATENCY_BINS),
        confidence_bins=stack.confidence.total(windows.CONFIDENCE_BINS),
    )


def of(tally: windows.Tally) -> Tallies:
    """One tally as a stack of one."""
    return from_rows([windows.to_row(tally)])
