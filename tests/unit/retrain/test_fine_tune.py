"""A fine-tune of a tiny encoder: what moves, what decays, which epoch is kept, when it ends early,
and that one which was killed ends with the same weights, bit for bit.
"""

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tinybert

from retrain.train import recipe
from schemas import runs

RECIPE = recipe.Recipe(
    epochs=3, batch=8, learning_rate=3e-3, max_tokens=16, patience=0, precision="float32"
)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tinybert.encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """The sums of one thread are those of one thread, whatever else runs."""
    import torch  # here: every worker imports this file, and few need torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def tuned(
    encoder: Path, made_with: recipe.Recipe, told: tinybert.Told, rows: int = 48, **hooks: Any
) -> Any:
    import torch

    from retrain.train.fit import loop, model

    torch.manual_seed(made_with.seed)
    network, tokenizer = model.load(encoder)
    train, val = tinybert.rows(rows), tinybert.rows(30, seed=2)
    return loop.fine_tune(network, tokenizer, train, val, made_with, told.hooks(**hooks))


def changed(of: recipe.Recipe = RECIPE, **values: Any) -> recipe.Recipe:
    return dataclasses.replace(of, **values)


def same(one: Any, other: Any) -> bool:
    import torch

    pairs = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    return all(name == again and torch.equal(a, b) for (name, a), (again, b) in pairs)


# What it learns.

LEARNING = changed(epochs=8, learning_rate=1e-2, frozen="nothing")


@pytest.fixture(scope="module")
def sure(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder without dropout, which so few rows can teach."""
    return tinybert.encoder(tmp_path_factory.mktemp("sure"), dropout=0.0)


def test_it_learns_and_keeps_the_best_epoch(sure: Path) -> None:
    from retrain.evaluation import confusion
    from retrain.train.fit import loop, model

    told = tinybert.Told()
    network = tuned(sure, LEARNING, told, rows=160)
    scores = told.values("val_macro_f1")
    assert len(scores) == 8
    assert max(scores) > 0.9
    (kept,) = told.of("CHECKPOINT")
    assert kept["best_epoch"] == scores.index(max(scores)) + 1
    assert kept["criterion"] == "max macro_f1 subject to latency < 15ms"

    _, tokenizer = model.load(sure)
    val = tinybert.rows(30, seed=2)
    answers = loop.logits(network, tokenizer, val.texts, 16).argmax(1)
    assert confusion.scores(val.labels, answers).macro_f1 == pytest.approx(max(scores))


@pytest.mark.parametrize("name", ["cross_entropy", "oversampling", "weighted", "focal"])
def test_every_loss_trains(sure: Path, name: str) -> None:
    told = tinybert.Told()
    tuned(sure, changed(LEARNING, loss=name), told, rows=160)
    assert max(told.values("val_macro_f1")) > 0.9


def test_frozen_words_stay_and_everything_else_moves(encoder: Path) -> None:
    import torch

    from retrain.train.fit import model

    torch.manual_seed(RECIPE.seed)
    before, _ = model.load(encoder)
    for frozen, stays in (("words", True), ("nothing", False)):
        network = tuned(encoder, changed(epochs=1, frozen=frozen), tinybert.Told())
        was = dict(before.named_parameters())
        for name, parameter in network.named_parameters():
            unmoved = torch.equal(parameter, was[name])
            assert unmoved is (stays and name.endswith("word_embeddings.weight")), name


def test_weights_decay_and_biases_and_norms_do_not(encoder: Path) -> None:
    from retrain.train.fit import model, optimizer

    network, _ = model.load(encoder)
    adam, peaks = optimizer.made(model.layers(network), RECIPE)
    decays = {
        id(parameter): group["weight_decay"]
        for group in adam.param_groups
        for parameter in group["params"]
    }
    for name, parameter in network.named_parameters():
        undirected = name.endswith("bias") or "LayerNorm" in name
        assert decays[id(parameter)] == (0.0 if undirected else RECIPE.weight_decay), name
    optimizer.set_rates(adam, 0.5)
    assert {group["lr"] for group in adam.param_groups} == {peak / 2 for peak in peaks}


# Faster ways to the same.


def test_what_it_was_set_to_for_the_fine_tune_is_undone(encoder: Path) -> None:
    """Parity holds the artefact against plain float32 products of plain attention."""
    import torch

    products = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    before = products.fp32_precision
    network = tuned(encoder, changed(epochs=1, precision="bf16"), tinybert.Told())
    assert products.fp32_precision == before
    assert network.config._attn_implementation == "eager"


def test_tokens_are_padded_to_the_longest_of_a_batch_and_masked() -> None:
    import numpy as np

    from retrain.train.fit import rows

    tokens = rows.Tokens([[2, 7, 3], [2, 3], [2, 5, 6, 3]], filler=0)
    assert tokens.lengths.tolist() == [3, 2, 4]
    batch = tokens.padded(np.array([1, 0]))
    assert batch["input_ids"].tolist() == [[2, 3, 0], [2, 7, 3]]
    assert batch["attention_mask"].tolist() == [[1, 1, 0], [1, 1, 1]]


def test_a_text_is_cut_where_the_recipe_says(encoder: Path) -> None:
    from retrain.train.fit import model, rows

    _, tokenizer = model.load(encoder)
    tokens = rows.tokens(tokenizer, ["w1 w2 w3 w4", "", "nobody knows it"], 4)
    assert tokens.ids == [[2, 6, 7, 3], [2, 3], [2, 1, 1, 3]]
    assert rows.tokens(tokenizer, [], 4).ids == []


@pytest.mark.parametrize(
    ("cores", "load", "threads"),
    [(2, 0.0, 2), (2, 0.4, 2), (2, 0.9, 1), (2, 30.0, 1), (1, 0.0, 1), (16, 3.0, 8), (8, 6.0, 2)],
)
def test_threads_follow_the_cores_that_are_free(cores: int, load: float, threads: int) -> None:
    from retrain.train.fit import speed

    assert speed.threads(cores, load) == threads
    assert 1 <= speed.free() <= 8


def test_a_device_that_is_not_there_is_named(encoder: Path) -> None:
    import torch

    from retrain.train.fit import speed

    if not torch.cuda.is_available():
        with pytest.raises(speed.DeviceMissing, match="the recipe's device is cuda"):
            tuned(encoder, changed(device="cuda"), tinybert.Told())


# When it ends.


def metrics(name: str, values: list[float]) -> list[runs.Metric]:
    return [runs.Metric(epoch, epoch, name, value) for epoch, value in enumerate(values, start=1)]


@pytest.mark.parametrize(
    ("scores", "patience", "why"),
    [
        ([], 2, None),
        ([0.9], 1, None),
        ([0.9, 0.9], 1, "macro_f1 has not risen for 1 epochs"),
        ([0.9, 0.8, 0.7], 2, "macro_f1 has not risen for 2 epochs"),
        ([0.9, 0.8, 0.91], 2, None),
        ([0.9, 0.8, 0.7, 0.6], 0, None),
    ],
)
def test_patience_is_of_epochs_without_a_better_one(
    scores: list[float], patience: int, why: str | None
) -> None:
    from retrain.train.fit import choice

    assert choice.why_stop(metrics("val_macro_f1", scores), patience) == why


@pytest.mark.parametrize(
    ("scores", "best"), [([], 0), ([0.0], 1), ([0.5, 0.7, 0.7], 2), ([0.9, 0.1], 1)]
)
def test_the_best_epoch_is_the_first_of_the_highest(scores: list[float], best: int) -> None:
    from retrain.train.fit import choice

    assert choice.best(scores) == best


def test_a_fine_tune_that_overfits_ends_there(encoder: Path) -> None:
    """Two epochs in a row in which training loss falls, that on other rows rises, and mistakes are
    made more surely: the third epoch is the last.
    """
    from retrain.train.fit import choice

    rows = [
        runs.Metric(1, 1, "loss", 1.0),
        runs.Metric(1, 1, "loss_smoothed", 1.0),
        runs.Metric(1, 1, "examples_per_s", 60.0),
        *metrics("train_log_loss", [0.9, 0.5, 0.2]),
        *metrics("val_loss", [0.5, 0.6, 0.7]),
        *metrics("val_log_loss", [0.5, 0.6, 0.7]),
        *metrics("val_confidence_wrong", [0.5, 0.6, 0.7]),
        *metrics("val_macro_f1", [0.7, 0.8, 0.9]),
    ]
    why = choice.why_stop(rows, 0)
    assert why is not None
    assert why.startswith("overfitting_epochs: stop early")
    assert choice.why_stop([row for row in rows if row.epoch != 3], 0) is None


def test_a_fine_tune_out_of_patience_says_so_and_keeps_its_best_epoch(encoder: Path) -> None:
    """At a rate of nothing no epoch is better than the first."""
    told = tinybert.Told()
    tuned(encoder, changed(epochs=9, learning_rate=0.0, patience=2), told)
    assert len(told.of("VAL")) == 3
    assert told.of("DECISION") == [
        {"selected": "stop_early", "reason": "macro_f1 has not risen for 2 epochs"}
    ]
    assert told.of("CHECKPOINT")[0]["best_epoch"] == 1


class Poisoning:
    """A keeper after which the network's weights are no numbers: after the epoch that it is told of
    at an end, or at once.
    """

    def __init__(self, *, at_once: bool) -> None:
        self.at_once = at_once

    def restored(self, network: Any, _optimizer: Any) -> None:
        if self.at_once:
            self._poisoned(network)

    def keep(self, network: Any, _optimizer: Any, _state: Any, *, now: bool = False) -> None:
        if now:
            self._poisoned(network)

    def _poisoned(self, network: Any) -> None:
        for parameter in network.classifier.parameters():
            parameter.data.fill_(math.nan)


def test_a_loss_that_is_no_number_ends_it_and_the_best_epoch_before_is_kept(encoder: Path) -> None:
    told = tinybert.Told()
    network = tuned(encoder, RECIPE, told, keeper=Poisoning(at_once=False))
    assert told.of("CHECKPOINT")[0]["best_epoch"] == 1
    (decision,) = told.of("DECISION")
    assert decision["reason"] == "loss_finite: the loss is no number any more"
    assert all(parameter.isfinite().all() for parameter in network.parameters())
    assert all(math.isfinite(row.value) for row in told.rows)


def test_without_such_an_epoch_it_fails_with_what_to_do(encoder: Path) -> None:
    from retrain.train.fit import loop

    told = tinybert.Told()
    with pytest.raises(loop.Diverged, match="reduce learning_rate or increase warmup"):
        tuned(encoder, RECIPE, told, keeper=Poisoning(at_once=True))
    assert told.rows == []


# Killed and begun again.


class Killed(BaseException):
    """What ends a process: nothing in the product catches it."""


def keeper(file: Path) -> Any:
    """Of a checkpoint after every step."""
    from retrain.train.fit import checkpoint

    return checkpoint.Keeper(file, seconds=0.0)


class Stopping:
    """A keeper that is killed after so many checkpoints."""

    def __init__(self, file: Path, after: int) -> None:
        self.real = keeper(file)
        self.left = after

    def restored(self, *given: Any) -> Any:
        return self.real.restored(*given)

    def keep(self, *given: Any, now: bool = False) -> None:
        self.real.keep(*given, now=now)
        self.left -= 1
        if not self.left:
            raise Killed


@pytest.fixture(scope="module", params=["focal_weighted", "oversampling"])
def whole(request: Any, encoder: Path) -> tuple[recipe.Recipe, Any, tinybert.Told]:
    """A fine-tune that was never killed: its recipe, its network and what it told."""
    made_with, told = changed(loss=request.param), tinybert.Told()
    return made_with, tuned(encoder, made_with, told), told


@pytest.mark.parametrize("after", [1, 6, 7, 17, 21])
def test_killed_after_any_step_it_ends_with_the_same_weights_and_numbers(
    encoder: Path, tmp_path: Path, after: int, whole: tuple[recipe.Recipe, Any, tinybert.Told]
) -> None:
    """Six steps an epoch, with dropout. The 7th, 14th and 21st checkpoint are those of an epoch's
    end; after the last nothing is left to do.
    """
    made_with, never_killed, told_once = whole
    with pytest.raises(Killed):
        tuned(
            encoder, made_with, tinybert.Told(), keeper=Stopping(tmp_path / "checkpoint.pt", after)
        )
    again = tinybert.Told()
    resumed = tuned(encoder, made_with, again, keeper=keeper(tmp_path / "checkpoint.pt"))

    assert same(never_killed, resumed)
    assert again.of("CHECKPOINT") == told_once.of("CHECKPOINT")
    timed = ("step_ms", "examples_per_s", "tokens_per_s", "loader_wait_share", "peak_memory_mib")
    told = [[row for row in each.rows if row.name not in timed] for each in (told_once, again)]
    assert told[0] == told[1]


def test_a_checkpoint_is_of_its_rows_recipe_and_code(tmp_path: Path) -> None:
    from retrain.train.fit import checkpoint

    file = checkpoint.file(tmp_path, "a" * 64, RECIPE)
    assert file == checkpoint.file(tmp_path, "a" * 64, RECIPE)
    assert file.parent == tmp_path
    assert file != checkpoint.file(tmp_path, "b" * 64, RECIPE)
    assert file != checkpoint.file(tmp_path, "a" * 64, changed(epochs=4))


def test_a_checkpoint_is_kept_once_a_minute_and_at_an_epochs_end(
    encoder: Path, tmp_path: Path
) -> None:
    from retrain.train.fit import checkpoint, model, optimizer

    network, _ = model.load(encoder)
    adam, _ = optimizer.made(model.layers(network), RECIPE)
    now = [100.0]
    kept = checkpoint.Keeper(tmp_path / "checkpoint.pt", clock=lambda: now[0])
    state = checkpoint.State()
    for at, due in ((159.9, False), (160.0, True)):
        now[0] = at
        kept.keep(network, adam, state)
        assert kept.file.exists() is due
    kept.file.unlink()
    kept.keep(network, adam, state)
    assert not kept.file.exists()
    kept.keep(network, adam, state, now=True)
    assert kept.file.exists()
