"""The quality part of the training benchmark: what is held out, and what is made of figures."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.train import cut, linear, quality, verdict
from retrain.train.fit import rows
from services.local.demo import invent

SIZE = 600


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return cut.tables(*invent.tables(1))


def test_the_mix_is_the_seeds_and_only_people_are_held_out(table: pd.DataFrame) -> None:
    one = cut.cut(table, SIZE, 1)
    for part, most in (("train", SIZE), ("val", 60), ("test", 120)):
        rows_of = one.part(part)
        assert 0.6 * most <= len(rows_of) <= most + 5
        shares = rows_of["intent"].value_counts(normalize=True)
        assert shares["product_discovery"] == pytest.approx(0.221, abs=0.03)
        assert shares["escalation"] == pytest.approx(0.03, abs=0.03)
    held = one.rows[one.rows["part"] != "train"]
    assert set(held["kind"]) == {"human"}


def test_no_group_is_on_two_sides_and_nothing_that_is_taught_is_tested(table: pd.DataFrame) -> None:
    one = cut.cut(table, SIZE, 2)
    sides = [set(part["group"]) for _, part in one.rows.groupby("part")]
    sides += [set(one.later["group"]), set(one.taught["group"])]
    together = set.union(*sides)
    assert sum(map(len, sides)) == len(together)
    assert 0 < len(one.taught) <= cut.TAUGHT
    more = one.taught_too().part("train")
    assert len(more) == len(one.part("train")) + len(one.taught)


def test_a_seed_is_a_cut(table: pd.DataFrame) -> None:
    first, again, other = (cut.cut(table, SIZE, seed) for seed in (1, 1, 2))
    assert first.rows.equals(again.rows)
    assert not first.rows["id"].equals(other.rows["id"])


def test_new_language_is_that_of_shop_bots_where_sources_are_told() -> None:
    told = pd.Series(["hint3_a", "other", None])
    assert cut._is_new(told).tolist() == [True, False, False]
    assert cut._is_new(pd.Series([None, None], dtype=object)).tolist() == [True, True]


def test_mcnemar_counts_the_rows_on_which_one_alone_is_right() -> None:
    before = np.array([True] * 5 + [False] * 15)
    after = np.array([True] * 20)
    assert quality.mcnemar(before, after) == pytest.approx(2 / 2**15)
    assert quality.mcnemar(before, before) == 1.0
    assert quality.mcnemar(before[:0], after[:0]) == 1.0


def test_the_linear_rival_learns_words_and_is_sure_of_all_intents_in_one() -> None:
    train = rows.Rows(
        ["red one", "red two", "blue one", "blue two"] * 3, np.array([0, 0, 3, 3] * 3)
    )
    model = linear.Linear(train, train)
    told = model.probabilities(["red", "blue"])
    assert told.argmax(1).tolist() == [0, 3]
    assert told.sum(1) == pytest.approx([1.0, 1.0])


def figures(name: str, seed: int, **values: float) -> dict[str, object]:
    usual = dict.fromkeys(verdict.FIGURES, 0.9)
    return {"part": "quality", "contestant": name, "seed": seed} | usual | values


def compared(name: str, on: str, difference: float, p: float) -> dict[str, object]:
    of_both = {"difference": difference, "low": 0.0, "high": 0.1, "p": p}
    return {"part": "paired", "contestant": name, "seed": 0, "on": on} | of_both


def test_targets_are_of_the_means_and_a_p_of_every_seed() -> None:
    told = [
        figures("ours", 0, accuracy=0.95, ece=0.02, wall_s=80),
        figures("ours", 1, accuracy=0.96, ece=0.01, wall_s=120),
        compared("ours-tfidf", "test", 0.01, 0.001),
        compared("ours-tfidf", "test", 0.01, 0.02),
        compared("ours-tfidf", "later", 0.09, 0.001),
        compared("ours_taught-ours", "new", 0.37, 0.001),
        compared("ours_taught-ours", "test", -0.006, 0.5),
    ]
    ratio = {"mean": 10.0, "sd": None}
    judged = verdict.judged(told)
    ratios = {"ours/hf_defaults": ratio, "ours/hf_best": ratio}
    by_name = {each.what: each for each in verdict.targets({**judged, "ratios": ratios})}

    assert by_name["accuracy"].reached == "95.5 ± 0.7"
    assert by_name["accuracy"].met
    assert not by_name["recall of rare intents"].met
    assert by_name["calibration error"].met
    assert not by_name["above TF-IDF on held-out rows, p"].met
    assert by_name["above TF-IDF on later language, points"].met
    assert by_name["regained by 400 labels of new language, points"].met
    assert not by_name["of it kept in the old one, points"].met
    assert by_name["examples a second, ours/hf_defaults"].met
    assert not by_name["default retrain, seconds from snapshot to gates"].met


def test_the_table_has_a_line_a_contestant_and_a_target() -> None:
    told = [
        figures("ours", 0),
        compared("ours-tfidf", "test", 0.01, 0.001),
        compared("ours-tfidf", "later", 0.09, 0.001),
        compared("ours_taught-ours", "new", 0.37, 0.001),
        compared("ours_taught-ours", "test", 0.0, 0.5),
    ]
    ratio = {"mean": 10.0, "sd": None}
    result = {
        "messages": "invented",
        "seeds": 1,
        "train_rows": 600,
        "test_rows": 120,
        "later_rows": 80,
        "new_rows": 80,
        "ratios": {"ours/hf_defaults": ratio, "ours/hf_best": ratio},
        **verdict.judged(told),
    }
    lines = verdict.table(result).splitlines()
    assert "of invented messages" in lines[0]
    assert lines[4].startswith("| ours | 90.0 | 90.0 | 90.0 | 0.900 | 90.0 | 90.0 | 1 |")
    assert (
        sum(line.endswith("| met |") for line in lines)
        + sum(line.endswith("| **missed** |") for line in lines)
        == 11
    )
