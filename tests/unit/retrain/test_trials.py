"""Losses and encoders compared: which is taken, what is a tie, what a point costs; and one trial of
each kind for real, on an encoder that trains in a second.
"""

import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tinybert

from retrain.evaluation import confusion
from retrain.train import recipe
from retrain.train.trials import choice, encoders, figures, outcome
from schemas import loglines, policy, present

LABELS = np.arange(200) % len(present.INTENTS)
HELD = choice.Held(LABELS, [str(row) for row in range(200)], 1)
GATES = policy.Gates(min_accuracy=0.8, p95_latency_ms=15.0)
PRICES = {"large": 300.0, "small": 100.0}
RECIPE = recipe.Recipe(epochs=1, batch=8, learning_rate=3e-3, max_tokens=16, precision="float32")


def tried(name: str, wrong: int, first: int = 0, **more: Any) -> outcome.Outcome:
    """Of 200 rows, `wrong` are answered by the next intent, from row `first` on."""
    predicted = LABELS.copy()
    predicted[first : first + wrong] = (predicted[first : first + wrong] + 1) % 10
    return outcome.Outcome(name, predicted, confusion.scores(LABELS, predicted), 2.5, **more)


def test_a_loss_that_is_proven_better_is_taken_and_says_so() -> None:
    taken = choice.of_losses([tried("weighted", 60), tried("focal", 4)], HELD, "weighted")

    assert (taken.selected, taken.ties) == ("focal", ())
    assert taken.reason == (
        "macro_f1 98.0, rare 100.0 on 200 held-out rows; proven above all others"
    )


def test_of_a_tie_the_recipes_own_loss_stays_and_the_others_are_named() -> None:
    """One row more is right: chance."""
    three = [tried("weighted", 6), tried("focal", 5, 100), tried("cross_entropy", 80)]
    taken = choice.of_losses(three, HELD, "weighted")

    assert (taken.selected, taken.ties) == ("weighted", ("focal",))
    assert taken.reason.endswith("on 200 held-out rows; a tie with focal: within noise")
    other = choice.of_losses(three, HELD, "oversampling")
    assert (other.selected, other.ties) == ("focal", ("weighted",))


def test_a_loss_alone_is_compared_with_nothing() -> None:
    taken = choice.of_losses([tried("focal", 3)], HELD, "weighted")
    assert taken.selected == "focal"
    assert taken.reason.endswith("nothing else to compare")


def test_of_encoders_as_good_the_cheapest_is_taken_or_the_fastest_without_a_price() -> None:
    two = [tried("large", 5, p95_ms=12.0, mb=65.0), tried("small", 6, 100, p95_ms=9.0, mb=15.0)]
    taken = choice.of_encoders(two, HELD, GATES, PRICES)
    assert (taken.selected, taken.ties) == ("small", ("large",))
    assert taken.reason.startswith("keeps accuracy 80.0 and p95 15 ms with 97.0 and 9.0 ms on 200")

    fast = [dataclasses.replace(two[0], p95_ms=3.0), two[1]]
    assert choice.of_encoders(fast, HELD, GATES, PRICES).selected == "small"
    assert choice.of_encoders(fast, HELD, GATES, {"small": 100.0}).selected == "large"


def test_one_that_is_slow_or_wrong_or_a_shape_alone_is_never_taken() -> None:
    slow = tried("large", 0, p95_ms=28.0)
    wrong = tried("small", 60, p95_ms=2.0)
    shape = tried("roberta_base", 0, p95_ms=2.0, trained=False)

    taken = choice.of_encoders([slow, wrong, shape], HELD, GATES, PRICES)
    assert taken.selected == choice.NONE
    assert taken.reason == (
        "no trained encoder keeps accuracy 80.0 and p95 15 ms; "
        "roberta_base: shape only, random weights"
    )
    better = tried("minilm", 9, p95_ms=2.0)
    assert choice.of_encoders([slow, better, shape], HELD, GATES, PRICES).selected == "minilm"


def test_a_point_is_priced_beside_the_cheapest_trained_encoder() -> None:
    """The seed's: 178 - 89 for 92.1 - 87.3 points; the answers of a shape are worth nothing."""
    tiny = tried("tinybert", 25, p95_ms=5.0)
    distil = tried("distilbert", 16, p95_ms=12.0)
    shape = tried("roberta_base", 0, p95_ms=28.0, trained=False)
    monthly = policy.Policy().costs.monthly
    told = figures.prices([tiny, distil, shape, tried("minilm", 10)], monthly)

    assert told["distilbert"] == {"monthly_cost": 178.0, "cost_per_point": 19.78}  # 89 / 4.5
    assert told["tinybert"] == {"monthly_cost": 89.0, "cost_per_point": None}
    assert told["roberta_base"] == {"monthly_cost": 348.0, "cost_per_point": None}
    assert told["minilm"] == {"monthly_cost": None, "cost_per_point": None}


def test_lines_are_the_seeds_with_more_behind_and_come_back() -> None:
    loss = figures.of_loss(tried("focal", 20))
    assert (
        loglines.encode("ABLATION", loss)
        == "[ABLATION] focal overall_acc=90.0 rare_acc=90.0 train_min=2.5"
    )
    one = tried("distilbert", 20, p95_ms=12.04, mb=67.31, trained=False)
    fields = figures.of_encoder(one, {"monthly_cost": 178.0, "cost_per_point": None})
    line = loglines.encode("MODEL_BENCH", fields)
    assert line == (
        "[MODEL_BENCH] distilbert acc=90.0 p95_ms=12.04 monthly_cost=178 macro_f1=90.0 "
        'size_mb=67.3 train_min=2.5 cost_per_point=null weights="shape only, random weights"'
    )
    assert loglines.parse(line)[1]["weights"] == "shape only, random weights"
    assert figures.row(one, fields)["accuracy"] == 0.9


def test_an_unknown_encoder_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    tinybert.encoder(tmp_path / "own")
    encoders.check([*encoders.NAMES, str(tmp_path / "own")])
    (tmp_path / "own" / "tokenizer.json").unlink()
    for name in ("minlm", "", str(tmp_path), str(tmp_path / "own")):
        with pytest.raises(encoders.UnknownEncoder, match="minilm, tinybert, distilbert, roberta"):
            encoders.check([name])


@pytest.mark.parametrize(
    ("name", "million"), [("tinybert", 14.4), ("distilbert", 66.4), ("roberta_base", 124.6)]
)
def test_a_shape_has_the_size_of_its_name(name: str, million: float) -> None:
    import torch
    import transformers

    with torch.device("meta"):  # shapes alone, no memory
        network = transformers.AutoModel.from_config(encoders.SHAPES[name].config)
    assert sum(each.numel() for each in network.parameters()) / 1e6 == pytest.approx(million, 0.01)


# For real


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tinybert.encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where whatever is written for a while is written."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield tmp_path
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"


def parts(train: int = 60) -> dict[str, Any]:
    made = {"train": (train, 1), "val": (30, 2), "test": (40, 3)}
    return {name: tinybert.frame(n, seed=seed) for name, (n, seed) in made.items()}


def test_a_trial_of_a_loss_leaves_its_figures_alone(encoder: Path, scratch: Path) -> None:
    from retrain.train.trials import trial

    made_with = dataclasses.replace(RECIPE, base_model=str(encoder))
    one = trial.of_loss(parts(), made_with, "oversampling")
    again = trial.of_loss(parts(), made_with, "oversampling")

    assert (one.name, one.scores.n, one.p95_ms) == ("oversampling", 40, None)
    assert one.minutes > 0
    assert one.predicted.tolist() == again.predicted.tolist()


def test_a_trial_of_an_encoder_is_compiled_and_timed(encoder: Path, scratch: Path) -> None:
    from retrain.train.trials import trial

    one = trial.of_encoder(parts(), RECIPE, str(encoder), 15.0)

    assert one.trained
    assert one.p95_ms is not None
    assert one.mb is not None
    assert one.p95_ms > 0
    assert 0.005 < one.mb < 1  # 45 words of 16, two layers


def test_a_shape_is_timed_on_a_part_of_the_rows() -> None:
    from retrain.train.trials import trial

    few = trial._short(parts(train=400), seed=1)
    assert {name: len(rows) for name, rows in few.items()} == {"train": 160, "val": 30, "test": 40}


def test_a_trial_has_the_recipes_limits(encoder: Path, scratch: Path) -> None:
    """However short it is."""
    from retrain.train import limits
    from retrain.train.trials import trial

    greedy = dataclasses.replace(RECIPE, base_model=str(encoder), memory_mib=1)
    with pytest.raises(limits.OverLimit, match="memory_mib is 1"):
        trial.of_loss(parts(), greedy, "focal")


def test_a_recipe_of_longer_messages_than_the_encoder_takes_is_refused(encoder: Path) -> None:
    """The tiny one has 32 positions. Before, torch ended such a run amid its first batch."""
    from retrain.train import build, seen
    from retrain.train.fit import loop, model

    for n in (1, 32):
        assert model.fitting(str(encoder), n) == encoder
    says = "has 32 positions; the recipe's max_tokens is 33: make it 32 or less"
    with pytest.raises(model.EncoderMissing, match=says):
        model.fitting(str(encoder), 33)
    with pytest.raises(model.EncoderMissing, match="32 positions"):
        seen.of(str(encoder), ["w1"], 64)

    long = dataclasses.replace(RECIPE, base_model=str(encoder), max_tokens=64)
    hooks = loop.Hooks("r1", lambda *_: None, lambda _: None, lambda _: None, 15.0)
    with pytest.raises(model.EncoderMissing, match="32 positions"):
        build.tuned(long, parts(), hooks)


def test_an_encoder_that_does_not_count_positions_takes_any_length() -> None:
    from retrain.train.fit import model

    assert model.positions({"model_type": "bert"}) is None
    assert model.positions({"model_type": "distilbert", "max_position_embeddings": 512}) == 512
    assert model.positions({"model_type": "xlm-roberta", "max_position_embeddings": 514}) == 512
