"""How long the demo still takes: by what this machine has measured, and never more than was told
without a word why.
"""

import pytest

from schemas import runs
from services.local.demo import pace, telling

State, Kind = runs.State, pace.Kind


def begun() -> pace.Pace:
    """A demo of a thousand messages: 15 s to start, 45 s and 60 s of training, 10 s of traffic and
    15 s at the end, on a free machine.
    """
    return pace.of(1000, 0.0)


def test_at_first_this_machine_is_taken_for_a_free_one() -> None:
    assert (begun().whole, begun().left()) == (145.0, 145.0)


def test_the_first_training_says_how_long_the_second_takes() -> None:
    slow = begun()
    slow.advance(Kind.START, 15.0, 15.0)
    slow.advance(Kind.RUN, 45.0, 15.0 + 450.0)
    assert slow.took[Kind.RUN] == 450.0
    # Ten times, but for the guess it began with.
    assert slow.slowness(Kind.RUN) == pytest.approx(9.1, abs=0.1)
    assert slow.left() > 60 * 9
    assert slow.slowness(Kind.TRAFFIC) > 5, "what has not begun is as slow as everything before it"
    slow.advance(Kind.TRAFFIC, 10.0, 465.0 + 10.0)
    assert slow.slowness(Kind.TRAFFIC) == pytest.approx(3.9, abs=0.1)


def test_all_that_is_done_leaves_nothing_and_nothing_is_done_twice() -> None:
    quick = begun()
    for kind in Kind:
        quick.advance(kind, 1e9, quick.now + 5)
        quick.advance(kind, 0.0, quick.now)
    assert (quick.behind, quick.left()) == (145.0, 0.0)


def test_a_run_is_as_far_as_its_step_says() -> None:
    states = (
        State.QUEUED,
        State.TRAINING,
        State.EVALUATED,
        State.COMPILED,
        State.GATED,
        State.REGISTERED,
    )
    told = [pace.fraction(pace.SHARES, state, 0.5) for state in states]
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0.0, 1.0)
    assert pace.fraction(pace.SHARES, State.EVALUATED, 99.0) < pace.fraction(
        pace.SHARES, State.COMPILED, 0.0
    ), "a step that lasts is not over"


def test_the_steps_of_the_first_run_are_the_measure_of_the_second() -> None:
    began: dict[str, float] = {
        State.QUEUED: 0.0,
        State.TRAINING: 10.0,
        State.EVALUATED: 60.0,
        State.COMPILED: 105.0,
    }
    assert list(pace.shares(began, 110.0).values()) == [0.5, 0.45, 0.05, 0.0], (
        "the last was over before anybody looked"
    )
    assert pace.shares({}, 110.0) is pace.SHARES


def test_what_was_told_only_falls_or_says_why_it_rises() -> None:
    told = pace.promised(None, 300.0, 0.0)
    wobbly = [pace.promised(told, estimate, 10.0) for estimate in (280.0, 310.0, 380.0)]
    assert [each.left for each in wobbly] == [280.0, 290.0, 290.0]
    assert not any(each.longer(10.0) for each in wobbly)
    risen = pace.promised(told, 600.0, 10.0)
    assert (risen.left, risen.longer(10.0), risen.longer(71.0)) == (600.0, True, False)
    assert "slower than thought" in telling.left(risen.left, longer=risen.longer(10.0))


def test_a_step_of_a_run_is_said_by_its_name() -> None:
    said = [
        telling.step(state, "the next model", 3)
        for state in (State.QUEUED, State.TRAINING, State.EVALUATED, State.COMPILED, State.GATED)
    ]
    assert said == [
        "the next model waits for the retrain worker",
        "training the next model, epoch 3",
        "compiling the next model and testing it under load",
        "holding the next model against its gates",
        "promoting the next model",
    ]
