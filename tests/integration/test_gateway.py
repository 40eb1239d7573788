"""The gateway over HTTP with a real champion: answers, serving logs, the candidate in the shadow,
promotions and outages.
"""

import contextlib
import dataclasses
import datetime as dt
import functools
import http.client
import itertools
import json
import shutil
import signal
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import onnx
import processes
import pytest
import sqlalchemy as sa
from kafka import KafkaConsumer, TopicPartition
from onnx import numpy_helper
from shops import POLICY, Shop, corpus

from retrain.train.compile import golden, manifest, session
from retrain.train.compile.backends import onnx as artefact
from schemas import events, policy, present, tables, times, topics
from services import ports, provision
from services.gateway import store, volume
from services.gateway.follow import Follower
from services.gateway.served import Message, Served, served
from services.gateway.shadow import Shadow
from services.local import topology
from streams import connect, sample

SECRET = b"of which messages people are asked"


def ask(port: int, body: object, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection.request(
        "POST", "/classify", raw, {"Content-Type": "application/json", **(headers or {})}
    )
    answer = connection.getresponse()
    content = json.loads(answer.read())
    connection.close()
    return answer.status, content


@contextlib.contextmanager
def serving(
    shop: Shop, tmp_path: Path, rules: str = POLICY
) -> Iterator[tuple[int, dict[str, str]]]:
    """A gateway with a topic of its own: its port and environment."""
    (port,) = ports.free(1)
    (tmp_path / "policy.toml").write_text(rules)
    own = {
        "INTENTWATCH_GATEWAY_PORT": str(port),
        "INTENTWATCH_TOPIC": f"gateway.{tmp_path.name}",
        "INTENTWATCH_POLICY": str(tmp_path / "policy.toml"),
        "INTENTWATCH_SAMPLING_SECRET": SECRET.decode(),
    }
    environment = shop.environment | own
    topic = dataclasses.replace(
        topics.SERVING_LOG, name=environment["INTENTWATCH_TOPIC"], partitions=1
    )
    provision.topics(environment["INTENTWATCH_KAFKA"], (topic,))
    with processes.running(["-m", "services.gateway"], environment, tmp_path / "log"):
        assert processes.eventually(
            lambda: ports.listening(port) and ask(port, {"text": "hi"})[0] == 200
        ), (tmp_path / "log").read_text()
        yield port, environment


@pytest.fixture
def gateway(shop: Shop, tmp_path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    with serving(shop, tmp_path) as served:
        yield served


def sent(environment: dict[str, str]) -> list[dict[str, Any]]:
    consumer = KafkaConsumer(
        bootstrap_servers=environment["INTENTWATCH_KAFKA"], auto_offset_reset="earliest"
    )
    part = TopicPartition(environment["INTENTWATCH_TOPIC"], 0)
    consumer.assign([part])
    consumer.seek_to_beginning(part)
    logs: list[dict[str, Any]] = []
    while consumer.position(part) < consumer.end_offsets([part])[part]:
        for records in consumer.poll(timeout_ms=500).values():
            logs += [json.loads(line) for record in records for line in record.value.splitlines()]
    consumer.close()
    return logs


def test_classify_answers_as_the_contract_says_and_leaves_a_valid_log(
    gateway: tuple[int, dict[str, str]],
) -> None:
    port, environment = gateway
    status, one = ask(
        port,
        {"text": "Where is my parcel?", "conversation": "h:1"},
        {"X-Event-Time": "2026-04-20T10:41:14Z", "X-Request-Id": "mine"},
    )
    assert status == 200
    keys = [
        "req_id",
        "caller_id",
        "model",
        "intent",
        "confidence",
        "second_intent",
        "margin",
        "fallback_rerank",
        "also",
        "latency_ms",
    ]
    assert list(one) == keys
    assert (one["caller_id"], one["model"], one["intent"]) == ("mine", "v1", "order_tracking")
    status, many = ask(port, {"messages": [{"text": "good morning"}, {"text": "みんなの naruto"}]})
    assert [list(result) for result in many["results"]] == [keys, keys]
    assert processes.eventually(lambda: len(sent(environment)) >= 4)
    logs = sent(environment)
    assert not [
        log
        for log in logs
        if isinstance(events.serving_log(json.dumps(log).encode()), events.Malformed)
    ]
    mine = next(log for log in logs if log["caller_id"] == "mine")
    assert mine["req_id"] == one["req_id"]
    assert 0 <= mine["queue_ms"] <= mine["latency_ms"]
    assert (mine["ts"], mine["script"], mine["conversation"], mine["role"]) == (
        "2026-04-20T10:41:14Z",
        "latin",
        "h:1",
        "champion",
    )
    assert {log["script"] for log in logs} == {"latin", "mixed"}


THEN = {"X-Event-Time": "2026-04-20T10:00:00Z"}


def chosen(
    environment: dict[str, str], prefix: str, text: str, **facts: Any
) -> list[tuple[Any, Any]]:
    """For each message of the champion's whose caller's id begins so, all with this text: the
    sample its log has, and the one it would have with these facts.
    """
    rules, counted, pairs = (
        policy.load(Path(environment["INTENTWATCH_POLICY"])).labels,
        volume.Volume(),
        [],
    )
    for log in [log for log in sent(environment) if log["role"] == "champion"]:
        facts |= {
            "volume_per_day": counted.add(times.instant(log["ts"])).per_day,
            "secret": SECRET,
            "budget_per_day": rules.budget_per_day,
            "min_p": rules.min_p,
        }
        one = sample.choice(log["req_id"], log["intent"], log["confidence"], log["margin"], **facts)
        if (log["caller_id"] or "").startswith(prefix):
            pairs.append((log["sample"], one and dataclasses.asdict(one) | {"text": text}))
    return pairs


def test_the_gateway_asks_about_a_message_as_far_as_it_is_new_to_the_model(
    gateway: tuple[int, dict[str, str]],
) -> None:
    (port, environment), text = gateway, "呪術廻戦の最新刊はどこ"  # no token of it is in the corpus
    for i in range(4):
        assert (
            ask(port, {"messages": [{"text": text}] * 64}, {"X-Request-Id": f"new-{i}", **THEN})[0]
            == 200
        )
    assert processes.eventually(lambda: len(chosen(environment, "new-", text, novelty=1)) == 256)
    assert all(logged == as_new for logged, as_new in chosen(environment, "new-", text, novelty=1))
    assert any(
        logged != as_known for logged, as_known in chosen(environment, "new-", text, novelty=0)
    )


def metrics(port: int) -> dict[str, float]:
    """Each series of /metrics, as it is written there, and its value."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return {
        name: float(value)
        for name, value in (
            line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")
        )
    }


def contrary(shop: Shop, name: str) -> str:
    """A model of this name that calls every message an escalation, whole and signed."""
    shutil.copytree(shop.models / "v1", shop.models / name)
    path = shop.models / name / artefact.ARTEFACT
    graph = onnx.load(path)
    biased = [
        tensor for tensor in graph.graph.initializer if tensor.name.endswith("classifier.bias")
    ]
    assert len(biased) == 1
    bias = numpy_helper.to_array(biased[0]).copy()
    bias[present.INDEX["escalation"]] += 1000
    biased[0].CopyFrom(numpy_helper.from_array(bias, biased[0].name))
    onnx.save(graph, path)
    (shop.models / name / golden.FILE).unlink()
    manifest.write(shop.models / name)
    return name


def logs_of(environment: dict[str, str], role: str, prefix: str) -> list[dict[str, Any]]:
    return [
        log
        for log in sent(environment)
        if log["role"] == role and (log["caller_id"] or "").startswith(prefix)
    ]


def test_a_candidate_that_waits_answers_in_the_shadow_and_messages_in_dispute_are_asked_about(
    shop: Shop, tmp_path: Path
) -> None:
    contrary(shop, "v8")
    engine = connect.engine(shop.environment["INTENTWATCH_DATABASE_URL"], poolclass=sa.NullPool)
    text, tries = corpus(5)[4]["text"], itertools.count()
    with serving(shop, tmp_path, POLICY.replace('"auto"', '"approve"')) as (port, environment):
        mine = ask(port, {"text": "hi"})[1]["model"]
        with engine.begin() as connection:
            waits = {
                "id": "ft_shadow",
                "as_of": dt.datetime.now(dt.UTC),
                "state": "registered",
                "candidate": "v8",
                "champion": mine,
            }
            connection.execute(sa.insert(tables.run).values(waits))

        def shadowed() -> bool:
            """Whether a message asked now is answered by both: the second one's log comes after all
            that is said of the first.
            """
            prefix = f"try{next(tries)}-"
            assert (
                ask(port, {"messages": [{"text": "hi"}, {"text": "hi"}]}, {"X-Request-Id": prefix})[
                    0
                ]
                == 200
            )
            assert processes.eventually(lambda: len(logs_of(environment, "champion", prefix)) == 2)
            return bool(logs_of(environment, "shadow", prefix))

        def all_logged(request: str) -> bool:
            return len(logs_of(environment, "shadow", request)) == 64

        assert processes.eventually(shadowed)
        for i in range(4):
            answers = ask(
                port, {"messages": [{"text": text}] * 64}, {"X-Request-Id": f"both-{i}", **THEN}
            )[1]["results"]
            assert {(answer["model"], answer["intent"]) for answer in answers} == {
                (mine, "order_tracking")
            }
            assert processes.eventually(functools.partial(all_logged, f"both-{i}"))
        logs = logs_of(environment, "shadow", "both-")
        assert {(log["model"], log["intent"], log["sample"]) for log in logs} == {
            ("v8", "escalation", None)
        }
        assert not [
            log
            for log in logs
            if isinstance(events.serving_log(json.dumps(log).encode()), events.Malformed)
        ]
        assert {log["req_id"] for log in logs} == {
            log["req_id"] for log in logs_of(environment, "champion", "both-")
        }
        champion = session.load(shop.models / "v1")
        known = {"novelty": champion.novelty(champion.classify([text])[1][0])}
        assert all(
            logged == disputed
            for logged, disputed in chosen(environment, "both-", text, **known, disputed=True)
        )
        assert any(
            logged != agreed for logged, agreed in chosen(environment, "both-", text, **known)
        )
        assert metrics(port)['intentwatch_shadow_answers_total{agrees="false",model="v8"}'] >= 256
        with engine.begin() as connection:
            connection.execute(
                sa.update(tables.run).where(tables.run.c.id == "ft_shadow").values(state="rejected")
            )
        assert processes.eventually(lambda: not shadowed())


Told = list[tuple[Served, Served | None]]


def beside(shop: Shop, model: str) -> tuple[Follower, Shadow, Told]:
    """A shadow whose candidate is this model, not started yet, and what it hands on."""
    told: Told = []
    engine = connect.engine(shop.environment["INTENTWATCH_DATABASE_URL"], poolclass=sa.NullPool)
    follower = Follower(engine, shop.models, "shadow", lambda _: [store.Version(model, None)])
    follower.look()
    return follower, Shadow(follower, lambda mine, other: told.append((mine, other))), told


def answers(model: session.Session, count: int) -> list[Served]:
    return [
        served(Message("hi", None, f"m{i}", dt.datetime.now(dt.UTC)), model, "champion")
        for i in range(count)
    ]


def test_what_a_candidate_has_no_time_for_goes_without_it_and_nothing_is_lost_at_the_end(
    shop: Shop,
) -> None:
    follower, shadow, told = beside(shop, contrary(shop, "v7"))
    mine = answers(session.load(shop.models / "v1"), 70)
    for answer in mine:
        shadow.hear(answer)
    assert told == [(answer, None) for answer in mine[64:]]
    assert shadow.skipped == 6
    shadow.start()
    shadow.stop(timeout_s=60)
    assert [answer for answer, _ in told[6:]] == mine[:64]
    assert {(other.role, other.answer.intent, other.message) for _, other in told[6:] if other} == {
        ("shadow", "escalation", one.message) for one in mine[:64]
    }
    assert follower.session is not None
    promoted = answers(follower.session, 1)[0]
    shadow.hear(promoted)
    assert told[-1] == (promoted, None)


def broken(_ids: Sequence[int]) -> Any:
    raise RuntimeError("no answer")


def test_a_candidate_that_fails_costs_its_own_answer_only(shop: Shop) -> None:
    follower, shadow, told = beside(shop, "v1")
    champion = session.load(shop.models / contrary(shop, "v6"))
    assert follower.session is not None
    follower.session = dataclasses.replace(follower.session, _run=broken)
    mine = answers(champion, 3)
    for answer in mine:
        shadow.hear(answer)
    shadow.start()
    shadow.stop(timeout_s=60)
    assert told == [(answer, None) for answer in mine]
    assert shadow.failed == 3


def test_a_candidate_that_cannot_be_loaded_is_refused_and_the_one_before_it_goes(
    shop: Shop,
) -> None:
    shutil.copytree(shop.models / "v1", shop.models / "v5")
    (shop.models / "v5" / artefact.ARTEFACT).write_bytes(b"signed, but no model")
    manifest.write(shop.models / "v5")
    engine = connect.engine(shop.environment["INTENTWATCH_DATABASE_URL"], poolclass=sa.NullPool)
    named: list[str] = []
    candidate, champion = (
        Follower(engine, shop.models, role, lambda _: [store.Version(named[-1], None)])
        for role in ("shadow", "champion")
    )
    seen = []
    for name in ("v1", "v5", "v5", "v404", "v1"):
        named.append(name)
        candidate.look()
        champion.look()
        seen.append(
            (
                candidate.session and candidate.session.model,
                champion.session and champion.session.model,
            )
        )
    assert seen == [("v1", "v1"), (None, "v1"), (None, "v1"), (None, "v1"), ("v1", "v1")]


def test_the_candidate_is_the_newest_that_was_gated_against_the_present_champion(
    database: str,
) -> None:
    engine = connect.engine(database, poolclass=sa.NullPool)
    now = dt.datetime.now(dt.UTC)
    runs = [
        ("registered", "v2", "v1", 3),
        ("registered", "v3", "v1", 2),
        ("rejected", "v4", "v1", 1),
        ("registered", "v5", "v0", 0),
    ]
    with engine.connect() as connection:

        def promoted(model: str) -> str | None:
            connection.execute(
                sa.insert(tables.promotion).values(model=model, kind="promote", at=now, by="test")
            )
            return candidate()

        def candidate() -> str | None:
            return next((one.model for one in store.candidate(connection)), None)

        assert candidate() is None
        for state, model, champion, age in runs:
            values = {
                "id": model,
                "as_of": now,
                "queued_at": now - dt.timedelta(hours=age),
                "state": state,
                "candidate": model,
                "champion": champion,
            }
            connection.execute(sa.insert(tables.run).values(values))
        assert [promoted(model) for model in ("v1", "v3", "v0", "v1")] == ["v3", None, "v5", "v3"]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"txt": "x"}, 422, "text"),
        ({"text": 3}, 422, "text"),
        ({"messages": []}, 422, "messages"),
        ({"messages": [{"text": "x"}, {}]}, 422, "messages"),
        (b"{", 422, "body"),
        ({"text": "x" * 8193}, 413, "text"),
        ({"messages": [{"text": "x"}] * 65}, 413, "messages"),
    ],
)
def test_bad_requests_name_the_field_or_the_limit(
    gateway: tuple[int, dict[str, str]], body: object, status: int, says: str
) -> None:
    answer = ask(gateway[0], body)
    assert answer[0] == status
    assert says in json.dumps(answer[1])


def test_the_gateway_follows_a_promotion_without_a_restart(
    gateway: tuple[int, dict[str, str]], shop: Shop
) -> None:
    port, environment = gateway
    shutil.copytree(shop.models / "v1", shop.models / "v2", dirs_exist_ok=True)
    engine = connect.engine(environment["INTENTWATCH_DATABASE_URL"], poolclass=sa.NullPool)
    insert = sa.text(
        "insert into promotion (model, kind, at, by) values (:model, 'promote', now(), 'test')"
    )
    with engine.begin() as connection:
        connection.execute(insert, {"model": "v2"})
    assert processes.eventually(lambda: ask(port, {"text": "hi"})[1]["model"] == "v2")
    (shop.models / "v3").mkdir(exist_ok=True)
    with engine.begin() as connection:
        connection.execute(insert, {"model": "v3"})
    with engine.begin() as connection:
        connection.execute(insert, {"model": "v1"})
    assert processes.eventually(lambda: ask(port, {"text": "hi"})[1]["model"] == "v1")


def test_serving_goes_on_without_kafka(shop: Shop, tmp_path: Path) -> None:
    (port,) = ports.free(1)
    environment = shop.environment | {
        "INTENTWATCH_GATEWAY_PORT": str(port),
        "INTENTWATCH_KAFKA": "127.0.0.1:1",
    }
    with processes.running(["-m", "services.gateway"], environment, tmp_path / "log"):
        assert processes.eventually(
            lambda: ports.listening(port) and ask(port, {"text": "hi"})[0] == 200
        ), (tmp_path / "log").read_text()
        assert ask(port, {"text": "still here"})[0] == 200


def test_no_champion_is_503_with_the_remedy(
    parts: topology.Addresses, database: str, tmp_path: Path
) -> None:
    (port,) = ports.free(1)
    environment = {
        "INTENTWATCH_KAFKA": parts.kafka,
        "INTENTWATCH_DATABASE_URL": database,
        "INTENTWATCH_GATEWAY_PORT": str(port),
    }
    with processes.running(["-m", "services.gateway"], environment, tmp_path / "log"):
        assert processes.eventually(lambda: ports.listening(port))
        status, body = ask(port, {"text": "hi"})
    assert status == 503
    assert "no champion yet" in body["detail"]


def test_it_ends_when_told_whoever_has_sent_half_a_request_and_what_it_refused_is_logged(
    parts: topology.Addresses, database: str, tmp_path: Path
) -> None:
    (port,) = ports.free(1)
    environment = {
        "INTENTWATCH_KAFKA": parts.kafka,
        "INTENTWATCH_DATABASE_URL": database,
        "INTENTWATCH_GATEWAY_PORT": str(port),
        "INTENTWATCH_GATEWAY_TOKEN": "s3cret",
        "INTENTWATCH_TOPIC": f"ends.{tmp_path.name}",
    }
    topic = dataclasses.replace(
        topics.SERVING_LOG, name=environment["INTENTWATCH_TOPIC"], partitions=1
    )
    provision.topics(parts.kafka, (topic,))
    shown = {"Authorization": "Bearer s3cret"}
    with processes.running(["-m", "services.gateway"], environment, tmp_path / "log") as process:
        assert processes.eventually(lambda: ports.listening(port))
        assert ask(port, {"text": "hi"})[0] == 401
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"POST /classify HTTP/1.1\r\nContent-Length: 500\r\n")
            client.sendall(b"Authorization: Bearer s3cret\r\n\r\n{")
            for body in ({"text": "hi"}, {"messages": [{"text": "a"}, {"text": "b"}]}, b"{"):
                assert ask(port, body, shown)[0] in (503, 422)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
    assert "Traceback" not in (tmp_path / "log").read_text()
    logs = sent(environment)
    assert [(log["error"], log["model"]) for log in logs] == [
        ("no_model", "none"),
        ("no_model", "none"),
        ("no_model", "none"),
        ("malformed", "none"),
    ]


def test_who_opens_its_address_is_told_where_to_go(gateway: tuple[int, dict[str, str]]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway[0], timeout=30)
    connection.request("GET", "/")
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.request("GET", "/readyz")
    assert "/readyz" in body["detail"]
    there = connection.getresponse()
    assert (there.status, bool(there.read())) == (200, True)
    connection.close()
    assert (answer.status, body["detail"].startswith('POST /classify with {"text": "..."}')) == (
        200,
        True,
    )
