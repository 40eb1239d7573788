"""The embedded topology: Kafka and PostgreSQL in one directory, migrated and provisioned. What
`make up`, the tests and the demo stand on.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from alembic import command
from alembic.config import Config

from schemas import present, settings
from services import provision
from services.local import ending, kafka, postgres, supervisor

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".local" / "cache"
_PREFIX: Final = "intentwatch-"
_REMOVING_S: Final = 10.0


class InUse(RuntimeError):
    """Another process runs the embedded parts in this directory."""


class LeftBehind(RuntimeError):
    """A temporary directory could not be removed."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the parts answer, as the variables of contract.md."""

    kafka: str
    database_url: str
    models: Path

    def environment(self) -> dict[str, str]:
        """The variables a process of ours reads."""
        values = {
            "KAFKA": self.kafka,
            "DATABASE_URL": self.database_url,
            "MODELS": str(self.models),
        }
        return {settings.PREFIX + name: value for name, value in values.items()}


@contextlib.contextmanager
def directory(chosen: Path | None) -> Iterator[Path]:
    """`chosen`, locked against a second user; or a temporary directory, removed at the end. Raises
    InUse, LeftBehind.
    """
    if chosen is None:
        with _temporary() as path:
            yield path
        return
    chosen.mkdir(parents=True, exist_ok=True)
    lock = _locked(chosen)
    if lock is None:
        raise InUse(
            f"{chosen} is in use by another `services.local up`;"
            " stop that one or choose another --dir"
        )
    with lock:
        yield chosen.resolve()


@contextlib.contextmanager
def _temporary() -> Iterator[Path]:
    """A directory that goes with us. Where we are killed before, the next one to start removes
    it.
    """
    sweep()
    with contextlib.ExitStack() as stack:
        with ending.undisturbed():
            lock = None
            while lock is None:  # until no sweep has been between the making and the locking
                path = Path(tempfile.mkdtemp(prefix=_PREFIX)).resolve()
                lock = _locked(path)
            stack.callback(_remove, path)
            stack.enter_context(lock)
        yield path


def sweep() -> None:
    """Remove the temporary directories whose owner has been killed: nobody holds their lock any
    more.
    """
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        if not (path / ".lock").exists():
            continue  # it is being made
        with contextlib.suppress(OSError):  # another user's, or another sweep was first
            lock = _locked(path)
            if lock is not None:
                with lock:
                    shutil.rmtree(path, ignore_errors=True)


def _locked(path: Path) -> TextIO | None:
    """The directory's lock, held until it is closed or its process has gone; None if another holds
    it or has removed it.
    """
    name = path / ".lock"
    lock = name.open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(lock.fileno()), name.stat()):
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    lock.close()
    return None


def _remove(path: Path) -> None:
    """Remove a directory. Whoever has just been killed may still write into it for a moment."""
    deadline = time.monotonic() + _REMOVING_S
    with ending.undisturbed(ending=True):
        while path.exists():
            shutil.rmtree(path, ignore_errors=True)
            if time.monotonic() > deadline:
                raise LeftBehind(f"{path} could not be removed")
            time.sleep(0.05)


@contextlib.contextmanager
def embedded(chosen: Path | None = None) -> Iterator[tuple[Addresses, supervisor.Supervisor]]:
    """Kafka and PostgreSQL up, empty or as the directory left them. Processes started through the
    supervisor end before them.
    """
    with directory(chosen) as path, supervisor.Supervisor() as owner:
        models = path / "models"
        models.mkdir(exist_ok=True)
        database_url = postgres.start(owner, path / "postgres")
        bootstrap = kafka.start(owner, path / "kafka", CACHE)
        yield Addresses(bootstrap, database_url, models), owner


def prepare(addresses: Addresses) -> None:
    """Migrate the database and create the topics."""
    migrate(addresses.database_url)
    provision.topics(addresses.kafka)


def migrate(database_url: str) -> None:
    """`alembic upgrade head` on this database."""
    configuration = Config(str(ROOT / "alembic.ini"))
    configuration.set_main_option("sqlalchemy.url", database_url.replace("%", "%%"))
    command.upgrade(configuration, "head")


def inherited() -> dict[str, str]:
    """The environment without any INTENTWATCH_ variable but the taxonomy, which is one for all:
    what a process started here begins with.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(settings.PREFIX) or name == present.VARIABLE
    }
