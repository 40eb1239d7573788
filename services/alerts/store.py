"""Postgres: the alerts that are open, and what an hour makes of them. The caller owns the
transaction.
"""

import dataclasses
from collections.abc import Iterable
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from schemas import alerts, tables

_NAMES = [field.name for field in dataclasses.fields(alerts.Alert)]


def open_alerts(connection: sa.Connection) -> list[alerts.Alert]:
    """Those that are not over, the oldest first, told or not."""
    table = tables.alert
    query = sa.select(*(table.c[name] for name in _NAMES))
    query = query.where(table.c.ended.is_(None)).order_by(table.c.since, table.c.id)
    stored = [dict(zip(_NAMES, row, strict=True)) for row in connection.execute(query)]
    return msgspec.convert(stored, list[alerts.Alert])


def put(connection: sa.Connection, changed: Iterable[alerts.Alert]) -> None:
    """Write alerts over what was there."""
    rows = [_row(alert) for alert in changed]
    if not rows:
        return
    insert = pg.insert(tables.alert)
    newer = {name: insert.excluded[name] for name in _NAMES if name != "id"}
    connection.execute(insert.on_conflict_do_update(index_elements=["id"], set_=newer), rows)


def _row(alert: alerts.Alert) -> dict[str, Any]:
    row = {name: getattr(alert, name) for name in _NAMES}
    return row | {"figures": msgspec.to_builtins(alert.figures)}
