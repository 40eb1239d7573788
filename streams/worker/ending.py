"""The end of the process, at once and without any clean-up that could acknowledge something."""

import contextlib
import hashlib
import os
import sys
from collections.abc import Callable
from typing import Final, NoReturn

import sqlalchemy as sa

from schemas import messages, settings
from streams import outbox

End = Callable[[str, int], NoReturn]

_REMEDY: Final = (
    "starting it again will not mend this: read the end of its log, "
    "and `python -m services.doctor streams`"
)


def end_process(cause: str, code: int) -> NoReturn:
    """One line on stderr, then out with the contract's exit code."""
    sys.stderr.write(f"intentwatch: {cause}\n")
    sys.stderr.flush()
    os._exit(code)


def telling(engine: sa.Engine, topic: str, end: End = end_process) -> End:
    """An end that the on-call hears of where starting again cannot mend what it ends for: once a
    day for each cause. What stands after its first semicolon is the remedy.
    """

    def tell_and_end(said: str, code: int) -> NoReturn:
        if code == settings.EXIT_INTEGRITY:
            cause, _, remedy = said.partition("; ")
            # The end must come whatever Postgres says to this.
            with contextlib.suppress(sa.exc.SQLAlchemyError), engine.begin() as connection:
                day = outbox.today(connection)
                alarm = messages.AlarmRaised(
                    f"{topic}{messages.ENDED}{day}:{_digest(cause)}",
                    f"The stream worker has ended: {cause}",
                    remedy or _REMEDY,
                )
                outbox.tell(connection, alarm)
        end(said, code)

    return tell_and_end


def _digest(cause: str) -> str:
    raw = cause.encode(errors="replace")
    return hashlib.sha256(raw).hexdigest()[:12]
