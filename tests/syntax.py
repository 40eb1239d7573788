"""The project's own modules as syntax trees, read once: what tests of the house rules look at."""

import ast
import functools
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("schemas", "streams", "retrain", "services")


@functools.cache
def modules(*folders: str) -> tuple[Path, ...]:
    """Every module of these folders, the empty ones too; of the four where none is named."""
    return tuple(
        path for folder in folders or PACKAGES for path in sorted((ROOT / folder).rglob("*.py"))
    )


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@functools.cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Every node of a module: walking is dear, and many rules ask for it."""
    return tuple(ast.walk(tree(path)))
