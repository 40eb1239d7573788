"""Serving logs on their way to a real Kafka of their own: it is killed and comes back, refuses what
is too large, and has what a process that was killed does not know.
"""

import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import confluent_kafka
import emitting
import gateways
import processes
import pytest
from confluent_kafka import admin
from faults import conftest, feed, servers

from services.gateway.ledger import envelopes
from services.gateway.serving_log import Emitter
from services.local import kafka as embedded
from services.local import supervisor, topology

Broker = tuple[supervisor.Supervisor, str]


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    """A Kafka that may be killed."""
    with topology.directory(None) as path, supervisor.Supervisor() as owner:
        yield owner, embedded.start(owner, path / "kafka", topology.CACHE)


def emitter(address: str, topic: str, spool: Path) -> Emitter:
    return Emitter({"bootstrap.servers": address}, topic, spool, 64 << 20)


def emit(one: Emitter, numbers: range, size: int = 0) -> None:
    for number in numbers:
        one.emit(emitting.line(number, size))


def sent(one: Emitter) -> bool:
    return processes.eventually(lambda: one.standing().held == 0)


def once(numbers: range) -> Counter[str]:
    return Counter(f"r{number}" for number in numbers)


def test_an_outage_loses_nothing_and_doubles_nothing(broker: Broker, tmp_path: Path) -> None:
    owner, address = broker
    topic = conftest.topic_on(address)
    one = emitter(address, topic, tmp_path)
    one.start()
    emit(one, range(500))
    assert sent(one)

    servers.killed(servers.named(owner, "kafka"))
    for begin in range(500, 3_000, 500):
        emit(one, range(begin, begin + 500))
        time.sleep(0.1)
    assert processes.eventually(lambda: one.standing().spool_bytes > 2_000)
    assert one.standing().held == 2_500
    servers.kafka_again(owner, address)
    emit(one, range(3_000, 3_100))

    assert sent(one)
    one.stop()
    assert gateways.arrived(address, topic) == once(range(3_100))
    assert not list(tmp_path.glob("*/*")), "the spool is empty"
    now = one.standing()
    assert (now.emitted, now.acknowledged, now.given_up) == (3_100, 3_100, 0)


def test_a_broker_that_hangs_and_goes_on_doubles_nothing(broker: Broker, tmp_path: Path) -> None:
    owner, address = broker
    topic = conftest.topic_on(address)
    one = emitter(address, topic, tmp_path)
    one.start()
    emit(one, range(100))
    assert sent(one)
    child = servers.named(owner, "kafka")
    child.process.send_signal(signal.SIGSTOP)
    try:
        emit(one, range(100, 400))
        time.sleep(1)
        one.stop()  # what the broker has received and not answered is in nobody's hands now
        assert one.standing().held == 300
    finally:
        child.process.send_signal(signal.SIGCONT)

    two = emitter(address, topic, tmp_path)
    two.start()

    assert processes.eventually(lambda: two.standing().emitted == 300)
    assert sent(two)
    two.stop()
    assert gateways.arrived(address, topic) == once(range(400))


@pytest.mark.parametrize("size", [0, 8 << 10, 48 << 10])
def test_256_logs_with_texts_of_any_size_get_through(
    size: int, broker: Broker, tmp_path: Path
) -> None:
    topic = conftest.topic_on(broker[1])
    one = emitter(broker[1], topic, tmp_path)
    emit(one, range(256), size)
    one.start()
    assert sent(one)
    one.stop()
    assert gateways.arrived(broker[1], topic) == once(range(256))


def small_topic(address: str, most: int) -> str:
    """One whose records may be of so many bytes."""
    topic = conftest.topic_on(address, 1)
    client = admin.AdminClient({"bootstrap.servers": address})
    resource = admin.ConfigResource(
        confluent_kafka.admin.ResourceType.TOPIC,
        topic,
        incremental_configs=[
            admin.ConfigEntry(
                "max.message.bytes",
                str(most),
                incremental_operation=admin.AlterConfigOpType.SET,
            )
        ],
    )
    for done in client.incremental_alter_configs([resource]).values():
        done.result(30)
    return topic


def test_a_topic_that_takes_less_gets_smaller_envelopes_and_one_log_costs_itself(
    broker: Broker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    topic = small_topic(broker[1], 2_000)
    one = emitter(broker[1], topic, tmp_path)
    noise = b"".join(b"%d" % (number * number) for number in range(9_000))
    for number in range(200):
        one.emit(emitting.line(number, 40))
        if number in (50, 150):
            one.emit(b'{"req_id":"large","pad":"%s"}' % noise)
    one.emit(emitting.line(-1, envelopes.MOST_OF_ONE_LOG))
    one.start()

    assert sent(one)
    emit(one, range(200, 300))
    assert sent(one)
    one.stop()
    now = one.standing()
    assert (now.emitted, now.acknowledged, now.given_up) == (303, 300, 3)
    assert gateways.arrived(broker[1], topic) == once(range(300))
    assert caplog.text.count("is given up") == 1, "said once"


def test_a_client_that_can_send_nothing_any_more_is_made_anew(
    broker: Broker, tmp_path: Path
) -> None:
    topic = conftest.topic_on(broker[1])
    one = emitter(broker[1], topic, tmp_path)
    one.start()
    emit(one, range(100))
    assert sent(one)
    first = one._delivery._client
    assert first is not None

    emit(one, range(100, 200))
    first.on_error(
        confluent_kafka.KafkaError(confluent_kafka.KafkaError._FATAL, "out of order", fatal=True)
    )
    emit(one, range(200, 300))

    assert processes.eventually(lambda: one._delivery._client not in (None, first))
    assert sent(one)
    assert one.fatal is None
    one.stop()
    assert gateways.arrived(broker[1], topic) == once(range(300))


def test_what_a_killed_process_has_left_comes_once_also_where_kafka_has_it_already(
    broker: Broker, tmp_path: Path
) -> None:
    """Its folder as it lies there: one envelope that the broker took, one that it did not, and a
    torn one. The topic ends with the end of a transaction, which is no record.
    """
    topic = conftest.topic_on(broker[1], 2)
    taken, open_ = ([emitting.line(i) for i in part] for part in (range(10), range(10, 20)))
    folder = tmp_path / topic / ("1" * 32)
    folder.mkdir(parents=True)
    (folder / f"{3:012}.jsonl").write_bytes(envelopes.content(taken))
    (folder / f"{4:012}.jsonl").write_bytes(envelopes.content(open_))
    (folder / f"{5:012}.jsonl").write_bytes(emitting.line(20) + b"\n" + emitting.line(21)[:9])
    sender = feed.producer(broker[1], **{"transactional.id": topic})
    sender.init_transactions()
    sender.begin_transaction()
    sender.produce(topic, envelopes.value(taken), headers=[("content", b"batch")], partition=0)
    sender.commit_transaction()

    one = emitter(broker[1], topic, tmp_path)
    one.start()

    assert processes.eventually(lambda: one.standing().emitted == 22)
    assert sent(one)
    one.stop()
    now = one.standing()
    assert (now.acknowledged, now.given_up) == (21, 1)
    assert gateways.arrived(broker[1], topic) == once(range(21))
    assert not folder.exists()


def test_a_gateway_that_is_killed_with_held_logs_sends_them_after_its_restart(
    broker: Broker, database: str, tmp_path: Path
) -> None:
    """Started without Kafka, killed without Kafka, then ended by SIGTERM without Kafka."""
    owner, address = broker
    topic = conftest.topic_on(address)
    one = gateways.gateway(address, database, topic, tmp_path)
    servers.killed(servers.named(owner, "kafka"))
    for how in (signal.SIGKILL, signal.SIGTERM):
        with one.running() as process:
            for _ in range(20):
                assert one.ask(5)
            held = processes.eventually(lambda: one.ledger()[2] == len(one.answered), 5)
            assert held, (one.ledger(), len(one.answered), one.said())
            process.send_signal(how)
            process.wait(20)
    servers.kafka_again(owner, address)

    with one.running() as process:
        assert processes.eventually(lambda: one.ledger()[1] == len(one.answered)), one.said()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert gateways.lost_and_doubled(one.answered, gateways.arrived(address, topic)) == (0, 0)
    assert "Traceback" not in one.said()
