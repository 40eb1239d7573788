"""Labels in every order and form: history kept, bad lines named, nothing lost."""

import datetime as dt
import functools
import json
import subprocess
from pathlib import Path
from typing import Any

import builders
import processes
import pytest
import sqlalchemy as sa

from retrain import store as retrain_store
from retrain.decide.history.asked import store as sampled_messages
from schemas import policy, present, slices, tables
from services.labels import store
from streams import connect

AT = "2026-04-20T16:00:00Z"
label = functools.partial(builders.label, at=AT)


@pytest.fixture
def environment(database: str) -> dict[str, str]:
    engine = connect.engine(database, poolclass=sa.NullPool)
    rows = []
    for i in range(6):
        row = builders.sampled(
            f"r{i}",
            dt.datetime(2026, 4, 20, i, tzinfo=dt.UTC),
            second_intent="chitchat",
            queue="measure" if i % 2 else "train",
            text=f"an invented message {i}",
        )
        rows.append(row)
    with engine.begin() as connection:
        connection.execute(sa.insert(tables.sampled_prediction), rows)
    return {"INTENTWATCH_DATABASE_URL": database}


def imported(
    environment: dict[str, str], tmp_path: Path, *lines: object
) -> tuple[int, dict[str, Any]]:
    file = tmp_path / "labels.jsonl"
    file.write_text(
        "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    )
    done = processes.run(["-m", "services.labels", "import", str(file), "--json"], environment)
    return done.returncode, json.loads(done.stdout)


def test_good_lines_are_committed_and_bad_ones_named(
    environment: dict[str, str], tmp_path: Path
) -> None:
    status, report = imported(
        environment,
        tmp_path,
        label("r1", "faq"),
        "{bad",
        label("r2", "weather"),
        label("r9", "faq"),
        label("r2", None),
    )
    assert status == 5
    assert (report["read"], report["joined"], report["orphans"]) == (5, 1, 1)
    assert [bad["line"] for bad in report["rejected"]] == [2, 3, 5]
    assert current(environment) == {"r1": "faq"}


def status_of(environment: dict[str, str]) -> dict[str, Any]:
    status: dict[str, Any] = json.loads(
        processes.run(["-m", "services.labels", "status", "--json"], environment).stdout
    )
    return status


def waiting_in(environment: dict[str, str]) -> list[str]:
    return [
        json.loads(line)["req_id"]
        for line in processes.run(
            ["-m", "services.labels", "next"], environment
        ).stdout.splitlines()
    ]


def current(environment: dict[str, str]) -> dict[str, str]:
    done = processes.run(["-m", "services.labels", "export"], environment)
    return {row["req_id"]: row["intent"] for row in map(json.loads, done.stdout.splitlines())}


def in_conflict(environment: dict[str, str]) -> set[str]:
    rows = map(
        json.loads,
        processes.run(["-m", "services.labels", "export"], environment).stdout.splitlines(),
    )
    return {row["req_id"] for row in rows if row["conflict"]}


def test_relabels_conflicts_and_retractions_keep_their_history(
    environment: dict[str, str], tmp_path: Path
) -> None:
    imported(environment, tmp_path, label("r1", "faq"), label("r2", "faq"))
    _, report = imported(
        environment,
        tmp_path,
        label("r1", "chitchat", at="2026-04-20T17:00:00Z"),
        label("r2", "promotion", annotator="a2"),
    )
    assert (report["relabels"], report["conflicts"]) == (1, 1)
    assert current(environment)["r1"] == "chitchat"
    assert in_conflict(environment) == {"r2"}
    imported(
        environment,
        tmp_path,
        label("r2", None, annotator="a2", at="2026-04-20T18:00:00Z", action="retract"),
    )
    assert in_conflict(environment) == set()
    imported(environment, tmp_path, label("r1", None, at="2026-04-20T18:00:00Z", action="retract"))
    assert "r1" not in current(environment)
    assert status_of(environment)["labels"] == 6


def test_the_same_file_twice_adds_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    lines = [label("r1", "faq"), label("r2", "faq")]
    imported(environment, tmp_path, *lines)
    _, report = imported(environment, tmp_path, *lines)
    assert report["relabels"] == 0
    assert status_of(environment)["labels"] == 2


def test_csv_has_the_same_header(environment: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text(
        f'req_id,intent,also,annotator,labelled_at,action\nr1,faq,"promotion,chitchat",a1,{AT},label\nr2,weather,,a1,{AT},label\n'
    )
    done = processes.run(["-m", "services.labels", "import", str(file), "--json"], environment)
    assert done.returncode == 5
    assert [bad["line"] for bad in json.loads(done.stdout)["rejected"]] == [3]
    assert current(environment) == {"r1": "faq"}


def test_the_queue_shows_the_measure_sample_first_with_its_rules(
    environment: dict[str, str], tmp_path: Path
) -> None:
    imported(environment, tmp_path, label("r1", "faq"))
    done = processes.run(["-m", "services.labels", "next"], environment)
    waiting = [json.loads(line) for line in done.stdout.splitlines()]
    assert [item["req_id"] for item in waiting] == ["r3", "r5", "r0", "r2", "r4"]
    assert waiting[0]["likely"] == ["faq", "chitchat"] == list(waiting[0]["rules"])
    assert waiting[0]["between"] is None


def test_what_the_newest_verdicts_wait_for_is_told_and_asked_about(
    environment: dict[str, str],
) -> None:
    """135 labels of the rare intents by the newest decision, one of faq by its count; nothing that
    an older decision or another model waits for.
    """
    newest = builders.AT + dt.timedelta(hours=6)
    rare = {"signal": {"signal": "rare_recall"}, "verdict": "blind", "labels_needed": 135}
    old = {"signal": {"signal": "live_accuracy"}, "verdict": "blind", "labels_needed": 60}
    decisions = []
    for model, at, verdict in (
        ("v1", newest, rare),
        ("v1", builders.AT, old),
        ("v2", newest + dt.timedelta(hours=1), old),
    ):
        row: dict[str, Any] = {"decision": "hold", "reasons": [], "policy_sha256": "", "sha256": ""}
        row |= {
            "id": f"{model} {at}",
            "model": model,
            "at": at,
            "evidence": {"verdicts": [verdict]},
        }
        decisions.append(row)
    counts = {"estimate": 0.9, "n_predictions": 100, "maturity": "mature", "verdict": "ok"}
    counts |= {"model": "v1", "start": newest - dt.timedelta(days=7), "end": newest}
    recalls = [
        counts | {"metric": "recall", "intent": intent, "n_labels": n, "reference": reference}
        for intent, n, reference in (
            ("faq", 19, 0.9),
            ("chitchat", 0, None),
            ("promotion", 20, 0.8),
        )
    ]
    engine = connect.engine(environment["INTENTWATCH_DATABASE_URL"], poolclass=sa.NullPool)
    with engine.begin() as connection:
        promoted = {"model": "v1", "kind": "promote", "at": builders.AT, "by": "a person"}
        connection.execute(sa.insert(tables.promotion), promoted)
        connection.execute(sa.insert(tables.decision), decisions)
        as_of = [recall | {"as_of": newest} for recall in recalls]
        connection.execute(sa.insert(tables.quality), as_of)

    needs = status_of(environment)["needs"]
    waiting = processes.run(["-m", "services.labels", "next", "--limit", "1"], environment)

    assert [(need["intents"], need["labels"]) for need in needs] == [
        (list(present.RARE), 135),
        (["faq"], 1),
    ]
    why = json.loads(waiting.stdout)["why"]
    assert why == "1 more of faq are needed to see whether it is still understood"


def test_also_comes_out_as_it_went_in(environment: dict[str, str], tmp_path: Path) -> None:
    imported(
        environment,
        tmp_path,
        label("r1", "order_tracking") | {"also": ["product_discovery", "faq"]},
    )
    (row,) = map(
        json.loads,
        processes.run(["-m", "services.labels", "export"], environment).stdout.splitlines(),
    )
    assert (row["intent"], row["also"]) == ("order_tracking", ["product_discovery", "faq"])


def test_a_label_before_its_event_is_joined_when_that_comes(
    environment: dict[str, str], tmp_path: Path
) -> None:
    _, report = imported(environment, tmp_path, label("r9", "faq"))
    assert (
        report["joined"],
        report["orphans"],
        current(environment),
        status_of(environment)["orphans"],
    ) == (0, 1, {}, 1)
    row = builders.sampled("r9", dt.datetime(2026, 4, 21, tzinfo=dt.UTC))
    with connect.engine(
        environment["INTENTWATCH_DATABASE_URL"], poolclass=sa.NullPool
    ).begin() as connection:
        connection.execute(sa.insert(tables.sampled_prediction), row)
    assert current(environment) == {"r9": "faq"}
    assert status_of(environment)["orphans"] == 0
    assert "r9" not in waiting_in(environment)


def test_a_retracted_message_waits_again_unless_a_colleagues_label_holds(
    environment: dict[str, str], tmp_path: Path
) -> None:
    imported(
        environment,
        tmp_path,
        label("r1", "faq"),
        label("r3", "faq"),
        label("r3", "chitchat", annotator="a2", at="2026-04-20T15:00:00Z"),
    )
    later = {"at": "2026-04-20T17:00:00Z", "action": "retract"}
    imported(environment, tmp_path, label("r1", None, **later), label("r3", None, **later))
    assert current(environment) == {"r3": "chitchat"}
    assert waiting_in(environment) == ["r1", "r5", "r0", "r2", "r4"]
    assert status_of(environment)["waiting"] == 5
    imported(environment, tmp_path, label("r1", "promotion", at="2026-04-20T18:00:00Z"))
    assert current(environment) == {"r1": "promotion", "r3": "chitchat"}


def test_labels_out_of_order_end_where_ordered_ones_do(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """A retraction handed in before the older label it takes back, and a relabel before the label
    it replaces.
    """
    imported(
        environment,
        tmp_path,
        label("r1", None, at="2026-04-20T17:00:00Z", action="retract"),
        label("r3", "chitchat", at="2026-04-20T17:00:00Z"),
    )
    imported(environment, tmp_path, label("r1", "faq"), label("r3", "faq"))
    assert current(environment) == {"r3": "chitchat"}


def test_status_measures_agreement_and_latency(environment: dict[str, str], tmp_path: Path) -> None:
    with connect.engine(
        environment["INTENTWATCH_DATABASE_URL"], poolclass=sa.NullPool
    ).begin() as connection:
        connection.execute(
            sa.insert(tables.stream_clock),
            {"topic": "t", "watermark": dt.datetime(2026, 4, 21, 2, 30, tzinfo=dt.UTC)},
        )
    two = [
        label("r1", "faq", at="2026-04-20T01:30:00Z"),
        label("r1", "faq", annotator="a2"),
        label("r2", "promotion", at="2026-04-20T05:00:00Z"),
    ]
    imported(
        environment,
        tmp_path,
        *two,
        label("r2", "faq", annotator="a2"),
        label("r3", "faq"),
        label("r9", "faq"),
        label("r9", "faq", annotator="a2"),
    )
    status = status_of(environment)
    assert (status["doubly_labelled"], status["conflicts"]) == (2, 1)
    assert status["cohen"][0]["annotators"] == ["a1", "a2"]
    assert (
        status["cohen"][0]["n"],
        status["cohen"][0]["agreement"],
        status["cohen"][0]["kappa"],
    ) == (
        2,
        0.5,
        0.0,
    )
    assert status["krippendorff"]["n"] == 2
    # Messages at 0 to 5 o'clock, labels after half an hour, 3 and 13 hours; by 2:30 of the next day
    # three are a day old.
    assert [(point["hours"], point["n"], point["labelled"]) for point in status["latency"]][:4] == [
        (1, 6, 1),
        (4, 6, 2),
        (24, 3, 2),
        (48, 0, 0),
    ]
    shown = processes.run(["-m", "services.labels", "status"], environment).stdout
    assert "a1, a2  kappa 0.00" in shown
    assert "faq / promotion  1" in shown


def test_a_flood_of_one_source_trains_no_further_than_its_cap(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """Of the flood the first two count; where a third is the newest of its message, the colleague's
    older label does; nothing leaves the history.
    """
    flood = [
        label(f"r{i}", "chitchat", annotator="bot", at=f"2026-04-20T17:0{i}:00Z") for i in range(5)
    ]
    # They use up nothing of the cap.
    orphans = [label(f"unknown{i}", "chitchat", annotator="bot") for i in range(20)]
    imported(environment, tmp_path, *orphans, *flood, label("r0", "faq"), label("r4", "faq"))
    as_of = dt.datetime(2026, 4, 21, tzinfo=dt.UTC)
    with connect.engine(
        environment["INTENTWATCH_DATABASE_URL"], poolclass=sa.NullPool
    ).connect() as connection:
        capped = retrain_store.labelled_rows(connection, as_of, 2)
        all_of_them = retrain_store.labelled_rows(connection, as_of, 1000)
        before = retrain_store.labelled_rows(
            connection, as_of.replace(day=20, hour=16, minute=30), 1000
        )
    assert [(row["id"], row["intent"]) for row in capped] == [
        ("r0", "chitchat"),
        ("r1", "chitchat"),
        ("r4", "faq"),
    ]
    assert [row["intent"] for row in all_of_them] == ["chitchat"] * 5
    assert [(row["id"], row["intent"]) for row in before] == [("r0", "faq"), ("r4", "faq")]
    (tmp_path / "policy.toml").write_text("[labels]\nper_annotator_per_day = 2\n")
    status = status_of(environment | {"INTENTWATCH_POLICY": str(tmp_path / "policy.toml")})
    assert status["over_cap"] == [{"annotator": "bot", "day": "2026-04-20", "labels": 5, "over": 3}]
    assert status["labels"] == 27


def test_a_source_that_contradicts_everybody_is_neither_measured_with_nor_trained_on(
    environment: dict[str, str], tmp_path: Path
) -> None:
    engine = connect.engine(environment["INTENTWATCH_DATABASE_URL"], poolclass=sa.NullPool)
    start = dt.datetime(2026, 4, 22, 12, tzinfo=dt.UTC)
    minute = dt.timedelta(minutes=1)
    asked = [builders.sampled(f"q{i}", start + i * minute, confidence=0.9) for i in range(60)]
    with engine.begin() as connection:
        connection.execute(sa.insert(tables.sampled_prediction), asked)
        connection.execute(
            sa.insert(tables.stream_clock),
            {
                "topic": "intentwatch.serving_log.v1",
                "watermark": dt.datetime(2026, 4, 24, tzinfo=dt.UTC),
            },
        )
    people = [
        label(f"q{i}", "chitchat" if i % 15 == 0 else "faq", f"a{i % 3}", at="2026-04-22T18:00:00Z")
        for i in range(60)
    ]
    people[0] |= {"also": ["faq"]}
    bot = [label(f"q{i}", "promotion", "bot", at="2026-04-22T20:00:00Z") for i in range(60)]
    imported(environment, tmp_path, *people, *bot)
    (odd,) = status_of(environment)["aside"]
    assert (odd["annotator"], odd["n"], odd["right"]) == ("bot", 60, 0.0)
    end = dt.datetime(2026, 4, 24, tzinfo=dt.UTC)
    with engine.connect() as connection:
        measured = sampled_messages.sampled(
            connection, "v1", start, end, as_of=end, rules=policy.Labels()
        )
        later = end + dt.timedelta(days=20)  # a flood that is over for long does not train either
        trained = retrain_store.labelled_rows(
            connection, later, 1000, sampled_messages.doubts(connection, later, policy.Labels())
        )
    assert [present.INTENTS[place] for place in measured.label.tolist()] == [
        one["intent"] for one in people
    ]
    assert measured.also.tolist() == [[1 << present.INDEX["faq"]]] + [[0]] * 59
    assert measured.slices.tolist() == [slices.of("an invented message")] * 60
    assert [row["intent"] for row in trained] == [one["intent"] for one in people]


def test_a_file_may_have_more_lines_than_a_statement_has_parameters(
    environment: dict[str, str],
) -> None:
    many = {f"r{i}" for i in range(70_000)}
    with connect.engine(
        environment["INTENTWATCH_DATABASE_URL"], poolclass=sa.NullPool
    ).connect() as connection:
        assert set(store.sampled_requests(connection, many)) == {f"r{i}" for i in range(6)}
        assert store.labels_of(connection, many) == []


def test_a_missing_file_is_a_usage_error(environment: dict[str, str]) -> None:
    done = processes.run(["-m", "services.labels", "import", "/nowhere.jsonl"], environment)
    assert done.returncode == 2
    assert "cannot read /nowhere.jsonl" in done.stderr


def read_in(
    environment: dict[str, str], file: Path, *words: str
) -> tuple[int, dict[str, Any], str]:
    command = ["-m", "services.labels", "import", str(file), "--json", *words]
    done = processes.run(command, environment)
    return done.returncode, json.loads(done.stdout), done.stderr


def test_a_spreadsheet_from_japan_is_read_and_its_people_stay_apart(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """A dry run reports the same and stores nothing."""
    file = tmp_path / "export.csv"
    rows = [f"r{i};FAQ;{name};{AT}" for i, name in enumerate(("田中", "佐藤", "鈴木"))]
    file.write_text("\n".join(["req_id;intent;annotator;labelled_at", *rows]), encoding="cp932")

    _, dry, told = read_in(environment, file, "--dry-run")
    stored = status_of(environment)["labels"]
    status, report, _ = read_in(environment, file)
    _, again, _ = read_in(environment, file)

    assert (status, stored, "nothing was stored" in told) == (0, 0, True)
    assert report == dry
    assert (report["encoding"], report["format"]) == ("cp932 (a guess)", "csv")
    assert (report["read"], report["already"], again["already"]) == (3, 0, 3)
    assert status_of(environment)["labels"] == 3
    assert current(environment) == {"r0": "faq", "r1": "faq", "r2": "faq"}


def test_a_label_of_the_future_is_quarantined_and_one_before_its_message_is_counted(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """r3 came at three o'clock. With simulated time a date is no fault."""
    file = tmp_path / "labels.jsonl"
    lines = [
        label("r1", "faq", at="2126-04-21T09:00:00Z"),
        label("r1", "promotion", at="2026-04-21T10:00:00Z"),
        label("r3", "faq", at="2026-04-20T02:59:59Z"),
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))

    status, report, _ = read_in(environment, file)
    simulated = environment | {"INTENTWATCH_TEST_CLOCK": "1"}
    _, in_a_test, _ = read_in(simulated, file, "--dry-run")

    assert (status, report["future"], report["before_message"]) == (5, 1, 1)
    assert report["rejected"][0]["line"] == 1
    assert "5 minutes ahead" in report["rejected"][0]["reason"]
    assert current(environment) == {"r1": "promotion", "r3": "faq"}
    assert in_a_test["future"] == 0


def test_a_wrong_file_is_refused_once(environment: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "wrong.csv"
    file.write_text("id;class\n" + "1;faq\n" * 9)

    status, report, _ = read_in(environment, file)

    assert status == 5
    assert (report["read"], report["encoding"]) == (0, None)
    (reason,) = [each["reason"] for each in report["rejected"]]
    assert "the header is `id;class`; name it in a mapping file" in reason


def test_the_queue_goes_to_a_tool_and_its_export_comes_back(
    environment: dict[str, str], tmp_path: Path
) -> None:
    out = processes.run(["-m", "services.labels", "tasks", "--limit", "2"], environment)
    waiting = json.loads(out.stdout)
    choice = {"type": "choices", "from_name": "intent", "value": {"choices": ["Chitchat"]}}
    done = {"completed_by": 7, "updated_at": "2026-04-21T18:00:00", "result": [choice]}
    file = tmp_path / "export.json"
    file.write_text(json.dumps([task | {"id": 1, "annotations": [done]} for task in waiting]))

    status, report, _ = read_in(environment, file, "--zone", "Asia/Tokyo")

    assert (status, report["joined"], report["format"]) == (0, 2, "label-studio json")
    assert current(environment) == {"r1": "chitchat", "r3": "chitchat"}


def test_a_hostile_message_costs_itself_alone(environment: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "corpus.jsonl"
    hostile = [
        '{"text": "x \\ud83d", "intent": "faq"}',
        '{"text": "x", "intent": ["faq"]}',
        '{"text": "x", "intent": "faq", "conversation": {"id": 1}}',
        '{"text": "x", "intent": "faq", "conversation": "a\\u0000"}',
        '{"text": ' + "[" * 100_000,
    ]
    file.write_text("\n".join([*hostile, '{"text": "ok", "intent": "faq"}']))

    done = processes.run(["-m", "services.labels", "corpus", str(file)], environment)
    report = json.loads(done.stdout)

    assert (done.returncode, report["added"]) == (5, 1)
    assert [bad["line"] for bad in report["rejected"]] == [1, 2, 3, 4, 5]


def test_the_corpus_takes_labelled_messages_and_names_the_others(
    environment: dict[str, str], tmp_path: Path
) -> None:
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


def test_once_a_name_is_registered_labels_of_others_are_quarantined_with_the_remedy(
    environment: dict[str, str], tmp_path: Path
) -> None:
    def labels(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return processes.run(["-m", "services.labels", *arguments], environment)

    assert "any name's labels are taken" in labels("annotators", "list").stderr
    status, report = imported(environment, tmp_path, label("r1", annotator="eve"))
    assert (status, report["joined"]) == (0, 1)

    assert labels("annotators", "add", "ana", "--by", "boss").returncode == 0
    (row,) = labels("annotators", "list", "--json").stdout.splitlines()
    assert (json.loads(row)["name"], json.loads(row)["by"]) == ("ana", "boss")

    lines = label("r2", annotator="eve"), label("r3", annotator="ana")
    status, report = imported(environment, tmp_path, *lines)
    assert (status, report["joined"], report["read"]) == (5, 1, 2)
    assert report["rejected"] == [{"line": 1, "reason": "unregistered: annotator 'eve'"}]
    done = labels("import", str(tmp_path / "labels.jsonl"))
    assert "annotators add NAME" in done.stderr

    refused = labels("next", "--annotator", "eve")
    assert refused.returncode == 2
    assert "annotator 'eve' is not registered" in refused.stderr
