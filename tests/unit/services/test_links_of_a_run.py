"""Messages of a run link to where it is looked at, where there is such a place, and say who has
ended it.
"""

import dataclasses
import datetime as dt
import json
from typing import Any

import accounts
import builders
import pytest

from schemas import decisions, messages, runs
from services.notifier import compose, links

State = runs.State
BOARD = "https://board.example/"


def told(message: messages.Message) -> compose.Told:
    payload = json.loads(json.dumps(messages.payload(message)))
    return compose.Told(str(message.kind), payload, builders.AT)


def run(state: State, **more: Any) -> compose.Told:
    known: dict[str, Any] = {
        "run_id": "ft_1",
        "decision_id": None,
        "base_model": "minilm",
        "candidate": "v2",
        "champion": "v1",
        "gates": (),
        "promoted": False,
        "error": None,
    }
    return told(messages.RunChanged(state=state, **(known | more)))


@pytest.mark.parametrize("state", list(State))
def test_every_state_links_to_both_boards_and_the_page(state: runs.State) -> None:
    row = run(state, error="by ana")

    message = compose.root([row], BOARD)

    (look,) = [block for block in message.blocks if "Look at the run" in str(block)]
    assert look["text"]["text"].splitlines()[1] == "  ·  ".join(
        f"<https://board.example/{page}?run=ft_1|{page}>"
        for page in ("training", "validation", "report")
    )
    without = [block for block in message.blocks if block is not look]
    assert compose.root([row]).blocks == without, "nothing else of the message changes"


def test_a_decision_with_a_run_links_to_it_and_one_without_does_not() -> None:
    decision = builders.decision(decisions.Kind.RETRAIN)
    begun = told(messages.DecisionTaken(decision, "ft_1"))
    alone = told(messages.DecisionTaken(decision, None))

    assert "/training?run=ft_1|" in str(compose.root([begun], BOARD).blocks)
    assert compose.root([alone], BOARD) == compose.root([alone])


def test_a_hostile_name_cannot_leave_its_link() -> None:
    link = links.of_run(BOARD, accounts.HOSTILE + "|>")

    assert link.count("<") == link.count(">") == link.count("|") == 3


def test_what_a_person_has_ended_says_so_first_and_is_no_error() -> None:
    rejected = compose.root([run(State.REJECTED, error="by ana: slow")])
    cancelled = compose.root([run(State.CANCELLED, error="by ana")])

    assert rejected.text == "REJECTED v2 by ana: slow"
    assert cancelled.text == "CANCELLED ft_1 by ana"
    for message in (rejected, cancelled):
        assert "Error:" not in str(message.blocks)
        assert "a person has ended the run. `v1` keeps serving" in str(message.blocks)
    failed = compose.root([run(State.FAILED, error="disk full")])
    assert "Error: disk full" in str(failed.blocks)
    later = dataclasses.replace(
        run(State.CANCELLED, error="by ana"), at=builders.AT + dt.timedelta(1)
    )
    line = compose.reply(later)
    assert line is not None
    assert line.text == "CANCELLED ft_1 by ana"
