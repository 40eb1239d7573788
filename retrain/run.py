"""`python retrain/run.py run | replay | work | show | report`: the retrain job by hand, history
again, the worker, and what became of a run; what people say of runs and models is in people.py,
what judges every candidate in golden/.
"""

import sys
from pathlib import Path

from streams import leases

if not __package__:  # started as a file: look in the repository, not in retrain/
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import argparse
import datetime as dt
import hashlib
import json
import signal
import threading
from typing import Any

from retrain import people, store
from retrain.decide import replay_command
from retrain.train import recipe, recipe_file
from retrain.train.golden import command as golden
from retrain.train.trials import command as trials
from schemas import runs, settings, times
from streams import database
from streams import store as streams_store
from streams.stages import patience, rounds, stage

EXITS = {
    runs.State.REJECTED: 20,
    runs.State.FAILED: settings.EXIT_TRY_AGAIN,
    runs.State.CANCELLED: settings.EXIT_INTERRUPTED,
    runs.State.CHAMPION: 0,
    runs.State.REGISTERED: 0,
}
EXIT_INCONCLUSIVE = 21
_POLL_S, _PAUSE_S = 1.0, 10.0


def _workshop(loaded: settings.Settings) -> Any:
    rules = settings.rules(loaded)
    made_with = recipe_file.read(loaded.recipe)
    owner = rounds.this_process()
    engine = database.opened(loaded.database_url)
    from retrain import log
    from retrain.train import promote as promotion
    from retrain.train.compile import manifest

    try:
        promotion.check_champion(engine, loaded.models)
    except manifest.AnotherTaxonomy as error:
        settings.refuse(str(error))
    # Torch is loaded here and nowhere else, and only when everything it needs is there.
    from retrain.train import workshop
    from retrain.train.noted import writers

    places = writers.Places(loaded.tensorboard, loaded.mlflow)
    try:
        places.check()
    except writers.Unavailable as error:
        settings.refuse(str(error))
    return workshop.Workshop(
        engine=engine,
        models=loaded.models,
        policy=rules,
        recipe=made_with,
        lines=log.LogLines(loaded.log_format),
        owner=owner,
        places=places,
    )


def run(chosen: argparse.Namespace) -> int:
    """One run in the foreground; exit 0 champion or registered, 20 gate failed, 21 gate
    inconclusive.
    """
    from retrain.train.compile import backend
    from retrain.train.fit import model

    loaded = settings.load("database_url")
    if _follows(loaded):
        return 0
    shop = _workshop(loaded)
    from retrain.train import attempts, workshop

    try:
        model.fitting(shop.recipe.base_model, shop.recipe.max_tokens)
        backend.usable(shop.recipe.backend)
    except (model.EncoderMissing, backend.Unavailable) as error:
        settings.refuse(str(error))
    run_id = _queued(shop, chosen, workshop.LEASE_S)
    try:
        state = attempts.by_hand(shop, run_id)
    finally:
        _release(shop)

    with shop.engine.connect() as connection:
        row = store.run(connection, run_id)
    ended = {"id": run_id, "state": state, "candidate": row["candidate"], "error": row["error"]}
    print(json.dumps(ended))
    if row["error"]:
        settings.refuse(f"run {run_id} is {state}: {row['error']}", EXITS[state])
    if state is runs.State.REJECTED and not _failed(row):
        return EXIT_INCONCLUSIVE
    return EXITS[state]


def _follows(loaded: settings.Settings) -> bool:
    """Whether torchrun has started this process beside the one that does the run; its part of the
    fine-tune is done then.
    """
    from retrain.train.fit import ranks

    if not ranks.started().rank:
        return False
    from retrain.train import build

    build.follow(recipe_file.read(loaded.recipe).device)
    return True


def _failed(row: Any) -> bool:
    """Whether any gate of the run failed, not only could not tell."""
    return any(gate["verdict"] == runs.GateVerdict.FAIL for gate in row["gates"])


def _queued(shop: Any, chosen: argparse.Namespace, lease_s: int) -> str:
    """Queue the run that was asked for, with the right to do it; returns its id. Refuses one that
    has come further than that.
    """
    with shop.engine.begin() as connection:
        as_of = chosen.as_of or streams_store.clock(connection) or dt.datetime.now(dt.UTC)
        run_id = _manual_id(as_of, shop.recipe)
        row = store.run(connection, run_id)
        if row and row["state"] not in (runs.State.QUEUED, runs.State.FAILED):
            settings.refuse(
                f"run {run_id} is {row['state']} already; another --as-of or recipe is another run",
                2,
            )
        store.queue_run(connection, run_id=run_id, decision_id=chosen.decision, as_of=as_of)
        store.change_run(connection, run_id, state=runs.State.QUEUED)
        if not leases.hold(connection, "retrain", shop.owner, lease_s):
            settings.refuse(
                "another run is in progress; see `python -m services.show runs`",
                settings.EXIT_TRY_AGAIN,
            )
    return run_id


def _manual_id(as_of: dt.datetime, made_with: recipe.Recipe) -> str:
    """The id of a run started by hand: the same instant and recipe are the same run."""
    body = f"{as_of.isoformat()}{made_with.sha256}"
    sha256 = hashlib.sha256(body.encode()).hexdigest()
    return f"ft_{as_of:%Y_%m_%d}_{sha256[:8]}"


def work(_chosen: argparse.Namespace) -> int:
    """Claim queued runs by lease, one at a time, until SIGTERM. A run another worker left
    unfinished starts over.
    """
    shop = _workshop(settings.load("database_url"))
    from retrain.train import attempts, workshop

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    print("intentwatch: retrain worker ready", file=sys.stderr, flush=True)
    tries = rounds.Rounds(shop.engine, stage.RETRAIN, patience=patience.Patience())
    well = True
    while not stop.wait(_POLL_S if well else _PAUSE_S):
        # Unless the round ends well; what passes by itself has passed after the longer pause.
        well = False
        with tries.round():
            waiting = _claimed(shop, workshop.LEASE_S)
            if waiting is not None:
                try:
                    attempts.by_worker(shop, waiting)
                finally:
                    _release(shop)
            well = True
    _release(shop)
    return 0


def _claimed(shop: Any, lease_s: int) -> str | None:
    """The run that waits longest, if this worker may do it: not while another worker, or a run by
    hand, is at one.
    """
    with shop.engine.begin() as connection:
        leases.hold(connection, "retrain_worker", shop.owner, lease_s)
        waiting = store.unfinished_run(connection, promotes=shop.policy.trigger.promotion == "auto")
        mine = waiting is not None and leases.hold(connection, "retrain", shop.owner, lease_s)
    return str(waiting["id"]) if mine else None


def _release(shop: Any) -> None:
    with shop.engine.begin() as connection:
        store.release_leases(connection, shop.owner)


def show(chosen: argparse.Namespace) -> int:
    """One run as JSON."""
    with database.opened(settings.load("database_url").database_url).connect() as connection:
        row = store.run(connection, chosen.run)
    if row is None:
        settings.refuse(f"no run {chosen.run}; see `python -m services.show runs`", 2)
    print(json.dumps(dict(row), default=str, indent=1))
    return 0


def report(chosen: argparse.Namespace) -> int:
    """One run as a page."""
    from retrain.pages import write
    from retrain.train.report import page
    from retrain.train.report import store as recorded

    with database.opened(settings.load("database_url").database_url).connect() as connection:
        told = recorded.told(connection, chosen.run)
    if told is None:
        settings.refuse(f"no run {chosen.run}; see `python -m services.show runs`", 2)
    write.page(chosen.html, page.render(told))
    return 0


def replay(chosen: argparse.Namespace) -> int:
    """The decisions history would have led to; exit 10 if any is retrain."""
    return replay_command.run(chosen)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python retrain/run.py", description=__doc__)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("run", help="train, gate and register now")
    one.add_argument("--decision", metavar="ID")
    one.add_argument(
        "--as-of", type=times.instant, metavar="T", help="use labels as they were known then"
    )
    one.set_defaults(do=run)
    commands.add_parser("work", help="do queued runs until SIGTERM").set_defaults(do=work)
    look = commands.add_parser("show", help="one run as JSON")
    look.add_argument("run")
    look.set_defaults(do=show)
    told = commands.add_parser("report", help="one run as a page")
    told.add_argument("run")
    told.add_argument("--html", type=Path, required=True, metavar="FILE", help="where it goes")
    told.set_defaults(do=report)
    people.arguments(commands)
    golden.arguments(commands)
    trials.arguments(commands)
    again = commands.add_parser(
        "replay", allow_abbrev=False, help="the decisions a stretch of history would have led to"
    )
    replay_command.arguments(again)
    again.set_defaults(do=replay)
    return parser


if __name__ == "__main__":
    arguments = _parser().parse_args()
    try:
        with database.refusing(), settings.readable_in_part():
            status = arguments.do(arguments)
        raise SystemExit(status)
    except KeyboardInterrupt:
        raise SystemExit(settings.EXIT_INTERRUPTED) from None
