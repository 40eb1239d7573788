"""The end of the process, at once and without any clean-up that could acknowledge something."""

import contextlib
import hashlib
import os
import sys
from collections.abc import Callable
from typing import NoReturn

import sqlalchemy as sa

from schemas import messages, settings
from streams import outbox

End = Callable[[str, int], NoReturn]


def end_process(cause: str, code: int) -> NoReturn:
    """One line on stderr, then out with the contract's exit code."""
    sys.stderr.write(f"intentwatch: {cause}\n")
    sys.stderr.flush()
    os._exit(code)


def telling(engine: sa.Engine, topic: str, end: End = end_process) -> End:
    """An end that the on-call hears of where starting again cannot mend what it ends for: once a
    day for each cause.
    """

    def tell_and_end(cause: str, code: int) -> NoReturn:
        if code == settings.EXIT_INTEGRITY:
            with contextlib.suppress(sa.exc.SQLAlchemyError), engine.begin() as connection:
                key = f"{topic}:ended:{outbox.today(connection)}:{hashlib.sha256(cause.encode(errors='replace')).hexdigest()[:12]}"
                remedy = "starting it again will not mend this: read the end of its log, and `python -m services.doctor streams`"
                told = f"The stream worker has ended: {cause}"
                outbox.tell(connection, messages.AlarmRaised(key, told, remedy))
        end(cause, code)

    return tell_and_end
