"""A candidate beside a linear model of the same rows: worse, better, or nobody can tell."""

import numpy as np
import pytest

from retrain.evaluation import comparison
from retrain.train import beaten
from schemas import runs

FAIL, PASS = runs.GateVerdict.FAIL, runs.GateVerdict.PASS


def judged(
    mine: list[int], theirs: list[int], groups: list[str] | None = None, newest: int = 0
) -> runs.Gate:
    """The gate where right answers are 0, the last `newest` rows being the newest."""
    n = len(mine)
    last = np.arange(n) >= n - newest
    rival = beaten.Rival(np.array(theirs), last)
    names = groups or [str(i) for i in range(n)]
    return beaten.gate(np.zeros(n, dtype=np.int64), np.array(mine), rival, names)


def differing(n: int, worse: int, better: int = 0) -> tuple[list[int], list[int]]:
    """Answers to n rows: `worse` that only the linear model gets, `better` only the candidate."""
    mine = [1] * worse + [0] * (n - worse)
    theirs = [0] * worse + [1] * better + [0] * (n - worse - better)
    return mine, theirs


@pytest.mark.parametrize(
    ("n", "worse", "better", "verdict"),
    [
        (1000, 40, 10, FAIL),
        (1000, 30, 25, PASS),
        (1000, 10, 40, PASS),
        (1000, 0, 0, PASS),
        (30, 7, 0, PASS),  # seven rows may be chance: p = 0.016
        (30, 8, 0, FAIL),  # eight are not: p = 0.0078
        (1, 1, 0, PASS),
    ],
)
def test_only_a_proven_loss_fails(
    n: int, worse: int, better: int, verdict: runs.GateVerdict
) -> None:
    gate = judged(*differing(n, worse, better))

    assert (gate.gate, gate.verdict, gate.n) == ("linear", verdict, n)
    assert gate.value == pytest.approx((n - worse) / n)
    assert gate.champion == pytest.approx((n - better) / n)


def test_rows_of_one_group_prove_no_more_than_one_row() -> None:
    """Twenty losses, of which nineteen are one wording."""
    mine, theirs = differing(200, 20)
    groups = ["same"] * 19 + [str(i) for i in range(181)]

    assert judged(mine, theirs, groups).verdict is PASS


def test_a_loss_on_the_newest_rows_alone_fails_and_is_what_is_told() -> None:
    """On all rows the two are equal: 30 lost among the newest 100, 30 won before."""
    mine = [0] * 900 + [1] * 30 + [0] * 70
    theirs = [1] * 30 + [0] * 970

    gate = judged(mine, theirs, newest=100)

    assert (gate.verdict, gate.n, gate.value, gate.champion) == (FAIL, 100, 0.7, 1.0)
    assert gate.note == "the newest held-out rows, beside a linear model"
    assert judged(mine, theirs).verdict is PASS


@pytest.mark.parametrize(
    ("worse", "better", "ties"), [(30, 25, True), (10, 40, False), (40, 10, False), (0, 7, True)]
)
def test_a_tie_is_what_proves_neither(worse: int, better: int, ties: bool) -> None:
    gate = judged(*differing(1000, worse, better))

    assert (runs.tie([gate]) is not None) is ties


def test_gates_of_before_tie_with_nobody() -> None:
    before = runs.Gate("accuracy", PASS, 0.9, 0.9, None, -0.1, 0.1, 100)

    assert runs.tie([]) is None
    assert runs.tie([before]) is None


@pytest.mark.parametrize(
    ("wins", "losses", "p"),
    [(0, 0, 1.0), (1, 0, 1.0), (5, 0, 0.0625), (6, 0, 0.03125), (1, 7, 0.0703125), (4, 4, 1.0)],
)
def test_the_exact_test_of_so_many_rows(wins: int, losses: int, p: float) -> None:
    """Two-sided: twice the tail of a fair coin, at most 1. One in eight: 2 (1 + 8) / 256."""
    one = np.arange(wins + losses + 3) < wins
    other = np.arange(wins + losses + 3) >= len(one) - losses
    groups = [str(i) for i in range(len(one))]

    assert comparison.sign_test(one, other, groups) == pytest.approx(p)
