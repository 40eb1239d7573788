"""What the peers run in: a virtual environment each, from pinned requirements; and the Java program, where there is a compiler."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from services.local import jars, topology

HOME = topology.ROOT / ".local" / "bench"
REQUIREMENTS = Path(__file__).with_name("requirements")
JAVA = Path(__file__).with_name("java")
KAFKA_STREAMS = jars.Bundle(
    f"kafka-streams-{jars.VERSION}",
    "Kafka Streams",
    (
        f"org.apache.kafka:kafka-streams:{jars.VERSION}",
        f"org.apache.kafka:kafka-clients:{jars.VERSION}",
        "com.fasterxml.jackson.core:jackson-core:2.19.1",
        "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4",
    ),
    JAVA / "streams.lock",
)


class Unbuildable(RuntimeError):
    """A peer cannot be installed or compiled here; the message says why."""


def python(name: str) -> Path:
    """The interpreter of an environment, built anew if its requirements have changed."""
    wanted = REQUIREMENTS / f"{name}.txt"
    target = HOME / "envs" / name
    installed = target / "installed.txt"
    if not installed.exists() or installed.read_text() != wanted.read_text():
        shutil.rmtree(target, ignore_errors=True)
        uv = Path(sys.executable).with_name("uv")
        _run([str(uv), "venv", "--quiet", "--python", sys.executable, str(target)])
        install = ["pip", "install", "--quiet", "--python", str(target / "bin" / "python"), "--no-deps", "--require-hashes", "-r", str(wanted)]
        _run([str(uv), *install])
        installed.write_text(wanted.read_text())
    return target / "bin" / "python"


@cache
def java_classpath() -> str:
    """The class path of the Kafka Streams program, compiled anew for every benchmark (it takes seconds)."""
    compiler = shutil.which("javac") or shutil.which("bin/javac", path=os.environ.get("JAVA_HOME"))
    if compiler is None:
        raise Unbuildable("no javac on this machine: the Kafka Streams program was not built")
    archives = f"{jars.directory(topology.CACHE, KAFKA_STREAMS)}/*"
    target = HOME / "java"
    shutil.rmtree(target, ignore_errors=True)
    sources = sorted(str(path) for path in (JAVA / "src").rglob("*.java"))
    _run([compiler, "--release", "17", "-cp", archives, "-d", str(target), *sources])
    return f"{target}:{archives}"


def _run(argv: list[str]) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unbuildable(f"{Path(argv[0]).name} failed: {(done.stderr or done.stdout).strip()[-400:]}")
