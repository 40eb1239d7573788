"""The benchmark of the queue: no message is tested on that looks like one that was trained on, each
rule asks about what it says, and gains are paired by seed.
"""

from typing import Any

import numpy as np
import pytest

from benchmarks.asking import __main__ as command
from benchmarks.asking import curve, rows, rules
from schemas import present

K = len(present.INTENTS)


def message(text: str, intent: str = "faq", **more: Any) -> dict[str, Any]:
    return {"text": text, "intent": intent, "kind": "human"} | more


def tables(n: int = 60) -> rows.Rows:
    """So many messages of either language, two of each cluster."""
    base = [message(f"base {i}", cluster=f"b{i // 2}") for i in range(n)]
    later = [message(f"later {i}", cluster=f"l{i // 2}") for i in range(n)]
    return rows.rows(base, later)


def pool(
    *,
    confidence: list[float],
    predicted: list[int] | None = None,
    texts: list[str] | None = None,
) -> rules.Pool:
    n = len(confidence)
    return rules.Pool(
        texts=texts or [f"invented {chr(97 + i)}" for i in range(n)],
        predicted=np.array(predicted or [0] * n),
        confidence=np.array(confidence),
        margin=np.full(n, 0.9),
        novelty=np.zeros(n),
    )


@pytest.mark.parametrize("mixed", [False, True])
def test_no_group_of_near_duplicates_stands_on_two_sides(mixed: bool) -> None:
    messages = tables()
    cut = rows.cut(messages, seed=1, mixed=mixed)
    parts = [cut.train, cut.pool, cut.home, cut.later]

    groups = [set(messages.group[part].tolist()) for part in parts]

    assert sum(map(len, groups)) == len(set.union(*groups))
    assert all(map(len, parts))
    assert (cut.pool < messages.base).any() == mixed
    assert (cut.later >= messages.base).all()


def test_intents_that_nobody_knows_are_left_out_and_large_groups_are_capped() -> None:
    many = [message(f"a {i}", cluster="one") for i in range(100)]

    messages = rows.rows([message("b"), message("c", "weather")], many)

    assert (messages.base, len(messages.texts)) == (1, 41)


def test_empty_tables_are_no_rows() -> None:
    assert rows.rows([], []).texts == []


def test_a_seed_draws_the_same_rows_again_and_another_one_others() -> None:
    messages = tables()
    first, again, other = (rows.cut(messages, seed).later.tolist() for seed in (1, 1, 2))

    assert first == again != other


@pytest.mark.parametrize("arm", rules.ARMS)
@pytest.mark.parametrize("n", [1, 7, 20])
def test_each_rule_asks_about_so_many_different_messages(arm: str, n: int) -> None:
    of = pool(confidence=[0.5, 0.9] * 20, predicted=[0, 1, 2, 3] * 10)
    lots = np.random.default_rng(3).random((3, 40))

    asked = rules.ARMS[arm](of, lots, n).tolist()

    assert len(set(asked)) == len(asked) == n


def test_the_train_queue_asks_about_unsure_messages_and_random_about_all_alike() -> None:
    of = pool(confidence=[0.2] * 500 + [0.95] * 500)
    lots = np.random.default_rng(4).random((3, 1000))

    unsure = {arm: int((rule(of, lots, 100) < 500).sum()) for arm, rule in rules.ARMS.items()}

    assert unsure["train queue as sampled"] > 80
    assert 30 < unsure["random"] < 70


def test_in_its_order_intents_take_turns_and_the_same_wording_comes_last() -> None:
    of = pool(
        confidence=[0.5] * 4,
        predicted=[0, 0, 0, 1],
        texts=["volume 3", "volume 12!", "any news", "a coupon"],
    )
    lots = np.tile([0.1, 0.2, 0.3, 0.4], (3, 1))

    assert rules.in_turn(of, lots, 4).tolist() == [0, 3, 2, 1]


def test_with_labels_of_later_language_the_head_understands_it() -> None:
    """Two intents, each said in one direction before and in another one later."""
    messages = tables(90)
    intent = np.arange(180) % 2
    later = np.arange(180) >= messages.base
    features = np.eye(4, dtype=np.float32)[intent + 2 * later]
    known = rows.Rows(messages.texts, intent, messages.group, messages.base)
    cut = rows.cut(known, seed=1)

    points = curve.curve(known, features, [[1]] * 180, cut, seed=1, sizes=[20])

    champion, *others = points
    assert champion["home_accuracy"] == 1.0
    assert champion["later_accuracy"] < 1.0
    assert {point["later_accuracy"] for point in others} == {1.0}
    assert {point["arm"] for point in others} == set(rules.ARMS)


def point(arm: str, seed: int, accuracy: float, labels: int = 100) -> dict[str, Any]:
    of = dict.fromkeys(command.FIGURES, accuracy)
    return of | {"arm": arm, "labels": labels, "traffic": "later", "seed": seed}


def test_a_gain_is_paired_by_seed_and_has_its_standard_error() -> None:
    """Gains of 2 and 4 points: 3 on average, with a standard error of 1."""
    points = [point("champion", seed, 0.5, labels=0) for seed in (0, 1)]
    points += [point("random", 0, 0.70), point("random", 1, 0.80)]
    points += [point("both queues", 0, 0.72), point("both queues", 1, 0.84)]

    champion, random, ours = command.averaged(points)

    assert (champion["later_accuracy"], random["later_accuracy"]) == (0.5, pytest.approx(0.75))
    assert ours["later_accuracy_gain"] == pytest.approx(0.03)
    assert ours["later_accuracy_gain_se"] == pytest.approx(0.01)
    assert "later_accuracy_gain" not in random


def test_the_table_has_a_row_an_arm_and_says_what_was_before() -> None:
    points = [point("champion", 0, 0.5, labels=0), point("random", 0, 0.75)]
    result = {"machine": "m", "date": "2026-04-20T00:00:00Z", "seeds": 1}

    text = command.table(result | {"rows": command.averaged(points)})

    assert "without labels 50.0 / 50.0 / 50.0" in text
    assert "| random | 75.0 / 75.0 / 75.0 | 50.0, 75.0 |" in text
    assert "half later" not in text
