"""Move a finished model into place and make it the champion; tell of every state a run reaches.
Loads no torch.
"""

import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from retrain import store
from retrain.decide import mix
from retrain.evaluation import reference
from retrain.train.compile import manifest
from schemas import decisions, messages, policy, runs
from streams import database, outbox
from streams import store as streams_store


class NotPromotable(RuntimeError):
    """The run has no registered candidate, or there is nothing to go back to, or no decision to
    follow.
    """


def register(begin: database.Begin, models: Path, scratch: Path, model: str, run_id: str) -> None:
    """Rename the verified directory to models/<model> and note it, in one transaction. What stands
    there unnoted is the remains of a run that was killed right here.
    """
    sha256 = manifest.verify(scratch)
    files = json.loads((scratch / manifest.MANIFEST).read_bytes())
    tokenizer_hash = files["tokenizer.json"]["sha256"][:12]
    directory = models / model
    with begin() as connection:
        shutil.rmtree(directory, ignore_errors=True)
        scratch.rename(directory)
        store.register(
            connection,
            model=model,
            run_id=run_id,
            manifest_sha256=sha256,
            tokenizer_hash=tokenizer_hash,
        )


def promote(begin: database.Begin, models: Path, run_id: str, *, by: str) -> str:
    """Verify the run's candidate and make it champion, with its held-out reference, in one
    transaction that `begin` begins; returns the model.
    """
    with begin() as connection:
        row = store.run(connection, run_id)
        if row is None or row["state"] != runs.State.REGISTERED:
            raise NotPromotable(
                f"run {run_id} has no registered candidate; "
                f"see `python retrain/run.py show {run_id}`"
            )
        model = str(row["candidate"])
        serving = _name(store.champion(connection))
        if serving != row["champion"]:
            raise NotPromotable(
                f"{model} was gated against {row['champion']}, "
                f"but {serving} serves now; run again to compare with it"
            )

        directory = verified(connection, models, model)
        body = json.loads((directory / "reference.json").read_text())
        held_out = runs.reference(body)

        at = streams_store.clock(connection) or row["as_of"]
        store.promote(connection, runs.Promotion(model, at, run_id, by, "promote"))
        store.put_reference(connection, held_out, at=at, source=runs.Source.HELD_OUT)
        store.change_run(
            connection,
            run_id,
            state=runs.State.CHAMPION,
            promoted=True,
            ended=sa.func.now(),
        )
        store.record_step(connection, run_id, runs.State.CHAMPION, {"by": by})
        tell(connection, run_id)
    return model


def verified(connection: sa.Connection, models: Path, model: str) -> Path:
    """The directory of a model that may serve here: whole, the one on record, of our intents.
    Raises manifest.BadArtefact.
    """
    directory = manifest.directory(models, model)
    on_record = store.manifests(connection, [model]).get(model)
    manifest.verify(directory, on_record)
    manifest.fits(directory)
    return directory


def check_champion(engine: sa.Engine, models: Path) -> None:
    """Raise manifest.AnotherTaxonomy where the model that serves is of other intents. What else may
    be wrong with it, whoever loads it says.
    """
    with engine.connect() as connection:
        serving = store.champion(connection)
    if serving is None:
        return
    try:
        directory = manifest.directory(models, serving["model"])
        manifest.verify(directory)
    except manifest.BadArtefact:
        return
    manifest.fits(directory)


def rollback(engine: sa.Engine, models: Path, *, by: str, to: str | None = None) -> str:
    """Make the champion before this one (or `to`, which must have been one) the champion again,
    after verifying its files; returns the model.
    """
    with engine.begin() as connection:
        serving = store.champion(connection)
        former = store.former_champions(connection, serving) if serving else []
        if serving is None or not former or (to is not None and to not in former):
            which = f" {to}" if to else ""
            raise NotPromotable(
                f"there is no former champion{which} to go back to; "
                f"former champions: {', '.join(former) or 'none'}"
            )
        model = to or former[0]
        verified(connection, models, model)

        at = streams_store.clock(connection) or dt.datetime.now(dt.UTC)
        store.promote(connection, runs.Promotion(model, at, None, by, "rollback"))
        alarm = messages.AlarmRaised(
            f"rollback:{serving['id']}",
            f"{serving['model']} was rolled back to {model} by {by}",
            "look at what the release changed before it is tried again",
            lasts=False,
        )
        outbox.tell(connection, alarm)
    return model


def reweight(engine: sa.Engine, decision_id: str, rules: policy.Policy, *, by: str) -> str:
    """Acknowledge a reweight decision: the days it rests on, those that agree, become the
    champion's reference; returns the model.
    """
    with engine.begin() as connection:
        row = store.decision(connection, decision_id)
        if row is None or row["decision"] != decisions.Kind.REWEIGHT:
            raise NotPromotable(
                f"{decision_id} is no reweight decision; see `python -m services.show decisions`"
            )
        model = str(row["model"])
        serving = _name(store.champion(connection))
        if serving != model:
            raise NotPromotable(f"{decision_id} is about {model}, but {serving} serves now")

        references = store.references(connection, model)
        days = store.last_days(connection, model, row["at"])
        if not references or not days:
            raise NotPromotable(f"{decision_id}: no complete day of {model} lies before it")

        _, _, newest = references[-1]
        store.put_reference(
            connection,
            reference.seen(mix.standing(days, rules), newest),
            at=streams_store.clock(connection) or row["at"],
            source=runs.Source.REWEIGHT.told_by(by),
        )
    return model


def _name(promotion: Any) -> str | None:
    """The model of a promotion's row, or None where nothing was ever promoted."""
    return str(promotion["model"]) if promotion else None


def tell(connection: sa.Connection, run_id: str) -> None:
    """Put a run's state into the outbox."""
    row = store.run(connection, run_id)
    alert_id = store.alert_of(connection, row["decision_id"])
    outbox.tell(connection, messages.of_run(row, alert_id))
