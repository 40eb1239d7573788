"""The end of a worker, told to the on-call where starting it again cannot mend what it ends for."""

import contextlib
import hashlib
from typing import Final, NoReturn

import sqlalchemy as sa

from schemas import messages, settings
from streams import outbox
from streams.end import End, end_process

_REMEDY: Final = (
    "starting it again will not mend this: read the end of its log, "
    "and `python -m services.doctor streams`"
)


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
