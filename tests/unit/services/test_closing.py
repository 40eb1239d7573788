"""The demo's verdict: closed when nothing was lost and at least half of the loss, however small,
came back; else a line that says what to do, and the code.
"""

import collections
import datetime as dt
import math
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from schemas import present
from services.local import jars, supervisor, topology
from services.local.demo import __main__ as demo
from services.local.demo import closing, invent, recount, report, stage, story

LATER = dt.datetime(2026, 4, 28, tzinfo=dt.UTC)


def true(right: int, asked: int) -> dict[str, Any]:
    share = right / asked if asked else None
    return {
        "right": right,
        "asked": asked,
        "truth": share,
        "mean": share,
        "low": share,
        "high": share,
        "labels": asked,
        "days": 1,
    }


def accuracies(stable: float, drifted: float, after: float | None) -> dict[str, Any]:
    """Of as many messages as two weeks hold."""
    return {
        "acc_stable": true(round(8_400 * stable), 8_400),
        "acc_drifted": true(round(1_200 * drifted), 1_200),
        "acc_after": true(0, 0) if after is None else true(round(6_000 * after), 6_000),
    }


RUN = {
    "id": "ft_2",
    "state": "champion",
    "candidate": "v2",
    "promoted": dt.datetime(2026, 4, 30, tzinfo=dt.UTC),
    "decision_id": "d2",
    "gates": [],
}
CLOSED: dict[str, Any] = {
    "lost": 0,
    "duplicated": 0,
    "events": 16_800,
    "windows": 9,
    "decisions": 335,
    "promoted": 1,
    "retrains": 1,
    "early_retrains": 0,
    "swaps": 2,
    "same_process": True,
    "slack_sent": 9,
    "slack_unsent": 0,
    "later_from": LATER,
    "errors": {"ft_2": None},
    "accuracies": accuracies(0.93, 0.67, 0.90),
    "runs": [RUN],
    "all_decisions": [
        {"id": "d1"},
        {"id": "d2", "at": dt.datetime(2026, 4, 29, tzinfo=dt.UTC)},
        {"id": "d3", "model": "v2", "reasons": []},
    ],
    "acc_stable": 0.93,
    "acc_drifted": 0.671,
    "acc_after": None,
    "seconds": 371,
}


def rejected(verdict: str, **more: Any) -> dict[str, Any]:
    gates = [
        {"gate": "ece", "verdict": "pass", "value": 0.01},
        {"gate": "p95_latency_ms", "verdict": verdict, "value": 61.03},
    ]
    return {
        "promoted": 0,
        "runs": [RUN | {"state": "rejected", "promoted": None, "gates": gates} | more],
    }


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ({"lost": 1}, 5, "lost=1"),
        ({"duplicated": 2}, 5, "duplicated=2"),
        ({"slack_unsent": 2}, 5, "Slack got 9 messages and lacks 2"),
        ({"early_retrains": 1, "retrains": 2}, 5, "before the new language of 28 Apr"),
        ({"early_retrains": 1}, 5, "before the new language of 28 Apr"),
        ({"retrains": 0, "promoted": 0, "runs": []}, 5, "no retrain was decided"),
        ({"promoted": 0, "runs": []}, 5, "never ran"),
        (rejected("fail"), 20, "v2 was rejected: p95_latency_ms fail at 61.03"),
        (rejected("inconclusive"), 21, "v2 was rejected: p95_latency_ms inconclusive"),
        (
            {
                "promoted": 0,
                "runs": [RUN | {"state": "failed", "promoted": None}],
                "errors": {"ft_2": "no space left"},
            },
            4,
            "ft_2 is failed: no space left",
        ),
        ({"same_process": False}, 5, "same gateway process"),
        ({"swaps": 1}, 5, "same gateway process"),
        ({"accuracies": accuracies(0.93, 0.67, None)}, 5, "too late to answer anything"),
        ({"accuracies": accuracies(0.93, 0.932, 0.94)}, 5, "no loss can be seen"),
        ({"accuracies": accuracies(0.93, 0.67, 0.78)}, 5, "only 11.0 points"),
        ({"accuracies": accuracies(0.93, 0.88, 0.895)}, 5, "only 1.5 points"),
    ],
)
def test_what_keeps_the_loop_open_has_a_code_and_a_remedy(
    change: dict[str, Any], code: int, says: str
) -> None:
    problems = closing.problems(CLOSED | change, "demo.log")
    assert (problems[0].code, problems[0].remedy != "") == (code, True)
    assert says in problems[0].what
    assert "\n" not in problems[0].what + problems[0].remedy


@pytest.mark.parametrize(
    "measured",
    [
        accuracies(0.93, 0.67, 0.90),
        accuracies(0.93, 0.88, 0.91),
        accuracies(0.93, 0.88, 0.94),
        accuracies(0.99, 0.67, 0.90),
        accuracies(0.60, 0.50, 0.57),
    ],
)
def test_half_of_a_loss_of_any_size_closes_the_loop(measured: dict[str, Any]) -> None:
    assert closing.problems(CLOSED | {"accuracies": measured}, "demo.log") == []


def test_what_came_back_by_chance_did_not_come_back() -> None:
    measured = {"acc_stable": true(9, 10), "acc_drifted": true(80, 100), "acc_after": true(86, 100)}
    change = closing.change(measured)
    assert change is not None
    assert change.regained[0] >= change.lost[0] / 2
    assert not change.enough


def test_a_language_of_which_little_is_new_costs_little_and_is_judged_by_the_same_rule() -> None:
    """The demo's own messages, one in six of the later days in new language; a bag of words stands
    in for the champions.
    """
    base, later = invent.tables(7)
    told = story.plan(base, later, seed=7)
    calm = [row for day in told.days[:4] for row in day]
    new = [
        row
        for kind, day in zip(told.kinds, told.days, strict=True)
        if kind == story.LATER
        for row in day
    ]
    mixed, learnt = [*told.days[5], *new[:200]], new[200:1_400]
    first, second = Champion(told.corpus), Champion([*told.corpus, *learnt])
    measured = {
        "acc_stable": first.right(calm),
        "acc_drifted": first.right(mixed),
        "acc_after": second.right(mixed),
    }
    change = closing.change(measured)
    assert change is not None
    assert 0.01 < change.lost[0] < 0.10
    assert closing.problems(CLOSED | {"accuracies": measured}, "demo.log") == []
    forgetful = closing.problems(
        CLOSED | {"accuracies": measured | {"acc_after": measured["acc_drifted"]}}, "demo.log"
    )
    assert "less than half" in forgetful[0].what


class Champion:
    """Naive Bayes over words: as good a classifier as these messages need, learnt in a moment."""

    def __init__(self, rows: list[story.Row]) -> None:
        self.seen: collections.defaultdict[str, Any] = collections.defaultdict(
            lambda: np.full(len(present.INTENTS), 0.01)
        )
        for row in rows:
            for word in row["text"].lower().split():
                self.seen[word][present.INDEX[row["intent"]]] += 1

    def right(self, rows: list[story.Row]) -> dict[str, Any]:
        total = np.log(sum(self.seen.values()))
        known = {word: np.log(count) - total for word, count in self.seen.items()}
        answers = [
            sum(known.get(word, 0.0) for word in row["text"].lower().split()) for row in rows
        ]
        return true(
            sum(
                int(np.argmax(answer)) == present.INDEX[row["intent"]]
                for answer, row in zip(answers, rows, strict=True)
            ),
            len(rows),
        )


def test_the_box_says_what_happened_with_both_kinds_of_accuracy() -> None:
    assert dict(closing.box(CLOSED)) == {
        "28 Apr": "customers brought new words: accuracy fell from 93.0 % to 67.0 %",
        "29 Apr": "retrain decided after 24 hours; v2 serves since, at 90.0 %, without a restart",
        "Back": (
            "23.0 points [20.3, 25.8] of the 26.0 points [23.3, 28.8] lost: "
            "the truth of 15,600 messages, "
            "the campaign's day and the hour of the change of models apart"
        ),
        "Labels": (
            "said 93.0 % [93.0, 93.0], then 67.0 % [67.0, 67.0], then 90.0 % [90.0, 90.0], "
            "from 15,600 of them"
        ),
        "Proven": (
            "lost 0, doubled 0 of 16,800 serving logs, "
            "the first two hours of one more day among them, "
            "Kafka read again against Postgres; 335 decisions, 1 retrain, none early"
        ),
    }
    ill = [{"signal": "rare_recall", "breached": True}, {"signal": "error_rate", "breached": False}]
    box = closing.box(
        CLOSED
        | {
            "all_decisions": [
                *CLOSED["all_decisions"][:2],
                {"id": "d3", "model": "v2", "reasons": ill},
            ]
        }
    )
    assert box[-1] == (
        "Still",
        "v2 is in breach on rare recall: it learnt from one day of the new language",
    )
    assert (
        closing.details(CLOSED)[0]
        == "acc_stable   93.0 % [93.0, 93.0] by 8,400 labels, in truth 93.0 % of 8,400"
    )
    assert (
        closing.details(CLOSED)[-1]
        == "in truth     26.0 points [23.3, 28.8] lost, 23.0 points [20.3, 25.8] regained"
    )


def test_the_last_line_is_what_scripts_read() -> None:
    assert closing.last_line(CLOSED) == (
        "[DEMO] events=16800 windows=9 lost=0 duplicated=0 decisions=335 retrains=1 promoted=1"
        " acc_stable=0.930 acc_drifted=0.671 acc_after=None seconds=371"
    )


def day(
    estimate: float | None, half: float = 0.0, n_labels: int = 0, truth: tuple[int, int] = (0, 0)
) -> report.Day:
    quality = (
        None
        if estimate is None
        else {
            "estimate": estimate,
            "low": estimate - half,
            "high": estimate + half,
            "n_labels": n_labels,
        }
    )
    return report.Day(dt.date(2026, 4, 20), story.STABLE, {}, {}, quality, truth, [])


def test_days_are_averaged_with_an_interval_that_narrows_by_the_root_of_their_number() -> None:
    accuracy = closing.accuracy(
        [
            day(0.90, 0.04, 200, (90, 100)),
            day(0.94, 0.04, 220, (92, 100)),
            day(None, truth=(1, 100)),
        ]
    )
    half = 0.04 / math.sqrt(2)
    assert accuracy == {
        "mean": pytest.approx(0.92),
        "low": pytest.approx(0.92 - half),
        "high": pytest.approx(0.92 + half),
        "labels": 420,
        "days": 2,
        "right": 183,
        "asked": 300,
        "truth": pytest.approx(0.61),
    }


def test_no_day_with_labels_gives_no_accuracy() -> None:
    accuracy = closing.accuracy([day(None)])
    assert (accuracy["mean"], accuracy["low"], accuracy["truth"]) == (None, None, None)


GONE: Any = SimpleNamespace(returncode=3)
ENDED = stage.Ended(supervisor.Child("gateway", GONE, Path("nowhere"), signal.SIGTERM))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (closing.Problem(21, "the gates could not tell", "more rows"), 21),
        (story.TooFewRowsError("9 base and 4 later rows"), 2),
        (ENDED, 3),
        (supervisor.NotReady("gateway ended with status 1: out of memory"), 4),
        (jars.BadJar("kafka.jar is not the one"), 4),
        (OSError(28, "No space left on device"), 4),
        (supervisor.TooSlow("waited 240 s for the monitors of 25 Apr, and nothing moved"), 75),
        (recount.Unread("Kafka gave none of the records"), 75),
        (topology.InUse("the directory is in use"), 75),
    ],
)
def test_every_failure_ends_with_a_code_of_the_contract_and_says_what_to_do(
    error: Exception, code: int
) -> None:
    assert isinstance(error, demo.FAILURES)
    problem = demo.problem(error, ".local/demo/x/")
    assert problem.code == code
    assert problem.what
    assert problem.remedy
    assert "\n" not in problem.what + problem.remedy


def test_what_the_processes_wrote_outlives_a_failure_and_no_success(tmp_path: Path) -> None:
    logs, place = tmp_path / "logs", tmp_path / "kept"
    logs.mkdir()
    (logs / "retrain.log").write_text("why")
    with demo.kept_on_failure(logs, place):
        pass
    assert not place.exists()
    with pytest.raises(closing.Problem), demo.kept_on_failure(logs, place):
        raise closing.Problem(5, "it did not close", "read")
    assert (place / "retrain.log").read_text() == "why"
