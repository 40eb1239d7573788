"""What a run may take of its machine."""

import pytest

from retrain.train import limits, recipe


@pytest.mark.parametrize(
    ("text", "minutes", "memory_mib"),
    [
        ("", 360.0, 1e6),  # no limit of memory unless one is set
        ("minutes = 2\nmemory_mib = 900", 2.0, 900.0),  # up to the limit
        ("memory_mib = 0", 0.0, 1e9),
    ],
)
def test_within_its_limits_a_run_goes_on(text: str, minutes: float, memory_mib: float) -> None:
    limits.check(recipe.parse(text), minutes, memory_mib)


@pytest.mark.parametrize(
    ("text", "minutes", "memory_mib", "says"),
    [
        ("", 360.1, 1.0, "it has taken 360.1 minutes; the recipe's minutes is 360"),
        ("minutes = 1", 1.5, 1.0, "it has taken 1.5 minutes; the recipe's minutes is 1"),
        (
            "memory_mib = 900",
            0.0,
            900.5,
            "it has taken 900.5 MiB; the recipe's memory_mib is 900",
        ),
    ],
)
def test_beyond_one_it_ends_with_what_it_took_and_what_it_may(
    text: str, minutes: float, memory_mib: float, says: str
) -> None:
    with pytest.raises(limits.OverLimit) as caught:
        limits.check(recipe.parse(text), minutes, memory_mib)
    assert str(caught.value) == says
