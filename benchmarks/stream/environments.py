"""What the peers run in: a virtual environment each, from pinned requirements; and the Java
program, where there is a compiler.
"""

import os
import shutil
from functools import cache
from pathlib import Path

from benchmarks import environments
from services.local import jars, topology

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


def python(name: str) -> Path:
    """The interpreter of a peer's environment."""
    return environments.python(REQUIREMENTS / f"{name}.txt")


@cache
def java_classpath() -> str:
    """The class path of the Kafka Streams program, compiled anew for every benchmark (it takes
    seconds).
    """
    compiler = shutil.which("javac") or shutil.which("bin/javac", path=os.environ.get("JAVA_HOME"))
    if compiler is None:
        raise environments.Unbuildable(
            "no javac on this machine: the Kafka Streams program was not built"
        )
    archives = f"{jars.directory(topology.CACHE, KAFKA_STREAMS)}/*"
    target = environments.HOME / "java"
    shutil.rmtree(target, ignore_errors=True)
    sources = sorted(str(path) for path in (JAVA / "src").rglob("*.java"))
    environments.run([compiler, "--release", "17", "-cp", archives, "-d", str(target), *sources])
    return f"{target}:{archives}"
