"""The arithmetic of a fine-tune against torch's own."""

import pytest

from retrain.train import recipe
from retrain.train.fit import rates
from schemas import present


def test_focal_at_gamma_0_is_weighted_cross_entropy() -> None:
    import torch  # here: every worker imports this file, and one needs torch

    from retrain.train.fit import loss

    torch.manual_seed(1)
    logits, labels, weights = torch.randn(32, 10), torch.randint(0, 10, (32,)), torch.rand(10) + 0.1
    ours = loss.focal(logits, labels, weights=weights, gamma=0.0)
    assert torch.allclose(ours, torch.nn.functional.cross_entropy(logits, labels, weight=weights))


@pytest.mark.parametrize(("p", "focal"), [(0.9, 0.00105), (0.1, 1.8651)])
def test_the_seeds_focal_values(p: float, focal: float) -> None:
    import torch

    from retrain.train.fit import loss

    logits = torch.tensor([[p, 1 - p]]).log()
    assert loss.focal(
        logits, torch.tensor([0]), weights=torch.ones(2), gamma=2.0
    ).item() == pytest.approx(focal, rel=1e-2)


def test_class_weights_of_the_seeds_mix() -> None:
    shares = [22.1, 15.2, 18.0, 8.0, 12.1, 7.0, 5.0, 4.1, 3.0, 5.5]
    counts = {
        intent: round(share * 10) for intent, share in zip(present.INTENTS, shares, strict=True)
    }
    weights = rates.class_weights(counts, present.INTENTS)
    assert sum(weights) == pytest.approx(10)
    assert max(weights) / min(weights) == pytest.approx(7.367, rel=1e-3)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("epoch = 3", "the nearest known one is epochs"),
        ("epochs = 'x'", "cannot be 'x'"),
        ("=", "is not TOML"),
    ],
)
def test_a_wrong_recipe_is_refused(text: str, says: str) -> None:
    with pytest.raises(recipe.RecipeError, match=says):
        recipe.parse(text)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 0.9, 1.0, 2.0])
def test_a_certain_row_has_a_finite_gradient_at_any_gamma(gamma: float) -> None:
    import torch

    from retrain.train.fit import loss

    logits = torch.tensor([[40.0, 0.0], [0.0, 0.0]], requires_grad=True)
    cost = loss.focal(logits, torch.tensor([0, 0]), weights=torch.ones(2), gamma=gamma)
    torch.autograd.backward(cost)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    assert logits.grad[1].abs().sum() > 0


def test_the_five_losses_on_one_batch() -> None:
    """Weighted and focal as torch and the formula have them; oversampling weighs none."""
    import torch

    from retrain.train.fit import loss

    torch.manual_seed(3)
    logits, labels, weights = torch.randn(64, 10), torch.randint(0, 10, (64,)), torch.rand(10) + 0.1
    plain = torch.nn.functional.cross_entropy(logits, labels)
    weighted = torch.nn.functional.cross_entropy(logits, labels, weight=weights)
    p = torch.softmax(logits, 1).gather(1, labels[:, None]).squeeze(1)
    focal = -((1 - p) ** 2 * p.log()).mean()
    for name, wanted in {
        "cross_entropy": plain,
        "oversampling": plain,
        "weighted": weighted,
        "focal": focal,
    }.items():
        mine = recipe.parse(f'loss = "{name}"')
        used = weights if mine.weighs else torch.ones(10)
        ours = loss.focal(logits, labels, weights=used, gamma=mine.focus)
        assert torch.allclose(ours, wanted), name
    both = recipe.Recipe()
    assert (both.weighs, both.focus) == (True, 2.0)


def test_the_seeds_rates_come_from_the_seeds_recipe() -> None:
    """Batch 32 of 50,000 rows in three epochs; the head no faster than the base (seed 6.4 to
    6.6, 9-E).
    """
    seed = recipe.parse("learning_rate = 2e-5\nhead_factor = 1\nlayer_decay = 0.8\nwarmup = 0.1")
    *_, head = rates.peaks(seed.learning_rate, seed.layer_decay, 6, seed.head_factor)
    bottom, *_ = rates.peaks(seed.learning_rate, seed.layer_decay, 6, seed.head_factor)
    steps = (50, 250, 469, 1800, 4100)
    shown = [f"{head * rates.schedule(step, 4688, seed.warmup):.3e}" for step in steps]
    assert shown == ["2.132e-06", "1.066e-05", "2.000e-05", "1.369e-05", "2.787e-06"]
    assert bottom / head == pytest.approx(0.2621, abs=1e-4)
