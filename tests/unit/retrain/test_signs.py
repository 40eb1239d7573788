"""The signs of a fine-tune that goes wrong: each is provoked, and says what to do."""

from collections.abc import Mapping, Sequence

import pytest

from retrain.train import signs
from schemas import checks, runs

Level = checks.Level
STEPS = [1, *range(25, 250, 25)]
LOSSES = [2.2, 2.1, 1.7, 1.3, 1.0, 0.8, 0.7, 0.6, 0.55, 0.5]
# What a fine-tune shows in which nothing is wrong.
WELL: dict[str, Sequence[float]] = {
    "loss": LOSSES,
    "loss_smoothed": LOSSES,
    "clipped_share": [0.3] * 10,
    "examples_per_s": [100.0] * 10,
    "loader_wait_share": [0.02] * 10,
    "peak_memory_mib": [900.0] * 10,
    "weight_norm:embeddings": [50.0] * 10,
    "weight_norm:head": [5.0] * 10,
    "update_norm:embeddings": [0.01] * 10,
    "update_norm:head": [0.05] * 10,
}
EPOCHS: dict[str, Sequence[float]] = {
    "train_loss": [0.9, 0.4, 0.3],
    "train_log_loss": [1.0, 0.5, 0.35],
    "val_loss": [0.88, 0.39, 0.31],
    "val_log_loss": [0.6, 0.4, 0.35],
    "val_rare_recall": [0.827, 0.872, 0.886],
    "val_confidence_wrong": [0.6, 0.58, 0.57],
}


def told(changed: Mapping[str, Sequence[float]] | None = None) -> dict[str, checks.Check]:
    """The checks of a run that shows all of WELL and EPOCHS but for what is changed."""
    known = {**WELL, **EPOCHS, **(changed or {})}
    rows = []
    for name, values in known.items():
        for place, value in enumerate(values):
            is_epoch = name in EPOCHS
            epoch, step = (place + 1, None) if is_epoch else (1, STEPS[place])
            rows.append(runs.Metric(epoch, step, name, value))
    return {check.name: check for check in signs.checks(rows)}


def test_where_nothing_is_wrong_every_sign_is_ok() -> None:
    assert {name for name, check in told().items() if check.level is not Level.OK} == set()


def test_a_run_without_a_number_has_no_sign_and_before_an_epoch_only_those_of_its_steps() -> None:
    assert signs.checks([]) == ()
    begun = signs.checks(_rows(WELL))
    assert {check.name for check in begun}.isdisjoint({"val_loss_rise", "label_noise"})


def _rows(known: Mapping[str, Sequence[float]]) -> list[runs.Metric]:
    return [
        runs.Metric(1, STEPS[place], name, value)
        for name, values in known.items()
        for place, value in enumerate(values)
    ]


EXPLODING = [2.2, 3.0, 4.1, *LOSSES[3:]]
WRONG = {
    "the loss explodes early": ("loss_explosion", {"loss_smoothed": EXPLODING}, Level.ACT),
    "the loss is no number": ("loss_finite", {"loss": [2.2, float("nan")]}, Level.ACT),
    "every gradient is cut": ("clipped_share", {"clipped_share": [1.0] * 10}, Level.WATCH),
    "the lowest layer moves like the head": (
        "forgetting",
        {"update_norm:embeddings": [0.6] * 10},
        Level.ACT,
    ),
    "the loader is waited for": ("loader_wait_share", {"loader_wait_share": [0.6] * 10}, Level.ACT),
    "the speed drops": ("speed_drop", {"examples_per_s": [100.0] * 9 + [20.0]}, Level.WATCH),
    "the validation loss rises": ("val_loss_rise", {"val_loss": [0.5, 0.4, 0.5]}, Level.ACT),
    "rare recall falls": ("rare_recall_gain", {"val_rare_recall": [0.8, 0.82, 0.7]}, Level.ACT),
    "labels contradict": ("label_noise", {"train_log_loss": [2.0, 1.6, 1.5]}, Level.ACT),
    "it learns its rows by heart": (
        "overfitting_epochs",
        {"val_log_loss": [0.4, 0.5, 0.6], "val_confidence_wrong": [0.6, 0.7, 0.8]},
        Level.ACT,
    ),
}


@pytest.mark.parametrize(("name", "changed", "level"), WRONG.values(), ids=WRONG.keys())
def test_a_sign_is_seen_and_says_what_to_do(
    name: str, changed: dict[str, Sequence[float]], level: checks.Level
) -> None:
    seen = told(changed)
    assert seen[name].level is level
    assert seen[name].remedy
    others = {each for each, check in seen.items() if check.level is not Level.OK}
    assert others == {name}


def test_a_validation_loss_that_rises_while_mistakes_grow_doubtful_is_no_overfitting() -> None:
    seen = told({"val_log_loss": [0.4, 0.5, 0.6]})
    assert seen["overfitting_epochs"].value == 0


def test_of_one_epoch_a_gain_cannot_be_told_and_is_watched() -> None:
    once = {name: values[:1] for name, values in EPOCHS.items()}
    assert told(once)["rare_recall_gain"].level is Level.WATCH


@pytest.mark.parametrize("few", [1, 4])
def test_a_speed_of_few_steps_says_nothing(few: int) -> None:
    seen = told({"examples_per_s": [100.0] * (few - 1) + [10.0]})
    assert seen["speed_drop"].value is None
