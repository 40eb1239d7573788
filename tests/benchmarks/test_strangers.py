"""How well a score tells messages of no intent, on scores that one can rank by hand."""

import numpy as np
import pytest

from benchmarks.train import scope


def test_scores_that_part_all_let_nobody_in() -> None:
    told = scope.told(np.array([5.0, 6.0, 7.0]), np.array([1.0, 2.0]))

    assert (told.auroc, told.let_in) == (1.0, 0.0)


def test_scores_the_wrong_way_round_are_nought() -> None:
    assert scope.told(np.array([1.0, 2.0]), np.array([3.0, 4.0])).auroc == 0.0


def test_one_score_for_all_tells_nothing() -> None:
    told = scope.told(np.full(4, 0.5), np.full(3, 0.5))

    assert (told.auroc, told.let_in) == (0.5, 1.0)


def test_of_twenty_known_one_may_be_refused() -> None:
    """Scores 1 to 20: 95 % are from 2 on, which one of two strangers reaches."""
    known = np.arange(1.0, 21.0)

    assert scope.told(known, np.array([1.5, 2.0])).let_in == 0.5


@pytest.mark.parametrize(("known", "strangers"), [(0, 3), (3, 0), (0, 0)])
def test_a_rate_of_nobody_is_refused(known: int, strangers: int) -> None:
    with pytest.raises(ValueError, match="messages of both kinds"):
        scope.told(np.ones(known), np.ones(strangers))


def test_scores_of_logits_worked_by_hand() -> None:
    """Logits ln 1 and ln 3: energy ln 4, the largest ln 3, its probability 3 / 4. A shift of both
    moves the first two alone.
    """
    logits = np.log(np.array([[1.0, 3.0]])) + np.array([[0.0], [2.0]])

    assert scope.energy(logits) == pytest.approx([np.log(4), np.log(4) + 2])
    assert scope.max_logit(logits) == pytest.approx([np.log(3), np.log(3) + 2])
    assert scope.confidence(logits) == pytest.approx([0.75, 0.75])


def test_of_large_logits_energy_is_a_number() -> None:
    assert scope.energy(np.array([[1000.0, 1000.0]])).tolist() == [1000 + np.log(2)]
