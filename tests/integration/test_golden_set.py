"""The golden set by hand, on a real PostgreSQL: sentences come, are looked at again, and go."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import processes
import pytest

from retrain.train.golden import rows

OWN = Path(rows.__file__).with_name("mangaassist.jsonl")
Golden = Callable[..., tuple[int, str, str]]


@pytest.fixture
def golden(database: str) -> Golden:
    """The command, with its exit status, what it printed, and what it complained of."""

    def run(*arguments: str) -> tuple[int, str, str]:
        environment = {"INTENTWATCH_DATABASE_URL": database}
        done = processes.run(["retrain/run.py", "golden", *arguments], environment)
        return done.returncode, done.stdout, done.stderr

    return run


def listed(golden: Golden) -> list[dict[str, Any]]:
    _, told, _ = golden("list", "--json")
    known: list[dict[str, Any]] = json.loads(told)
    return known


def test_sentences_come_are_reviewed_and_go_and_none_is_lost(golden: Golden) -> None:
    assert listed(golden) == []

    status, told, _ = golden("add", str(OWN), "--reviewer", "rin")
    added = json.loads(told)
    assert (status, added["added"], added["already"], added["missing"]) == (0, 166, 0, {})

    _, told, _ = golden("add", str(OWN), "--reviewer", "ken")
    assert (json.loads(told)["added"], json.loads(told)["already"]) == (0, 166)
    assert {row["reviewer"] for row in listed(golden)} == {"rin"}

    first, second = listed(golden)[0]["id"], listed(golden)[1]["id"]
    assert golden("review", first, "--by", "ken")[0] == 0
    assert golden("retire", second, "--by", "ken")[0] == 0
    by_id = {row["id"]: row for row in listed(golden)}
    assert by_id[first]["reviewer"] == "ken"
    assert (by_id[second]["retired_by"], len(by_id)) == ("ken", 166)

    # Added again it is in force again, as its new reviewer says.
    _, told, _ = golden("add", str(OWN), "--reviewer", "mio")
    assert json.loads(told)["added"] == 1
    back = {row["id"]: row for row in listed(golden)}[second]
    assert (back["reviewer"], back["retired_at"], back["retired_by"]) == ("mio", None, None)


def test_a_bad_line_costs_itself_and_two_intents_of_one_sentence_are_refused(
    golden: Golden, tmp_path: Path
) -> None:
    lines = [
        {"text": "yo where is it", "intent": "order_tracking", "stratum": "slang"},
        {"text": "YO where is it?", "intent": "faq", "stratum": "slang"},
        {"text": "no stratum", "intent": "faq"},
    ]
    file = tmp_path / "more.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in lines))

    status, told, _ = golden("add", str(file), "--reviewer", "rin")
    report = json.loads(told)

    assert (status, report["read"], report["added"]) == (5, 3, 1)
    assert [each["line"] for each in report["rejected"]] == [2, 3]
    assert "retire it first" in report["rejected"][0]["reason"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("retire", "g_none", "--by", "rin"), "g_none"),
        (("review", "g_none", "--by", "rin"), "g_none"),
        (("add", "/nowhere.jsonl", "--reviewer", "rin"), "/nowhere.jsonl"),
        (("add", str(OWN), "--reviewer", "  "), "empty"),
    ],
    ids=["nothing to retire", "nothing to review", "no file", "no name"],
)
def test_what_cannot_be_done_is_said_in_one_line(
    golden: Golden, arguments: tuple[str, ...], why: str
) -> None:
    status, told, complaint = golden(*arguments)

    assert (status, told) == (2, "")
    assert why in complaint
    assert complaint.count("\n") == 1
    assert listed(golden) == []
