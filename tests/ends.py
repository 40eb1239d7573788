"""What a test of a process's own doings needs of the world: an end that does not end the tests, and
a database that is not there.
"""

from typing import NoReturn

# Port 1 is nobody's: a connection is refused at once.
NOWHERE = "postgresql+psycopg://nobody@127.0.0.1:1/nothing"


class Ended(Exception):
    """The process would have ended with this cause and exit code."""

    def __init__(self, cause: str, code: int) -> None:
        super().__init__(cause)
        self.code = code


def end(cause: str, code: int) -> NoReturn:
    raise Ended(cause, code)
