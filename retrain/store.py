"""Postgres: labelled rows, runs, models, promotions, references. One function per question; the caller owns the transaction."""

import dataclasses
import datetime as dt
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from retrain.labels import cap
from schemas import present, runs, tables, windows
from streams import store as streams_store

Connection = sa.Connection


def each_annotators(as_of: dt.datetime | None = None, among: "sa.Select[Any] | None" = None) -> "sa.Subquery":
    """The newest entry of each annotator for each request, as people knew at `as_of` (None: now)."""
    label = tables.human_label
    columns = [read_through(column) if column is label.c.intent else column for column in label.c]
    known = sa.select(*columns).where(label.c.labelled_at <= as_of) if as_of else sa.select(*columns)
    known = known if among is None else known.where(label.c.req_id.in_(among))
    newest_first = (label.c.req_id, label.c.annotator, label.c.labelled_at.desc(), label.c.id)
    return known.ext(pg.distinct_on(label.c.req_id, label.c.annotator)).order_by(*newest_first).subquery()


def read_through(intent: "sa.Column[str]") -> "sa.ColumnElement[str]":
    """A column of intents under its name, merged ones as those that took them over: what people and models said then stays as it was said."""
    return sa.case(dict(present.MERGED), value=intent, else_=intent).label(intent.name) if present.MERGED else intent


def current_labels() -> "sa.Select[Any]":
    """The label that holds for each request now: the newest not retracted."""
    mine = each_annotators()
    held = sa.select(mine).where(mine.c.action == "label")
    return held.ext(pg.distinct_on(mine.c.req_id)).order_by(mine.c.req_id, mine.c.labelled_at.desc(), mine.c.annotator)


def held_labels(connection: Connection, as_of: dt.datetime | None = None) -> list[cap.Held]:
    """What each annotator says of each sampled request now, or said at `as_of`: the newest, not retracted. Orphans are not among them."""
    mine = each_annotators(as_of, sa.select(tables.sampled_prediction.c.req_id))
    columns = (mine.c.id, mine.c.req_id, mine.c.annotator, mine.c.labelled_at, mine.c.intent)
    return [cap.Held(*row) for row in connection.execute(sa.select(*columns).where(mine.c.action == "label"))]


class Doubt(NamedTuple):
    """An annotator whose labels of the messages with start <= ts < end are not believed."""

    annotator: str
    start: dt.datetime
    end: dt.datetime


def labelled_rows(connection: Connection, as_of: dt.datetime, per_annotator_per_day: int, doubts: Collection[Doubt] = ()) -> list[dict[str, Any]]:
    """Everything a model may be trained on: the corpus, then sampled messages with the label that held at `as_of`, oldest first. Keys: split.COLUMNS.

    Of one annotator's labels of a day `per_annotator_per_day` count (cap.split), of those in `doubts` none; where one does not, another annotator's may.
    """
    corpus, sample = tables.corpus, tables.sampled_prediction
    imported = sa.select(corpus.c.id, corpus.c.text, read_through(corpus.c.intent), corpus.c.kind, corpus.c.conversation, corpus.c.cluster)
    found = [dict(row) for row in connection.execute(imported.order_by(corpus.c.id)).mappings()]
    labelled = sample.c.req_id.in_(sa.select(tables.human_label.c.req_id))
    once = sa.select(sample).ext(pg.distinct_on(sample.c.req_id)).where(sample.c.ts <= as_of, labelled).order_by(sample.c.req_id, sample.c.model).subquery()
    rows = connection.execute(sa.select(once).order_by(once.c.ts, once.c.req_id)).mappings().all()
    at = {row["req_id"]: row["ts"] for row in rows}
    held = [label for label in held_labels(connection, as_of) if label.req_id in at]
    believed = [label for label in held if not any(d.annotator == label.annotator and d.start <= at[label.req_id] < d.end for d in doubts)]
    counted, _ = cap.split(believed, per_annotator_per_day)
    labels = cap.newest(counted)
    for row in rows:
        if row["req_id"] in labels:
            live = {"id": row["req_id"], "text": row["text"], "intent": labels[row["req_id"]], "kind": "live"}
            found.append(live | {"conversation": row["conversation"], "cluster": None})
    return found


def clock(connection: Connection) -> dt.datetime | None:
    """The stream's clock; None before the first log."""
    return connection.execute(sa.select(sa.func.max(tables.stream_clock.c.watermark))).scalar()


# --- runs -------------------------------------------------------------------------------------------------------------
def queue_run(connection: Connection, *, run_id: str, decision_id: str | None, as_of: dt.datetime) -> None:
    """Queue a run; the same id again changes nothing."""
    connection.execute(pg.insert(tables.run).values(id=run_id, decision_id=decision_id, as_of=as_of, state=runs.State.QUEUED).on_conflict_do_nothing())


def unfinished_run(connection: Connection, *, promotes: bool = False) -> Any:
    """The oldest run that waits for a worker, or None; `promotes`: a registered one waits for it too, not for a person."""
    table = tables.run
    open_runs = sa.select(table).where(table.c.state.not_in(runs.ENDED if promotes else (*runs.ENDED, runs.State.REGISTERED)))
    return connection.execute(open_runs.order_by(table.c.queued_at, table.c.id).limit(1)).mappings().first()


def run(connection: Connection, run_id: str) -> Any:
    """One run's row, or None."""
    return connection.execute(sa.select(tables.run).where(tables.run.c.id == run_id)).mappings().first()


def change_run(connection: Connection, run_id: str, **values: Any) -> None:
    """Set columns of a run; one whose work is over, promoted or not, also notes the stream's clock."""
    if "ended" in values or values.get("state") == runs.State.REGISTERED:
        now = sa.select(sa.func.max(tables.stream_clock.c.watermark)).scalar_subquery()
        values["closed_as_of"] = sa.func.coalesce(tables.run.c.closed_as_of, now, tables.run.c.as_of)
    connection.execute(sa.update(tables.run).where(tables.run.c.id == run_id).values(heartbeat_at=sa.func.now(), **values))


def begin_attempt(connection: Connection, run_id: str) -> int:
    """Count one more try at a run; returns its number. Committed before the work: one that takes its worker along is counted too."""
    table = tables.run
    change = sa.update(table).where(table.c.id == run_id).values(attempts=table.c.attempts + 1, heartbeat_at=sa.func.now())
    return int(connection.execute(change.returning(table.c.attempts)).scalar_one())


def record_step(connection: Connection, run_id: str, step: str, detail: dict[str, Any]) -> None:
    """Note that a step is done, before the next begins."""
    insert = pg.insert(tables.run_step).values(run_id=run_id, step=step, detail=detail)
    connection.execute(insert.on_conflict_do_update(index_elements=["run_id", "step"], set_={"detail": detail, "at": sa.func.now()}))


def release_leases(connection: Connection, owner: str) -> None:
    """Let the next one in at once: `retrain` is the right to run a job, `retrain_worker` says that a worker is there."""
    connection.execute(sa.update(tables.lease).where(tables.lease.c.name.startswith("retrain"), tables.lease.c.owner == owner).values(expires_at=sa.func.now()))


# --- models -----------------------------------------------------------------------------------------------------------
def champion(connection: Connection) -> Any:
    """The newest promotion's row, or None before the first."""
    return connection.execute(sa.select(tables.promotion).order_by(tables.promotion.c.id.desc()).limit(1)).mappings().first()


def former_champions(connection: Connection) -> list[str]:
    """Models that were champion before the present one, the newest first, each once."""
    table = tables.promotion
    names = [str(name) for name in connection.execute(sa.select(table.c.model).order_by(table.c.id.desc())).scalars()]
    return list(dict.fromkeys(name for name in names if name != names[0]))


def decision(connection: Connection, decision_id: str) -> Any:
    """A decision's row, or None."""
    return connection.execute(sa.select(tables.decision).where(tables.decision.c.id == decision_id)).mappings().first()


def last_day(connection: Connection, model: str, at: dt.datetime) -> windows.Window | None:
    """The champion's newest complete day that ends by `at`."""
    table = tables.window_state
    chosen = (table.c.model == model, table.c.role == "champion", table.c.horizon == "1d", table.c.complete, table.c.end <= at)
    row = connection.execute(sa.select(table).where(*chosen).order_by(table.c.end.desc()).limit(1)).mappings().first()
    return streams_store.as_window(row) if row else None


def next_model(connection: Connection) -> str:
    """The name of the next version: v1, v2 ..."""
    return f"v{(connection.execute(sa.select(sa.func.count()).select_from(tables.model_version)).scalar() or 0) + 1}"


def register(connection: Connection, *, model: str, run_id: str, manifest_sha256: str, tokenizer_hash: str) -> None:
    """Note a finished model directory."""
    row = {"model": model, "run_id": run_id, "manifest_sha256": manifest_sha256, "tokenizer_hash": tokenizer_hash}
    connection.execute(pg.insert(tables.model_version).values(row).on_conflict_do_nothing())


def promote(connection: Connection, promotion: runs.Promotion) -> None:
    """Make a model the champion: one more row."""
    connection.execute(sa.insert(tables.promotion).values(dataclasses.asdict(promotion)))


def put_reference(connection: Connection, reference: runs.Reference, *, at: dt.datetime, source: str) -> None:
    """Record what a model looks like when it is good, from `at` on."""
    values = {"model": reference.model, "at": at, "source": source, "body": dataclasses.asdict(reference)}
    connection.execute(pg.insert(tables.reference).values(values).on_conflict_do_nothing())


def references(connection: Connection, model: str) -> list[tuple[dt.datetime, str, runs.Reference]]:
    """(since, source, reference) of a model, oldest first."""
    table = tables.reference
    rows = connection.execute(sa.select(table).where(table.c.model == model).order_by(table.c.at))
    return [(row.at, row.source, runs.reference(row.body)) for row in rows]


def gates(report: Sequence[runs.Gate]) -> list[dict[str, Any]]:
    """A gate report as JSON."""
    return [dataclasses.asdict(gate) for gate in report]
