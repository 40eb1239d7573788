"""Postgres: the right to do what only one process may do at a time, by database time."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from schemas import tables


def hold(
    connection: sa.Connection,
    name: str,
    owner: str,
    seconds: int = 10,
) -> bool:
    """Take or renew a lease, by database time; the row stays locked until the transaction ends."""
    table = tables.lease
    until = sa.func.now() + sa.text(f"interval '{int(seconds)} seconds'")
    ours = table.c.owner == owner
    lapsed = table.c.expires_at < sa.func.now()
    epoch = table.c.epoch + sa.case((ours, 0), else_=1)

    insert = pg.insert(table).values(
        name=name,
        owner=owner,
        epoch=1,
        expires_at=until,
    )
    take_over = insert.on_conflict_do_update(
        index_elements=["name"],
        set_={"owner": owner, "expires_at": until, "epoch": epoch},
        where=sa.or_(ours, lapsed),
    )
    held = connection.execute(take_over.returning(table.c.epoch)).first()
    return held is not None
