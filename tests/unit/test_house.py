"""The house rules a machine can check, on every module: what the import contracts of pyproject.toml cannot say."""

import ast
import re
import sys
from pathlib import Path

import pytest

from schemas import present

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "streams", "retrain", "services")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
EACH = pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
OUTSIDE = {"time", "os", "sys", "socket", "subprocess", "threading", "uuid", "sqlalchemy", "kafka", "aiokafka", "faust", "torch", "transformers", "slack_sdk"}
SQL = {"select", "insert", "update", "delete", "text"}
BANNED = {"utils", "common", "helpers", "base", "manager", "util", "helper", "misc"}


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def is_pure(path: Path) -> bool:
    return (ast.get_docstring(tree(path)) or "").startswith("Pure.")


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@EACH
def test_a_module_says_what_it_is_and_keeps_its_size(path: Path) -> None:
    if path.name == "__init__.py":
        assert path.read_bytes() == b""
        return
    assert ast.get_docstring(tree(path))
    assert path.stem not in BANNED
    assert len(path.read_text().splitlines()) <= (380 if path.stem == "tables" else 250)


@EACH
def test_a_function_fits_on_a_screen(path: Path) -> None:
    most = 26 if is_pure(path) else 40
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = node.body[0].end_lineno - node.body[0].lineno + 1 if ast.get_docstring(node) and node.body[0].end_lineno else 0
            length = (node.end_lineno or 0) - node.lineno + 1 - docstring
            assert length <= most, f"{node.name} has {length} lines"


@EACH
def test_what_is_called_pure_reaches_no_outside_world(path: Path) -> None:
    if is_pure(path):
        assert imported(path) & OUTSIDE == set()
        clocks = [call for call in ast.walk(tree(path)) if isinstance(call, ast.Call) and ast.unparse(call.func).endswith((".now", ".utcnow", ".today"))]
        assert clocks == []


@EACH
def test_sql_stands_where_its_name_says_so(path: Path) -> None:
    if path.name in ("store.py", "tables.py", "outbox.py", "leases.py"):
        return
    found = [
        f"{node.lineno}: sa.{node.func.attr}"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in SQL
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("sa", "pg")
    ]
    assert found == []


def test_every_engine_is_made_at_the_one_door_where_instants_become_utc() -> None:
    others = [path for folder in ("migrations", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    calls = re.compile(r"create_engine\(|psycopg\.connect\(")
    assert [path.relative_to(ROOT) for path in (*MODULES, *others) if calls.search(path.read_text())] == [Path("streams/connect.py")]


def test_no_module_of_retrain_hides_an_installed_one() -> None:
    """`python retrain/run.py` has retrain/ first on the path until its first lines mend that."""
    import importlib.metadata

    names = {path.stem for path in (ROOT / "retrain").glob("*.py")} | {path.name for path in (ROOT / "retrain").iterdir() if path.is_dir()}
    installed = {name for name, of in importlib.metadata.packages_distributions().items() if of != ["intentwatch"]}
    assert names & (installed | set(sys.stdlib_module_names)) == set()


@EACH
def test_no_module_knows_an_intent_by_name(path: Path) -> None:
    """The demo tells a story of MangaAssist; `promotion` is also what makes a model the champion."""
    if "demo" in path.parts:
        return
    values = {node.value for node in ast.walk(tree(path)) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert values & set(present.INTENTS) <= {"promotion"}


def test_the_environment_is_read_by_two_modules() -> None:
    """schemas.present reads the one variable that all else depends on, schemas.settings the others; topology hands the environment on."""
    reads = [
        path.relative_to(ROOT)
        for path in MODULES
        if re.search(r"os\.(environ\.get|environ\[|getenv)\W*(f?[\"']\{?(PREFIX|VARIABLE|INTENTWATCH)|VARIABLE|PREFIX)", path.read_text())
    ]
    assert reads == [Path("schemas/present.py"), Path("schemas/settings.py")]
