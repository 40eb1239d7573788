"""A second shop, a bank with 77 intents: trained, gated, served, counted, judged and replayed with
nothing changed but its taxonomy file.

Its messages are other people's and stand beside the project, in ../shared/data/bank: they are read
from there and from nowhere else.
"""

import contextlib
import datetime as dt
import gzip
import http.client
import json
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import processes
import pytest

from schemas import topics
from services import ports

BANK = Path(__file__).parents[3] / "shared" / "data" / "bank"
POLICY = """
taxonomy = "bank-1"
[trigger]
promotion = "auto"
[gates]
min_accuracy = 0.2
min_macro_f1 = 0.1
max_ece = 0.6
p95_latency_ms = 1000
[labels]
min_to_train = 100
min_p = 1.0
[signals.low_confidence_rate]
min_n = 20
horizon = "1h"
enter = 0.01
leave = 0.005
"""
RECIPE = "rows = 2000\nepochs = 3\nlearning_rate = 1e-3\nmax_tokens = 32\n"
OPENING = dt.datetime(2026, 4, 20, 9, tzinfo=dt.UTC)
TRAINED, ASKED = (
    24,
    4,
)  # messages of each intent: to learn from, and in the traffic of each of two hours


@pytest.fixture(scope="module")
def messages() -> dict[str, list[str]]:
    """The bank's messages by intent."""
    if not (BANK / "base.jsonl.gz").is_file():
        pytest.fail(
            f"{BANK} is missing: this test needs a second shop's messages, "
            "base.jsonl.gz and taxonomy.toml, beside the project"
        )
    by_intent: dict[str, list[str]] = {}
    for line in gzip.decompress((BANK / "base.jsonl.gz").read_bytes()).splitlines():
        row = json.loads(line)
        by_intent.setdefault(row["intent"], []).append(row["text"])
    return by_intent


@pytest.fixture
def environment(
    messages: dict[str, list[str]],
    kafka: str,
    database: str,
    new_topic: Callable[..., topics.Topic],
    tmp_path: Path,
) -> dict[str, str]:
    rows = [
        {"text": text, "intent": intent}
        for intent, texts in messages.items()
        for text in texts[:TRAINED]
    ]
    written(tmp_path / "corpus.jsonl", rows)
    for name, text in (("policy.toml", POLICY), ("recipe.toml", RECIPE)):
        (tmp_path / name).write_text(text)
    return {
        "INTENTWATCH_TAXONOMY": str(BANK / "taxonomy.toml"),
        "INTENTWATCH_KAFKA": kafka,
        "INTENTWATCH_DATABASE_URL": database,
        "INTENTWATCH_MODELS": str(tmp_path / "models"),
        "INTENTWATCH_POLICY": str(tmp_path / "policy.toml"),
        "INTENTWATCH_RECIPE": str(tmp_path / "recipe.toml"),
        "INTENTWATCH_TOPIC": new_topic(1).name,
        "INTENTWATCH_TEST_CLOCK": "1",
        # Threads that wait spin otherwise, which is dear beside another test process.
        "OMP_WAIT_POLICY": "PASSIVE",
        "INTENTWATCH_GATEWAY_PORT": str(ports.free(1)[0]),
    }


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def ask(port: str, at: dt.datetime, texts: list[str]) -> list[dict[str, Any]]:
    body = json.dumps({"messages": [{"text": text} for text in texts]})
    with contextlib.closing(
        http.client.HTTPConnection("127.0.0.1", int(port), timeout=60)
    ) as connection:
        connection.request(
            "POST",
            "/classify",
            body,
            {"Content-Type": "application/json", "X-Event-Time": at.isoformat()},
        )
        answer = connection.getresponse()
        content = json.loads(answer.read())
    assert answer.status == 200, content
    return list(content["results"])


@contextlib.contextmanager
def standing(environment: dict[str, str], place: Path, *names: str) -> Iterator[None]:
    commands = {
        "gateway": ["-m", "services.gateway"],
        "streams": ["-m", "streams", "worker"],
        "scheduler": ["-m", "services.scheduler"],
    }
    with contextlib.ExitStack() as stack:
        for name in names:
            stack.enter_context(
                processes.running(commands[name], environment, place / f"{name}.log")
            )
        yield


def test_a_bank_is_trained_gated_served_counted_judged_and_replayed(
    environment: dict[str, str], messages: dict[str, list[str]], tmp_path: Path
) -> None:
    intents = list(tomllib.loads((BANK / "taxonomy.toml").read_text())["intents"])
    assert len(intents) == 77
    assert (
        processes.run(
            ["-m", "services.labels", "corpus", str(tmp_path / "corpus.jsonl")], environment
        ).returncode
        == 0
    )
    done = processes.run(
        ["retrain/run.py", "run", "--as-of", OPENING.isoformat()], environment, timeout_s=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    port = environment["INTENTWATCH_GATEWAY_PORT"]
    with standing(environment, tmp_path, "gateway", "streams"):
        assert processes.eventually(lambda: ports.listening(int(port)), 120), (
            tmp_path / "gateway.log"
        ).read_text()
        means = two_hours(port, messages)
        wanted = len(means)
        assert processes.eventually(lambda: counted(environment) == wanted, 120), (
            f"{counted(environment)} of {wanted}"
        )
        labelled(environment, means, tmp_path)
        with standing(environment, tmp_path, "scheduler"):
            assert processes.eventually(
                lambda: len(processes.show("decisions", environment)) == 2, 120
            ), (tmp_path / "scheduler.log").read_text()
    judged(environment, intents)
    (model,) = (tmp_path / "models").glob("v1")
    assert json.loads((model / "labels.json").read_text()) == intents


def two_hours(port: str, messages: dict[str, list[str]]) -> dict[str, str]:
    """Messages that training never saw, through the gateway, and one later that closes the second
    hour; by request what each means.
    """
    means: dict[str, str] = {}
    for hour in (0, 1):
        begin = TRAINED + hour * ASKED // 2
        asked = [
            (intent, text)
            for intent, texts in messages.items()
            for text in texts[begin : begin + ASKED // 2]
        ]
        for i in range(0, len(asked), 64):
            part = asked[i : i + 64]
            answers = ask(
                port,
                OPENING + dt.timedelta(hours=hour, minutes=1 + i // 8),
                [text for _, text in part],
            )
            means |= {
                answer["req_id"]: intent for answer, (intent, _) in zip(answers, part, strict=True)
            }
    (last,) = ask(port, OPENING + dt.timedelta(hours=2, minutes=10), ["hello"])
    return means | {last["req_id"]: "age_limit"}


def counted(environment: dict[str, str]) -> int:
    return sum(window["n"] for window in processes.show("windows", environment, "--horizon", "1h"))


def labelled(environment: dict[str, str], means: dict[str, str], place: Path) -> None:
    """Every sampled message of the first hour gets its label before the second one ends."""
    at = (OPENING + dt.timedelta(hours=1, minutes=30)).isoformat()
    waiting = processes.run(["-m", "services.labels", "next", "--limit", "2000"], environment)
    asked = [json.loads(line) for line in waiting.stdout.splitlines()]
    assert asked, waiting.stderr
    assert all(row["likely"] for row in asked), (
        "the bank's guideline has no rules, its messages have likely intents all the same"
    )
    rows = [
        {
            "req_id": row["req_id"],
            "intent": means[row["req_id"]],
            "annotator": "a1",
            "labelled_at": at,
        }
        for row in asked
    ]
    done = processes.run(
        ["-m", "services.labels", "import", str(written(place / "labels.jsonl", rows)), "--json"],
        environment,
    )
    assert (done.returncode, json.loads(done.stdout)["joined"]) == (0, len(rows))


def judged(environment: dict[str, str], intents: list[str]) -> None:
    (first, second, _) = processes.show("windows", environment, "--horizon", "1h")
    for window in (first, second):
        assert list(window["intent_counts"]) == intents
        assert sum(window["intent_counts"].values()) == window["n"] == 77 * ASKED // 2
    signals = {
        s["signal"]: s
        for s in processes.show("signals", environment)
        if s["intent"] is None and s["end"] == second["end"]
    }
    assert signals["low_confidence_rate"]["in_breach"]
    assert signals["live_accuracy"]["n"] > 77
    recalls = {
        q["intent"] for q in processes.show("quality", environment) if q["metric"] == "recall"
    }
    assert recalls == set(intents)
    taken = [
        (d["at"], d["decision"], d["sha256"]) for d in processes.show("decisions", environment)
    ]
    done = processes.run(["retrain/run.py", "replay", "--json"], environment)
    again = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(d["at"], d["decision"], d["sha256"]) for d in again] == taken
    doctor = processes.run(["-m", "services.doctor", "scheduler"], environment)
    assert "bank-1, 77 intents" in doctor.stdout
