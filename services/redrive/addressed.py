"""Which letter an address names. Several topics may have had one name, and each a letter at the
same offset.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from schemas import escaping, settings
from services.redrive import letters, store


def letter(row: Any) -> letters.Letter:
    """A row of the table as a letter."""
    return letters.Letter(place(row), row["reason"], row["size"])


def place(row: Any) -> letters.Place:
    """The address of a row, in full."""
    return letters.Place(
        row["topic"],
        row["part"],
        row["offset"],
        row["line"],
        row["topic_id"],
    )


def shown(row: Any) -> str:
    """The shortest address that names this letter alone."""
    full = place(row)
    return full.in_full if row["lives"] > 1 else str(full)


def rows(
    connection: sa.Connection,
    places: Sequence[letters.Place],
    topic: str | None = None,
) -> list[Any]:
    """The letters at these addresses, of this topic if one is given. Exit 2 where one names none,
    or several: the bytes of another topic's record are not what was meant.
    """
    there = store.named(connection, places)
    chosen = {}
    for address in sorted(places, key=str):
        named = [row for row in there if address.names(place(row))]
        if not named or topic not in (None, address.topic):
            _refuse(f"there is no dead letter {_printable(address)}")
        if len(named) > 1:
            full = ", ".join(_printable(place(row).in_full) for row in named)
            _refuse(f"{len(named)} topics have had a dead letter {_printable(address)}: {full}")
        chosen[place(named[0])] = named[0]
    return [chosen[full] for full in sorted(chosen)]


def _refuse(cause: str) -> None:
    settings.refuse(f"{cause}; `python -m services.redrive ls --all` lists them", 2)


def _printable(address: object) -> str:
    return escaping.printable(str(address))
