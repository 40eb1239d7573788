"""A history written into a real PostgreSQL as the product writes it; the rows it leaves there, and
what a replay decides.
"""

import dataclasses
import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from pinned import lines, product

_PROMOTE = sa.text(
    "insert into promotion (model, kind, at, by) values (:model, 'promote', :at, 'pinned')"
)
_REFER = sa.text(
    "insert into reference (model, at, source, body)"
    " values (:model, :at, 'held_out', cast(:body as jsonb))"
)
_WINDOWS = sa.text(
    'select model, role, horizon, "end", n, errors, late, revision, complete,'
    " to_jsonb(w)::text as whole"
    " from window_state w where horizon <> '5m' order by horizon, \"end\", model, role"
)
# Of what has many rows a digest a day.
_MANY = {
    "windows of 5m": (
        "select (\"end\" - interval '5 minutes')::date as day, to_jsonb(w)::text as whole"
        " from window_state w where horizon = '5m' order by \"end\", model, role"
    ),
    "sampled": (
        "select ts::date as day, (to_jsonb(s) - 'seen')::text as whole"
        " from sampled_prediction s order by ts, req_id, model"
    ),
    "labels": (
        "select labelled_at::date as day, (to_jsonb(h) - 'received_at')::text as whole"
        " from human_label h order by labelled_at, id"
    ),
    "dead letters": (
        "select date '2000-01-01' as day, (to_jsonb(d) - 'at')::text as whole"
        ' from dead_letter d order by part, "offset", line'
    ),
}


@dataclasses.dataclass(frozen=True)
class Promotion:
    """From when on a model is the champion, and its reference.json."""

    at: dt.datetime
    reference: lines.Line


@dataclasses.dataclass(frozen=True)
class Told:
    """A history: what the stream counts, a portion a roll-up; labels; promotions; commands on
    incidents; where the policy stands.
    """

    portions: Sequence[Sequence[lines.Line]]
    labels: Sequence[lines.Line]
    promotions: Sequence[Promotion]
    policy: str
    incidents: Sequence[Sequence[str]] = ()


def kept(story: str, told: Told, url: str) -> Iterator[lines.Line]:
    """Write it into an empty database; its rows, and what a replay decides."""
    environment, on = product.environment(url), product.engine(url)
    try:
        _written(told, on, environment)
        taken = product.replayed(["--policy", told.policy], environment)
        yield from lines.of_decisions(story, taken)
        with on.connect() as connection:
            yield from _windows(story, connection)
            for name, query in _MANY.items():
                yield from _days(f"{story} {name}", connection, query)
    finally:
        on.dispose()


def _written(told: Told, on: sa.Engine, environment: Mapping[str, str]) -> None:
    with on.begin() as connection:
        for each in told.promotions:
            place = {"model": each.reference["model"], "at": each.at}
            connection.execute(_PROMOTE, place)
            connection.execute(_REFER, place | {"body": json.dumps(each.reference)})
    for portion in told.portions:
        product.count(on, portion)
    with TemporaryDirectory() as folder:
        labels = Path(folder) / "labels.jsonl"
        labels.write_text(lines.text(told.labels))
        product.run(["-m", "services.labels", "import", str(labels)], environment)
    for argv in told.incidents:
        product.run(["-m", "services.scheduler", "incident", *argv], environment)


def _windows(story: str, connection: sa.Connection) -> Iterator[lines.Line]:
    for row in connection.execute(_WINDOWS).mappings():
        key = (
            f"{story} window {row['horizon']} {row['end']:%Y-%m-%dT%H} {row['model']} {row['role']}"
        )
        figures = {name: row[name] for name in ("n", "errors", "late", "revision") if row[name]}
        open_yet = {} if row["complete"] else {"complete": False}
        yield {"key": key, **figures, **open_yet, "row": lines.digest(row["whole"].encode())}


def _days(what: str, connection: sa.Connection, query: str) -> Iterator[lines.Line]:
    rows = connection.execute(sa.text(query)).all()
    for day, of_day in groupby(rows, key=lambda row: row.day):
        whole = [row.whole for row in of_day]
        yield {
            "key": f"{what} {day}",
            "rows": len(whole),
            "all": lines.digest("\n".join(whole).encode()),
        }
