"""The places of intents in stored arrays: in the order in which the database has met them, append
only. Stored rows are read and written through here.

An array of before an intent was appended is shorter. A merged intent keeps its place, so that old
arrays mean what they meant: it is read as the intent that took it over, and nothing is written
there any more. Which places there are, streams.database learns as it opens the database.
"""

from collections.abc import Mapping, Sequence
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
            raise Grown(
                f"a stored array has {len(stored)} places and this process knows {len(self.names)}: the taxonomy has grown; restart it with its new file"
            )
        found = [0] * len(present.INTENTS)
        for name, count in zip(self.names, stored, strict=False):
            found[present.INDEX[name]] += count
        return found

    def written(self, counts: Sequence[int]) -> list[int]:
        """The array that is stored of the present intents' counts."""
        found = [0] * len(self.names)
        for name, count in zip(present.INTENTS, counts, strict=True):
            found[self.names.index(name)] = count
        return found


_known = Places(present.INTENTS)


def learn(names: Sequence[str]) -> None:
    """From now on these are the places of the database that this process works on."""
    global _known
    _known = Places(tuple(names))


def read(rows: Sequence[Any]) -> Sequence[Any]:
    """Stored rows of panes or windows (mappings) with the arrays of the present intents."""
    width = len(present.INTENTS)
    if _known.names == present.INTENTS and all(len(row[COLUMNS[0]]) == width for row in rows):
        return rows
    return [dict(row) | {name: _known.read(row[name]) for name in COLUMNS} for row in rows]


def written(rows: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Rows as they are stored."""
    if _known.names == present.INTENTS:
        return rows
    return [dict(row) | {name: _known.written(row[name]) for name in COLUMNS} for row in rows]


def window(row: Any) -> windows.Window:
    """The window of a row of tables.window_state."""
    return windows.window_of(read([row])[0])
