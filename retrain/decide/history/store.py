"""Postgres: what was known of a model at an instant of the stream's clock. The live monitors and
the replay read the same rows.
"""

import datetime as dt
import itertools
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from retrain import store
from retrain.decide import release
from retrain.decide.view import EARLIER, REMEMBERED, History, View
from retrain.evaluation import live
from retrain.labels import cap, distrust, labelled, votes
from schemas import decisions, policy, runs, slices, tables, verdicts, windows
from streams.intents import places

Connection = sa.Connection


def hour_ends(
    connection: Connection, since: dt.datetime | None, until: dt.datetime | None
) -> list[dt.datetime]:
    """Ends of the complete hours that hold champion traffic, oldest first, without those that could
    not be judged.
    """
    table, job = tables.window_state, tables.job_run
    aside = sa.exists().where(
        job.c.job == "hourly",
        job.c.due_at == table.c.end,
        job.c.finished_at.is_(None),
        job.c.retry_at.is_(None),
    )
    query = (
        sa.select(table.c.end)
        .distinct()
        .where(
            table.c.horizon == "1h", table.c.role == "champion", table.c.complete, sa.not_(aside)
        )
    )
    query = query.where(table.c.end >= since) if since else query
    query = query.where(table.c.end <= until) if until else query
    return list(connection.execute(query.order_by(table.c.end)).scalars())


def counted(connection: Connection) -> tuple[list[dt.datetime], list[int], list[dt.datetime]]:
    """The ends of all champion hours in order, how many logs there were by each, and when every
    label was given, in order.
    """
    table, label = tables.window_state, tables.human_label
    query = sa.select(table.c.end, sa.func.sum(table.c.n)).where(
        table.c.horizon == "1h", table.c.role == "champion"
    )
    hours = connection.execute(query.group_by(table.c.end).order_by(table.c.end)).all()
    given = connection.execute(
        sa.select(label.c.labelled_at).order_by(label.c.labelled_at)
    ).scalars()
    return (
        [end for end, _ in hours],
        list(itertools.accumulate(int(n) for _, n in hours)),
        list(given),
    )


def view_at(connection: Connection, model: str, at: dt.datetime, rules: policy.Policy) -> View:
    """Everything an evaluation needs but the verdicts of before: a replay has its own."""
    earlier, earlier_hours = _earlier(connection, at)
    # Whatever the horizons of the rules: a week shows which source is not to be believed.
    span = windows.HORIZONS["7d"]
    return View(
        model=model,
        at=at,
        windows=_windows(connection, model, at),
        reference=reference_at(connection, model, at),
        sampled=sampled(connection, model, at - span, at, as_of=at, rules=rules.labels),
        hours=hours(connection, model, at - span, at),
        earlier=earlier,
        earlier_hours=earlier_hours,
    )


def _windows(connection: Connection, model: str, at: dt.datetime) -> dict[str, windows.Window]:
    table = tables.window_state
    query = sa.select(table).where(
        table.c.model == model,
        table.c.role == "champion",
        table.c.end == at,
        table.c.horizon != "5m",
    )
    return {row["horizon"]: places.window(row) for row in connection.execute(query).mappings()}


def _earlier(connection: Connection, at: dt.datetime) -> tuple[windows.Tally | None, int]:
    """The same hour of earlier weeks, all champions together, and of how many weeks; None without
    any.
    """
    table = tables.window_state
    query = sa.select(table).where(
        table.c.role == "champion",
        table.c.horizon == "1h",
        table.c.end.in_([at - back for back in EARLIER]),
    )
    found = [
        places.window(row)
        for row in connection.execute(query.order_by(table.c.end, table.c.model)).mappings()
    ]
    tallies = [window.tally for window in found]
    return (sum(tallies[1:], tallies[0]) if tallies else None), len(
        {window.end for window in found}
    )


def reference_at(connection: Connection, model: str, at: dt.datetime) -> runs.Reference | None:
    """The newest reference of the model from before `at`: what an instant itself establishes holds
    from then on.
    """
    known = [reference for since, _, reference in store.references(connection, model) if since < at]
    return known[-1] if known else None


def sampled(
    connection: Connection,
    model: str,
    start: dt.datetime,
    end: dt.datetime,
    *,
    as_of: dt.datetime,
    rules: policy.Labels,
) -> live.Sample:
    """The measure queue of a stretch of time, with the labels that held at `as_of`."""
    return labelled.labelled(
        *measure_queue(connection, start, end, as_of=as_of, model=model), rules
    )


def measure_queue(
    connection: Connection,
    start: dt.datetime,
    end: dt.datetime,
    *,
    as_of: dt.datetime,
    model: str | None = None,
) -> tuple[live.Sample, votes.Votes]:
    """The measure queue of a stretch of time (of every model unless told) without labels, and what
    annotators had said of it by `as_of`.

    Joined here: without statistics Postgres compares each with each.
    """
    sample = tables.sampled_prediction
    chosen = [
        sample.c.role == "champion",
        sample.c.queue == "measure",
        sample.c.ts >= start,
        sample.c.ts < end,
    ]
    chosen += [sample.c.model == model] if model else []
    columns = (
        sample.c.req_id,
        sample.c.ts,
        sample.c.intent,
        sample.c.confidence,
        sample.c.p,
        sample.c.text,
    )
    rows = connection.execute(
        sa.select(*columns).where(*chosen).order_by(sample.c.ts, sample.c.req_id, sample.c.model)
    ).all()
    entries = store.entries(connection, sa.select(sample.c.req_id).where(*chosen), as_of)
    asked = live.sample(
        ((row.ts, row.intent, row.confidence, row.p, None) for row in rows),
        [slices.of(row.text) for row in rows],
    )
    return asked, votes.latest(votes.said([row.req_id for row in rows], entries))


def doubts(
    connection: Connection, as_of: dt.datetime, rules: policy.Labels
) -> list[distrust.Doubt]:
    """Which sources nobody should believe, week by week back from `as_of` to the first sampled
    message.
    """
    first = connection.execute(sa.select(sa.func.min(tables.sampled_prediction.c.ts))).scalar()
    week, found = windows.HORIZONS["7d"], []
    while first is not None and as_of > first:
        found += [
            distrust.Doubt(one.annotator, as_of - week, as_of)
            for one in aside(connection, as_of, rules)
        ]
        as_of -= week
    return found


def aside(
    connection: Connection, as_of: dt.datetime, rules: policy.Labels
) -> tuple[distrust.Aside, ...]:
    """The sources of labels that nobody should believe, by the week of messages before `as_of`,
    whichever model answered.
    """
    asked, said = measure_queue(connection, as_of - windows.HORIZONS["7d"], as_of, as_of=as_of)
    return distrust.aside(asked, cap.within(said, rules.per_annotator_per_day), rules.source_gap)


def hours(
    connection: Connection, model: str, start: dt.datetime, end: dt.datetime
) -> dict[dt.datetime, live.Hour]:
    """All champion answers by hour: how many, and the sum of their confidences. From windows, which
    are kept for ever: panes of hours are dropped.
    """
    table = tables.window_state
    query = sa.select(table.c.start, table.c.n - table.c.errors, table.c.confidence_sum_micro)
    query = query.where(
        table.c.model == model,
        table.c.role == "champion",
        table.c.horizon == "1h",
        table.c.start >= start,
        table.c.start < end,
    )
    # Says the same again, for the index.
    query = query.where(table.c.end > start, table.c.end < end + windows.HORIZONS["1h"])
    return {row[0]: live.Hour(row[1], row[2] / windows.MICRO) for row in connection.execute(query)}


def verdicts_of(
    connection: Connection, model: str, before: dt.datetime
) -> dict[str, Sequence[verdicts.Verdict]]:
    """The verdicts that still count by signal, oldest first; signals that were only measured have
    none.
    """
    table = tables.signal
    query = sa.select(table).where(
        table.c.model == model, table.c.end < before, table.c.end >= before - REMEMBERED
    )
    query = query.where(table.c.intent == "", table.c.verdict.is_not(None))
    found: dict[str, list[verdicts.Verdict]] = {}
    for row in connection.execute(query.order_by(table.c.end)).mappings():
        found.setdefault(row["signal"], []).append(_verdict(row))
    return dict(found)


def _verdict(row: Any) -> verdicts.Verdict:
    names = (
        "model",
        "horizon",
        "end",
        "signal",
        "value",
        "n",
        "reference_n",
        "low",
        "high",
        "noise_floor",
        "p_value",
        "reference",
    )
    signal = verdicts.Signal(**{name: row[name] for name in names})
    return verdicts.Verdict(
        signal, verdicts.Level(row["verdict"]), row["limit"], row["in_breach"], row["level"]
    )


def past(connection: Connection, promotion: Any, at: dt.datetime) -> decisions.Past:
    """What had happened by `at`, by the stream's clock alone."""
    run, incident = tables.run, tables.incident
    open_runs = (
        sa.select(sa.func.count())
        .select_from(run)
        .where(run.c.as_of < at, sa.or_(run.c.closed_as_of.is_(None), run.c.closed_as_of > at))
    )
    standing = (incident.c.started <= at, sa.or_(incident.c.ended.is_(None), incident.c.ended > at))
    # Of another kind: from before the list; nothing.
    witness, pause = (
        incident.c.kind.in_(decisions.WITNESSES),
        incident.c.kind == decisions.Told.PAUSE,
    )
    counts = sa.select(sa.func.count().filter(witness), sa.func.count().filter(pause)).where(
        *standing
    )
    incidents, pauses = connection.execute(counts).one()
    former = _former(connection, promotion)
    return decisions.Past(
        last_retrain=_last(connection, decisions.Kind.RETRAIN, at),
        run_in_progress=connection.execute(open_runs).scalar_one() > 0,
        promoted_at=promotion["at"],
        incidents=incidents,
        last_reweight=_last(connection, decisions.Kind.REWEIGHT, at),
        last_fix=_broken(connection, at),
        paused=pauses > 0,
        well_before=release.last_well(former),
        ill_before=release.last_ill(former),
    )


def _last(connection: Connection, kind: decisions.Kind, at: dt.datetime) -> dt.datetime | None:
    table = tables.decision
    return connection.execute(
        sa.select(sa.func.max(table.c.at)).where(table.c.decision == kind, table.c.at < at)
    ).scalar()


def _broken(connection: Connection, at: dt.datetime) -> dt.datetime | None:
    """When something before the model was last found broken, whether or not anybody was to be told."""
    table = tables.decision
    return connection.execute(
        sa.select(sa.func.max(table.c.at)).where(
            table.c.cause == decisions.Cause.PIPELINE, table.c.at < at
        )
    ).scalar()


def _former(connection: Connection, promotion: Any) -> History:
    """The verdicts on the champion before this promotion, up to it."""
    former = store.former_champions(connection, promotion)
    just_after = promotion["at"] + dt.timedelta(microseconds=1)
    return verdicts_of(connection, former[0], just_after) if former else {}
