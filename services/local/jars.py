"""Java archives: resolved once by Maven coordinates, checked against a lock file, then used without
any network.
"""

import contextlib
import hashlib
import shutil
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from retrain import progress

VERSION = "4.3.0"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A program's archives. `lock` names each with its sha256."""

    name: str
    title: str
    coordinates: tuple[str, ...]
    lock: Path


# kafka-clients is named because jgo would take an older one through a transitive path; the binding
# is the one for slf4j-api 1.7.
BROKER = Bundle(
    f"kafka-{VERSION}",
    "Apache Kafka",
    (
        f"org.apache.kafka:kafka_2.13:{VERSION}",
        f"org.apache.kafka:kafka-clients:{VERSION}",
        "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4",
    ),
    Path(__file__).with_name("kafka.lock"),
)


class BadJar(RuntimeError):
    """An archive is missing or is not the one its lock file names."""


def locked(bundle: Bundle) -> dict[str, str]:
    """File name -> sha256."""
    digests = {}
    for line in bundle.lock.read_text().splitlines():
        if line and not line.startswith("#"):
            digest, name = line.split()
            digests[name] = digest
    return digests


def directory(cache: Path, bundle: Bundle = BROKER) -> Path:
    """The folder that holds exactly the locked archives, fetched into `cache` if they are not there
    yet.
    """
    target = cache / bundle.name
    if not target.exists():
        cache.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f"{bundle.name}-", dir=cache))
        try:
            _fetch(scratch, bundle)
            check(scratch / "jars", bundle)
            # All or nothing: a broken download is never mistaken for a cache.
            _move(scratch / "jars", target)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return target


def _move(made: Path, target: Path) -> None:
    try:
        made.rename(target)
    except OSError:
        if not target.exists():  # otherwise another process was first, with the same archives
            raise


def check(folder: Path, bundle: Bundle = BROKER) -> None:
    """Raise BadJar unless `folder` holds every locked archive, unchanged, and nothing else."""
    wanted = locked(bundle)
    held = {}
    for path in folder.glob("*.jar"):
        held[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()

    for name in sorted(wanted.keys() | held.keys()):
        digest = held.get(name, "missing")
        expected = wanted.get(name, "no such file")
        if digest != expected:
            raise BadJar(
                f"{name}: sha256 {digest}, {bundle.lock.name} says {expected};"
                f" remove {folder.parent} and try again"
            )


def _fetch(scratch: Path, bundle: Bundle) -> None:
    from jgo.env import EnvironmentBuilder, LinkStrategy
    from jgo.maven import MavenContext

    repository = scratch / "repository"
    with _progress(repository, bundle):
        builder = EnvironmentBuilder(
            context=MavenContext(repo_cache=repository, timeout=60),
            link_strategy=LinkStrategy.COPY,
            cache_dir=scratch / "jgo",
        )
        environment = builder.from_endpoint("+".join(bundle.coordinates))
    (scratch / "jars").mkdir()
    for jar in Path(environment.path).rglob("*.jar"):
        shutil.copy2(jar, scratch / "jars" / jar.name)


@contextlib.contextmanager
def _progress(repository: Path, bundle: Bundle) -> Iterator[None]:
    """A bar that counts the archives as they arrive; jgo itself says nothing for some twenty
    seconds.
    """
    done = threading.Event()
    with progress.bar(f"{bundle.title}: fetching archives once", len(locked(bundle)), "jar") as bar:

        def watch() -> None:
            while not done.wait(0.3):
                bar.update(len(list(repository.rglob("*.jar"))) - bar.n)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()
