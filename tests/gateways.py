"""The gateway's own process with a model that one can read, customers who ask it, and what of their
answers has come to Kafka.
"""

import contextlib
import dataclasses
import datetime as dt
import http.client
import json
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import processes
import sqlalchemy as sa
import wordmodel
from faults import kafka_log

from schemas import tables
from services import ports
from streams import connect


@dataclasses.dataclass
class Gateway:
    """Where it answers, what it is told and what it says. `answered`: the ids it has given out."""

    port: int
    environment: dict[str, str]
    log: Path
    answered: list[str] = dataclasses.field(default_factory=list)
    answered_at: list[float] = dataclasses.field(default_factory=list)  # of each, by the monotonic
    refused: int = 0

    @property
    def spool(self) -> Path:
        return Path(self.environment["INTENTWATCH_SPOOL"])

    @property
    def arguments(self) -> list[str]:
        return ["-m", "services.gateway"]

    def ask(self, count: int = 1, timeout_s: float = 30) -> bool:
        """One request of so many messages; whether it was answered."""
        body = {"messages": [{"text": "faq"}] * count}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        try:
            connection.request("POST", "/classify", json.dumps(body))
            answer = connection.getresponse()
            content = json.loads(answer.read())
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        if answer.status != 200:
            self.refused += 1
            return False
        self.answered += [result["req_id"] for result in content["results"]]
        self.answered_at += [time.monotonic()] * count
        return True

    def metrics(self) -> dict[str, float]:
        """What /metrics says of serving logs, without the prefix."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        prefix = "intentwatch_gateway_"
        lines = [line for line in text.splitlines() if line.startswith(prefix)]
        pairs = [line.removeprefix(prefix).rsplit(" ", 1) for line in lines]
        return {name: float(value) for name, value in pairs}

    def ledger(self) -> tuple[int, int, int, int]:
        """Emitted, acknowledged, held, given up; they add up."""
        shown = self.metrics()
        emitted, acknowledged, given_up = (
            int(shown[f'serving_logs_total{{state="{state}"}}'])
            for state in ("emitted", "acknowledged", "given_up")
        )
        held = int(shown["serving_logs_held"])
        assert emitted == acknowledged + held + given_up
        return emitted, acknowledged, held, given_up

    def started(self) -> bool:
        return ports.listening(self.port) and self.ask()

    @contextlib.contextmanager
    def running(self) -> Iterator["subprocess.Popen[bytes]"]:
        """Its process, answering."""
        with processes.running(self.arguments, self.environment, self.log) as process:
            assert processes.eventually(self.started), self.said()
            yield process

    @contextlib.contextmanager
    def asked(self, a_second: float, count: int) -> Iterator[None]:
        """While inside, customers ask so many times a second for so many answers."""
        ended = threading.Event()

        def go_on() -> None:
            due = time.monotonic()
            while not ended.wait(max(0.0, due - time.monotonic())):
                due = max(due + 1 / a_second, time.monotonic() - 1)
                self.ask(count)

        thread = threading.Thread(target=go_on, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(40)

    def said(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""


def gateway(kafka: str, database: str, topic: str, directory: Path, **more: str) -> Gateway:
    """One that has not been started; `more`: further variables without their prefix."""
    (port,) = ports.free(1)
    wordmodel.written(directory / "models" / "v1")
    engine = connect.engine(database, poolclass=sa.NullPool)
    row = {"model": "v1", "kind": "promote", "at": dt.datetime.now(dt.UTC), "by": "test"}
    with engine.begin() as connection:
        connection.execute(sa.insert(tables.promotion).values(row))
    told = {
        "KAFKA": kafka,
        "DATABASE_URL": database,
        "TOPIC": topic,
        "MODELS": str(directory / "models"),
        "SPOOL": str(directory / "spool"),
        "GATEWAY_PORT": str(port),
    } | more
    environment = {f"INTENTWATCH_{name}": value for name, value in told.items()}
    return Gateway(port, environment | {"OMP_WAIT_POLICY": "PASSIVE"}, directory / "gateway.log")


def arrived(kafka: str, topic: str) -> Counter[str]:
    """How often each req_id is in the topic."""
    times_seen: Counter[str] = Counter()
    for records in kafka_log.stored(kafka, topic):
        for record in records:
            lines = record.value.split(b"\n") if record.batch else [record.value]
            times_seen.update(json.loads(line)["req_id"] for line in lines)
    return times_seen


def lost_and_doubled(answered: list[str], seen: Counter[str]) -> tuple[int, int]:
    """Answers without a log, and logs too many."""
    lost = set(answered) - seen.keys()
    return len(lost), sum(seen.values()) - len(seen)
