"""`retrain/run.py replay` on files: what it prints, how it ends, and which options it refuses
before it reads an hour of history.
"""

import argparse
import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import builders
import pytest
import traffic

from retrain.decide import replay_command

BEGIN = builders.AT
HOUR = dt.timedelta(hours=1)
# An hour holds twelve logs: this policy judges their latency, and nothing else speaks.
SLOW_COUNTS = "[signals.p95_latency_ms]\nmin_n = 10\nk = 1\nof = 1\n"


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, what it printed, what it complained of."""

    code: int
    out: list[str]
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out]


@dataclass(frozen=True)
class Shop:
    """Files of six hours of history in a folder, and the command on them."""

    folder: Path
    capsys: pytest.CaptureFixture[str]

    def write(self, name: str, *lines: object) -> str:
        path = self.folder / name
        path.write_text("".join(f"{_text(line)}\n" for line in lines))
        return str(path)

    def options(self) -> list[str]:
        """Of the least that replays these files."""
        names = {"--logs": "logs", "--labels": "labels", "--reference": "reference"}
        names |= {"--policy": "policy.toml"}
        return [part for name, file in names.items() for part in (name, str(self.folder / file))]

    def replay(self, *more: str) -> Ended:
        return self.run(*self.options(), *more)

    def run(self, *options: str) -> Ended:
        parser = argparse.ArgumentParser()
        replay_command.arguments(parser)
        try:
            code = replay_command.run(parser.parse_args(options))
        except SystemExit as end:
            code = int(end.code or 0)
        printed = self.capsys.readouterr()
        return Ended(code, printed.out.splitlines(), printed.err)


def _text(line: object) -> str:
    return line if isinstance(line, str) else json.dumps(line)


def logs(hours: Sequence[int] = range(6), **more: Any) -> list[str]:
    """Twelve an hour, the third hour slow, each of them sampled."""
    lines = []
    for hour in hours:
        latency_ms = 40.0 if hour == 2 else 5.0
        for i in range(12):
            number = 12 * hour + i
            sample = {"queue": "measure", "p": 0.5, "text": "an invented message"}
            fields = {"latency_ms": latency_ms, "sample": sample} | more
            ts = BEGIN + hour * HOUR + i * HOUR / 12
            lines.append(traffic.encode(builders.log(number, ts, **fields)).decode())
    return lines


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shop:
    made = Shop(tmp_path, capsys)
    made.write("logs", *logs())
    made.write("labels", builders.label("r0", at=BEGIN + HOUR))
    made.write("reference", {"model": "v1", "n": 100, "intent_counts": {"faq": 100}})
    made.write("policy.toml", SLOW_COUNTS)
    return made


# What it prints


def test_every_hour_with_traffic_is_one_line_and_the_slow_one_says_why(shop: Shop) -> None:
    ended = shop.replay()

    name = f"{shop.folder}/policy.toml"
    assert len(ended.out) == 6
    assert ended.out[0] == f"2026-04-20T01:00:00Z  {name}  v1  hold TOO_FEW_LABELS"
    slow = ended.out[2]
    assert slow.startswith(f"2026-04-20T03:00:00Z  {name}  v1  hold LATENCY_ONLY  Answers are slow")
    assert "limit at most 15.0 ms, n = 12 logs" in slow
    assert ended.code == 0


def test_as_json_every_decision_is_an_object_with_the_policy_it_was_taken_under(
    shop: Shop,
) -> None:
    taken = shop.replay("--json").objects

    assert [each["at"] for each in taken] == [f"2026-04-20T0{i}:00:00Z" for i in range(1, 7)]
    assert {each["policy"] for each in taken} == {f"{shop.folder}/policy.toml"}
    assert {each["run_id"] for each in taken} == {None}
    assert (taken[2]["decision"], taken[2]["clause"]) == ("hold", "slow")
    (breached,) = [each for each in taken[2]["reasons"] if each["breached"]]
    assert (breached["signal"], breached["n"], breached["limit"]) == ("p95_latency_ms", 12, 15)


def test_the_same_files_give_the_same_bytes(shop: Shop) -> None:
    first = shop.replay("--json")
    shop.write("logs", *reversed(logs()))

    assert shop.replay("--json") == first


def test_of_several_policies_each_is_replayed_in_the_order_given(shop: Shop) -> None:
    patient = shop.write("patient.toml", SLOW_COUNTS, "enter = 100", "leave = 90")

    taken = shop.replay("--json", "--policy", patient).objects

    slow = [each["hold_reason"] for each in taken if each["at"] == "2026-04-20T03:00:00Z"]
    assert len(taken) == 12
    assert slow == ["LATENCY_ONLY", "TOO_FEW_LABELS"]


def test_a_stretch_of_time_has_both_its_ends(shop: Shop) -> None:
    taken = shop.replay(
        "--json", "--from", "2026-04-20T02:00:00Z", "--to", "2026-04-20T06:00:00+02:00"
    ).objects

    assert [each["at"][11:13] for each in taken] == ["02", "03", "04"]


def test_earlier_hours_are_walked_though_nobody_asked_for_their_decisions(shop: Shop) -> None:
    """In breach since 03:00, between leave and enter an hour later: the breach lasts only for
    whoever has seen it begin.
    """
    shop.write("policy.toml", SLOW_COUNTS, "leave = 4")
    fourth = "2026-04-20T04:00:00Z"

    (decision,) = shop.replay("--json", "--from", fourth, "--to", fourth).objects

    assert (decision["at"], decision["hold_reason"]) == (fourth, "LATENCY_ONLY")


def test_a_retrain_among_the_decisions_is_exit_ten(shop: Shop) -> None:
    """Half of the labels contradict the model, which was promised to be right in 95 %."""
    shop.write("logs", *logs(range(20)))
    given = []
    for i in range(240):
        intent = "faq" if i % 2 else "chitchat"
        given.append(builders.label(f"r{i}", intent, at=BEGIN + i * HOUR / 12 + HOUR / 60))
    shop.write("labels", *given)
    body = {"model": "v1", "n": 100, "intent_counts": {"faq": 100}, "accuracy": 0.95}
    shop.write("reference", body)

    ended = shop.replay("--json")

    assert ended.code == replay_command.EXIT_FIRES == 10
    assert "retrain" in {each["decision"] for each in ended.objects}


def test_a_history_without_an_hour_says_that_nothing_was_decided(shop: Shop) -> None:
    shop.write("logs")

    ended = shop.replay()

    assert (ended.code, ended.out) == (0, [])
    assert "nothing was decided" in ended.err


def test_labels_that_no_log_asked_for_are_counted_on_the_side(shop: Shop) -> None:
    shop.write("labels", builders.label("r0"), builders.label("nobody's"))

    ended = shop.replay("--json")

    assert "1 of 2 labels are of messages that no log gives as sampled" in ended.err
    assert len(ended.objects) == 6


# Scores


def incident(kind: str = "language", begin: int = 1) -> dict[str, Any]:
    return {"id": "i1", "kind": kind, "started": f"2026-04-20T0{begin}:00:00Z"}


def test_with_incidents_the_last_lines_are_scores_and_the_policies_come_last(shop: Shop) -> None:
    path = shop.write("incidents", incident())

    lines = shop.replay("--json", "--incidents", path).objects

    scores = lines[6:]
    names = ["always", "never", "weekly", f"{shop.folder}/policy.toml"]
    assert [each["policy"] for each in scores] == names
    assert [each["misses"] for each in scores] == [1, 1, 1, 1]
    assert scores[-1]["labels_used"] == 1


def test_a_file_without_an_incident_scores_what_was_decided_on_calm_days(shop: Shop) -> None:
    lines = shop.replay("--json", "--incidents", shop.write("incidents")).objects

    assert [(each["hits"], each["misses"]) for each in lines[6:]] == [(0, 0)] * 4


# The page


def test_the_page_is_written_beside_the_lines(shop: Shop) -> None:
    page = shop.folder / "page.html"

    ended = shop.replay("--html", str(page))

    assert len(ended.out) == 6
    assert page.read_text().startswith("<!doctype html>")
    assert "so nothing is scored" in page.read_text()


def test_a_page_that_cannot_be_written_is_refused_before_anything_is_read(shop: Shop) -> None:
    ended = shop.replay("--html", str(shop.folder / "gone" / "page.html"), "--logs", "gone.jsonl")

    assert (ended.code, ended.out) == (2, [])
    assert "there is no folder" in ended.err
    assert "gone.jsonl" not in ended.err


def test_a_folder_in_the_pages_place_is_named(shop: Shop) -> None:
    ended = shop.replay("--html", str(shop.folder))

    assert ended.code == 2
    assert f"cannot write {shop.folder}: Is a directory" in ended.err


# What it refuses

BOTH = ["--logs", "l", "--labels", "l", "--reference", "r"]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--from", "2026-04-21", "--to", "2026-04-20"], "--from lies after --to"),
        (["--labels", "l"], "--labels and --reference go with --logs or --topic"),
        (["--reference", "r"], "--labels and --reference go with --logs or --topic"),
        (["--reference-until", "2026-04-20"], "go with --logs or --topic"),
        (["--logs", "l"], "--logs needs --labels and one of --reference"),
        (["--logs", "l", "--labels", "l"], "--logs needs --labels and one of --reference"),
        (["--logs", "l", "--reference", "r"], "--logs needs --labels and one of --reference"),
        (["--topic", "t"], "--topic needs --labels and one of --reference"),
        ([*BOTH, "--topic", "t"], "--logs and --topic are two histories"),
        ([*BOTH, "--reference-until", "2026-04-20"], "are two references"),
    ],
)
def test_options_that_do_not_go_together_are_exit_two_in_one_line(
    options: list[str], complaint: str, shop: Shop
) -> None:
    ended = shop.run("--policy", str(shop.folder / "policy.toml"), *options)

    assert (ended.code, ended.out) == (2, [])
    assert complaint in ended.err
    assert ended.err.count("\n") == 1
    assert ended.err.startswith("intentwatch: ")


@pytest.mark.parametrize("at", ["yesterday", "", "2026-02-30", "1999-12-31", "2026-04-20T25:00Z"])
def test_a_time_that_is_none_is_a_wrong_use(at: str, shop: Shop) -> None:
    ended = shop.replay("--from", at)

    assert ended.code == 2
    assert "--from" in ended.err


@pytest.mark.parametrize(
    ("file", "text", "code", "complaint"),
    [
        ("policy.toml", "[signals.p95_latency]\nmin_n = 3", 3, "p95_latency_ms"),
        ("policy.toml", "[", 3, "is not TOML"),
        ("logs", "{", 2, "logs:1: not_json"),
        ("labels", "PK\x03\x04", 2, "unpack"),
        ("reference", "{}", 2, "not a reference.json"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_and_nothing_is_decided(
    file: str, text: str, code: int, complaint: str, shop: Shop
) -> None:
    shop.write(file, text)

    ended = shop.replay()

    assert (ended.code, ended.out) == (code, [])
    assert complaint in ended.err


def test_an_incident_of_a_kind_that_no_decision_answers_is_exit_two(shop: Shop) -> None:
    ended = shop.replay("--incidents", shop.write("incidents", incident("complaints")))

    assert (ended.code, ended.out) == (2, [])
    assert "kind 'complaints' is none of mix, language" in ended.err


def test_labels_in_the_order_of_the_files_are_those_that_people_gave(shop: Shop) -> None:
    """The archive asks for the order of time; a file has any."""
    late = builders.label("r1", at=BEGIN + 5 * HOUR)
    early = builders.label("r0", at=BEGIN + HOUR)
    ends = []
    for lines in ([late, early], [early, late]):
        shop.write("labels", *lines)
        ends.append(shop.replay("--json").out)

    assert ends[0] == ends[1]
