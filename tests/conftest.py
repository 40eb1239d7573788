"""One real Kafka and one real PostgreSQL per test session, through the code that `make up` runs; a
database and topics of its own per test.

With INTENTWATCH_KAFKA and INTENTWATCH_DATABASE_URL set, the tests use those instead.
"""

import contextlib
import gc
import os
import signal
import uuid
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import hypothesis
import pytest
import shops
import sqlalchemy as sa

from schemas import topics
from services import provision
from services.local import topology
from streams import database as databases

ROOT = Path(__file__).parents[1]
# Whoever runs initdb on a host of theirs gets a zone like this one: whatever is tested here is
# tested where the clocks change.
ZONE = "America/New_York"
# A slow machine is no failed test.
hypothesis.settings.register_profile(
    "patient",
    deadline=None,
    max_examples=50,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
# `make unit` asks each property of fewer examples: it is run every few minutes.
hypothesis.settings.register_profile(
    "quick", parent=hypothesis.settings.get_profile("patient"), max_examples=10
)
hypothesis.settings.load_profile("patient")

# In the background of a script; what the tests start must hear Ctrl-C all the same.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skipped test is a failed one: what cannot run here has not been tested."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome, report.longrepr = "failed", f"skipped: {report.longrepr}"
    return report


def pytest_collection_finish() -> None:
    """What is loaded by now stays: no collection of garbage need look through it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def parts() -> Iterator[topology.Addresses]:
    """The two servers of this session."""
    kafka, database_url = (
        os.environ.get("INTENTWATCH_KAFKA"),
        os.environ.get("INTENTWATCH_DATABASE_URL"),
    )
    if kafka and database_url:
        yield topology.Addresses(
            kafka, database_url, Path(os.environ.get("INTENTWATCH_MODELS", ".local/models"))
        )
        return
    with topology.embedded() as (addresses, _):
        yield addresses


@pytest.fixture(scope="session")
def kafka(parts: topology.Addresses) -> str:
    """host:port of the broker."""
    return parts.kafka


@pytest.fixture(scope="session")
def template(parts: topology.Addresses) -> Iterator[str]:
    """The name of a migrated database that others are copied from."""
    name = f"template_{uuid.uuid4().hex[:8]}"
    _administer(parts.database_url, f"create database {name}")
    topology.migrate(_named(parts.database_url, name))
    yield name
    _administer(parts.database_url, f"drop database {name} with (force)")


@contextlib.contextmanager
def database_of_its_own(
    parts: topology.Addresses, template: str | None, zone: str = ZONE
) -> Iterator[str]:
    """URL of a fresh database in this time zone, a copy of `template` if there is one; dropped at
    the end.
    """
    name = f"test_{uuid.uuid4().hex[:12]}"
    _administer(
        parts.database_url,
        f"create database {name}" + (f" template {template}" if template else ""),
    )
    _administer(parts.database_url, f"alter database {name} set timezone = '{zone}'")
    try:
        yield _named(parts.database_url, name)
    finally:
        _administer(parts.database_url, f"drop database {name} with (force)")


@pytest.fixture
def database(parts: topology.Addresses, template: str) -> Iterator[str]:
    """URL of a fresh, migrated database."""
    with database_of_its_own(parts, template) as url:
        yield url


@pytest.fixture
def engine(database: str) -> Iterator[sa.Engine]:
    """An engine of that database, as the product's processes have it."""
    made = databases.engine(database)
    yield made
    made.dispose()


@pytest.fixture
def database_in(parts: topology.Addresses, template: str) -> Iterator[Callable[[str], str]]:
    """Makes fresh, migrated databases in a time zone; their URLs."""
    with contextlib.ExitStack() as made:
        yield lambda zone: made.enter_context(database_of_its_own(parts, template, zone))


@pytest.fixture
def empty_database(parts: topology.Addresses) -> Iterator[str]:
    """URL of a fresh database without any table."""
    with database_of_its_own(parts, None) as url:
        yield url


@pytest.fixture
def new_topic(kafka: str) -> Callable[..., topics.Topic]:
    """Makes a topic of its own with `partitions` partitions."""

    def make(partitions: int = 3) -> topics.Topic:
        topic = topics.Topic(
            f"test.{uuid.uuid4().hex[:12]}",
            "req_id",
            partitions,
            topics.SERVING_LOG.retention_ms,
            "",
            (),
            (),
        )
        provision.topics(kafka, (topic,))
        return topic

    return make


@pytest.fixture(scope="session")
def trained(
    parts: topology.Addresses, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[shops.Shop]:
    """A shop in which one champion has been trained and promoted; nobody changes anything in it."""
    with database_of_its_own(parts, template) as url:
        yield shops.trained(parts.kafka, url, tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="module")
def shop(
    parts: topology.Addresses, trained: shops.Shop, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[shops.Shop]:
    """A file's own copy of that shop, database and all."""
    database = sa.make_url(trained.environment["INTENTWATCH_DATABASE_URL"]).database
    with database_of_its_own(parts, database) as url:
        yield trained.copied(url, tmp_path_factory.mktemp("shop"))


def _named(url: str, database: str) -> str:
    return sa.make_url(url).set(database=database).render_as_string(hide_password=False)


def _administer(url: str, statement: str) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(statement))
