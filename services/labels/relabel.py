"""`python -m services.labels relabel RUN`: people are asked again about the rows that a run has
named.
"""

import argparse
import json

import sqlalchemy as sa

from schemas import settings
from services.labels.again import store


def arguments(command: argparse.ArgumentParser) -> None:
    """What `relabel` takes."""
    command.add_argument("run", metavar="RUN")
    command.add_argument("--json", action="store_true")
    command.set_defaults(do=relabel)


def relabel(engine: sa.Engine, chosen: argparse.Namespace) -> int:
    """Put the rows into the queue; once more adds none. Exit 2 for a run that has named none."""
    with engine.begin() as connection:
        named = store.named(connection, chosen.run)
        if named is None:
            settings.refuse(
                f"run {chosen.run} has not examined its rows; see `python -m services.show runs`", 2
            )
        asked = {why: store.ask(connection, chosen.run, why, ids) for why, ids in named.items()}

    counts = {why: len(ids) for why, ids in named.items()}
    report = {"run": chosen.run, "named": counts, "asked": sum(asked.values())}
    if chosen.json:
        print(json.dumps(report))
        return 0
    for why, n in counts.items():
        print(f"{why}: {n} rows")
    print(f"asked again about {report['asked']}; `python -m services.labels next` shows them")
    return 0
