"""Where Postgres is: what INTENTWATCH_DATABASE_URL says, as psycopg takes it, read again for each
connection.
"""

import contextlib
from typing import Any, Final

import psycopg
import sqlalchemy as sa
from psycopg import conninfo
from pydantic import SecretStr

_DRIVER: Final = "postgresql+psycopg"
_SHAPE: Final = "INTENTWATCH_DATABASE_URL is not an address such as"
_EXAMPLE: Final = f"{_DRIVER}://user:password@host:5432/database"


class NotAnAddress(ValueError):
    """What stands there leads nowhere. Never says what stands there: it may hold a password."""

    def __init__(self, why: str = "") -> None:
        super().__init__(f"{_SHAPE} {_EXAMPLE}" + (f": {why}" if why else ""))


class Source:
    """An address in a place where it may change. `text`: itself, or the secret that holds it.
    Raises NotAnAddress where it is none now; later the one before it stays in force then.
    """

    def __init__(self, text: str | SecretStr) -> None:
        self._text = text
        self.url = self._read()

    def parameters(self) -> dict[str, Any]:
        """What psycopg connects with, as the address is by now."""
        with contextlib.suppress(NotAnAddress):
            self.url = self._read()
        return parameters(self.url)

    def _read(self) -> sa.URL:
        text = self._text
        return read(text if isinstance(text, str) else text.get_secret_value())


def read(text: str) -> sa.URL:
    """An address with everything in it that can be looked at without asking a server. Raises
    NotAnAddress.
    """
    if text.count("@") > 1:
        raise NotAnAddress("an @ in a password is written %40")
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        raise NotAnAddress from None
    if url.drivername not in ("postgresql", _DRIVER):
        raise NotAnAddress(f"its driver is {url.drivername}")
    url = url.set(drivername=_DRIVER)
    try:
        conninfo.make_conninfo("", **parameters(url))
    except psycopg.ProgrammingError as error:
        raise NotAnAddress(str(error).strip()) from None
    except (sa.exc.ArgumentError, ValueError):
        raise NotAnAddress from None
    return url


def parameters(url: sa.URL) -> dict[str, Any]:
    """An address as psycopg's parameters."""
    dialect = url.get_dialect()()
    _, named = dialect.create_connect_args(url)
    named.pop("context", None)  # how values are read: the engine's, not the address's
    return dict(named)
