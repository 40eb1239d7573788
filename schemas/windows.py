"""Pure. Tally: what is counted of a set of logs; Place and Window: where it stands in time. Tallies
add, nothing else.

Every field is an integer (times in microseconds, confidences in millionths), so addition is exact
in any order and replays are bit-identical. Who measures a tally is streams.signals.measure; this
module decides nothing.
"""

import dataclasses
import datetime as dt
import math
import zlib
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from schemas import present, slices

Counts = npt.NDArray[np.int64]

# Log buckets with relative error ALPHA (DDSketch mapping, Masson et al. 2019): bin i >= 1 holds
# (FLOOR g^(i-1), FLOOR g^i], bin 0 holds [0, FLOOR].
ALPHA: Final = 0.005
GAMMA: Final = (1 + ALPHA) / (1 - ALPHA)
LATENCY_FLOOR_MS: Final = 1e-6
LATENCY_BINS: Final = math.ceil(math.log(600_000 / LATENCY_FLOOR_MS) / math.log(GAMMA)) + 2
CONFIDENCE_BINS: Final = 100
LOW_CONFIDENCE: Final = 0.6
MICRO: Final = 1_000_000

HORIZONS: Final[dict[str, dt.timedelta]] = {
    "5m": dt.timedelta(minutes=5),
    "1h": dt.timedelta(hours=1),
    "1d": dt.timedelta(days=1),
    "7d": dt.timedelta(days=7),
}
# How far apart the ends of windows of one horizon lie: a week is looked at every midnight.
STEPS: Final[dict[str, dt.timedelta]] = HORIZONS | {"7d": dt.timedelta(days=1)}


def _zeros(size: int) -> Any:
    return dataclasses.field(default_factory=lambda: np.zeros(size, dtype=np.int64))


@dataclass(slots=True)
class Tally:
    """Counts of logs. Arrays follow present.INTENTS and slices.SCRIPTS; intent, token and
    confidence figures leave errors out.

    `margin_n`: answers that told their margin, `tokenizer_n`: logs that told their tokenizer, both
    of which the contract leaves open. The sums of the codes of those tokenizers and of their
    squares tell whether all were one and the same (streams.signals.measure).
    """

    n: int = 0
    errors: int = 0
    late: int = 0
    latency_sum_us: int = 0
    confidence_sum_micro: int = 0
    tokens_sum: int = 0
    margin_sum_micro: int = 0
    margin_n: int = 0
    tokenizer_n: int = 0
    tokenizer_sum: int = 0
    tokenizer_square_sum: int = 0
    intent_count: Counts = _zeros(len(present.INTENTS))
    intent_low: Counts = _zeros(len(present.INTENTS))
    intent_fallback: Counts = _zeros(len(present.INTENTS))
    script_count: Counts = _zeros(len(slices.SCRIPTS))
    latency_bins: Counts = _zeros(LATENCY_BINS)
    confidence_bins: Counts = _zeros(CONFIDENCE_BINS)

    def __add__(self, other: Self) -> "Tally":
        """The tally of both sets of logs together."""
        sums = {}
        for field in dataclasses.fields(self):
            sums[field.name] = getattr(self, field.name) + getattr(other, field.name)
        return Tally(**sums)

    @property
    def answered(self) -> int:
        """Logs that carry an answer: n without errors."""
        return self.n - self.errors

    @property
    def tokenizer(self) -> int | None:
        """The code of the tokenizer behind all logs that told it; None where none did, or where
        there were several.
        """
        n, total = self.tokenizer_n, self.tokenizer_sum
        # Numbers are all equal where the square of their sum is n times the sum of their squares.
        all_one = total * total == n * self.tokenizer_square_sum
        return total // n if n and all_one else None


def tokenizer_code(name: str) -> int:
    """A tokenizer's hash as a number of 16 bits: small enough that the squares of two thousand
    million of them add up in a bigint.

    >>> tokenizer_code("9b2a1")
    31040
    """
    return zlib.crc32(name.encode()) & 0xFFFF


PAIR: Final = np.dtype([("bin", "<u4"), ("count", "<u8")])


def sparse(counts: Counts) -> bytes:
    """Non-zero bins as little-endian pairs (uint32 bin, uint64 count): what a bytea column holds.

    >>> dense(sparse(np.array([0, 3, 0, 1])), 4).tolist()
    [0, 3, 0, 1]
    """
    bins = np.flatnonzero(counts)
    pairs = np.empty(len(bins), dtype=PAIR)
    pairs["bin"] = bins
    pairs["count"] = counts[bins]
    return pairs.tobytes()


def dense(raw: bytes, size: int) -> Counts:
    """The inverse of `sparse`."""
    pairs = np.frombuffer(raw, dtype=PAIR)
    counts = np.zeros(size, dtype=np.int64)
    counts[pairs["bin"]] = pairs["count"]
    return counts


_SUMS: Final = (
    "latency_sum_us",
    "confidence_sum_micro",
    "tokens_sum",
    "margin_sum_micro",
    "margin_n",
)
SCALARS: Final = (
    "n",
    "errors",
    "late",
    *_SUMS,
    "tokenizer_n",
    "tokenizer_sum",
    "tokenizer_square_sum",
)
ARRAYS: Final = ("intent_count", "intent_low", "intent_fallback", "script_count")
TALLY_COLUMNS: Final = (*SCALARS, *ARRAYS, "latency_bins", "confidence_bins")


def to_row(tally: Tally) -> dict[str, Any]:
    """A tally as the columns tables.tally_columns() declares."""
    row: dict[str, Any] = {name: int(getattr(tally, name)) for name in SCALARS}
    row |= {name: getattr(tally, name).tolist() for name in ARRAYS}
    return row | {
        "latency_bins": sparse(tally.latency_bins),
        "confidence_bins": sparse(tally.confidence_bins),
    }


def from_row(row: Any) -> Tally:
    """The tally of a row (a mapping with TALLY_COLUMNS)."""
    fields: dict[str, Any] = {name: int(row[name]) for name in SCALARS}
    fields |= {name: np.array(row[name], dtype=np.int64) for name in ARRAYS}
    fields["latency_bins"] = dense(bytes(row["latency_bins"]), LATENCY_BINS)
    fields["confidence_bins"] = dense(bytes(row["confidence_bins"]), CONFIDENCE_BINS)
    return Tally(**fields)


class Place(NamedTuple):
    """Where a pane stands: one minute (or hour, or day) x model x role x partition. The partition's
    owner is the only writer.
    """

    start: dt.datetime
    model: str
    role: str
    part: int


@dataclass(frozen=True, slots=True)
class Window:
    """Logs of one model and role with start <= ts < end. `complete`: the watermark has passed
    `end`. `amended`: it changed after that.
    """

    model: str
    role: str
    horizon: str
    start: dt.datetime
    end: dt.datetime
    tally: Tally
    revision: int = 0
    amended: bool = False
    complete: bool = False


def floor(ts: dt.datetime, step: dt.timedelta) -> dt.datetime:
    """The latest multiple of `step` (since the epoch, UTC) that is not after `ts`.

    >>> floor(dt.datetime(2026, 4, 20, 10, 41, 14, tzinfo=dt.UTC), HORIZONS["5m"]).isoformat()
    '2026-04-20T10:40:00+00:00'
    """
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return ts - (ts - epoch) % step


def window_of(row: Any) -> Window:
    """The window of a row of tables.window_state."""
    names = ("model", "role", "horizon", "start", "end", "revision", "amended", "complete")
    return Window(tally=from_row(row), **{name: row[name] for name in names})
