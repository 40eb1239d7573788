"""`python retrain/run.py ablate | bench-models`: the five losses, or several encoders, on the rows
that a run would have now. Nothing is kept, registered or promoted.

They take no lease, as a retrain that is called for must not wait for a comparison; they write
nothing that a run reads, and give way to one on a busy machine (docs/decisions/0029).
"""

import argparse
import dataclasses
import datetime as dt
import os
import signal
import typing
from collections.abc import Callable, Sequence
from typing import Any, Final

from retrain.train import recipe, recipe_file
from schemas import settings
from streams import database

_GIVING_WAY: Final = 5  # steps of priority: a run beside it gets three quarters of a core
LOSSES: Final[tuple[recipe.Loss, ...]] = typing.get_args(recipe.Loss)[::-1]  # the plain one first


def arguments(commands: Any) -> None:
    """The parsers of both commands."""
    losses = commands.add_parser("ablate", help="train once for each loss, and compare")
    losses.add_argument("--losses", type=_listed, metavar="A,B", help="these alone")
    losses.set_defaults(do=ablate)
    models = commands.add_parser("bench-models", help="train and time encoders, and compare")
    models.add_argument("--encoders", type=_listed, metavar="A,B", help="these; directories, too")
    models.set_defaults(do=bench_models)
    for parser in (losses, models):
        parser.add_argument("--rows", type=_some, metavar="N", help="train on at most so many")
        parser.add_argument("--json", action="store_true")


def _listed(text: str) -> tuple[str, ...]:
    """Names, each once."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise argparse.ArgumentTypeError("names none")
    return tuple(dict.fromkeys(names))


def _some(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of rows; expected 1 or more")
    return int(text)


def ablate(chosen: argparse.Namespace) -> int:
    """Each loss on the same rows from the same seed."""
    losses = chosen.losses or LOSSES
    for name in losses:
        if name not in LOSSES:
            settings.refuse(f"no loss {name!r}; the known ones are {', '.join(LOSSES)}", 2)

    bench, teller = _ready(chosen)
    from retrain.train.trials import choice, figures, trial

    rows, tried = [], []
    for loss in losses:
        done = _done(trial.of_loss, bench.parts, bench.recipe, loss)
        fields = figures.of_loss(done)
        teller.line("ABLATION", fields)
        rows.append(figures.row(done, fields))
        tried.append(done)
    taken = choice.of_losses(tried, bench.held, bench.recipe.loss)
    focal = taken.selected.startswith("focal")
    teller.end(rows, taken, choice.told(taken, bench.recipe.gamma if focal else None))
    return 0


def bench_models(chosen: argparse.Namespace) -> int:
    """Each encoder on the same rows from the same seed, compiled and timed."""
    from retrain.train.trials import encoders

    names: Sequence[str] = chosen.encoders or encoders.NAMES
    try:
        encoders.check(names)
    except encoders.UnknownEncoder as error:
        settings.refuse(str(error), 2)

    bench, teller = _ready(chosen)
    from retrain.train.trials import choice, figures, trial

    rules = bench.rules
    teller.line("MODEL_BENCH", {"candidates": list(names)})
    tried = []
    for name in names:
        limit = rules.gates.p95_latency_ms
        done = _done(trial.of_encoder, bench.parts, bench.recipe, name, limit)
        tried.append(done)
    rows = []
    prices = figures.prices(tried, rules.costs.monthly)
    for done in tried:
        fields = figures.of_encoder(done, prices[done.name])
        teller.line("MODEL_BENCH", fields)
        rows.append(figures.row(done, fields))
    taken = choice.of_encoders(tried, bench.held, rules.gates, rules.costs.monthly)
    teller.end(rows, taken, choice.told(taken))
    return 0


def _ready(chosen: argparse.Namespace) -> tuple[Any, Any]:
    """The rows, and who tells what comes of them. Refuses what a run refuses."""
    loaded = settings.load("database_url")
    rules = settings.rules(loaded)
    made_with = recipe_file.read(loaded.recipe)
    if chosen.rows:
        made_with = dataclasses.replace(made_with, rows=chosen.rows)
    engine = database.opened(loaded.database_url)
    os.nice(_GIVING_WAY)
    # As Ctrl-C: what is half done in a scratch directory goes with it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Torch is loaded only when everything it needs is there.
    from retrain import log
    from retrain.train import divide
    from retrain.train.compile import backend
    from retrain.train.fit import model
    from retrain.train.trials import bench

    teller = bench.Teller(None if chosen.json else log.LogLines(loaded.log_format))
    try:
        backend.usable(made_with.backend)
        with engine.connect() as connection:
            labelled = bench.labelled(connection, rules, dt.datetime.now(dt.UTC))
        return bench.made(labelled, rules, made_with), teller
    except (model.EncoderMissing, backend.Unavailable) as error:
        settings.refuse(str(error))
    except divide.TooFewLabelsError as error:
        settings.refuse(str(error), settings.EXIT_TRY_AGAIN)


def _done(do: Callable[..., Any], *given: Any) -> Any:
    """One trial. What ends a run as failed ends the comparison with the same exit code."""
    from retrain.train import limits
    from retrain.train.fit import loop, model, speed

    try:
        return do(*given)
    except model.EncoderMissing as error:
        settings.refuse(str(error))
    except (limits.OverLimit, loop.Diverged, speed.DeviceMissing) as error:
        settings.refuse(str(error), settings.EXIT_TRY_AGAIN)
