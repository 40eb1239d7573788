"""What a step of a fine-tune shows, against numbers worked out by hand."""

import math

import pytest


def test_norms_are_of_each_layer_and_the_update_is_what_the_step_moved() -> None:
    import torch  # here: every worker imports this file, and one needs torch

    from retrain.train.fit import telemetry

    def layer(*values: float) -> list[torch.Tensor]:
        return [torch.nn.Parameter(torch.tensor(values))]

    layers = [layer(3.0, 4.0), layer(0.0, 2.0), layer(1.0, 0.0)]
    for (weights,) in layers:
        weights.grad = torch.full_like(weights, 0.5)
    layers[2][0].grad = None  # a part that a step does not reach
    gradient = telemetry.gradients(layers)
    before = telemetry.weights(layers)
    with torch.no_grad():
        layers[0][0] += torch.tensor([0.3, 0.4])
    done = telemetry.norms(layers, gradient, before)

    assert list(done.weight) == ["embeddings", "layer_0", "head"]
    assert done.gradient == pytest.approx(
        {"embeddings": math.sqrt(0.5), "layer_0": math.sqrt(0.5), "head": 0.0}
    )
    assert done.weight["embeddings"] == pytest.approx(math.hypot(3.3, 4.4))
    assert done.update == pytest.approx({"embeddings": 0.5, "layer_0": 0.0, "head": 0.0}, abs=1e-6)


def test_speed_is_of_the_last_steps_alone_and_the_loss_is_smoothed_from_its_first() -> None:
    from retrain.train.fit import telemetry

    recent = telemetry.Recent()
    for _ in range(25):
        recent.add(2.0, telemetry.Took(1.0, 0.25, 32, 400), clipped=True)
    for _ in range(25):
        recent.add(1.0, telemetry.Took(0.5, 0.0, 32, 400), clipped=False)
    speed = dict(recent.speed())

    assert recent.smoothed == pytest.approx(1 + 0.9**25)
    assert speed == {
        "step_ms": 500.0,
        "examples_per_s": 64.0,
        "tokens_per_s": 800.0,
        "loader_wait_share": 0.0,
        "clipped_share": 0.0,
    }


def test_an_epoch_without_a_rare_row_has_no_row_of_rare_recall() -> None:
    from retrain.train.fit import telemetry

    rows = telemetry.of_epoch(2, 40, {"val_loss": 0.5, "val_rare_recall": None})
    assert [(row.epoch, row.step, row.name) for row in rows] == [(2, 40, "val_loss")]
