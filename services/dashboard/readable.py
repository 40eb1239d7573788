"""What Postgres refuses, as one sentence with its remedy."""

import contextlib
import logging
from collections.abc import Iterator

import sqlalchemy as sa

from streams import database

log = logging.getLogger("intentwatch.dashboard")


class Unreadable(RuntimeError):
    """The board cannot be read now; the message names cause and remedy."""


@contextlib.contextmanager
def readable() -> Iterator[None]:
    """Raises Unreadable for what Postgres refuses within it."""
    try:
        yield
    except sa.exc.ProgrammingError:
        raise Unreadable(database.NO_TABLES) from None
    except sa.exc.SQLAlchemyError as error:
        log.warning("Postgres does not answer: %s", str(error).splitlines()[0])
        raise Unreadable(database.NO_ANSWER) from None
