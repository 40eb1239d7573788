"""What people say of runs and models: the commands that ask for a name."""

import argparse
import json
from typing import Any

from retrain.train import promote as promotion
from retrain.train.compile import manifest
from retrain.train.ended import person
from schemas import settings
from streams import database


def promote(chosen: argparse.Namespace) -> int:
    """Make a registered candidate the champion: the human step of promotion = "approve"."""
    loaded = settings.load("database_url")
    try:
        model = promotion.promote(
            database.opened(loaded.database_url).begin, loaded.models, chosen.run, by=chosen.by
        )
    except manifest.AnotherTaxonomy as error:
        settings.refuse(str(error))
    except (promotion.NotPromotable, manifest.BadArtefact) as error:
        settings.refuse(str(error), settings.EXIT_INTEGRITY)
    print(json.dumps({"promoted": model}))
    return 0


def rollback(chosen: argparse.Namespace) -> int:
    """Make the champion before this one the champion again."""
    loaded = settings.load("database_url")
    try:
        model = promotion.rollback(
            database.opened(loaded.database_url), loaded.models, by=chosen.by, to=chosen.to
        )
    except manifest.AnotherTaxonomy as error:
        settings.refuse(str(error))
    except (promotion.NotPromotable, manifest.BadArtefact) as error:
        settings.refuse(str(error), settings.EXIT_INTEGRITY)
    print(json.dumps({"champion": model}))
    return 0


def reweight(chosen: argparse.Namespace) -> int:
    """Acknowledge a reweight decision: the mix of its days becomes the reference."""
    loaded = settings.load("database_url")
    try:
        model = promotion.reweight(
            database.opened(loaded.database_url),
            chosen.decision,
            settings.rules(loaded),
            by=chosen.by,
        )
    except promotion.NotPromotable as error:
        settings.refuse(str(error), settings.EXIT_INTEGRITY)
    print(json.dumps({"reweighted": model}))
    return 0


def review(chosen: argparse.Namespace) -> int:
    """Record that a person has looked at a run."""
    engine = database.opened(settings.load("database_url").database_url)
    try:
        person.review(engine, chosen.run, by=chosen.by, note=chosen.note)
    except person.UnknownRun as error:
        settings.refuse(str(error), 2)
    print(json.dumps({"reviewed": chosen.run}))
    return 0


def reject(chosen: argparse.Namespace) -> int:
    """End a run whose candidate waits."""
    engine = database.opened(settings.load("database_url").database_url)
    try:
        model = person.reject(engine, chosen.run, by=chosen.by, why=chosen.why)
    except person.UnknownRun as error:
        settings.refuse(str(error), 2)
    except person.TooLate as error:
        settings.refuse(str(error), settings.EXIT_INTEGRITY)
    print(json.dumps({"rejected": model}))
    return 0


def cancel(chosen: argparse.Namespace) -> int:
    """End a run that waits or is under way."""
    engine = database.opened(settings.load("database_url").database_url)
    try:
        person.cancel(engine, chosen.run, by=chosen.by)
    except person.UnknownRun as error:
        settings.refuse(str(error), 2)
    except person.TooLate as error:
        settings.refuse(str(error), settings.EXIT_INTEGRITY)
    print(json.dumps({"cancelled": chosen.run}))
    return 0


def arguments(commands: Any) -> None:
    """The commands with what they ask for."""
    approve = _command(commands, "promote", promote, "make a registered candidate the champion")
    approve.add_argument("run")

    back = _command(
        commands, "rollback", rollback, "make the champion before this one the champion again"
    )
    back.add_argument("--to", metavar="MODEL")

    moved = _command(
        commands,
        "reweight",
        reweight,
        "acknowledge a reweight decision: the mix of its days becomes the reference",
    )
    moved.add_argument("decision")

    looked = _command(commands, "review", review, "record that you have looked at a run")
    looked.add_argument("run")
    looked.add_argument("--note", default="", metavar="TEXT", help="what you say of it")

    unwanted = _command(commands, "reject", reject, "end a run whose candidate waits")
    unwanted.add_argument("run")
    unwanted.add_argument("--why", required=True, metavar="TEXT")

    stopped = _command(commands, "cancel", cancel, "end a run that waits or is under way")
    stopped.add_argument("run")


def _command(commands: Any, name: str, do: Any, words: str) -> argparse.ArgumentParser:
    """A command that says who called it."""
    command: argparse.ArgumentParser = commands.add_parser(name, help=words)
    command.add_argument("--by", required=True, metavar="NAME")
    command.set_defaults(do=do)
    return command
