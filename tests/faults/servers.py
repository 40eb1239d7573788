"""Kafka and Postgres that are killed and come back: same directory, same port, same data."""

import os
import signal
import time
from collections.abc import Callable

import sqlalchemy as sa

from services.local import kafka, postgres, supervisor

_AGAIN_S = 60.0
_ENDED_S = 20.0


def killed(child: supervisor.Child, how: signal.Signals = signal.SIGKILL) -> None:
    """End a server without asking: SIGKILL, or SIGQUIT, which is Postgres' immediate stop."""
    child.process.send_signal(how)
    child.process.wait(_ENDED_S)


def _words(child: supervisor.Child) -> list[str]:
    words = child.process.args
    assert isinstance(words, list)
    return words


def again(
    owner: supervisor.Supervisor, child: supervisor.Child, answers: Callable[[], bool]
) -> supervisor.Child:
    """Start a server that was killed, with the arguments it had. Its orphans may hold its files for
    a moment: bounded attempts.
    """
    deadline = time.monotonic() + _AGAIN_S
    user = postgres._UNPRIVILEGED if child.name == "postgres" and os.geteuid() == 0 else None
    while True:
        owner.children.remove(child)
        child = owner.start(
            child.name,
            _words(child),
            log=child.log,
            user=user,
            stop_signal=child.stop_signal,
            cwd=child.log.parent,
        )
        try:
            supervisor.wait_ready(child, answers, timeout_s=_AGAIN_S)
        except supervisor.NotReady:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return child


def named(owner: supervisor.Supervisor, name: str) -> supervisor.Child:
    """The running server of that name."""
    return next(child for child in reversed(owner.children) if child.name == name)


def postgres_again(owner: supervisor.Supervisor, url: str) -> None:
    """Postgres, back and answering."""
    again(owner, named(owner, "postgres"), lambda: postgres.answers(url))


def kafka_again(owner: supervisor.Supervisor, bootstrap: str) -> None:
    """The broker, back and answering."""
    again(owner, named(owner, "kafka"), lambda: kafka.answers(bootstrap))


def execute(url: str, statement: str) -> None:
    """One statement on its own, committed."""
    engine = sa.create_engine(
        url,
        poolclass=sa.NullPool,
        isolation_level="AUTOCOMMIT",
        connect_args={"connect_timeout": 5},
    )
    with engine.connect() as connection:
        connection.execute(sa.text(statement))


def scalar(url: str, query: str) -> int:
    """One number; 0 for null."""
    engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args={"connect_timeout": 5})
    with engine.connect() as connection:
        return int(connection.execute(sa.text(query)).scalar() or 0)
