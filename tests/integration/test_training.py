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
