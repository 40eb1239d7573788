"""The product on a Kafka as others run it: each client through each listener, what is wrong in one
sentence each, the whole line by TLS and SCRAM, and a user without rights.
"""

import asyncio
import contextlib
import dataclasses
import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import confluent_kafka
import processes
import pytest
import secured
import sqlalchemy as sa
import wordmodel
from aiokafka import AIOKafkaProducer
from confluent_kafka import admin
from kafka import KafkaProducer

from schemas import topics
from services import ports, provision
from services.local import supervisor
from streams import brokers, connect, reread
from streams.access import Access

TOPIC = topics.SERVING_LOG.name
PROVISION = ["-m", "services.provision"]
WORKER = ["-m", "streams", "worker"]
WAYS = [("plaintext", None), ("ssl", None)] + [
    (security, sasl) for security, all_of in secured.MECHANISMS.items() for sasl in all_of
]
EACH = pytest.mark.parametrize(("security", "sasl"), WAYS)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[secured.Secured]:
    with supervisor.Supervisor() as owner:
        yield secured.start(owner, tmp_path_factory.mktemp("secured"))


@pytest.fixture(scope="module")
def topic(broker: secured.Secured) -> str:
    made = topics.Topic(f"test.{uuid.uuid4().hex[:12]}", "", 1, 10**9, "", (), ())
    provision.ensure(broker.access("sasl_ssl"), (made,), alter=False)
    return made.name


def sent_by_librdkafka(access: Access, topic: str, value: bytes) -> None:
    producer = confluent_kafka.Producer(access.librdkafka())
    producer.produce(topic, value)
    assert producer.flush(20) == 0


def sent_by_kafka_python(access: Access, topic: str, value: bytes) -> None:
    producer = KafkaProducer(**access.kafka_python(), acks="all")
    producer.send(topic, value).get(timeout=20)
    producer.close()


def sent_by_aiokafka(access: Access, topic: str, value: bytes) -> None:
    async def send() -> None:
        producer = AIOKafkaProducer(**access.aiokafka(brokers.context(access)))
        await producer.start()
        await producer.send_and_wait(topic, value)
        await producer.stop()

    asyncio.run(send())


def held(access: Access, topic: str) -> list[bytes]:
    with contextlib.closing(reread.Reader(access, topic)) as reader:
        bounds = reader.bounds()
        begins = {part: begin for part, (begin, _) in bounds.items()}
        ends = {part: end for part, (_, end) in bounds.items()}
        return [value for run in reader.runs(begins, ends) for value in run.values]


@EACH
@pytest.mark.parametrize("send", [sent_by_librdkafka, sent_by_kafka_python, sent_by_aiokafka])
def test_every_client_gets_in_by_every_listener(
    security: str, sasl: str | None, send: Any, broker: secured.Secured, topic: str
) -> None:
    value = uuid.uuid4().hex.encode()
    access = broker.access(security, sasl)
    send(access, topic, value)
    assert held(access, topic).count(value) == 1


def wrong(broker: secured.Secured) -> dict[str, tuple[Access, str]]:
    """What one may get wrong, and what is said of it."""
    at = broker.addresses
    localhost = at["ssl"].replace("127.0.0.1", "localhost")
    return {
        "password": (
            broker.access("sasl_ssl", password="not-the-password"),
            "does not let user gateway in by SCRAM-SHA-512",
        ),
        "password, plain": (
            broker.access("sasl_plaintext", "plain", password="not-the-password"),
            "does not let user gateway in by PLAIN",
        ),
        "user": (broker.access("sasl_ssl", user="nobody"), "does not let user nobody in"),
        "mechanism": (
            broker.access("sasl_ssl", "scram-sha-256"),
            "does not take SCRAM-SHA-256, it takes PLAIN,SCRAM-SHA-512; set INTENTWATCH_KAFKA_SASL",
        ),
        "authority": (
            broker.access("ssl", ca=broker.other_ca),
            f"certificate that INTENTWATCH_KAFKA_CA ({broker.other_ca}) does not vouch for",
        ),
        "no authority": (broker.access("sasl_ssl", ca=None), "this system does not vouch for"),
        "another host": (broker.access("ssl", addresses=localhost), "names another host"),
        "TLS to plaintext": (
            broker.access("ssl", addresses=at["plaintext"]),
            "does not speak TLS, which INTENTWATCH_KAFKA_SECURITY=ssl does",
        ),
        "plaintext to TLS": (
            broker.access("plaintext", addresses=at["ssl"]),
            "as listeners with TLS do; set it to ssl or sasl_ssl",
        ),
        "SASL without TLS to TLS": (
            broker.access("sasl_plaintext", addresses=at["sasl_ssl"]),
            "as listeners with TLS do; set it to sasl_ssl",
        ),
        "no user": (
            broker.access("plaintext", addresses=at["sasl_plaintext"]),
            "hangs up on a client without a user",
        ),
        "a user for nobody": (
            broker.access("sasl_plaintext", addresses=at["plaintext"]),
            "signs nobody in",
        ),
    }


WRONG = list(wrong(secured.Secured(dict.fromkeys(secured.SECURITY, ""), Path(), Path())))


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_has_its_own_sentence(name: str, broker: secured.Secured) -> None:
    access, says = wrong(broker)[name]
    said = brokers.trouble(access)
    assert said is not None
    assert says in said
    assert access.addresses in said
    assert secured.PASSWORD not in said
    assert "not-the-password" not in said


COMMANDS = {
    "provision": PROVISION,
    "streams": WORKER,
    "doctor": ["-m", "services.doctor", "streams"],
    "replay": ["retrain/run.py", "replay", "--topic", TOPIC, "--reference-until", "2026-04-21"],
}


@pytest.mark.parametrize(
    ("command", "name"),
    [(command, "password") for command in COMMANDS]
    + [("provision", "plaintext to TLS"), ("streams", "authority"), ("replay", "mechanism")],
)
def test_whoever_does_not_get_in_says_so_in_one_line(
    command: str, name: str, broker: secured.Secured, database: str, tmp_path: Path
) -> None:
    access, says = wrong(broker)[name]
    argv = COMMANDS[command]
    if command == "replay":
        (tmp_path / "labels.jsonl").touch()
        argv = [*argv, "--labels", str(tmp_path / "labels.jsonl")]
    environment = secured.environment(access) | {"INTENTWATCH_DATABASE_URL": database}
    done = processes.run(argv, environment)
    assert done.returncode == 4, done.stderr
    said = done.stdout if command == "doctor" else done.stderr
    assert says in said
    if command != "doctor":
        assert done.stderr.startswith("intentwatch: Kafka at ")
        assert done.stderr.count("\n") == 1
    assert "not-the-password" not in done.stdout + done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_what_contradicts_itself_is_a_matter_of_configuration(
    command: str, broker: secured.Secured, database: str, tmp_path: Path
) -> None:
    environment = secured.environment(broker.access("sasl_ssl", user=None))
    (tmp_path / "labels.jsonl").touch()
    argv = COMMANDS[command] + (
        ["--labels", str(tmp_path / "labels.jsonl")] if command == "replay" else []
    )
    done = processes.run(argv, environment | {"INTENTWATCH_DATABASE_URL": database})
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        "intentwatch: INTENTWATCH_KAFKA_USER is not set;"
        " INTENTWATCH_KAFKA_SECURITY=sasl_ssl needs it\n"
    )


@pytest.fixture
def gateway(
    broker: secured.Secured, database: str, tmp_path: Path
) -> Callable[..., contextlib.AbstractContextManager[int]]:
    """Starts a gateway whose model one can read; gives its port."""
    wordmodel.written(tmp_path / "models" / "v1")
    engine = connect.engine(database, poolclass=sa.NullPool)
    promoted = "insert into promotion (model, kind, at, by) values ('v1', 'promote', now(), 'test')"
    with engine.begin() as connection:
        connection.execute(sa.text(promoted))

    @contextlib.contextmanager
    def serving(access: Access, **more: str) -> Iterator[int]:
        (port,) = ports.free(1)
        environment = secured.environment(access) | more
        environment |= {
            "INTENTWATCH_DATABASE_URL": database,
            "INTENTWATCH_MODELS": str(tmp_path / "models"),
            "INTENTWATCH_GATEWAY_PORT": str(port),
        }
        with processes.running(["-m", "services.gateway"], environment, tmp_path / "gateway"):
            assert processes.eventually(lambda: ports.listening(port) and ask(port) == 200), (
                tmp_path / "gateway"
            ).read_text()
            yield port

    return serving


def ask(port: int) -> int:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/classify",
        json.dumps({"text": "faq"}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def counted(environment: dict[str, str]) -> int:
    windows = processes.show("windows", environment, "--horizon", "5m")
    return sum(window["n"] for window in windows)


@pytest.mark.parametrize("transport", ["chunk", "stock"])
def test_the_line_from_request_to_window_by_tls_and_scram(
    transport: str,
    broker: secured.Secured,
    gateway: Callable[..., contextlib.AbstractContextManager[int]],
    database: str,
    tmp_path: Path,
) -> None:
    access = broker.access("sasl_ssl")
    own = dataclasses.replace(topics.SERVING_LOG, name=f"line.{transport}")
    provision.ensure(access, (own,), alter=False)
    environment = secured.environment(access) | {
        "INTENTWATCH_DATABASE_URL": database,
        "INTENTWATCH_TOPIC": own.name,
        "INTENTWATCH_TRANSPORT": transport,
    }
    log = tmp_path / "worker"
    worker = processes.running(WORKER, environment, log)
    with gateway(access, INTENTWATCH_TOPIC=own.name) as port, worker:
        assert [ask(port) for _ in range(20)] == [200] * 20
        # And the one by which the gateway was seen to be ready.
        assert processes.eventually(lambda: counted(environment) == 21), log.read_text()
    assert secured.PASSWORD not in log.read_text()


def test_a_gateway_that_kafka_does_not_let_in_serves_on_and_says_why(
    broker: secured.Secured,
    gateway: Callable[..., contextlib.AbstractContextManager[int]],
    tmp_path: Path,
) -> None:
    log = tmp_path / "gateway"
    with gateway(broker.access("sasl_ssl", password="not-the-password")) as port:
        says = "does not let user gateway in by SCRAM-SHA-512"
        assert processes.eventually(lambda: says in log.read_text()), log.read_text()
        assert ask(port) == 200
    assert "not-the-password" not in log.read_text()
    assert "Traceback" not in log.read_text()


def altered(broker: secured.Secured, **settings: str) -> None:
    """The contract's topic, so changed by somebody."""
    changes = []
    for name, value in settings.items():
        operation = admin.AlterConfigOpType.SET
        dotted = name.replace("_", ".")
        changes.append(admin.ConfigEntry(dotted, value, incremental_operation=operation))
    resource = admin.ConfigResource(admin.ResourceType.TOPIC, TOPIC, incremental_configs=changes)
    client = brokers.control(broker.access("plaintext"))
    (answer,) = client.incremental_alter_configs([resource]).values()
    answer.result()


def test_a_topic_that_breaks_the_contract_is_named_and_mended(
    broker: secured.Secured, database: str
) -> None:
    """By its own settings, and by the broker's: this one keeps the producer's time by default."""
    access = broker.access("sasl_plaintext", "plain")
    environment = secured.environment(access) | {"INTENTWATCH_DATABASE_URL": database}
    provision.ensure(access, topics.TOPICS, alter=False)
    altered(broker, message_timestamp_type="CreateTime", retention_ms="3600000")
    altered(broker, cleanup_policy="compact", retention_bytes="1000", max_message_bytes="1000")
    broken = (
        f"{TOPIC} has message.timestamp.type=CreateTime, not LogAppendTime,"
        " and cleanup.policy=compact, not delete, and retention.bytes=1000, not -1,"
        " and retention.ms=3600000, not at least 604800000,"
        " and max.message.bytes=1000, not at least 1048576"
    )
    done = processes.run(PROVISION, environment)
    assert (done.returncode, done.stderr) == (
        5,
        f"intentwatch: topic {broken}; run `python -m services.provision --alter`\n",
    )
    doctor = processes.run(["-m", "services.doctor", "streams", "--json"], environment)
    (finding,) = [
        line for line in map(json.loads, doctor.stdout.splitlines()) if line["check"] == "topics"
    ]
    assert (finding["status"], finding["detail"]) == ("fail", broken)
    assert finding["remedy"] == "run `python -m services.provision --alter`"

    for command in ([*PROVISION, "--alter"], PROVISION):
        done = processes.run(command, environment)
        assert (done.returncode, done.stderr) == (0, "intentwatch: 1 topic(s) in place\n")


def test_a_default_of_the_broker_counts_and_partitions_are_added(broker: secured.Secured) -> None:
    name = f"test.{uuid.uuid4().hex[:12]}"
    client = brokers.control(broker.access("plaintext"))
    (answer,) = client.create_topics([admin.NewTopic(name, 2, 1)]).values()
    answer.result()
    wanted = dataclasses.replace(topics.SERVING_LOG, name=name, partitions=3)
    said = "has 2 partitions, not 3, and message.timestamp.type=CreateTime, not LogAppendTime; run"
    with pytest.raises(provision.Mismatch, match=said):
        provision.ensure(broker.access("ssl"), (wanted,), alter=False)
    provision.ensure(broker.access("ssl"), (wanted,), alter=True)
    provision.ensure(broker.access("ssl"), (wanted,), alter=False)
    fewer = dataclasses.replace(wanted, partitions=1)
    with pytest.raises(provision.Mismatch, match="Kafka takes no partitions away"):
        provision.ensure(broker.access("ssl"), (fewer,), alter=True)


@pytest.fixture
def allowed(broker: secured.Secured) -> Iterator[Callable[..., None]]:
    """Grants the stranger rights, by Kafka's names of them; takes them back at the end."""
    client = brokers.control(broker.access("plaintext"))

    def grant(kind: str, name: str, *operations: str) -> None:
        for operation in operations:
            acl = admin.AclBinding(
                admin.ResourceType[kind],
                name,
                admin.ResourcePatternType.PREFIXED,
                f"User:{secured.STRANGER}",
                "*",
                admin.AclOperation[operation],
                admin.AclPermissionType.ALLOW,
            )
            for answer in client.create_acls([acl]).values():
                answer.result()

    yield grant
    everything = admin.AclBindingFilter(
        admin.ResourceType.ANY,
        None,
        admin.ResourcePatternType.ANY,
        f"User:{secured.STRANGER}",
        None,
        admin.AclOperation.ANY,
        admin.AclPermissionType.ANY,
    )
    for answer in client.delete_acls([everything]).values():
        answer.result()


def stranger(broker: secured.Secured) -> Access:
    return broker.access("sasl_ssl", user=secured.STRANGER)


def test_a_right_that_is_missing_is_named(
    broker: secured.Secured, topic: str, allowed: Callable[..., None]
) -> None:
    """Each step as far as it comes."""
    access = stranger(broker)
    new = topics.Topic("test.nobody.makes.it", "", 1, 10**9, "", (), ())
    there = dataclasses.replace(new, name=topic)
    with pytest.raises(brokers.Refused, match="let user stranger describe topic"):
        provision.ensure(access, (new,), alter=False)
    with pytest.raises(reread.Unread, match=f"let user stranger hand out topic {topic}"):
        held(access, topic)

    allowed("TOPIC", "test.", "DESCRIBE")
    with pytest.raises(brokers.Refused, match="let user stranger create topic"):
        provision.ensure(access, (new,), alter=False)
    with pytest.raises(brokers.Refused, match="may not see the settings of"):
        provision.ensure(access, (there,), alter=False)

    allowed("TOPIC", "test.", "DESCRIBE_CONFIGS")
    provision.ensure(access, (there,), alter=False)


def test_a_worker_without_a_right_names_it(
    broker: secured.Secured, database: str, allowed: Callable[..., None]
) -> None:
    provision.ensure(broker.access("plaintext"), topics.TOPICS, alter=False)
    environment = secured.environment(stranger(broker)) | {"INTENTWATCH_DATABASE_URL": database}

    def refused(says: str) -> None:
        done = processes.run(WORKER, environment)
        last = done.stderr.splitlines()[-1]
        assert (done.returncode, says in last) == (4, True), done.stderr
        assert "Traceback" not in done.stderr

    refused(f"does not let user stranger read topic {TOPIC}")
    allowed("TOPIC", TOPIC, "DESCRIBE")
    refused("does not let user stranger use group intentwatch.streams.")
    allowed("GROUP", "intentwatch.", "READ")
    refused(f"does not let user stranger read topic {TOPIC}")
