"""Labels in every order and form: history kept, bad lines named, nothing lost."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import processes
import pytest
import sqlalchemy as sa

from schemas import tables

AT = "2026-04-20T16:00:00Z"


@pytest.fixture
def environment(database: str) -> dict[str, str]:
    engine = sa.create_engine(database, poolclass=sa.NullPool)
    rows = [
        {"req_id": f"r{i}", "model": "v1", "role": "champion", "ts": dt.datetime(2026, 4, 20, i, tzinfo=dt.UTC), "intent": "faq", "confidence": 0.5,
         "second_intent": "chitchat", "script": "latin", "queue": "measure" if i % 2 else "train", "p": 0.5, "text": f"an invented message {i}"}
        for i in range(6)
    ]  # fmt: skip
    with engine.begin() as connection:
        connection.execute(sa.insert(tables.sampled_prediction), rows)
    return {"INTENTWATCH_DATABASE_URL": database}


def label(req_id: str, intent: str | None, annotator: str = "a1", at: str = AT, action: str = "label") -> dict[str, Any]:
    return {"req_id": req_id, "intent": intent, "annotator": annotator, "labelled_at": at, "action": action}


def imported(environment: dict[str, str], tmp_path: Path, *lines: object) -> tuple[int, dict[str, Any]]:
    file = tmp_path / "labels.jsonl"
    file.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    done = processes.run(["-m", "services.labels", "import", str(file), "--json"], environment)
    return done.returncode, json.loads(done.stdout)


def test_good_lines_are_committed_and_bad_ones_named(environment: dict[str, str], tmp_path: Path) -> None:
    status, report = imported(environment, tmp_path, label("r1", "faq"), "{bad", label("r2", "weather"), label("r9", "faq"), label("r2", None))
    assert status == 5
    assert (report["read"], report["joined"], report["orphans"]) == (5, 1, 1)
    assert [bad["line"] for bad in report["rejected"]] == [2, 3, 5]
    assert current(environment) == {"r1": "faq"}


def current(environment: dict[str, str]) -> dict[str, str]:
    done = processes.run(["-m", "services.labels", "export"], environment)
    return {row["req_id"]: row["intent"] for row in map(json.loads, done.stdout.splitlines())}


def test_relabels_conflicts_and_retractions_keep_their_history(environment: dict[str, str], tmp_path: Path) -> None:
    imported(environment, tmp_path, label("r1", "faq"), label("r2", "faq"))
    _, report = imported(environment, tmp_path, label("r1", "chitchat", at="2026-04-20T17:00:00Z"), label("r2", "promotion", annotator="a2"))
    assert (report["relabels"], report["conflicts"]) == (1, 1)
    assert current(environment)["r1"] == "chitchat"
    imported(environment, tmp_path, label("r1", None, at="2026-04-20T18:00:00Z", action="retract"))
    assert "r1" not in current(environment)
    status = json.loads(processes.run(["-m", "services.labels", "status", "--json"], environment).stdout)
    assert status["labels"] == 5


def test_the_same_file_twice_adds_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    lines = [label("r1", "faq"), label("r2", "faq")]
    imported(environment, tmp_path, *lines)
    _, report = imported(environment, tmp_path, *lines)
    assert report["relabels"] == 0
    assert json.loads(processes.run(["-m", "services.labels", "status", "--json"], environment).stdout)["labels"] == 2


def test_csv_has_the_same_header(environment: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text(f'req_id,intent,also,annotator,labelled_at,action\nr1,faq,"promotion,chitchat",a1,{AT},label\nr2,weather,,a1,{AT},label\n')
    done = processes.run(["-m", "services.labels", "import", str(file), "--json"], environment)
    assert done.returncode == 5
    assert [bad["line"] for bad in json.loads(done.stdout)["rejected"]] == [3]
    assert current(environment) == {"r1": "faq"}


def test_the_queue_shows_the_measure_sample_first_with_its_rules(environment: dict[str, str], tmp_path: Path) -> None:
    imported(environment, tmp_path, label("r1", "faq"))
    done = processes.run(["-m", "services.labels", "next"], environment)
    waiting = [json.loads(line) for line in done.stdout.splitlines()]
    assert [item["req_id"] for item in waiting] == ["r3", "r5", "r0", "r2", "r4"]
    assert set(waiting[0]["rules"]) == {"faq", "chitchat"}


def test_a_missing_file_is_a_usage_error(environment: dict[str, str]) -> None:
    done = processes.run(["-m", "services.labels", "import", "/nowhere.jsonl"], environment)
    assert done.returncode == 2
    assert "cannot read /nowhere.jsonl" in done.stderr


def test_the_corpus_takes_labelled_messages_and_names_the_others(environment: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "corpus.jsonl"
    rows = [
        {"text": "hello there", "intent": "chitchat"},
        {"text": "", "intent": "faq"},
        {"text": "x", "intent": None},
        {"text": "hello there", "intent": "chitchat"},
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = processes.run(["-m", "services.labels", "corpus", str(file)], environment)
    assert done.returncode == 5
    report = json.loads(done.stdout)
    assert (report["added"], [bad["line"] for bad in report["rejected"]]) == (1, [2, 3])
