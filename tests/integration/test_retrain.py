"""The retrain job for real, on sentences invented here: corpus -> champion; what is broken is refused; the gateway follows without a restart."""

import dataclasses
import http.client
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import processes
import pytest
import sqlalchemy as sa
from kafka import KafkaConsumer, TopicPartition

from retrain.compile import manifest, parity, session
from schemas import events, policy, taxonomy, times
from services import ports
from services.gateway import volume
from services.local import topology
from streams import sample

WORDS = {
    "product_discovery": "show me shelves of {} books",
    "product_question": "how many pages has the {} volume",
    "recommendation": "advise me something moody like {}",
    "faq": "which countries do you ship {} to",
    "order_tracking": "where is my parcel with {}",
    "return_request": "take back the torn {} and refund me",
    "promotion": "is there a coupon for {}",
    "checkout_help": "my card is declined paying for {}",
    "escalation": "let me talk to a human about {}",
    "chitchat": "good morning how are you {}",
}
POLICY = '[trigger]\npromotion = "auto"\n[gates]\nmin_accuracy = 0.5\nmin_macro_f1 = 0.3\nmax_ece = 0.5\n[labels]\nmin_to_train = 100\n'
RECIPE = "rows = 400\nepochs = 2\nlearning_rate = 5e-4\n"


def corpus(count: int) -> list[dict[str, Any]]:
    rng = random.Random(5)
    names = ["naruto", "berserk", "akira", "monster", "bleach", "gantz", "nana", "vagabond", "orange", "pluto"]
    rows = []
    for i in range(count):
        intent = taxonomy.INTENTS[i % 10]
        text = f"{WORDS[intent].format(rng.choice(names))} {rng.choice(['please', 'now', 'thanks', 'today', 'again'])} {i}"
        rows.append({"text": text, "intent": intent, "kind": "human", "conversation": None, "cluster": None})
    return rows


@dataclasses.dataclass(frozen=True)
class Shop:
    environment: dict[str, str]
    models: Path
    output: str


@pytest.fixture(scope="module")
def shop(parts: topology.Addresses, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A database of its own in which one champion has been trained and promoted."""
    import conftest  # the fixtures of this session are per test, this model is per module

    directory = tmp_path_factory.mktemp("shop")
    for name, text in (("policy.toml", POLICY), ("recipe.toml", RECIPE)):
        (directory / name).write_text(text)
    (directory / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in corpus(600)))
    with conftest.database_of_its_own(parts, template) as url:
        environment = {
            "INTENTWATCH_DATABASE_URL": url,
            "INTENTWATCH_KAFKA": parts.kafka,
            "INTENTWATCH_MODELS": str(directory / "models"),
            "INTENTWATCH_POLICY": str(directory / "policy.toml"),
            "INTENTWATCH_RECIPE": str(directory / "recipe.toml"),
            "INTENTWATCH_TEST_CLOCK": "1",
        }
        assert processes.run(["-m", "services.labels", "corpus", str(directory / "corpus.jsonl")], environment).returncode == 0
        with processes.running(["retrain/run.py", "work"], environment, directory / "worker.log"):  # a run by hand does not wait for the idle worker
            assert processes.eventually(lambda: "ready" in (directory / "worker.log").read_text())
            done = processes.run(["retrain/run.py", "run"], environment, timeout_s=400)
        assert done.returncode == 0, done.stdout + done.stderr
        yield Shop(environment, directory / "models", done.stdout)


def test_the_run_speaks_the_seeds_lines(shop: Shop) -> None:
    tags = [line.split("]")[0][1:] for line in shop.output.splitlines() if line.startswith("[")]
    assert [tag for i, tag in enumerate(tags) if tags.index(tag) == i] == ["DATA_AUDIT", "TRAIN", "VAL", "CHECKPOINT", "LOAD_TEST", "DECISION"]


def test_the_run_and_its_absolute_gates_are_on_record(shop: Shop) -> None:
    (run,) = processes.show("runs", shop.environment)
    assert (run["state"], run["candidate"], run["promoted"]) == ("champion", "v1", True)
    assert {gate["verdict"] for gate in run["gates"]} == {"pass"}
    assert "no champion" in run["gates"][0]["note"]
    reference = json.loads((shop.models / "v1" / "reference.json").read_text())
    assert reference["n"] == sum(reference["intent_counts"].values())
    assert sum(reference["script_counts"].values()) == reference["n"]
    assert reference["accuracy"] > 0.5


def test_the_model_directory_is_what_the_contract_lists(shop: Shop) -> None:
    wanted = "model.safetensors config.json tokenizer.json normaliser.json labels.json calibration.json reference.json compiled/onnx/model.onnx"
    for name in (wanted + " parity.json gate_report.json MANIFEST.json MANIFEST.sig").split():
        assert (shop.models / "v1" / name).is_file(), name


def copied(shop: Shop, tmp_path: Path) -> Path:
    import shutil

    shutil.copytree(shop.models, tmp_path / "models")
    return tmp_path / "models" / "v1"


@pytest.mark.parametrize("name", ["tokenizer.json", "labels.json", "compiled/onnx/model.onnx", "MANIFEST.json", "calibration.json"])
def test_one_flipped_byte_is_refused_and_named(shop: Shop, tmp_path: Path, name: str) -> None:
    model = copied(shop, tmp_path)
    raw = bytearray((model / name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (model / name).write_bytes(raw)
    with pytest.raises(manifest.BadArtefact, match="MANIFEST.sig" if name == "MANIFEST.json" else name):
        session.load(model)


def test_a_message_is_as_novel_as_its_tokens_are_new_to_the_model(shop: Shop, tmp_path: Path) -> None:
    def novelty(model: session.Session, text: str) -> float:
        return model.novelty(model.classify([text])[1][0])

    known, new = corpus(1)[0]["text"].rsplit(" ", 1)[0], "呪術廻戦の最新刊はどこ"
    found = session.load(shop.models / "v1")
    assert found.novelty([]) == novelty(found, known) == 0
    assert novelty(found, new) == 1
    assert 0 < novelty(found, f"{known} {new}") < 1
    before = copied(shop, tmp_path)
    (before / session.SEEN).unlink()  # as a model of before has none
    assert novelty(session.open_unsigned(before), new) == 0


@pytest.mark.parametrize("change", ["missing", "added"])
def test_a_missing_or_an_added_file_is_refused(shop: Shop, tmp_path: Path, change: str) -> None:
    model = copied(shop, tmp_path)
    if change == "missing":
        (model / "labels.json").unlink()
    else:
        (model / "extra.bin").write_bytes(b"x")
    with pytest.raises(manifest.BadArtefact):
        session.load(model)


def test_parity_fails_on_two_swapped_label_rows_and_on_one_corrupted_tensor(shop: Shop, tmp_path: Path) -> None:
    import torch

    from retrain.compile import onnx
    from retrain.training import loop, model

    rows = corpus(300)
    texts, labels = [row["text"] for row in rows], np.array([taxonomy.INDEX[row["intent"]] for row in rows])
    directory = shop.models / "v1"
    compiled, _ = session.load(directory).logits(texts)
    network, tokenizer = model.load(directory)
    eager = loop.logits(network, tokenizer, loop.rows(texts, [row["intent"] for row in rows]).texts, 64)
    swapped = compiled.copy()
    swapped[:, [0, 1]] = swapped[:, [1, 0]]

    def judged(compiled: Any) -> parity.Parity:
        """The artefact against what the network, as it is now, exports."""
        fused = onnx.compile(network, tmp_path, tmp_path)
        exported, _ = session.open_unsigned(directory, graph=fused).logits(texts)
        return parity.check(eager, exported, compiled, labels, onnx.weight_error(fused, directory / session.ARTEFACT))

    clean = judged(compiled)
    assert clean.passed, clean
    assert not judged(swapped).passed
    weight = network.bert.encoder.layer[0].attention.self.query.weight  # of all tensors the one whose loss moves the answers least
    with torch.no_grad():
        weight.normal_(std=float(weight.std()), generator=torch.Generator().manual_seed(7))
    noisy = judged(compiled)
    assert noisy.export_shift > parity.MAX_EXPORT_SHIFT > 10 * clean.export_shift
    assert noisy.weight_error > parity.MAX_WEIGHT_ERROR > 2 * clean.weight_error
    assert not noisy.passed


def ask(port: int, body: object, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection.request("POST", "/classify", raw, {"Content-Type": "application/json", **(headers or {})})
    answer = connection.getresponse()
    found = json.loads(answer.read())
    connection.close()
    return answer.status, found


@pytest.fixture
def gateway(shop: Shop, tmp_path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    (port,) = ports.free(1)
    environment = shop.environment | {"INTENTWATCH_GATEWAY_PORT": str(port), "INTENTWATCH_TOPIC": f"gateway.{tmp_path.name}"}
    from schemas import topics
    from services import provision

    topic = dataclasses.replace(topics.SERVING_LOG, name=environment["INTENTWATCH_TOPIC"], partitions=1)
    provision.topics(environment["INTENTWATCH_KAFKA"], (topic,))
    with processes.running(["-m", "services.gateway"], environment, tmp_path / "log"):
        assert processes.eventually(lambda: ports.listening(port) and ask(port, {"text": "hi"})[0] == 200), (tmp_path / "log").read_text()
        yield port, environment


def sent(environment: dict[str, str]) -> list[dict[str, Any]]:
    consumer = KafkaConsumer(bootstrap_servers=environment["INTENTWATCH_KAFKA"], auto_offset_reset="earliest")
    part = TopicPartition(environment["INTENTWATCH_TOPIC"], 0)
    consumer.assign([part])
    consumer.seek_to_beginning(part)
    found: list[dict[str, Any]] = []
    while consumer.position(part) < consumer.end_offsets([part])[part]:
        for records in consumer.poll(timeout_ms=500).values():
            found += [json.loads(line) for record in records for line in record.value.splitlines()]
    consumer.close()
    return found


def test_classify_answers_as_the_contract_says_and_leaves_a_valid_log(gateway: tuple[int, dict[str, str]]) -> None:
    port, environment = gateway
    status, one = ask(port, {"text": "Where is my parcel?", "conversation": "h:1"}, {"X-Event-Time": "2026-04-20T10:41:14Z", "X-Request-Id": "mine"})
    assert status == 200
    keys = ["req_id", "model", "intent", "confidence", "second_intent", "margin", "fallback_rerank", "also", "latency_ms"]
    assert list(one) == keys
    assert (one["req_id"], one["model"], one["intent"]) == ("mine", "v1", "order_tracking")
    status, many = ask(port, {"messages": [{"text": "good morning"}, {"text": "みんなの naruto"}]})
    assert [list(result) for result in many["results"]] == [keys, keys]
    assert processes.eventually(lambda: len(sent(environment)) >= 4)
    logs = sent(environment)
    assert not [log for log in logs if isinstance(events.serving_log(json.dumps(log).encode()), events.Malformed)]
    mine = next(log for log in logs if log["req_id"] == "mine")
    assert (mine["ts"], mine["script"], mine["conversation"], mine["role"]) == ("2026-04-20T10:41:14Z", "latin", "h:1", "champion")
    assert {log["script"] for log in logs} == {"latin", "mixed"}


def test_the_gateway_asks_about_a_message_as_far_as_it_is_new_to_the_model(gateway: tuple[int, dict[str, str]]) -> None:
    port, environment = gateway
    text, mine = "呪術廻戦の最新刊はどこ", "new-"  # no token of it is in the corpus
    for i in range(4):
        assert ask(port, {"messages": [{"text": text}] * 64}, {"X-Request-Id": f"{mine}{i}", "X-Event-Time": "2026-04-20T10:00:00Z"})[0] == 200
    assert processes.eventually(lambda: sum(log["req_id"].startswith(mine) for log in sent(environment)) == 256)
    rules, counted = policy.load(Path(environment["INTENTWATCH_POLICY"])).labels, volume.Volume()
    found: list[tuple[object, ...]] = []  # for each message: what its log says, what it would as a new one, and as a known one
    for log in sent(environment):
        pace = counted.add(times.instant(log["ts"]))
        chosen = [
            sample.choice(
                log["req_id"], log["intent"], log["confidence"], log["margin"], novelty,
                volume_per_day=pace, budget_per_day=rules.budget_per_day, min_p=rules.min_p,
            )
            for novelty in (1, 0)
        ]  # fmt: skip
        if log["req_id"].startswith(mine):
            found.append((log["sample"], *({"queue": one.queue, "p": one.p, "text": text} if one else None for one in chosen)))
    assert len(found) == 256
    assert [logged for logged, _, _ in found] == [new for _, new, _ in found]
    assert any(new != known for _, new, known in found)


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
def test_bad_requests_name_the_field_or_the_limit(gateway: tuple[int, dict[str, str]], body: object, status: int, says: str) -> None:
    found = ask(gateway[0], body)
    assert found[0] == status
    assert says in json.dumps(found[1])


def test_the_gateway_follows_a_promotion_without_a_restart(gateway: tuple[int, dict[str, str]], shop: Shop) -> None:
    import shutil

    port, environment = gateway
    shutil.copytree(shop.models / "v1", shop.models / "v2", dirs_exist_ok=True)
    engine = sa.create_engine(environment["INTENTWATCH_DATABASE_URL"], poolclass=sa.NullPool)
    insert = sa.text("insert into promotion (model, kind, at, by) values (:model, 'promote', now(), 'test')")
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
    environment = shop.environment | {"INTENTWATCH_GATEWAY_PORT": str(port), "INTENTWATCH_KAFKA": "127.0.0.1:1"}
    with processes.running(["-m", "services.gateway"], environment, tmp_path / "log"):
        assert processes.eventually(lambda: ports.listening(port) and ask(port, {"text": "hi"})[0] == 200), (tmp_path / "log").read_text()
        assert ask(port, {"text": "still here"})[0] == 200


def test_no_champion_is_503_with_the_remedy(parts: topology.Addresses, database: str, tmp_path: Path) -> None:
    (port,) = ports.free(1)
    environment = {"INTENTWATCH_KAFKA": parts.kafka, "INTENTWATCH_DATABASE_URL": database, "INTENTWATCH_GATEWAY_PORT": str(port)}
    with processes.running(["-m", "services.gateway"], environment, tmp_path / "log"):
        assert processes.eventually(lambda: ports.listening(port))
        status, found = ask(port, {"text": "hi"})
    assert status == 503
    assert "no champion yet" in found["detail"]


def test_a_missing_encoder_is_named(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text('base_model = "/nowhere"')
    done = processes.run(["retrain/run.py", "run", "--as-of", "2027-01-01T00:00:00Z"], shop.environment | {"INTENTWATCH_RECIPE": str(tmp_path / "recipe.toml")})
    assert done.returncode == 3
    assert "no encoder at /nowhere" in done.stderr.splitlines()[-1]


def test_without_labels_a_run_says_what_to_do(database: str, tmp_path: Path) -> None:
    environment = {"INTENTWATCH_DATABASE_URL": database, "INTENTWATCH_MODELS": str(tmp_path)}
    done = processes.run(["retrain/run.py", "run"], environment)
    assert done.returncode == 75
    assert "services.labels corpus" in done.stderr.splitlines()[-1]
