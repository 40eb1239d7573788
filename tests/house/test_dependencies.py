"""What pyproject.toml asks for is what the code uses; the lock files hold it and name no host."""

import ast
import importlib.metadata
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest
import syntax

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "pyproject.toml").read_text()
PROJECT = tomllib.loads(TEXT)["project"]
PRODUCT = ("schemas", "streams", "retrain", "services", "migrations")
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))


def called(requirement: str) -> str:
    """The package of a requirement, as registries spell it."""
    name = re.match(r"[\w.-]+", requirement)
    assert name is not None
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def imported(folders: Iterable[str]) -> set[str]:
    """The packages that the Python files of these folders import."""
    modules: set[str] = set()
    for folder in folders:
        for path in syntax.modules(folder):
            for node in syntax.nodes(path):
                if isinstance(node, ast.Import):
                    modules |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    modules.add(node.module.split(".")[0])
    packages = importlib.metadata.packages_distributions()
    return {called(package) for module in modules for package in packages.get(module, ())}


def unexplained(requirements: Iterable[str], used: set[str]) -> list[str]:
    """Those that no code imports and whose line in pyproject.toml does not say what for."""
    explained = {
        called(entry) for entry in re.findall(r'^ *"([^"]+)",? +# \S', TEXT, flags=re.MULTILINE)
    }
    return [each for each in requirements if called(each) not in used | explained]


def test_every_library_is_imported_or_says_what_it_is_for() -> None:
    extras = PROJECT["optional-dependencies"]
    product = [*PROJECT["dependencies"], *extras["train"], *extras["local"]]
    assert unexplained(product, imported(PRODUCT)) == []
    assert unexplained(extras["dev"], imported((*PRODUCT, "tests"))) == []
    assert unexplained(["plotly"], imported(PRODUCT)) == ["plotly"]


def test_each_image_holds_what_it_asks_for() -> None:
    asked = {
        "slim.lock": PROJECT["dependencies"],
        "retrain.lock": [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["train"]],
    }
    torch = {
        called(line)
        for line in (ROOT / "requirements/torch.lock").read_text().splitlines()
        if "==" in line
    }
    for name, requirements in asked.items():
        lines = (ROOT / "requirements" / name).read_text().splitlines()
        locked = {called(line) for line in lines if "==" in line}
        assert {called(each) for each in requirements} - locked <= torch, name


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_a_lock_file_has_hashes_and_no_host(path: Path) -> None:
    text = path.read_text()
    assert "://" not in text
    entries = re.findall(r"^[\w.-]+==.*?(?=^\w|\Z)", text, flags=re.DOTALL | re.MULTILINE)
    assert entries
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
