"""Postgres: which model is champion, which ones were, and which one would be; and how busy the
gateways are, all that they write. The caller owns the transaction.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from retrain import store as retrain_store
from schemas import runs, serving_tables, tables
from services.gateway import volume

# A gateway tells its pace every two seconds; one that is silent for so long has ended.
_ENDED = sa.text("interval '15 seconds'")


@dataclass(frozen=True, slots=True)
class Version:
    """A model by name; the sha256 of its manifest, if the registry has it."""

    model: str
    manifest_sha256: str | None


def champions(connection: sa.Connection) -> list[Version]:
    """The newest promotion's model, then those that were champion before, the newest first."""
    serving = retrain_store.champion(connection)
    if serving is None:
        return []
    former = retrain_store.former_champions(connection, serving)
    return _versions(connection, [str(serving["model"]), *former])


def candidate(connection: sa.Connection) -> list[Version]:
    """The newest model that passed its gates against the present champion and waits for a person to
    promote it; none, or one.
    """
    run = tables.run
    serving = retrain_store.champion(connection)
    waits = (
        run.c.state == runs.State.REGISTERED,
        run.c.champion == (serving["model"] if serving else None),
    )
    query = sa.select(run.c.candidate).where(*waits)
    newest = query.order_by(run.c.queued_at.desc(), run.c.id.desc()).limit(1)
    return _versions(connection, list(connection.execute(newest).scalars()))


def _versions(connection: sa.Connection, models: list[str]) -> list[Version]:
    """These models, each with its manifest on record."""
    digests = retrain_store.manifests(connection, models)
    return [Version(model, digests.get(model)) for model in models]


def tell_pace(connection: sa.Connection, owner: str, topic: str, pace: volume.Pace) -> None:
    """How busy this gateway is, which logs to `topic`."""
    table = serving_tables.gateway_pace
    told = {"topic": topic, "per_day": pace.per_day, "as_of": pace.as_of, "told_at": sa.func.now()}
    insert = pg.insert(table).values(owner=owner, **told)
    connection.execute(insert.on_conflict_do_update(index_elements=["owner"], set_=told))


def other_paces(connection: sa.Connection, owner: str, topic: str) -> list[volume.Pace]:
    """How busy the others of this topic are that live; what those that ended have told is
    removed.
    """
    table = serving_tables.gateway_pace
    ended = table.c.told_at < sa.func.now() - _ENDED
    connection.execute(sa.delete(table).where(ended))
    of_others = (table.c.owner != owner, table.c.topic == topic)
    others = sa.select(table.c.per_day, table.c.as_of).where(*of_others)
    return [volume.Pace(*row) for row in connection.execute(others)]


def forget_pace(connection: sa.Connection, owner: str) -> None:
    """This gateway ends."""
    table = serving_tables.gateway_pace
    connection.execute(sa.delete(table).where(table.c.owner == owner))
