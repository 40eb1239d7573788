"""Postgres: the right to do what only one process may do at a time, by database time."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from schemas import tables


def hold(connection: sa.Connection, name: str, owner: str, seconds: int = 10) -> bool:
    """Take or renew a lease, by database time; the row stays locked until the transaction ends."""
    table = tables.lease
    until = sa.func.now() + sa.text(f"interval '{int(seconds)} seconds'")
    insert = pg.insert(table).values(name=name, owner=owner, epoch=1, expires_at=until)
    change = insert.on_conflict_do_update(
        index_elements=["name"],
        set_={
            "owner": owner,
            "expires_at": until,
            "epoch": table.c.epoch + sa.case((table.c.owner == owner, 0), else_=1),
        },
        where=sa.or_(table.c.owner == owner, table.c.expires_at < sa.func.now()),
    )
    return connection.execute(change.returning(table.c.epoch)).first() is not None
