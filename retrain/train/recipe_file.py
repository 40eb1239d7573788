"""The recipe that INTENTWATCH_RECIPE names."""

from pathlib import Path

from retrain.train import recipe
from schemas import settings


def read(path: Path | None) -> recipe.Recipe:
    """The default one, or that of a file. Ends with exit 3 and one line where it cannot be used."""
    if path is None:
        return recipe.Recipe()
    try:
        return recipe.parse(path.read_text(encoding="utf-8"), str(path))
    except recipe.RecipeError as error:
        settings.refuse(str(error))
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        settings.refuse(f"cannot read recipe {path}: {why}")
