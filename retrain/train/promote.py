"""Move a finished model into place and make it the champion; tell of every state a run reaches.
Loads no torch.
"""

import datetime as dt
import json
import shutil
from pathlib import Path

import sqlalchemy as sa

from retrain import store
from retrain.evaluation import reference
from retrain.train.compile import manifest
from schemas import decisions, messages, runs
from streams import outbox
from streams import store as streams_store


class NotPromotable(RuntimeError):
    """The run has no registered candidate, or there is nothing to go back to, or no decision to
    follow.
    """


def register(engine: sa.Engine, models: Path, scratch: Path, model: str, run_id: str) -> None:
    """Rename the verified directory to models/<model> and note it. What stands there unnoted is the
    remains of a run that was killed right here.
    """
    sha256 = manifest.verify(scratch)
    shutil.rmtree(models / model, ignore_errors=True)
    scratch.rename(models / model)
    tokenizer_hash = json.loads((models / model / manifest.MANIFEST).read_bytes())[
        "tokenizer.json"
    ]["sha256"][:12]
    with engine.begin() as connection:
        store.register(
            connection,
            model=model,
            run_id=run_id,
            manifest_sha256=sha256,
            tokenizer_hash=tokenizer_hash,
        )


def promote(engine: sa.Engine, models: Path, run_id: str, *, by: str) -> str:
    """Verify the run's candidate and make it champion, with its held-out reference, in one
    transaction; returns the model.
    """
    with engine.begin() as connection:
        row = store.run(connection, run_id)
        if row is None or row["state"] != runs.State.REGISTERED:
            raise NotPromotable(
                f"run {run_id} has no registered candidate; see `python retrain/run.py show {run_id}`"
            )
        model, serving = str(row["candidate"]), store.champion(connection)
        if (serving and serving["model"]) != row["champion"]:
            raise NotPromotable(
                f"{model} was gated against {row['champion']}, but {serving and serving['model']} serves now; run again to compare with it"
            )
        manifest.verify(models / model)
        manifest.fits(models / model)
        at = streams_store.clock(connection) or row["as_of"]
        reference = runs.reference(json.loads((models / model / "reference.json").read_text()))
        store.promote(connection, runs.Promotion(model, at, run_id, by, "promote"))
        store.put_reference(connection, reference, at=at, source=runs.Source.HELD_OUT)
        store.change_run(
            connection, run_id, state=runs.State.CHAMPION, promoted=True, ended=sa.func.now()
        )
        store.record_step(connection, run_id, runs.State.CHAMPION, {"by": by})
        tell(connection, run_id)
    return model


def check_champion(engine: sa.Engine, models: Path) -> None:
    """Raise manifest.AnotherTaxonomy where the model that serves is of other intents. What else may
    be wrong with it, whoever loads it says.
    """
    with engine.connect() as connection:
        serving = store.champion(connection)
    if serving is None:
        return
    try:
        manifest.verify(models / serving["model"])
    except manifest.BadArtefact:
        return
    manifest.fits(models / serving["model"])


def rollback(engine: sa.Engine, models: Path, *, by: str, to: str | None = None) -> str:
    """Make the champion before this one (or `to`, which must have been one) the champion again,
    after verifying its files; returns the model.
    """
    with engine.begin() as connection:
        serving = store.champion(connection)
        former = store.former_champions(connection, serving) if serving else []
        if serving is None or not former or (to is not None and to not in former):
            raise NotPromotable(
                f"there is no former champion{f' {to}' if to else ''} to go back to; former champions: {', '.join(former) or 'none'}"
            )
        model = to or former[0]
        manifest.verify(models / model)
        manifest.fits(models / model)
        at = streams_store.clock(connection) or dt.datetime.now(dt.UTC)
        store.promote(connection, runs.Promotion(model, at, None, by, "rollback"))
        cause = f"{serving['model']} was rolled back to {model} by {by}"
        remedy = "look at what the release changed before it is tried again"
        outbox.tell(connection, messages.AlarmRaised(f"rollback:{serving['id']}", cause, remedy))
    return model


def reweight(engine: sa.Engine, decision_id: str, *, by: str) -> str:
    """Acknowledge a reweight decision: the day it rests on becomes the champion's reference;
    returns the model.
    """
    with engine.begin() as connection:
        row, serving = store.decision(connection, decision_id), store.champion(connection)
        if row is None or row["decision"] != decisions.Kind.REWEIGHT:
            raise NotPromotable(
                f"{decision_id} is no reweight decision; see `python -m services.show decisions`"
            )
        if serving is None or serving["model"] != row["model"]:
            raise NotPromotable(
                f"{decision_id} is about {row['model']}, but {serving and serving['model']} serves now"
            )
        known, day = (
            store.references(connection, row["model"]),
            store.last_day(connection, row["model"], row["at"]),
        )
        if not known or day is None:
            raise NotPromotable(f"{decision_id}: no complete day of {row['model']} lies before it")
        at = streams_store.clock(connection) or row["at"]
        store.put_reference(
            connection,
            reference.seen(day.tally, known[-1][2]),
            at=at,
            source=runs.Source.REWEIGHT.told_by(by),
        )
    return str(row["model"])


def tell(connection: sa.Connection, run_id: str) -> None:
    """Put a run's state into the outbox."""
    outbox.tell(connection, messages.of_run(store.run(connection, run_id)))
