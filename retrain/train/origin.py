"""What a run is made with, beside its rows and its recipe: this code, and this policy."""

import hashlib
import tomllib
from pathlib import Path
from typing import Final

from schemas import policy

_ROOT: Final = Path(__file__).parents[2]
_FOLDERS: Final = ("schemas", "streams", "retrain", "services")


def of(rules: policy.Policy) -> dict[str, str]:
    """As it is recorded when a run begins."""
    return {"code": code(), "policy_sha256": rules.sha256}


def code(root: Path = _ROOT) -> str:
    """The version of the product, and a sha256 over its source files, names included."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    files = hashlib.sha256()
    for folder in _FOLDERS:
        for path in sorted((root / folder).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            files.update(f"{name} {content}\n".encode())
    return f"{project['project']['version']}+{files.hexdigest()}"
