"""The embedded topology: Kafka and PostgreSQL in one directory, migrated and provisioned. What
`make up`, the tests and the demo stand on.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config

from schemas import present, settings
from services import provision
from services.local import kafka, postgres, supervisor

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".local" / "cache"


class InUse(RuntimeError):
    """Another process runs the embedded parts in this directory."""


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
    """`chosen`, locked against a second user; or a temporary directory, removed at the end."""
    path = (chosen or Path(tempfile.mkdtemp(prefix="intentwatch-"))).resolve()
    path.mkdir(parents=True, exist_ok=True)
    try:
        with (path / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InUse(
                    f"{path} is in use by another `services.local up`; stop that one or choose another --dir"
                ) from None
            yield path
    finally:
        if chosen is None:
            shutil.rmtree(path, ignore_errors=True)


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
