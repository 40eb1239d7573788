"""Postgres, read only: the runs, and one of them beside the champion it was held against."""

from typing import Final

import sqlalchemy as sa

from retrain.train.report import account
from retrain.train.report import store as recorded
from services.dashboard.runs import boards

MOST: Final = 200  # runs that are listed
_PICKED: Final = 8  # runs that stand above a board


class UnknownRun(LookupError):
    """Nobody has queued a run of this name."""


def listed(engine: sa.Engine) -> list[account.Run]:
    """The newest runs."""
    with engine.connect() as connection:
        return recorded.listed(connection, MOST)


def told(engine: sa.Engine, run_id: str) -> boards.Told | None:
    """A run, or the newest where none is named; None where there is none yet. Raises UnknownRun."""
    with engine.connect() as connection:
        others = recorded.listed(connection, _PICKED)
        if not run_id and not others:
            return None
        run = recorded.told(connection, run_id or others[0].id)
        if run is None:
            raise UnknownRun(run_id)
        champion = _maker(connection, run.run.champion)
    return boards.Told(run, champion, others)


def _maker(connection: sa.Connection, model: str | None) -> account.Account | None:
    maker = recorded.maker(connection, model) if model else None
    return recorded.told(connection, maker) if maker else None
