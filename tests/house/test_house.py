"""The house rules a machine can check, on every module: what the import contracts of pyproject.toml
cannot say.
"""

import ast
import functools
import re
import sys
from pathlib import Path

import measures
import pytest
import syntax

ROOT = syntax.ROOT
MODULES = syntax.modules()
EACH = pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
OUTSIDE = {
    "time",
    "os",
    "sys",
    "socket",
    "subprocess",
    "threading",
    "uuid",
    "sqlalchemy",
    "kafka",
    "aiokafka",
    "faust",
    "torch",
    "transformers",
    "slack_sdk",
}
SQL = {"select", "insert", "update", "delete", "text"}
BANNED = {"utils", "common", "helpers", "base", "manager", "util", "helper", "misc"}


def is_pure(path: Path) -> bool:
    return (ast.get_docstring(syntax.tree(path)) or "").startswith("Pure.")


def imported(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported_modules(path)}


def imported_modules(path: Path) -> set[str]:
    """Dotted names as far as they may be modules: `from a import b` is a and a.b."""
    modules = set()
    for node in syntax.nodes(path):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return modules


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@EACH
def test_a_module_says_what_it_is_and_keeps_its_size(path: Path) -> None:
    if path.name == "__init__.py":
        assert path.read_bytes() == b""
        return
    assert ast.get_docstring(syntax.tree(path))
    assert path.stem not in BANNED
    assert measures.lines(path) <= (490 if path.stem == "tables" else 370)


@EACH
def test_a_function_holds_one_idea(path: Path) -> None:
    """Counted in nodes and statements: a wider line buys nothing."""
    for function in measures.functions(path):
        assert measures.nodes(function) <= 380, function.name
        assert measures.statements(function) <= 25, function.name


def test_the_code_has_air_and_tests() -> None:
    assert [measure for measure in measures.measures() if not measure.holds] == []


@EACH
def test_what_is_called_pure_reaches_no_outside_world(path: Path) -> None:
    if is_pure(path):
        assert imported(path) & OUTSIDE == set()
        clocks = [
            call
            for call in syntax.nodes(path)
            if isinstance(call, ast.Call)
            and ast.unparse(call.func).endswith((".now", ".utcnow", ".today"))
        ]
        assert clocks == []


def test_whatever_is_pure_is_shown_by_a_unit_test_or_an_example() -> None:
    known = {
        name
        for path in (ROOT / "tests" / "unit").rglob("test_*.py")
        for name in imported_modules(path)
    }
    pure = [path for path in MODULES if is_pure(path)]
    assert [
        str(path.relative_to(ROOT))
        for path in pure
        if dotted(path) not in known and ">>> " not in path.read_text()
    ] == []


@EACH
def test_sql_stands_where_its_name_says_so(path: Path) -> None:
    if path.name in ("store.py", "tables.py", "outbox.py", "leases.py", "database.py"):
        return
    calls = [
        f"{node.lineno}: sa.{node.func.attr}"
        for node in syntax.nodes(path)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in SQL
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("sa", "pg")
    ]
    assert calls == []


def test_every_engine_is_made_at_the_one_door_where_instants_become_utc() -> None:
    others = [
        path for folder in ("migrations", "benchmarks") for path in (ROOT / folder).rglob("*.py")
    ]
    calls = re.compile(r"create_engine\(|psycopg\.connect\(")
    assert [
        path.relative_to(ROOT) for path in (*MODULES, *others) if calls.search(path.read_text())
    ] == [Path("streams/connect.py")]


CLIENTS = {
    "Consumer",
    "Producer",
    "SerializingProducer",
    "AdminClient",
    "KafkaConsumer",
    "KafkaProducer",
    "KafkaAdminClient",
    "AIOKafkaConsumer",
    "AIOKafkaProducer",
    "AIOKafkaAdminClient",
    "App",
}


def test_every_client_of_kafka_is_made_with_what_its_door_says_of_getting_in() -> None:
    """Of Faust only the app is made here; it makes aiokafka's clients."""
    made = []
    for path in MODULES:
        for call in syntax.nodes(path):
            if isinstance(call, ast.Call) and ast.unparse(call.func).split(".")[-1] in CLIENTS:
                words = ast.unparse(call)
                told = re.search(r"access\.\w+\(|credentials\(access\)|options", words)
                made.append((str(path.relative_to(ROOT)), ast.unparse(call.func), bool(told)))
    assert sorted(made) == [
        ("services/gateway/serving_log.py", "KafkaProducer", True),
        ("streams/brokers.py", "admin.AdminClient", True),
        ("streams/brokers.py", "admin.AdminClient", True),
        ("streams/brokers.py", "ck.Consumer", True),
        ("streams/worker/topology.py", "faust.App", True),
    ]


def test_no_module_of_retrain_hides_an_installed_one() -> None:
    """`python retrain/run.py` has retrain/ first on the path until its first lines mend that."""
    import importlib.metadata

    names = {path.stem for path in (ROOT / "retrain").glob("*.py")} | {
        path.name for path in (ROOT / "retrain").iterdir() if path.is_dir()
    }
    installed = {
        name
        for name, of in importlib.metadata.packages_distributions().items()
        if of != ["intentwatch"]
    }
    assert names & (installed | set(sys.stdlib_module_names)) == set()


def _named(module: ast.Module) -> set[str]:
    """What a module defines at its top: functions, classes, constants."""
    names = set()
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


@functools.cache
def _asked_for(path: Path) -> tuple[set[str], set[str]]:
    """The names a module reads of its own, and of others: `name` and `module.name`."""
    own, others = set(), set()
    for node in syntax.nodes(path):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            own.add(node.id)
        elif isinstance(node, ast.Attribute):
            others.add(node.attr)
        elif isinstance(node, ast.ImportFrom):
            others |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            own |= set(re.findall(r"\w+", node.value))  # an annotation that is a string
    return own, others


def test_nothing_stands_that_only_tests_use() -> None:
    modules = [*MODULES, *(ROOT / "migrations").rglob("*.py")]
    elsewhere = set().union(*(_asked_for(path)[1] for path in modules))
    pages = [path.read_text() for path in (ROOT / "services").rglob("*.html")]
    elsewhere |= set(re.findall(r"\w+", " ".join([*pages, (ROOT / "pyproject.toml").read_text()])))
    unused = []
    for path in MODULES:
        for name in sorted(_named(syntax.tree(path)) - _asked_for(path)[0]):
            if name.startswith("_") or name not in elsewhere:
                unused.append(f"{path.relative_to(ROOT)}: {name}")
    assert [each for each in unused if each != "schemas/taxonomy.py: ROLES"] == []


def test_what_a_page_asks_of_a_module_is_there() -> None:
    from services.dashboard import chart, words

    page = (ROOT / "services" / "dashboard" / "templates" / "board.html").read_text()
    asked = re.findall(r"\b(chart|words)\.(\w+)\(", page)
    assert len(asked) > 5
    modules = {"chart": chart, "words": words}
    assert [
        f"{module}.{name}" for module, name in asked if not hasattr(modules[module], name)
    ] == []
