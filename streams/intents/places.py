"""The places of intents in stored arrays: in the order in which the database has met them, append
only. Stored rows are read and written through here.

An array of before an intent was appended is shorter. A merged intent keeps its place, so that old
arrays mean what they meant: it is read as the intent that took it over, and nothing is written
there any more. Which places there are, streams.database learns as it opens the database.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from schemas import present, windows

COLUMNS: Final = ("intent_count", "intent_low", "intent_fallback")


class Grown(RuntimeError):
    """A stored array has more places than this process knows: it began before the taxonomy grew."""


@dataclass(frozen=True, slots=True)
class Places:
    """`names`: whose each place is, those of merged intents among them."""

    names: tuple[str, ...]

    def read(self, stored: Sequence[int]) -> list[int]:
        """The counts of the present intents, in their order. Raises Grown.

        >>> Places(present.INTENTS).read([4, 1])[:3]
        [4, 1, 0]
        """
        if len(stored) > len(self.names):
            have = f"a stored array has {len(stored)} places"
            mine = f"this process knows {len(self.names)}"
            remedy = "the taxonomy has grown; restart it with its new file"
            raise Grown(f"{have} and {mine}: {remedy}")

        counts = [0] * len(present.INTENTS)
        # Not strict: an array of before an intent was appended is shorter.
        for name, count in zip(self.names, stored, strict=False):
            counts[present.INDEX[name]] += count
        return counts

    def written(self, counts: Sequence[int]) -> list[int]:
        """The array that is stored of the present intents' counts."""
        stored = [0] * len(self.names)
        for name, count in zip(present.INTENTS, counts, strict=True):
            stored[self.names.index(name)] = count
        return stored


_places = Places(present.INTENTS)


def learn(names: Sequence[str]) -> None:
    """From now on these are the places of the database that this process works on."""
    global _places
    _places = Places(tuple(names))


def read(rows: Sequence[Any]) -> Sequence[Any]:
    """Stored rows of panes or windows (mappings) with the arrays of the present intents."""
    if _places.names == present.INTENTS and _whole(rows):
        return rows
    return [_with_arrays(row, _places.read) for row in rows]


def written(rows: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Rows as they are stored."""
    if _places.names == present.INTENTS:
        return rows
    return [_with_arrays(row, _places.written) for row in rows]


def _whole(rows: Sequence[Any]) -> bool:
    """Whether every row has a place for each intent: a row's three arrays are of one length."""
    width = len(present.INTENTS)
    first = COLUMNS[0]
    return all(len(row[first]) == width for row in rows)


def _with_arrays(row: Any, turned: Callable[[Sequence[int]], list[int]]) -> dict[str, Any]:
    """A copy of the row with each of its arrays turned."""
    copy = dict(row)
    for name in COLUMNS:
        copy[name] = turned(row[name])
    return copy


def window(row: Any) -> windows.Window:
    """The window of a row of tables.window_state."""
    (turned,) = read([row])
    return windows.window_of(turned)
