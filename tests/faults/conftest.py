"""One Kafka and one Postgres that may be killed, a topic and a database for each fault, one printed
line each, a bar over all of them.
"""

import contextlib
import functools
import os
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faults import crew, lab
from tqdm import tqdm

from schemas import topics
from services import provision
from services.local import supervisor, topology

SHORT = os.environ.get("FAULTS") == "short"
IN_SHORT = ("test_f01", "test_f02", "test_f09", "test_f24", "test_p1", "test_p2")
PARTITIONS = 6
NewLab = Callable[..., contextlib.AbstractContextManager[lab.Lab]]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if SHORT:
        dropped = [item for item in items if not item.path.name.startswith(IN_SHORT)]
        items[:] = [item for item in items if item.path.name.startswith(IN_SHORT)]
        config.hook.pytest_deselected(items=dropped)


class Progress:
    """A bar on stderr, one step a fault."""

    def __init__(self, total: int) -> None:
        self._bar = tqdm(total=total, unit="fault", file=sys.stderr, dynamic_ncols=True)

    def pytest_runtest_logstart(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        self._bar.set_description(nodeid.rpartition("/")[2].removeprefix("test_").split(".py")[0])

    def pytest_runtest_logfinish(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        self._bar.update()

    def pytest_sessionfinish(self) -> None:
        self._bar.close()


def pytest_collection_finish(session: pytest.Session) -> None:
    if session.items and not SHORT and not session.config.option.collectonly:
        session.config.pluginmanager.register(Progress(len(session.items)), "faults-progress")


@pytest.fixture(scope="session")
def embedded() -> Iterator[tuple[topology.Addresses, supervisor.Supervisor]]:
    with topology.embedded() as both:
        yield both


@pytest.fixture(scope="session")
def parts(embedded: tuple[topology.Addresses, supervisor.Supervisor]) -> topology.Addresses:
    return embedded[0]


@pytest.fixture(scope="session")
def owner(embedded: tuple[topology.Addresses, supervisor.Supervisor]) -> supervisor.Supervisor:
    return embedded[1]


@pytest.fixture
def say(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """One line on the real stdout."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")

    def line(text: str) -> None:
        with capture.global_and_fixture_disabled(), contextlib.suppress(ValueError):
            tqdm.write(text, file=sys.stdout)
            sys.stdout.flush()

    return line


def topic_on(kafka: str, partitions: int = PARTITIONS) -> str:
    """A new topic."""
    topic = topics.Topic(
        f"faults.{uuid.uuid4().hex[:12]}",
        "req_id",
        partitions,
        topics.SERVING_LOG.retention_ms,
        "",
        (),
        (),
    )
    provision.topics(kafka, (topic,))
    return topic.name


@contextlib.contextmanager
def laboratory(
    owner: supervisor.Supervisor,
    kafka: str,
    database: str,
    say: Callable[[str], None],
    log: Path,
    *,
    partitions: int = PARTITIONS,
    **more: str,
) -> Iterator[lab.Lab]:
    """A lab of its own; whatever still runs at its end is killed."""
    topic = topic_on(kafka, partitions)
    environment = {
        "KAFKA": kafka,
        "DATABASE_URL": database,
        "TOPIC": topic,
        "TEST_CLOCK": "1",
    } | more
    with supervisor.Supervisor(patience_s=5) as workers:
        people = crew.Crew(
            workers,
            {f"INTENTWATCH_{name}": value for name, value in environment.items() if value},
            log,
        )
        yield lab.Lab(owner, kafka, database, topic, people, say, SHORT)


@pytest.fixture
def new_lab(
    owner: supervisor.Supervisor,
    kafka: str,
    database: str,
    say: Callable[[str], None],
    tmp_path: Path,
) -> NewLab:
    """Opens a lab on the test's own servers; whoever opens it may name others, and settings."""
    return functools.partial(
        laboratory,
        owner=owner,
        kafka=kafka,
        database=database,
        say=say,
        log=tmp_path / "workers.log",
    )


@pytest.fixture
def site(new_lab: NewLab) -> Iterator[lab.Lab]:
    """Where a fault is injected."""
    with new_lab() as own:
        yield own


@pytest.fixture(params=["chunk", "stock"])
def on_each(request: pytest.FixtureRequest, new_lab: NewLab) -> Iterator[lab.Lab]:
    """The same on the chunk transport and on Faust's own."""
    with new_lab(TRANSPORT=request.param) as own:
        yield own
