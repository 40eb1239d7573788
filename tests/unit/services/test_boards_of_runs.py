"""What the boards of a run say of given rows: which panels there are, what stands beside a
candidate, and why there is nothing to show.
"""

import math
import re

import accounts
import pytest
import recorded

from retrain.evaluation import baseline
from retrain.train.report import account, summary, validated
from schemas import runs
from services.dashboard.runs import boards

State, Kind = runs.State, boards.Kind
CHAMPION = accounts.told(
    accounts.run(id="ft_1"), metrics=accounts.metrics(), validation=recorded.SEEN
)


def told(run: account.Account, champion: account.Account | None = None) -> boards.Told:
    return boards.Told(run, champion, ())


def candidate(state: runs.State = State.REJECTED, **more: object) -> account.Account:
    return accounts.told(accounts.run(state, id="ft_2", champion="v1"), **more)


@pytest.mark.parametrize("state", list(State))
def test_a_board_is_read_again_only_while_more_is_to_come(state: runs.State) -> None:
    moving = {State.QUEUED, State.TRAINING, State.EVALUATED, State.COMPILED, State.GATED}

    assert boards.under_way(accounts.run(state)) == (state in moving)


def test_what_stands_beside_a_candidate_is_named_with_the_run_that_saw_it() -> None:
    first = told(accounts.told(accounts.run(champion=None)))

    assert boards.beside(first).startswith("no champion: it is the first")
    assert boards.beside(told(candidate())) == "champion v1, whose run is not on record"
    beside = boards.beside(told(candidate(), CHAMPION))
    assert beside == "champion v1, as its own run ft_1 saw it"


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("state", list(State))
def test_nothing_is_missing_without_a_reason(state: runs.State, kind: boards.Kind) -> None:
    there = candidate(state, metrics=accounts.metrics(), validation=recorded.SEEN)

    assert boards.missing(there, kind) == ""
    assert boards.missing(candidate(state), kind).endswith(".")


def test_the_six_panels_stand_side_by_side_and_alone_where_there_is_no_champion() -> None:
    seen = candidate(validation=recorded.BETTER)

    both = list(boards.validated_of(told(seen, CHAMPION)))
    alone = list(boards.validated_of(told(seen)))

    assert [panel.key for panel in both] == [panel.key for panel in validated.PANELS]
    assert [panel.title for panel in both] == [
        "Confusion",
        "Precision, recall and F1",
        "Reliability",
        "Confidence",
        "Top false positives",
        "Top false negatives",
    ]
    assert "ECE 0.0610 before the temperature, 0.0210 after" in both[2].candidate
    assert "ECE 0.0610 before the temperature, 0.0370 after" in both[2].champion
    assert [panel.champion for panel in alone] == [""] * 6
    assert list(boards.validated_of(told(candidate()))) == []


def test_programs_get_the_baselines_and_people_a_table() -> None:
    one = baseline.Baseline("linear", 40, 0.9, 0.888, 0.7, 0.02, 1200, 3.1)
    seen = told(candidate(validation=recorded.SEEN, scores=recorded.SCORES, baselines=(one,)))

    assert boards.plain_validation(seen)["baselines"] == (one,)
    assert "a linear model of words and letters" in boards.baselines_of(seen)
    assert "Nothing was measured" in boards.baselines_of(told(candidate()))


def test_an_intent_with_a_hostile_name_is_text_in_every_panel() -> None:
    names = (accounts.HOSTILE, "faq")
    seen = candidate(validation=accounts.validated(names, ((8, 2), (1, 9))))

    for panel in boards.validated_of(told(seen)):
        assert "<script" not in panel.candidate


def test_curves_are_nine_with_or_without_numbers() -> None:
    drawn = list(boards.curves_of(told(candidate(), CHAMPION)))

    assert len(drawn) == 9
    assert sum("champion (dotted)" in one for one in drawn) == 8
    empty = list(boards.curves_of(told(candidate())))
    assert [len(re.findall("nothing measured", one)) for one in empty] == [1] * 9


def test_programs_get_both_sides_and_what_is_no_number_stays_where_it_was() -> None:
    lost = runs.Metric(1, 50, "grad_norm", math.nan)
    plain = boards.plain_training(told(candidate(metrics=(lost,)), CHAMPION))

    (norm,) = [panel for panel in plain["panels"] if panel["key"] == "grad_norm"]
    mine, champions = norm["series"]
    assert (mine["of"], champions["of"]) == ("candidate", "champion")
    assert math.isnan(mine["points"][0]["value"])
    assert [point["value"] for point in champions["points"]] == [0.7, 0.9, 0.4]


def test_a_run_that_a_person_has_ended_says_by_whom() -> None:
    rejected = accounts.run(State.REJECTED, error="by ana: slow")

    assert summary.result(rejected) == "Rejected by ana: slow"
    assert summary.result(accounts.run(State.CANCELLED, error="by ana")) == "Cancelled by ana"
    assert boards.plain_run(rejected)["result"] == "Rejected by ana: slow"
