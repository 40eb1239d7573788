"""Postgres: whose intents the database holds. One function per question; the caller owns the
transaction.
"""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from schemas import tables, taxonomy

_OF_INTENTS: Final = (
    tables.pane_minute,
    tables.pane_hour,
    tables.pane_day,
    tables.window_state,
    tables.sampled_prediction,
    tables.human_label,
    tables.corpus,
    tables.model_version,
    tables.reference,
)


def held(connection: sa.Connection) -> tuple[taxonomy.Taxonomy, tuple[str, ...]] | None:
    """Whose intents the database holds, and whose each place of its arrays is; None while nobody
    has claimed it.
    """
    table = tables.taxonomy
    newest = sa.select(table).order_by(table.c.generation.desc()).limit(1)
    row = connection.execute(newest).first()
    if row is None:
        return None
    return taxonomy.of(row.body), tuple(row.places)


def claim(connection: sa.Connection, mine: taxonomy.Taxonomy) -> None:
    """Make the database this taxonomy's, unless it is somebody's: of several that try at once the
    first one has it.
    """
    first = _generation(1, mine, mine.names)
    insert = pg.insert(tables.taxonomy).values(first)
    connection.execute(insert.on_conflict_do_nothing())


def lock(connection: sa.Connection) -> None:
    """Until the end of the transaction nobody else claims or changes the taxonomy."""
    connection.execute(sa.text("lock table taxonomy in share row exclusive mode"))


def change(
    connection: sa.Connection,
    mine: taxonomy.Taxonomy,
    stored: Sequence[str],
) -> None:
    """The database's next taxonomy. Workers of the one before are fenced: they end at their next
    flush.
    """
    table = tables.taxonomy
    query = sa.select(sa.func.max(table.c.generation))
    newest = connection.execute(query).scalar() or 0
    following = _generation(newest + 1, mine, stored)
    connection.execute(sa.insert(table).values(following))

    offsets = tables.stream_offset
    connection.execute(sa.update(offsets).values(epoch=offsets.c.epoch + 1))


def _generation(
    number: int,
    mine: taxonomy.Taxonomy,
    stored: Sequence[str],
) -> dict[str, Any]:
    return {
        "generation": number,
        "version": mine.version,
        "places": list(stored),
        "body": mine.body,
    }


def names_intents(connection: sa.Connection) -> bool:
    """Whether anything in the database names an intent, or holds an array of them."""
    for table in _OF_INTENTS:
        any_row = sa.select(sa.literal(1)).select_from(table).limit(1)
        if connection.execute(any_row).first():
            return True
    return False
