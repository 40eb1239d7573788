"""Postgres: the right to do what only one process may do at a time, by database time."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from schemas import tables


class Lost(RuntimeError):
    """Another process has this right now."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A right that was taken; `epoch` counts how often it had changed hands by then."""

    name: str
    owner: str
    epoch: int


def hold(
    connection: sa.Connection,
    name: str,
    owner: str,
    seconds: int = 10,
) -> bool:
    """Take or renew a lease, by database time; the row stays locked until the transaction ends."""
    return taken(connection, name, owner, seconds) is not None


def taken(
    connection: sa.Connection,
    name: str,
    owner: str,
    seconds: int = 10,
) -> Lease | None:
    """`hold`, with what was taken; None while it is somebody else's."""
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
    return Lease(name, owner, held.epoch) if held else None


def guard(connection: sa.Connection, lease: Lease) -> None:
    """Let nobody take a lease over before the transaction ends. Raises Lost where somebody has; one
    that has run out is still held until then.
    """
    table = tables.lease
    query = sa.select(table.c.epoch).where(
        table.c.name == lease.name,
        table.c.owner == lease.owner,
        table.c.epoch == lease.epoch,
    )
    if connection.execute(query.with_for_update(read=True)).first() is None:
        raise Lost(f"{lease.name}: another process has taken it since epoch {lease.epoch}")
