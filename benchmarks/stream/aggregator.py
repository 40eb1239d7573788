"""Our own decoding and counting, called as it stands: the one place that knows how a chunk of
records becomes panes.
"""

import dataclasses
import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from schemas import tallies, windows
from streams.count import chunks, observe

CHUNK = 5_000
_MERGE = 40  # chunks that are merged together, as a flush does
_LIMITS = observe.Limits(check_time=False)


def chunk(part: int, first: int, values: Sequence[bytes], *, batch: bool = False) -> chunks.Chunk:
    """Values of consecutive records of a partition as the transport hands them over. `batch`: they
    are envelopes.
    """
    end = first + len(values)
    return chunks.Chunk(
        "bench",
        part,
        1,
        first,
        end,
        range(first, end),
        values,
        [batch] * len(values),
        [0] * len(values),
    )


def observed(part: chunks.Chunk) -> observe.Observed:
    """Decode and count."""
    return observe.chunk(part, _LIMITS)


class Counted:
    """Panes of everything added so far."""

    def __init__(self) -> None:
        self._seen: list[observe.Observed] = []
        self.dead = 0

    def add(self, part: int, first: int, values: Sequence[bytes]) -> None:
        """Count the values of consecutive records of a partition."""
        for begin in range(0, len(values), CHUNK):
            seen = observed(chunk(part, first + begin, values[begin : begin + CHUNK]))
            self.dead += len(seen.dead)
            self._seen.append(seen)
        if len(self._seen) >= _MERGE:
            keys, joined = observe.joined(self._seen)
            self._seen = [dataclasses.replace(seen, keys=keys, tallies=joined)]

    def panes(self) -> list[tuple[dt.datetime, str, str, windows.Tally]]:
        """Minute, model, role and what was counted."""
        if not self._seen:
            return []
        keys, joined = observe.joined(self._seen)
        return [(*key, tallies.one(joined, i)) for i, key in enumerate(keys)]


def plain(panes: Iterable[tuple[dt.datetime, str, str, windows.Tally]]) -> list[dict[str, Any]]:
    """Panes as JSON that the oracle can read."""
    return [
        {
            "minute": int(start.timestamp()) // 60,
            "model": model,
            "role": role,
            "n": tally.n,
            "errors": tally.errors,
            "latency_sum_us": tally.latency_sum_us,
            "intents": tally.intent_count.tolist(),
            "bins": {
                str(at): int(tally.latency_bins[at]) for at in tally.latency_bins.nonzero()[0]
            },
        }
        for start, model, role, tally in panes
    ]
