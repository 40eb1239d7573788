"""Gold questions among the messages that are handed out: as many as the policy says, where nobody
can know it, and looking like the others; and what one types to make one.
"""

import argparse
import datetime as dt
import itertools
from typing import Any

import builders
import pytest

from services.labels import __main__ as labels
from services.labels import ask, hand_in, mix, reviewed, tasks

HOUR = dt.timedelta(hours=1)


def waiting(n: int) -> list[dict[str, Any]]:
    return [
        builders.sampled(f"r{i}", builders.AT + i * HOUR, second_intent="faq") for i in range(n)
    ]


def gold(n: int) -> list[dict[str, Any]]:
    """Old messages of the other queue."""
    old = builders.AT - 500 * HOUR
    return [builders.sampled(f"g{i}", old, queue="train", second_intent=None) for i in range(n)]


def names(rows: list[Any]) -> list[str]:
    return [row["req_id"] for row in rows]


def test_a_share_of_what_is_handed_out_is_gold() -> None:
    handed_out = names(mix.mixed(waiting(5000), gold(5000), 0.02, 5000))

    assert 60 <= sum(name.startswith("g") for name in handed_out) <= 140
    assert len(handed_out) == 5000


@pytest.mark.parametrize(("n", "share"), [(0, 1.0), (3, 0.0)])
def test_without_gold_or_without_a_share_the_queue_is_as_it_was(n: int, share: float) -> None:
    rows = waiting(20)

    assert mix.mixed(rows, gold(n), share, 20) == rows


def test_where_nothing_waits_no_gold_question_comes_alone() -> None:
    assert mix.mixed([], gold(3), 1.0, 10) == []


def test_each_question_comes_once_and_nothing_that_waits_is_lost() -> None:
    handed_out = names(mix.mixed(waiting(4), gold(2), 1.0, 10))

    assert handed_out == ["g0", "r0", "g1", "r1", "r2", "r3"]


def test_the_same_turn_has_the_same_answer_and_turns_cannot_be_counted_off() -> None:
    turns = [mix.due(f"a7 {turn}", 0.1) for turn in range(2000)]
    places = [place for place, due in enumerate(turns) if due]
    gaps = [later - place for place, later in itertools.pairwise(places)]

    assert turns == [mix.due(f"a7 {turn}", 0.1) for turn in range(2000)]
    assert turns != [mix.due(f"a8 {turn}", 0.1) for turn in range(2000)]
    assert len(set(gaps)) > 10


def test_neither_json_nor_tasks_nor_the_terminal_show_which_is_gold() -> None:
    rows = mix.mixed(waiting(2), gold(2), 1.0, 4)
    lines = [labels._asked(row, []) for row in rows]

    assert [line.keys() == lines[1].keys() for line in lines] == [True] * 4
    assert [line["ts"] for line in lines] == sorted(line["ts"] for line in lines)
    assert {line["queue"] for line in lines} == {"measure"}
    assert {line["why"] for line in lines} == {lines[1]["why"]}
    for tool in tasks.TOOLS:
        shown = [tasks.written([row], tool).replace(row["req_id"], "") for row in rows]
        assert len(set(shown)) == 1, tool
    alike = [row | {"second_intent": None} for row in (gold(1)[0], waiting(1)[0])]
    assert ask._shown(alike[0]) == ask._shown(alike[1])


def typed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    reviewed.arguments(parser, hand_in.name)
    return parser.parse_args(words)


def test_an_intent_is_verified_by_somebody() -> None:
    chosen = typed("add", "r1", "--intent", "faq", "--by", "rin", "--at", "2026-04-20T10:00Z")

    assert (chosen.req_id, chosen.intent, chosen.by) == ("r1", "faq", "rin")
    assert chosen.at == dt.datetime(2026, 4, 20, 10, tzinfo=dt.UTC)
    assert typed("retire", "r1", "--by", "rin").at is None


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["add", "r1", "--intent", "escalate", "--by", "rin"], "the nearest is escalation"),
        (["add", "r1", "--intent", "FAQs", "--by", "rin"], "no intent is called 'FAQs'"),
        (["add", "r1", "--by", "rin"], "--intent"),
        (["add", "r1", "--intent", "faq"], "--by"),
        (["add", "--intent", "faq", "--by", "rin"], "REQ_ID"),
        (["retire", "r1"], "--by"),
        (["add", "r\udcff", "--intent", "faq", "--by", "rin"], "a request's name is UTF-8"),
        (["retire", "r\udcff", "--by", "rin"], "a request's name is UTF-8"),
        (["add", "r1", "--intent", "faq", "--by", ""], "an annotator's name has 1 to 200 letters"),
        (["add", "r1", "--intent", "faq", "--by", "rin", "--at", "monday"], "--at"),
    ],
)
def test_what_is_missing_or_unknown_is_named(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        typed(*words)

    assert ended.value.code == 2
    assert says in capsys.readouterr().err
