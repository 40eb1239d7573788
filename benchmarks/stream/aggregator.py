"""Our own decoding and counting, called as it stands: the one place that knows how a chunk of records becomes panes."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from schemas import windows
from streams import chunks, observe

_APPENDED = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)
_KEY = tuple[dt.datetime, str, str]
CHUNK = 5_000


def chunk(part: int, first: int, values: Sequence[bytes], *, batch: bool = False) -> chunks.Chunk:
    """Values of consecutive records of a partition as the transport would hand them over. `batch`: they are envelopes."""
    records = tuple(chunks.Record(first + place, value, batch, _APPENDED) for place, value in enumerate(values))
    return chunks.Chunk("bench", part, 1, first, first + len(records), records)


def observed(part: chunks.Chunk) -> observe.Observed:
    """Decode and count."""
    return observe.chunk(part, max_event_ts=None, check_time=False)


class Counted:
    """Panes of everything added so far."""

    def __init__(self) -> None:
        self.panes: dict[_KEY, windows.Tally] = {}
        self.dead = 0

    def add(self, part: int, first: int, values: Sequence[bytes]) -> None:
        """Count the values of consecutive records of a partition."""
        for begin in range(0, len(values), CHUNK):
            seen = observed(chunk(part, first + begin, values[begin : begin + CHUNK]))
            self.dead += len(seen.dead)
            for key, tally in seen.panes.items():
                self.panes[key] = self.panes[key] + tally if key in self.panes else tally


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
            "bins": {str(at): int(tally.latency_bins[at]) for at in tally.latency_bins.nonzero()[0]},
        }
        for start, model, role, tally in panes
    ]
