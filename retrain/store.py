"""Postgres: labelled rows, runs, models, promotions, references. One function per question; the
caller owns the transaction.
"""

import dataclasses
import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from retrain.labels import cap, distrust, votes
from schemas import present, runs, tables, times, training_tables, windows
from streams import store as streams_store
from streams.intents import places

Connection = sa.Connection
_NOTHING: Final[Mapping[str, str]] = {}


def entries(
    connection: Connection,
    among: "sa.Select[Any] | Collection[str]",
    as_of: dt.datetime | None = None,
) -> list[votes.Entry]:
    """Everything annotators had said of these requests by `as_of` (None: by now), in no order."""
    label = tables.human_label
    intent = sa.case((label.c.action == "label", read_through(label.c.intent)))
    query = sa.select(
        label.c.req_id,
        label.c.annotator,
        label.c.labelled_at,
        label.c.id,
        intent,
        label.c.also,
        label.c.action == "cannot_tell",
    )
    query = query.where(label.c.req_id.in_(among))
    if as_of:
        query = query.where(label.c.labelled_at <= as_of)
    return [votes.Entry(*row) for row in connection.execute(query)]


def said_of_sampled(connection: Connection, as_of: dt.datetime) -> list[votes.Entry]:
    """Everything annotators had said of sampled messages by `as_of`."""
    return entries(connection, sa.select(tables.sampled_prediction.c.req_id), as_of)


def read_through(intent: "sa.ColumnElement[str]") -> "sa.ColumnElement[str]":
    """A column of intents under its name, merged ones as those that took them over: what people and
    models said then stays as it was said.
    """
    if not present.MERGED:
        return intent
    survivors = dict(present.MERGED)
    return sa.case(survivors, value=intent, else_=intent).label(intent.name)


def labelled_rows(
    connection: Connection,
    as_of: dt.datetime,
    per_annotator_per_day: int,
    doubts: Collection[distrust.Doubt] = (),
    verified: Mapping[str, str] = _NOTHING,
) -> list[dict[str, Any]]:
    """Everything a model may be trained on: the corpus, then sampled messages with the label that
    held at `as_of`, oldest first. Keys: split.COLUMNS.

    Of one annotator's labels of a day `per_annotator_per_day` count (cap.within), of those in
    `doubts` none; where one does not, another annotator's may. `verified`: the intents of gold
    questions by request; these hold in any case.
    """
    rows = _imported(connection)
    mended = _said_again(connection, as_of)
    for row in rows:
        row["intent"] = mended.get(row["id"], row["intent"])
    once = _labelled_once(as_of, verified)
    oldest_first = sa.select(once).order_by(once.c.ts, once.c.req_id)
    messages = connection.execute(oldest_first).mappings().all()
    by_name = {str(message["req_id"]): message for message in messages}
    names = list(by_name)

    ever = votes.said(names, entries(connection, sa.select(once.c.req_id), as_of))
    ts_us = np.array([times.micros(message["ts"]) for message in messages], dtype=np.int64)
    believed = distrust.without(votes.latest(ever), ts_us, doubts)
    counted = cap.within(believed, per_annotator_per_day)

    said = votes.told(votes.named(votes.holding(counted)), names)
    intents = {**{vote.req_id: vote.intent for vote in said}, **verified}
    for req_id, message in by_name.items():
        if req_id not in intents:
            continue
        rows.append(
            {
                "id": req_id,
                "text": message["text"],
                "intent": intents[req_id],
                "kind": "live",
                "conversation": message["conversation"],
                "cluster": None,
            }
        )
    return rows


def _imported(connection: Connection) -> list[dict[str, Any]]:
    corpus = tables.corpus
    query = sa.select(
        corpus.c.id,
        corpus.c.text,
        read_through(corpus.c.intent),
        corpus.c.kind,
        corpus.c.conversation,
        corpus.c.cluster,
    )
    rows = connection.execute(query.order_by(corpus.c.id)).mappings()
    return [dict(row) for row in rows]


def _said_again(connection: Connection, as_of: dt.datetime) -> dict[str, str]:
    """What people said of imported rows that they were asked about again, by row."""
    asked = sa.select(training_tables.asked_again.c.req_id)
    imported = asked.where(training_tables.asked_again.c.req_id.in_(sa.select(tables.corpus.c.id)))
    told = entries(connection, imported, as_of)
    names = sorted({entry.req_id for entry in told})
    holding = votes.holding(votes.latest(votes.said(names, told)))
    return {
        vote.req_id: vote.intent
        for vote in votes.told(votes.named(holding), names)
        if vote.intent is not None
    }


def _labelled_once(as_of: dt.datetime, verified: Collection[str]) -> sa.Subquery:
    """The sampled messages that anybody has labelled, or verified; one that two models answered
    comes once.
    """
    sample = tables.sampled_prediction
    labelled = sa.select(tables.human_label.c.req_id)
    known = sa.or_(sample.c.req_id.in_(labelled), sample.c.req_id.in_(verified))
    return (
        sa.select(sample)
        .ext(pg.distinct_on(sample.c.req_id))
        .where(sample.c.ts <= as_of, known)
        .order_by(sample.c.req_id, sample.c.model)
        .subquery()
    )


# --- runs -----------------------------------------------------------------------------------------
def queue_run(
    connection: Connection, *, run_id: str, decision_id: str | None, as_of: dt.datetime
) -> None:
    """Queue a run; the same id again changes nothing."""
    connection.execute(
        pg.insert(tables.run)
        .values(id=run_id, decision_id=decision_id, as_of=as_of, state=runs.State.QUEUED)
        .on_conflict_do_nothing()
    )


def unfinished_run(connection: Connection, *, promotes: bool = False) -> Any:
    """The oldest run that waits for a worker, or None; `promotes`: a registered one waits for it
    too, not for a person.
    """
    table = tables.run
    over = runs.ENDED if promotes else (*runs.ENDED, runs.State.REGISTERED)
    oldest = (
        sa.select(table)
        .where(table.c.state.not_in(over))
        .order_by(table.c.queued_at, table.c.id)
        .limit(1)
    )
    return connection.execute(oldest).mappings().first()


def alert_of(connection: Connection, decision_id: str | None) -> str | None:
    """The alert that a decision belongs to; None for one without, or for none."""
    table = tables.decision
    query = sa.select(table.c.alert_id).where(table.c.id == decision_id)
    return connection.execute(query).scalar()


def run(connection: Connection, run_id: str) -> Any:
    """One run's row, or None."""
    query = sa.select(tables.run).where(tables.run.c.id == run_id)
    return connection.execute(query).mappings().first()


def change_run(connection: Connection, run_id: str, **values: Any) -> None:
    """Set columns of a run; one whose work is over, promoted or not, also notes the stream's
    clock.
    """
    if "ended" in values or values.get("state") == runs.State.REGISTERED:
        now = streams_store.clock(connection) or tables.run.c.as_of
        values["closed_as_of"] = sa.func.coalesce(tables.run.c.closed_as_of, now)
    connection.execute(
        sa.update(tables.run)
        .where(tables.run.c.id == run_id)
        .values(heartbeat_at=sa.func.now(), **values)
    )


def begin_attempt(connection: Connection, run_id: str) -> int:
    """Count one more try at a run; returns its number. Committed before the work: one that takes
    its worker along is counted too.
    """
    table = tables.run
    change = (
        sa.update(table)
        .where(table.c.id == run_id)
        .values(attempts=table.c.attempts + 1, heartbeat_at=sa.func.now())
    )
    return int(connection.execute(change.returning(table.c.attempts)).scalar_one())


def without_model(connection: Connection, longer_than: dt.timedelta) -> list[str]:
    """The runs that ended without a champion longer ago than that."""
    table = tables.run
    query = sa.select(table.c.id).where(
        table.c.state.in_([runs.State.REJECTED, runs.State.FAILED, runs.State.CANCELLED]),
        table.c.ended < sa.func.now() - longer_than,
    )
    return list(connection.execute(query).scalars())


def record_step(connection: Connection, run_id: str, step: str, detail: dict[str, Any]) -> None:
    """Note that a step is done, before the next begins."""
    insert = pg.insert(tables.run_step).values(run_id=run_id, step=step, detail=detail)
    upsert = insert.on_conflict_do_update(
        index_elements=["run_id", "step"],
        set_={"detail": detail, "at": sa.func.now()},
    )
    connection.execute(upsert)


def release_leases(connection: Connection, owner: str) -> None:
    """Let the next one in at once: `retrain` is the right to run a job, `retrain_worker` says that
    a worker is there.
    """
    connection.execute(
        sa.update(tables.lease)
        .where(tables.lease.c.name.startswith("retrain"), tables.lease.c.owner == owner)
        .values(expires_at=sa.func.now())
    )


# --- models ---------------------------------------------------------------------------------------
def champion(connection: Connection, before: dt.datetime | None = None) -> Any:
    """The newest promotion's row, or the newest from before that instant of the stream's clock;
    None where there is none.
    """
    table = tables.promotion
    newest = sa.select(table).order_by(table.c.id.desc()).limit(1)
    if before is not None:
        newest = newest.where(table.c.at < before)
    return connection.execute(newest).mappings().first()


def former_champions(connection: Connection, promotion: Any) -> list[str]:
    """Models that were champion before this promotion made its own the champion, the newest first,
    each once.
    """
    table = tables.promotion
    others = sa.select(table.c.model).where(
        table.c.id < promotion["id"],
        table.c.model != promotion["model"],
    )
    names = connection.execute(others.order_by(table.c.id.desc())).scalars()
    return list(dict.fromkeys(names))


def manifests(connection: Connection, models: Collection[str]) -> dict[str, str]:
    """The sha256 of the manifest of each of these models that is registered."""
    table = tables.model_version
    query = sa.select(table.c.model, table.c.manifest_sha256).where(table.c.model.in_(models))
    return {row.model: row.manifest_sha256 for row in connection.execute(query)}


def decision(connection: Connection, decision_id: str) -> Any:
    """A decision's row, or None."""
    query = sa.select(tables.decision).where(tables.decision.c.id == decision_id)
    return connection.execute(query).mappings().first()


def last_days(connection: Connection, model: str, at: dt.datetime) -> tuple[windows.Tally, ...]:
    """The champion's days up to the newest that ends by `at`, without a gap, a week at most, oldest
    first; complete ones only.
    """
    table = tables.window_state
    complete_days = sa.select(table).where(
        table.c.model == model,
        table.c.role == "champion",
        table.c.horizon == "1d",
        table.c.complete,
        table.c.end <= at,
    )
    newest_first = complete_days.order_by(table.c.end.desc()).limit(7)
    days: list[windows.Window] = []
    for row in connection.execute(newest_first).mappings():
        window = places.window(row)
        if days and window.end != days[-1].start:
            break
        days.append(window)
    return tuple(day.tally for day in reversed(days))


def next_model(connection: Connection) -> str:
    """The name of the next version: v1, v2 ..."""
    count = sa.select(sa.func.count()).select_from(tables.model_version)
    versions = connection.execute(count).scalar_one()
    return f"v{versions + 1}"


def register(
    connection: Connection,
    *,
    model: str,
    run_id: str,
    manifest_sha256: str,
    tokenizer_hash: str,
) -> None:
    """Note a finished model directory."""
    row = {
        "model": model,
        "run_id": run_id,
        "manifest_sha256": manifest_sha256,
        "tokenizer_hash": tokenizer_hash,
    }
    connection.execute(pg.insert(tables.model_version).values(row).on_conflict_do_nothing())


def promote(connection: Connection, promotion: runs.Promotion) -> None:
    """Make a model the champion: one more row."""
    connection.execute(sa.insert(tables.promotion).values(dataclasses.asdict(promotion)))


def put_reference(
    connection: Connection, reference: runs.Reference, *, at: dt.datetime, source: str
) -> None:
    """Record what a model looks like when it is good, from `at` on."""
    values = {
        "model": reference.model,
        "at": at,
        "source": source,
        "body": dataclasses.asdict(reference),
    }
    connection.execute(pg.insert(tables.reference).values(values).on_conflict_do_nothing())


def references(connection: Connection, model: str) -> list[tuple[dt.datetime, str, runs.Reference]]:
    """(since, source, reference) of a model, oldest first."""
    table = tables.reference
    rows = connection.execute(sa.select(table).where(table.c.model == model).order_by(table.c.at))
    return [(row.at, row.source, runs.reference(row.body)) for row in rows]


def gates(report: Sequence[runs.Gate]) -> list[dict[str, Any]]:
    """A gate report as JSON."""
    return [dataclasses.asdict(gate) for gate in report]
