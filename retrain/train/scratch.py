"""Where a run works: a directory beside the models, as the signing key lies there."""

import datetime as dt
import hashlib
import shutil
from pathlib import Path

import pandas as pd
import sqlalchemy as sa

from retrain import store
from retrain.train import recipe as recipes
from retrain.train.fit import checkpoint


def directory(models: Path, run_id: str) -> Path:
    """The run's own."""
    return models / f".{run_id}"


def kept(models: Path, run_id: str, rows: pd.DataFrame, recipe: recipes.Recipe) -> Path:
    """The file of the checkpoint of a run on these rows. `rows`: what they say, and which part of
    the split each is in.
    """
    body = rows[["text", "intent", "part"]].to_json(orient="values", force_ascii=False)
    sha256 = hashlib.sha256(body.encode()).hexdigest()
    return checkpoint.file(directory(models, run_id), sha256, recipe)


def emptied(models: Path, run_id: str, keep: Path) -> Path:
    """The run's directory without what a killed try left there, but for the file `keep`."""
    mine = directory(models, run_id)
    for left in mine.iterdir() if mine.exists() else ():
        if left.is_dir():
            shutil.rmtree(left)
        elif left != keep:
            left.unlink()
    mine.mkdir(parents=True, exist_ok=True)
    return mine


def swept(engine: sa.Engine, models: Path, keep_days: float) -> None:
    """Delete what runs have made that were rejected or have failed longer ago than that."""
    with engine.connect() as connection:
        for run_id in store.without_model(connection, dt.timedelta(days=keep_days)):
            shutil.rmtree(directory(models, run_id), ignore_errors=True)
