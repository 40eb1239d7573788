"""Postgres: what annotators get to see: a list of messages, or one on the screen."""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from schemas import tables
from services.labels import mix, store
from services.labels.again import store as again
from services.labels.gold import store as gold
from services.labels.order import store as order
from streams import leases

Connection = sa.Connection
Select = sa.Select[Any]
Subquery = sa.Subquery

_SCREEN = "screen:"
# As long a message stays with whoever has it on the screen, who may be thinking, or gone.
_HELD_S = 600


def listed(
    connection: Connection,
    limit: int,
    plan: mix.Plan,
    wanted: Collection[str] = (),
    annotator: str | None = None,
) -> list[Any]:
    """The next messages in the order of the queue: what measures, what is asked about again, what
    trains; with gold questions among them: such as this annotator has never answered, or such as
    fewest have.
    """
    waiting = store.queue(connection, limit, wanted)
    measures = [row for row in waiting if row["queue"] == "measure"]
    trains = [row for row in waiting if row["queue"] != "measure"]
    # One answer mends a label that is known to be in doubt.
    waiting = [*measures, *again.waiting(connection, limit), *trains][:limit]
    questions = gold.unanswered(connection, annotator, limit, first=plan.first)
    return mix.mixed(waiting, questions, plan.share, limit)


def serve(
    connection: Connection,
    annotator: str,
    passed: Collection[str],
    twice_share: float,
    wanted: Collection[str] = (),
    plan: mix.Plan = mix.NO_GOLD,
) -> Any:
    """The next message for an annotator, whose it is until release() or for ten minutes; None if
    nothing waits.

    Now and then a gold question takes the place of what would come next, which then comes later.
    It is none of those that this annotator has had before, either.
    """
    _alone(connection)
    row = _next(connection, annotator, passed, twice_share, wanted)
    if row is None or row["queue"] != "measure":
        row = _again(connection, annotator, passed, row)
    questions = gold.unanswered(connection, annotator, 1, passed, plan.first) if row else []
    if not questions:
        return row

    turn = gold.answered(connection, annotator) + len(passed)
    if not mix.due(f"{annotator} {turn}", plan.share):
        return row
    release(connection, annotator, row["req_id"])
    _hold(connection, annotator, questions[0]["req_id"])
    return questions[0]


def _again(
    connection: Connection,
    annotator: str,
    passed: Collection[str],
    instead: Any,
) -> Any:
    """What is asked about again, in the place of a message that only trains."""
    others = 200
    for row in again.waiting(connection, others, passed):
        if _hold(connection, annotator, row["req_id"]):
            if instead is not None:
                release(connection, annotator, instead["req_id"])
            return row
    return instead


def _next(
    connection: Connection,
    annotator: str,
    passed: Collection[str],
    twice_share: float,
    wanted: Collection[str],
) -> Any:
    """First what nobody has labelled, in the order of the queue, then the share of messages that a
    second annotator is asked about too, chosen by the request's hash. Never one this annotator has
    labelled or taken back, one of `passed`, or one that another annotator has on the screen.
    """
    sample = store.once()
    counts = store.counts(connection)
    n = sa.func.coalesce(counts.c.n, 0)

    waiting = _waiting(sample, counts, annotator, twice_share)
    ordered = waiting.with_only_columns(sample.c.req_id)
    labelled = sa.select(counts.c.req_id)
    sorting = order.order(sample, wanted, labelled)
    ordered = ordered.order_by(n, *sorting)
    others = 200  # at most so many messages are on others' screens
    first = ordered.limit(len(passed) + others)
    for req_id in connection.execute(first).scalars().all():
        if req_id in passed or not _hold(connection, annotator, req_id):
            continue
        # Ours now: what another annotator has answered since the list was read is committed,
        # and seen by counts that are asked for anew.
        now = _waiting(sample, store.counts(connection), annotator, twice_share)
        still = now.where(sample.c.req_id == req_id)
        row = connection.execute(still).mappings().first()
        if row:
            return row
        release(connection, annotator, req_id)
    return None


def _waiting(
    sample: Subquery,
    counts: Subquery,
    annotator: str,
    twice_share: float,
) -> Select:
    """What an annotator may be asked: what nobody has labelled, or one person and a second is
    wanted; nothing the annotator has had before.
    """
    label = tables.human_label.c
    req_id = sample.c.req_id
    touched = sa.exists().where(
        label.req_id == req_id,
        label.annotator == annotator,
    )
    # As a bigint: abs() of the smallest 32-bit hash would be out of range.
    hashed = sa.func.hashtext(req_id)
    size = sa.func.abs(sa.cast(hashed, sa.BigInteger))
    thousandth = sa.func.mod(size, 1000)
    asked_twice = thousandth < 1000 * twice_share

    n = sa.func.coalesce(counts.c.n, 0)
    wanted = sa.or_(
        n == 0,
        sa.and_(n == 1, asked_twice),
    )
    # A message that nobody has labelled has no count.
    same = counts.c.req_id == req_id
    joined = sa.select(sample).outerjoin(counts, same)
    return joined.where(
        sa.not_(touched),
        wanted,
    )


def _alone(connection: Connection) -> None:
    """Until the end of the transaction nobody else is served: two that take several messages each
    would wait for each other.
    """
    lock = sa.text("select pg_advisory_xact_lock(hashtext('intentwatch.screens'))")
    connection.execute(lock)


def _hold(connection: Connection, annotator: str, req_id: str) -> bool:
    """Whether the message is on no other annotator's screen; then it is on this one's."""
    return leases.hold(connection, f"{_SCREEN}{req_id}", annotator, _HELD_S)


def release(connection: Connection, annotator: str, req_id: str) -> None:
    """Let others be served the message. Those of annotators who are long gone go with it."""
    lease = tables.lease.c
    mine = sa.and_(lease.name == f"{_SCREEN}{req_id}", lease.owner == annotator)
    lapsed = sa.and_(
        lease.name.startswith(_SCREEN, autoescape=True),
        lease.expires_at < sa.func.now(),
    )
    connection.execute(sa.delete(tables.lease).where(sa.or_(mine, lapsed)))
