"""The servers a measurement stands on: an embedded Kafka with a heap for load and an embedded
PostgreSQL, their topics and databases.
"""

import contextlib
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from benchmarks.stream import dataset, environments, procfs
from schemas import topics
from services import provision
from services.local import kafka, postgres, supervisor, topology
from streams import connect

# The broker of all rows: a heap and a compiler for load, not the small ones of `make up`.
BROKER_JVM = ("-Xmx1g", "-Xms1g", "-XX:+UseG1GC")
_DAYS = 7 * 24 * 3600 * 1000


@dataclass(slots=True)
class World:
    """Running servers. `template` is a migrated database that others are copied from."""

    directory: Path
    owner: supervisor.Supervisor
    kafka: str
    database_url: str
    template: str
    made: list[str] = field(default_factory=list)

    def child(self, name: str) -> supervisor.Child:
        """`kafka` or `postgres`."""
        return next(child for child in self.owner.children if child.name == name)

    def broker_cpu_s(self) -> float:
        """CPU of the broker so far."""
        return procfs.usage(self.child("kafka").process.pid).cpu_s

    def postgres_cpu_s(self) -> float:
        """CPU of PostgreSQL so far."""
        return procfs.tree_cpu_s(self.child("postgres").process.pid)

    def restart_broker(self) -> None:
        """Start the broker again, where it was, after somebody has killed it."""
        dead = self.child("kafka")
        self.owner.children.remove(dead)
        words = dead.process.args
        assert isinstance(words, list)
        started = self.owner.start("kafka", words, log=dead.log, stop_signal=dead.stop_signal)
        supervisor.wait_ready(started, lambda: kafka.answers(self.kafka), timeout_s=60)

    def new_topic(self, name: str) -> str:
        """A topic as the contract has it, empty."""
        provision.topics(
            self.kafka, (topics.Topic(name, "", dataset.PARTITIONS, _DAYS, "", (), ()),)
        )
        return name

    def preload(self, name: str, n: int, shape: str) -> int:
        """Make a topic and fill it; returns its number of records."""
        argv = [
            "--bootstrap",
            self.kafka,
            "--topic",
            self.new_topic(name),
            "--n",
            str(n),
            "--shape",
            shape,
        ]
        argv = [str(environments.python("clients")), "-m", "benchmarks.stream.preload", *argv]
        done = subprocess.run(argv, cwd=topology.ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"topic {name} could not be filled: {done.stderr.strip()[-400:]}")
        return int(done.stdout.split()[0])

    @contextlib.contextmanager
    def database(self) -> Iterator[str]:
        """URL of a fresh, migrated database; dropped at the end."""
        name = f"bench_{uuid.uuid4().hex[:12]}"
        _administer(self.database_url, f"create database {name} template {self.template}")
        try:
            yield _named(self.database_url, name)
        finally:
            _administer(self.database_url, f"drop database {name} with (force)")


@contextlib.contextmanager
def running() -> Iterator[World]:
    """Both servers up, empty, in a directory that goes with them."""
    with (
        tempfile.TemporaryDirectory(prefix="intentwatch-bench-") as made,
        supervisor.Supervisor() as owner,
    ):
        directory = Path(made)
        database_url = postgres.start(owner, directory / "postgres")
        bootstrap = kafka.start(owner, directory / "kafka", topology.CACHE, BROKER_JVM)
        _administer(database_url, "create database template_bench")
        topology.migrate(_named(database_url, "template_bench"))
        yield World(directory, owner, bootstrap, database_url, "template_bench")


def _named(url: str, database: str) -> str:
    return sa.make_url(url).set(database=database).render_as_string(hide_password=False)


def _administer(url: str, statement: str) -> None:
    engine = connect.engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(statement))
