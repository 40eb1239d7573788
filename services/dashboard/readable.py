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
    except sa.exc.SQLAlchemyError as error:
        told = database.meant(error).sentence
        log.warning("%s", told)
        raise Unreadable(told) from None
