"""The baselines of a run, on an encoder that is small enough: a linear model learns what the words
say, an encoder that knows nothing is better than nothing, and too few rows are no error.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tinybert
import wordmodel

from retrain.evaluation import confusion
from retrain.train import recipe as recipes
from retrain.train.beside import linear, measure
from retrain.train.fit import model
from schemas import loglines, present

K = len(present.INTENTS)
FOUR = ["where is it", "where is he", "good day you", "good day all"]


def places(*numbers: int) -> confusion.Labels:
    return np.array(numbers, dtype=np.int64)


def rows(n: int, seed: int = 1) -> pd.DataFrame:
    """Rows of all intents, each a group of its own."""
    groups = [f"{seed}:{i}" for i in range(n)]
    return pd.DataFrame(tinybert.frame(n, seed)).assign(group=groups, kind="human")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> recipes.Recipe:
    directory = tinybert.encoder(tmp_path_factory.mktemp("encoder"))
    return recipes.Recipe(base_model=str(directory), max_tokens=16, precision="float32")


@pytest.fixture(scope="module")
def beside(recipe: recipes.Recipe) -> measure.Beside:
    """300 rows to learn from, 80 others to answer; no champion."""
    return measure.beside({"train": rows(300), "test": rows(80, seed=2)}, recipe, None)


def test_all_baselines_answer_the_same_rows(beside: measure.Beside) -> None:
    assert [each.name for each in beside.baselines] == ["majority", "linear", "encoder"]
    assert [each.n for each in beside.baselines] == [80] * 3
    assert [each.trained for each in beside.baselines] == [300] * 3


def test_what_a_word_says_a_linear_model_learns(beside: measure.Beside) -> None:
    """The first of a row's words is its intent; the most frequent of ten intents is 8 of 80."""
    most, of_words, of_encoder = beside.baselines

    assert most.accuracy == 0.1
    assert of_words.accuracy > 0.9
    assert of_encoder.accuracy > most.accuracy
    assert beside.linear is not None
    assert beside.linear.shape == (80, K)
    assert np.allclose(beside.linear.sum(1), 1)


def test_rare_intents_are_recalled_out_of_fold(beside: measure.Beside) -> None:
    """30 rows of each rare intent; the majority is not trained five times more."""
    most, of_words, _ = beside.baselines

    assert most.out_of_fold is None
    assert of_words.out_of_fold is not None
    assert of_words.out_of_fold.n == 30 * len(present.RARE)
    assert of_words.out_of_fold.rare_recall > 0.9


def test_a_line_a_baseline_is_written(beside: measure.Beside) -> None:
    lines = [loglines.encode("BASELINE", fields) for fields in beside.lines()]

    assert lines[0].startswith("[BASELINE] model=majority n=80 acc=10.0 macro_f1=")
    assert len(lines) == len(beside.plain()) == 3


def test_the_same_rows_give_the_same_figures(
    recipe: recipes.Recipe, beside: measure.Beside
) -> None:
    again = measure.beside({"train": rows(300), "test": rows(80, seed=2)}, recipe, None)

    assert again.linear is not None
    assert beside.linear is not None
    assert np.array_equal(again.linear, beside.linear)


def test_the_champion_answers_the_same_rows(recipe: recipes.Recipe, tmp_path: Path) -> None:
    """A model that knows the name of each intent, on rows that say it and rows that do not."""
    champion = wordmodel.written(tmp_path / "v1")
    test = rows(20, seed=2)
    test["text"] = [*test["intent"].head(15), *["w1"] * 5]

    told = measure.beside({"train": rows(60), "test": test}, recipe, champion)

    last = told.baselines[-1]
    assert (last.name, last.n, last.trained, last.out_of_fold) == ("champion", 20, 0, None)
    assert told.champion is not None
    assert (told.champion.argmax(1) == confusion.places(test["intent"]))[:15].all()
    assert 0.75 <= last.accuracy <= 0.8


def test_rows_that_share_no_word_leave_the_encoder_and_the_majority(
    recipe: recipes.Recipe,
) -> None:
    alone = rows(300).head(2).assign(text=["12", "34"])

    told = measure.beside({"train": alone, "test": rows(20, seed=2)}, recipe, None)

    assert [each.name for each in told.baselines] == ["majority", "encoder"]
    assert told.linear is None


def test_rows_of_one_intent_leave_the_majority_alone(recipe: recipes.Recipe) -> None:
    faq = rows(40).assign(intent="faq")

    told = measure.beside({"train": faq, "test": rows(20, seed=2)}, recipe, None)

    assert [each.name for each in told.baselines] == ["majority"]


def test_an_encoder_that_is_not_there_is_named(recipe: recipes.Recipe) -> None:
    parts = {"train": rows(40), "test": rows(20, seed=2)}

    with pytest.raises(model.EncoderMissing, match="no encoder at /nowhere"):
        measure.beside(parts, recipes.Recipe(base_model="/nowhere"), None)


def test_no_row_of_a_group_is_answered_by_a_model_that_has_seen_it() -> None:
    """Each text is in one group alone, so nothing that it was taught is known of it."""
    texts = ["alpha alpha", "alpha alpha", "beta beta", "beta beta"] * 5
    labels = places(*[0, 0, 1, 1] * 5)
    made = linear.words(texts, texts)
    assert made is not None

    together = linear.said(made[0], labels, ["a", "a", "b", "b"] * 5, made[1])
    assert together is not None
    assert together.out_of_fold is None  # two groups make no five folds

    apart = linear.said(made[0], labels, [str(i) for i in range(20)], made[1])
    assert apart is not None
    assert apart.out_of_fold is not None
    assert (apart.out_of_fold.argmax(1) == labels).all()


def test_an_intent_that_is_in_no_row_is_not_likely() -> None:
    made = linear.words(FOUR, ["where is it"])
    assert made is not None

    said = linear.said(made[0], places(3, 3, 5, 5), list("abcd"), made[1])

    assert said is not None
    assert np.flatnonzero(said.tested[0]).tolist() == [3, 5]
    assert said.tested[0].argmax() == 3


@pytest.mark.parametrize("texts", [["?!", "?!"], ["", ""], ["alpha", "beta"]])
def test_texts_without_a_common_word_make_no_table(texts: list[str]) -> None:
    assert linear.words(texts, texts) is None
