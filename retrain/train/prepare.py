"""What a run learns from and is judged by: read, divided, looked at and written down before
anything is trained.
"""

import datetime as dt
import logging
from collections.abc import Sequence

import pandas as pd
import sqlalchemy as sa

from retrain import store
from retrain.decide.history.asked import store as asked
from retrain.gold import store as gold
from retrain.labels import distrust
from retrain.train import agreed, divide, examine, origin, snapshot, split
from retrain.train.dealt import store as dealt
from retrain.train.golden import rows as sentences
from retrain.train.golden import store as golden
from retrain.train.noted import notebook
from retrain.train.noted import store as noted
from retrain.train.workshop import Workshop, advance
from schemas import policy, runs, times

log = logging.getLogger("intentwatch.retrain")


def divided(
    shop: Workshop,
    run_id: str,
    as_of: dt.datetime,
    champion: str | None,
) -> divide.Divided:
    """Read what there is to learn from and to be judged by, divide it, begin the run with it."""
    with shop.engine.connect() as connection:
        doubts = asked.doubts(connection, as_of, shop.policy.labels)
        rows = labelled(connection, shop.policy.labels, as_of, doubts)
        known = dealt.sides(connection)
        judging = golden.in_force(connection)
    least = shop.policy.labels.min_to_train
    parts = divide.divided(rows, known, shop.recipe, least, judging)
    _begin(shop, run_id, rows, champion, doubts, parts)
    return parts


def labelled(
    connection: sa.Connection,
    rules: policy.Labels,
    as_of: dt.datetime,
    doubts: Sequence[distrust.Doubt],
) -> pd.DataFrame:
    """Every row a model may be trained on, with the labels as they were known at `as_of`."""
    questions = gold.questions(connection, as_of)
    verified = {req_id: question.intent for req_id, question in questions.items()}
    rows = store.labelled_rows(connection, as_of, rules.per_annotator_per_day, doubts, verified)
    return snapshot.frame(rows)


def _begin(
    shop: Workshop,
    run_id: str,
    rows: pd.DataFrame,
    champion: str | None,
    doubts: Sequence[distrust.Doubt],
    parts: divide.Divided,
) -> None:
    """Freeze the rows and record what the run is made of, and whose labels it is not made of; a
    run that starts over begins anew.
    """
    for doubt in doubts:
        span = f"{times.rfc3339(doubt.start)} to {times.rfc3339(doubt.end)}"
        words = "%s leaves out the labels of %s, %s: %s"
        log.warning(words, run_id, doubt.annotator, span, doubt.why)
    with shop.held.begin() as connection:
        noted.forget(connection, run_id)
        dealt.put(connection, parts.sides)
    advance(
        shop,
        run_id,
        runs.State.TRAINING,
        started=sa.func.now(),
        closed_as_of=None,
        error=None,
        champion=champion,
        snapshot_sha256=snapshot.freeze(rows, shop.models / "snapshots"),
        recipe_sha256=shop.recipe.sha256,
        base_model=shop.recipe.base_model,
        detail={
            "aside": [_plain(doubt) for doubt in doubts],
            "golden_sha256": sentences.digest(parts.golden),
            **origin.of(shop.policy),
        },
    )
    for fields in divide.lines(parts):
        shop.lines.line("DATA_AUDIT", {"run_id": run_id, **fields})


def _plain(doubt: distrust.Doubt) -> dict[str, str]:
    """A doubt as JSON."""
    return {
        "annotator": doubt.annotator,
        "start": times.rfc3339(doubt.start),
        "end": times.rfc3339(doubt.end),
        "why": doubt.why,
    }


def examined(
    shop: Workshop,
    run_id: str,
    as_of: dt.datetime,
    parts: divide.Divided,
    notes: notebook.Notebook,
) -> pd.DataFrame:
    """The rows that train, once they are looked at; what is seen of all rows is kept."""
    told = examine.examined(parts, shop.recipe)
    shop.lines.line("DECISION", told.decision.fields)
    with shop.engine.connect() as connection:
        said = store.said_of_sampled(connection, as_of)
    notes.check((*divide.checks(parts), *told.checks, agreed.checked(said)))
    with shop.held.begin() as connection:
        store.record_step(connection, run_id, examine.STEP, told.detail)
    return split.capped(told.train, shop.recipe.rows, shop.recipe.seed)
