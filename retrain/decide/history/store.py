"""Postgres: what was known of a model at an instant of the stream's clock. The live monitors and
the replay read the same rows.
"""

import datetime as dt
import itertools
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from retrain import store
from retrain.decide import breaks, release
from retrain.decide.history.asked import store as asked
from retrain.decide.view import EARLIER, REMEMBERED, History, View
from retrain.evaluation import live
from retrain.labels import lateness
from schemas import decisions, policy, runs, tables, verdicts, windows
from streams.intents import places

Connection = sa.Connection


def hour_ends(
    connection: Connection,
    since: dt.datetime | None,
    until: dt.datetime | None,
) -> list[dt.datetime]:
    """Ends of the complete hours that hold champion traffic, oldest first, without those that could
    not be judged.
    """
    table, job = tables.window_state, tables.job_run
    set_aside = sa.exists().where(
        job.c.job == "hourly",
        job.c.due_at == table.c.end,
        job.c.finished_at.is_(None),
        job.c.retry_at.is_(None),
    )
    query = sa.select(table.c.end).distinct()
    query = query.where(table.c.horizon == "1h", table.c.role == "champion")
    query = query.where(table.c.complete, sa.not_(set_aside))
    if since:
        query = query.where(table.c.end >= since)
    if until:
        query = query.where(table.c.end <= until)
    return list(connection.execute(query.order_by(table.c.end)).scalars())


def counted(connection: Connection) -> tuple[list[dt.datetime], list[int], list[dt.datetime]]:
    """The ends of all champion hours in order, how many logs there were by each, and when every
    label was given, in order.
    """
    table, label = tables.window_state, tables.human_label
    per_hour = sa.select(table.c.end, sa.func.sum(table.c.n))
    per_hour = per_hour.where(table.c.horizon == "1h", table.c.role == "champion")
    per_hour = per_hour.group_by(table.c.end).order_by(table.c.end)
    hours = connection.execute(per_hour).all()
    ends = [end for end, _ in hours]
    by_end = itertools.accumulate(int(n) for _, n in hours)

    labelled_at = sa.select(label.c.labelled_at).order_by(label.c.labelled_at)
    given = connection.execute(labelled_at).scalars()
    return ends, list(by_end), list(given)


def view_at(connection: Connection, model: str, at: dt.datetime, rules: policy.Policy) -> View:
    """Everything an evaluation needs but the verdicts of before: a replay has its own."""
    # Whatever the horizons of the rules: a week shows which source is not to be believed.
    (messages, aside), age = lateness.newest(
        at,
        lambda since: asked.judged(connection, model, since, at, rules.labels),
        lambda: asked.age(connection, model, at),
    )
    start = at - age - windows.HORIZONS["7d"]
    earlier, earlier_hours = _earlier(connection, "1h", at)
    ending = _windows(connection, model, at)
    usual_day = _earlier(connection, "1d", at)[0] if "1d" in ending else None
    return View(
        model=model,
        at=at,
        windows=ending,
        reference=reference_at(connection, model, at),
        sampled=messages,
        hours=hours(connection, model, start, at),
        earlier=earlier,
        earlier_hours=earlier_hours,
        usual_day=usual_day,
        last_days=store.last_days(connection, model, at) if "1d" in ending else (),
        aside=aside,
        age=age,
    )


def _windows(connection: Connection, model: str, at: dt.datetime) -> dict[str, windows.Window]:
    table = tables.window_state
    query = sa.select(table).where(
        table.c.model == model,
        table.c.role == "champion",
        table.c.end == at,
        table.c.horizon != "5m",
    )
    rows = connection.execute(query).mappings()
    return {row["horizon"]: places.window(row) for row in rows}


def _earlier(
    connection: Connection,
    horizon: str,
    at: dt.datetime,
) -> tuple[windows.Tally | None, int]:
    """The same window of earlier weeks, all champions together, and of how many weeks; None without
    any.
    """
    table = tables.window_state
    query = sa.select(table).where(
        table.c.role == "champion",
        table.c.horizon == horizon,
        table.c.end.in_([at - back for back in EARLIER]),
    )
    rows = connection.execute(query.order_by(table.c.end, table.c.model)).mappings()
    total = None
    ends = set()
    for row in rows:
        window = places.window(row)
        total = window.tally if total is None else total + window.tally
        ends.add(window.end)
    return total, len(ends)


def reference_at(connection: Connection, model: str, at: dt.datetime) -> runs.Reference | None:
    """The newest reference of the model from before `at`: what an instant itself establishes holds
    from then on.
    """
    newest = None
    for since, _, reference in store.references(connection, model):
        if since < at:
            newest = reference
    return newest


def hours(
    connection: Connection,
    model: str,
    start: dt.datetime,
    end: dt.datetime,
) -> dict[dt.datetime, live.Hour]:
    """All champion answers by hour: how many, and the sum of their confidences. From windows, which
    are kept for ever: panes of hours are dropped.
    """
    table = tables.window_state
    answers = table.c.n - table.c.errors
    query = sa.select(table.c.start, answers, table.c.confidence_sum_micro)
    query = query.where(
        table.c.model == model,
        table.c.role == "champion",
        table.c.horizon == "1h",
        table.c.start >= start,
        table.c.start < end,
    )
    # Says the same again, for the index.
    query = query.where(table.c.end > start, table.c.end < end + windows.HORIZONS["1h"])
    by_start = {}
    for hour, n, micro in connection.execute(query):
        by_start[hour] = live.Hour(n, micro / windows.MICRO)
    return by_start


def verdicts_of(
    connection: Connection,
    model: str,
    before: dt.datetime,
) -> dict[str, Sequence[verdicts.Verdict]]:
    """The verdicts that still count by signal, oldest first; signals that were only measured have
    none.
    """
    table = tables.signal
    query = sa.select(table).where(
        table.c.model == model,
        table.c.end < before,
        table.c.end >= before - REMEMBERED,
        table.c.intent == "",
        table.c.verdict.is_not(None),
    )
    by_name: dict[str, list[verdicts.Verdict]] = {}
    for row in connection.execute(query.order_by(table.c.end)).mappings():
        by_name.setdefault(row["signal"], []).append(_verdict(row))
    return dict(by_name)


def _verdict(row: Any) -> verdicts.Verdict:
    signal = verdicts.Signal(
        model=row["model"],
        horizon=row["horizon"],
        end=row["end"],
        signal=row["signal"],
        value=row["value"],
        n=row["n"],
        reference_n=row["reference_n"],
        low=row["low"],
        high=row["high"],
        noise_floor=row["noise_floor"],
        p_value=row["p_value"],
        reference=row["reference"],
    )
    level = verdicts.Level(row["verdict"])
    return verdicts.Verdict(
        signal,
        level,
        row["limit"],
        row["in_breach"],
        row["level"],
        since=row["since"],
        days_alike=row["days_alike"],
    )


def past(connection: Connection, promotion: Any, at: dt.datetime) -> decisions.Past:
    """What had happened by `at`, by the stream's clock alone."""
    incidents, pauses = _open_incidents(connection, at)
    former = _former(connection, promotion)
    return decisions.Past(
        last_retrain=_last(connection, decisions.Kind.RETRAIN, at),
        run_in_progress=_run_in_progress(connection, at),
        promoted_at=promotion["at"],
        incidents=incidents,
        last_reweight=_last(connection, decisions.Kind.REWEIGHT, at),
        last_fix=_broken(connection, at),
        paused=pauses > 0,
        well_before=release.last_well(former),
        ill_before=release.last_ill(former),
    )


def _run_in_progress(connection: Connection, at: dt.datetime) -> bool:
    run = tables.run
    still_open = sa.or_(run.c.closed_as_of.is_(None), run.c.closed_as_of > at)
    count = sa.select(sa.func.count()).select_from(run).where(run.c.as_of < at, still_open)
    return connection.execute(count).scalar_one() > 0


def _open_incidents(connection: Connection, at: dt.datetime) -> tuple[int, int]:
    """How many witnesses of worse answers, and how many pauses, are open at `at`. An incident of
    another kind, from before there was a list of them, is neither.
    """
    incident = tables.incident
    witness = incident.c.kind.in_(decisions.WITNESSES)
    pause = incident.c.kind == decisions.Told.PAUSE
    count = sa.func.count()
    counts = sa.select(count.filter(witness), count.filter(pause)).where(
        incident.c.started <= at,
        sa.or_(incident.c.ended.is_(None), incident.c.ended > at),
    )
    witnesses, pauses = connection.execute(counts).one()
    return witnesses, pauses


def _last(connection: Connection, kind: decisions.Kind, at: dt.datetime) -> dt.datetime | None:
    table = tables.decision
    newest = sa.select(sa.func.max(table.c.at))
    return connection.execute(newest.where(table.c.decision == kind, table.c.at < at)).scalar()


def _broken(connection: Connection, at: dt.datetime) -> dt.datetime | None:
    """When something before the model was last found broken, whether or not anybody was to be
    told.
    """
    table = tables.decision
    newest = sa.select(sa.func.max(table.c.at))
    newest = newest.where(table.c.cause == decisions.Cause.PIPELINE, table.c.at < at)
    return connection.execute(newest).scalar()


def breaks_before(connection: Connection, at: dt.datetime) -> tuple[breaks.Break, ...]:
    """What was found broken before the model while verdicts count, oldest first."""
    table = tables.decision
    query = sa.select(table.c.at, table.c.reasons).where(
        table.c.cause == decisions.Cause.PIPELINE,
        table.c.at < at,
        table.c.at >= at - REMEMBERED,
    )
    rows = connection.execute(query.order_by(table.c.at))
    every = []
    for row in rows:
        reasons = msgspec.convert(row.reasons, list[decisions.Reason])
        every.append(breaks.of(row.at, reasons))
    return tuple(every)


def _former(connection: Connection, promotion: Any) -> History:
    """The verdicts on the champion before this promotion, up to it."""
    former = store.former_champions(connection, promotion)
    if not former:
        return {}
    just_after = promotion["at"] + dt.timedelta(microseconds=1)
    return verdicts_of(connection, former[0], just_after)
