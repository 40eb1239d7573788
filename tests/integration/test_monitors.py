"""Logs -> windows -> labels -> decisions on real parts: three schedulers do each job once, and a
replay takes the very same decisions.
"""

import contextlib
import datetime as dt
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import past
import processes
import pytest
import sqlalchemy as sa
import traffic
from kafka import KafkaProducer

from retrain import store as retrain_store
from retrain.decide.history import store as history_store
from schemas import present, signals, topics
from streams import connect

BEGIN = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)
DAYS, A_DAY = 4, 720
EMPTY = [
    "--logs",
    "/dev/null",
    "--labels",
    "/dev/null",
    "--reference-until",
    "2026-04-21T00:00:00Z",
]
HOURS = DAYS * 24 + 1  # the last 60 messages close one hour more
COMPLETE = "select count(*) from window_state where horizon = '1d' and complete"


def history() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Two calm days, then two in which answers are unsure, wrong and nearly all of one intent;
    every second message is sampled and labelled.
    """
    rng = random.Random(11)
    logs, labels = [], []
    for number in range(DAYS * A_DAY + 60):
        ts = BEGIN + dt.timedelta(days=number / A_DAY)
        drifted = number >= 2 * A_DAY
        intent = "chitchat" if drifted and rng.random() < 0.5 else rng.choice(present.INTENTS)
        right = rng.random() < (0.55 if drifted else 0.94)
        confidence = rng.uniform(0.3, 0.9) if drifted else rng.uniform(0.85, 1.0)
        log = {
            "v": 1,
            "ts": ts.isoformat().replace("+00:00", "Z"),
            "model": "v1",
            "req_id": f"r{number}",
            "latency_ms": 5.0,
        }
        log |= {"intent": intent, "confidence": confidence, "tokens": 9, "script": "latin"}
        if number % 2:
            log["sample"] = {"queue": "measure", "p": 0.5, "text": f"an invented message {number}"}
            other = present.INTENTS[(present.INDEX[intent] + 1) % 10]
            given = (ts + dt.timedelta(hours=3)).isoformat()
            labels.append(
                {
                    "req_id": f"r{number}",
                    "intent": intent if right else other,
                    "annotator": "a1",
                    "labelled_at": given,
                    "action": "label",
                }
            )
        logs.append(log)
    return logs, labels


@pytest.fixture
def stage(
    kafka: str, database: str, new_topic: Callable[..., topics.Topic], tmp_path: Path
) -> dict[str, str]:
    """A database with a champion and its reference; the logs and labels of the history in files and
    in place.
    """
    logs, labels = history()
    topic = new_topic()
    producer = KafkaProducer(bootstrap_servers=kafka, acks="all")
    for log in logs:
        producer.send(topic.name, traffic.encode(log), key=log["req_id"].encode())
    producer.close()
    for name, rows in (("logs", logs), ("labels", labels)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "reference.json").write_text(json.dumps(past.REFERENCE_OF_ALL))
    (tmp_path / "policy.toml").write_text(
        '[signals.live_accuracy]\nhorizon = "1d"\n[trigger]\ncollapse_margin = 0.5\n'
    )
    engine = connect.engine(database, poolclass=sa.NullPool)
    past.champion(engine, BEGIN - dt.timedelta(days=30), past.REFERENCE_OF_ALL)
    environment = {
        "INTENTWATCH_KAFKA": kafka,
        "INTENTWATCH_DATABASE_URL": database,
        "INTENTWATCH_TEST_CLOCK": "1",
        "INTENTWATCH_TOPIC": topic.name,
    }
    return environment | {"INTENTWATCH_POLICY": str(tmp_path / "policy.toml")}


def test_the_line_from_log_to_decision_and_its_replay(
    stage: dict[str, str], tmp_path: Path
) -> None:
    done = processes.run(
        ["-m", "services.labels", "import", str(tmp_path / "labels.jsonl"), "--json"], stage
    )
    assert json.loads(done.stdout)["orphans"] == DAYS * A_DAY // 2 + 30, (
        "labels may come before their messages"
    )
    with processes.running(["-m", "streams", "worker"], stage, tmp_path / "worker"):
        assert processes.eventually(lambda: scalar(stage, COMPLETE) == DAYS), (
            tmp_path / "worker"
        ).read_text()
    with contextlib.ExitStack() as stack:
        three = [
            stack.enter_context(
                processes.running(["-m", "services.scheduler"], stage, tmp_path / f"s{i}")
            )
            for i in range(3)
        ]
        assert processes.eventually(
            lambda: scalar(stage, "select count(*) from decision") == HOURS, timeout_s=240
        )
        for scheduler in three:
            scheduler.terminate()
        assert [scheduler.wait(30) for scheduler in three] == [0, 0, 0]
    lines = [line for i in range(3) for line in (tmp_path / f"s{i}").read_text().splitlines()]
    assert sum(line.startswith("[MONITOR_HOURLY]") for line in lines) == HOURS, (
        "each due job ran once"
    )
    assert sum(line.startswith("[MONITOR_DAILY]") for line in lines) == DAYS
    check_decisions(stage, lines)
    check_quality(stage)
    check_measured(stage)
    check_replay(stage, tmp_path)
    check_replay_400_days_later(stage, tmp_path)


def scalar(stage: dict[str, str], query: str) -> int:
    with connect.engine(
        stage["INTENTWATCH_DATABASE_URL"], poolclass=sa.NullPool
    ).connect() as connection:
        return int(connection.execute(sa.text(query)).scalar_one())


def check_decisions(stage: dict[str, str], lines: list[str]) -> None:
    taken = processes.show("decisions", stage)
    (retrain,) = [decision for decision in taken if decision["decision"] == "retrain"]
    assert retrain["cause"] == "language"
    assert {reason["signal"] for reason in retrain["reasons"] if reason["breached"]} >= {
        "live_accuracy",
        "low_confidence_rate",
        "intent_mix_kl",
    }
    (alert,) = [line for line in lines if line.startswith("[ALERT]")]
    assert alert == (
        '[ALERT] retrain_trigger=true reason="live accuracy degradation + drift + low confidence"'
    )
    calm = [
        decision["hold_reason"] for decision in taken if decision["at"] <= "2026-04-22T00:00:00Z"
    ]
    assert set(calm) <= {"HEALTHY", "WATCHING", "TOO_FEW_LABELS", "TOO_FEW_LOGS"}
    (run,) = processes.show("runs", stage)
    assert (run["id"], run["decision_id"], run["state"]) == (
        retrain["run_id"],
        retrain["id"],
        "queued",
    )
    after = [decision["hold_reason"] for decision in taken if decision["at"] > retrain["at"]]
    assert set(after) <= {"RUN_IN_PROGRESS", "COOLING_DOWN"}


def check_measured(stage: dict[str, str]) -> None:
    """Beside what the policy judges every label-free signal is on record, with neither verdict nor
    level; decisions rest on none of them.

    Of 30 logs an hour p95 latency and errors are judged by the day.
    """
    rows = processes.show("signals", stage)
    judged = [row for row in rows if row["verdict"]]
    # There is no earlier week to find anything missing or a spike in.
    of_earlier = {"data_missing", "escalation_spike", "fallback_spike"}
    everything = {signal.name for signal in signals.ALL}
    assert {row["signal"] for row in judged} == everything - of_earlier
    assert {row["intent"] for row in judged} == {None}
    end = "2026-04-24T00:00:00Z"
    day = [
        row for row in rows if row["horizon"] == "1d" and row["end"] == end and not row["verdict"]
    ]
    assert all((row["level"], row["in_breach"]) == (None, False) and row["n"] > 0 for row in day)
    whole = {row["signal"]: row for row in day if row["intent"] is None}
    assert set(whole) == {
        "p50_latency_ms",
        "p99_latency_ms",
        "fallback_rate",
        "mean_confidence",
        "mean_tokens",
        "script_mix_kl",
        "conversation_share",
        "tokens_lost",
    }
    assert (
        whole["mean_tokens"]["value"],
        whole["mean_tokens"]["n"],
        whole["mean_tokens"]["low"],
    ) == (9.0, A_DAY, None)
    assert (
        whole["mean_confidence"]["low"]
        < whole["mean_confidence"]["value"]
        < whole["mean_confidence"]["high"]
    )
    (kl,) = [row for row in judged if (row["signal"], row["end"]) == ("intent_mix_kl", end)]
    for name, total in (("intent_share", 1.0), ("intent_mix_kl", kl["value"])):
        parts = [row["value"] for row in day if row["signal"] == name and row["intent"]]
        assert len(parts) == len(present.INTENTS)
        assert sum(parts) == pytest.approx(total)
    assert {row["horizon"] for row in rows} == {"1h", "1d", "7d"}


def check_quality(stage: dict[str, str]) -> None:
    days = [
        row
        for row in processes.show("quality", stage)
        if row["metric"] == "live_accuracy" and row["maturity"] == "mature"
    ]
    assert days
    assert all(
        row["low"] <= row["estimate"] <= row["high"] and row["n_labels"] > 300 for row in days
    )
    assert days[0]["estimate"] == pytest.approx(0.94, abs=0.04)


def check_replay(stage: dict[str, str], tmp_path: Path) -> None:
    live = {decision["at"]: decision for decision in processes.show("decisions", stage)}
    before = processes.show("runs", stage)
    done = processes.run(
        ["retrain/run.py", "replay", "--json", "--to", "2026-04-24T00:00:00Z"], stage
    )
    assert done.returncode == 10, done.stderr
    again = [json.loads(line) for line in done.stdout.splitlines()]
    wanted = [at for at in live if at <= "2026-04-24T00:00:00Z"]
    assert [decision["at"] for decision in again] == wanted
    assert [decision["sha256"] for decision in again] == [live[at]["sha256"] for at in wanted]
    assert processes.show("runs", stage) == before, "a replay has no side effect"
    incidents = tmp_path / "incidents.jsonl"
    incidents.write_text(
        '{"id":"i1","kind":"language","started":"2026-04-22T00:00:00Z","ended":null,"model":"v1"}\n'
    )
    scored = json.loads(
        processes.run(
            ["retrain/run.py", "replay", "--json", "--incidents", str(incidents)], stage
        ).stdout.splitlines()[-1]
    )
    from_files = [
        "--logs",
        str(tmp_path / "logs.jsonl"),
        "--labels",
        str(tmp_path / "labels.jsonl"),
        "--reference",
        str(tmp_path / "reference.json"),
    ]
    filed = processes.run(
        ["retrain/run.py", "replay", "--json", "--incidents", str(incidents), *from_files],
        stage | {"INTENTWATCH_DATABASE_URL": ""},
    )
    assert filed.returncode == 10, filed.stderr
    *decisions, always, never, weekly, score = [
        json.loads(line) for line in filed.stdout.splitlines()
    ]
    kinds = {decision["at"]: decision["decision"] for decision in decisions}
    assert {at: kind for at, kind in kinds.items() if kind == "retrain"} == {
        at: "retrain" for at in wanted if live[at]["decision"] == "retrain"
    }
    assert (score["hits"], score["misses"], score["false_alarms"]) == (1, 0, 0)
    assert 0 < score["delay_hours"] <= 24
    same = ("hits", "misses", "false_alarms", "delay_messages", "delay_hours", "retrains")
    assert [scored[name] for name in same] == [score[name] for name in same], (
        "from rows as from files"
    )
    assert 0 < scored["labels_used"] <= score["labels_used"], (
        "the last hour is complete only in the files"
    )
    assert [one["policy"] for one in (always, never, weekly)] == ["always", "never", "weekly"]
    assert [one["retrains"] for one in (always, never, weekly)] == [1, 0, 0]


def check_replay_400_days_later(stage: dict[str, str], tmp_path: Path) -> None:
    """One log moves the stream's clock by 400 days, and retention drops what those decisions were
    counted from.
    """
    live = processes.show("decisions", stage)
    later = {
        "v": 1,
        "ts": (BEGIN + dt.timedelta(days=400)).isoformat(),
        "model": "v1",
        "req_id": "later",
        "latency_ms": 5.0,
        "error": "timeout",
    }
    producer = KafkaProducer(bootstrap_servers=stage["INTENTWATCH_KAFKA"], acks="all")
    producer.send(stage["INTENTWATCH_TOPIC"], traffic.encode(later), key=b"later")
    producer.close()
    assert hour_panes(stage) > 0
    with processes.running(["-m", "streams", "worker"], stage, tmp_path / "worker"):
        assert processes.eventually(lambda: hour_panes(stage) == 1), (
            tmp_path / "worker"
        ).read_text()
    done = processes.run(["retrain/run.py", "replay", "--json", "--to", live[-1]["at"]], stage)
    assert done.returncode == 10, done.stderr
    assert [json.loads(line)["sha256"] for line in done.stdout.splitlines()] == [
        decision["sha256"] for decision in live
    ]


def hour_panes(stage: dict[str, str]) -> int:
    """Hours of which panes are kept."""
    return scalar(stage, "select count(distinct start) from pane_hour")


def test_a_policy_that_never_fires_exits_0(stage: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "deaf.toml").write_text(
        "[signals.live_accuracy]\nmin_n = 1000000\n[signals.rare_recall]\nmin_n = 1000000\n"
    )
    argv = [
        "--policy",
        str(tmp_path / "deaf.toml"),
        "--logs",
        str(tmp_path / "logs.jsonl"),
        "--labels",
        str(tmp_path / "labels.jsonl"),
    ]
    done = processes.run(
        ["retrain/run.py", "replay", "--json", "--reference-until", "2026-04-21T00:00:00Z", *argv],
        stage,
    )
    assert done.returncode == 0, done.stderr
    assert {json.loads(line)["policy"] for line in done.stdout.splitlines()} == {
        str(tmp_path / "deaf.toml")
    }


@pytest.mark.parametrize(
    ("argv", "status", "says"),
    [
        (["--labels", "labels.jsonl"], 2, "go with --logs or --topic"),
        (
            ["--from", "2026-04-25T00:00:00Z", "--to", "2026-04-24T00:00:00Z"],
            2,
            "--from lies after --to",
        ),
        (["--policy", "/nowhere.toml"], 3, "cannot read policy /nowhere.toml"),
        (
            [
                "--logs",
                "/nowhere.jsonl",
                "--labels",
                "/nowhere.jsonl",
                "--reference-until",
                "2026-04-21T00:00:00Z",
            ],
            2,
            "cannot read /nowhere.jsonl",
        ),
        (["--logs", "/nowhere.jsonl"], 2, "--logs needs --labels"),
        (["--from", "yesterday"], 2, "is no RFC 3339 time"),
        (["--from", "0001-01-01T00:00:00+02:00"], 2, "is not between 2000 and 2200"),
        (["--to", "9999-12-31T23:59:59-02:00"], 2, "is not between 2000 and 2200"),
        ([*EMPTY, "--html", "/nowhere/page.html"], 2, "cannot write /nowhere/page.html"),
        (["--topic", "t"], 2, "--topic needs --labels"),
        (["--topic", "t", "--logs", "l.jsonl"], 2, "give one of them"),
        (
            ["--topic", "t", "--labels", "/dev/null", "--reference-until", "2026-04-21T00:00:00Z"],
            3,
            "INTENTWATCH_KAFKA is not set",
        ),
    ],
)
def test_a_wrong_replay_is_refused_in_one_line(argv: list[str], status: int, says: str) -> None:
    done = processes.run(["retrain/run.py", "replay", *argv], {})
    assert done.returncode == status
    assert says in done.stderr.splitlines()[-1]


def test_an_incident_is_opened_and_closed(database: str) -> None:
    environment = {"INTENTWATCH_DATABASE_URL": database}
    opened = processes.run(
        [
            "-m",
            "services.scheduler",
            "incident",
            "open",
            "--kind",
            "wrong_route",
            "--intent",
            "faq",
            "--count",
            "12",
        ],
        environment,
    )
    assert opened.returncode == 0
    closed = processes.run(
        ["-m", "services.scheduler", "incident", "close", "--kind", "wrong_route"], environment
    )
    assert closed.stdout.strip() == "1"
    again = processes.run(
        ["-m", "services.scheduler", "incident", "close", "--kind", "wrong_route"], environment
    )
    assert (again.returncode, again.stdout) == (2, "")
    assert "nothing of kind wrong_route is open" in again.stderr


@pytest.mark.parametrize("action", ["open", "close"])
def test_a_word_that_would_act_as_another_is_refused(action: str) -> None:
    done = processes.run(["-m", "services.scheduler", "incident", action, "--kind", "paused"], {})
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        "the nearest is pause, and there are pause, wrong_route, complaints, escalations"
        in done.stderr
    )


def test_what_is_open_is_listed_and_an_unknown_kind_of_before_counts_for_nothing(
    database: str,
) -> None:
    environment = {"INTENTWATCH_DATABASE_URL": database}
    incident = ["-m", "services.scheduler", "incident"]
    assert processes.run([*incident, "list"], environment).stdout == "nothing is open\n"
    assert (
        processes.run(
            [
                *incident,
                "open",
                "--kind",
                "complaints",
                "--intent",
                "faq",
                "--count",
                "3",
                "--at",
                "2026-04-20T02:00:00+02:00",
            ],
            environment,
        ).returncode
        == 0
    )
    assert (
        processes.run(
            [*incident, "open", "--kind", "pause", "--at", "2026-04-21T00:00:00Z"], environment
        ).returncode
        == 0
    )
    with connect.engine(database, poolclass=sa.NullPool).begin() as connection:
        connection.execute(
            sa.text("insert into incident (id, kind, started) values ('old', 'paused', :at)"),
            {"at": BEGIN - dt.timedelta(days=1)},
        )
        connection.execute(
            sa.text(
                "insert into promotion (model, kind, at, by) values ('v1', 'promote', :at, 'test')"
            ),
            {"at": BEGIN},
        )
        past = history_store.past(
            connection,
            retrain_store.champion(connection, BEGIN + dt.timedelta(days=2)),
            BEGIN + dt.timedelta(days=2),
        )
    assert (past.paused, past.incidents) == (True, 1)
    done = processes.run([*incident, "list", "--json"], environment)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["kind"], row["since"], row["intent"], row["count"]) for row in rows] == [
        ("paused", "2026-04-19T00:00:00Z", None, None),
        ("complaints", "2026-04-20T00:00:00Z", "faq", 3),
        ("pause", "2026-04-21T00:00:00Z", None, None),
    ]
    assert "of kind 'paused'" in done.stderr
    assert "count for nothing" in done.stderr
    table = processes.run([*incident, "list"], environment).stdout.splitlines()
    assert (table[0].split(), len(table)) == (["id", "kind", "since", "intent", "count"], 4)
