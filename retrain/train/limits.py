"""Pure. What a run may take of its machine before it is ended."""

from retrain.train import recipe as recipes


class OverLimit(RuntimeError):
    """A run has taken more than its recipe allows; tried again it would do so again."""


def check(recipe: recipes.Recipe, minutes: float, memory_mib: float) -> None:
    """Raise OverLimit where a run has taken longer, or its process has more memory, than its recipe
    allows.

    >>> check(recipes.Recipe(minutes=2), 2.5, 900)
    Traceback (most recent call last):
    retrain.train.limits.OverLimit: it has taken 2.5 minutes; the recipe's minutes is 2
    """
    for key, unit, taken in (("minutes", "minutes", minutes), ("memory_mib", "MiB", memory_mib)):
        most = getattr(recipe, key)
        if most and taken > most:
            raise OverLimit(f"it has taken {taken:.1f} {unit}; the recipe's {key} is {most}")
