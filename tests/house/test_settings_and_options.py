"""Every setting and every option of a command is read: what nobody reads is an empty promise."""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import syntax

from schemas import settings

SOURCES = syntax.modules()

# Asked for by MODE=production and read by nothing until something of Slack's comes in; and what
# schemas/present.py reads before all else.
ONLY_ASKED_FOR = {"slack_signing_secret", "taxonomy"}
PARSED = ("chosen", "_chosen", "arguments", "options")  # what commands call argparse's namespace


def is_loaded(node: ast.expr) -> bool:
    """Whether it is the settings as a process has loaded them."""
    if isinstance(node, ast.Call):
        return ast.unparse(node.func) == "settings.load"
    return isinstance(node, ast.Name) and node.id in ("loaded", "_loaded")


def test_every_setting_is_read() -> None:
    read = set()
    for path in SOURCES:
        if path != syntax.ROOT / "schemas" / "settings.py":
            for node in syntax.nodes(path):
                if isinstance(node, ast.Attribute) and is_loaded(node.value):
                    read.add(node.attr)
    read |= {"policy"} if reads_rules() else set()
    assert set(settings.Settings.model_fields) - read == ONLY_ASKED_FOR


def reads_rules() -> bool:
    """Whether the policy's file is read: settings.rules does that for every process."""
    calls = [node for path in SOURCES for node in syntax.nodes(path) if isinstance(node, ast.Call)]
    return any(ast.unparse(call.func) == "settings.rules" for call in calls)


def options(path: Path) -> Iterator[str]:
    """The attribute that argparse fills for each argument declared in a module."""
    for node in syntax.nodes(path):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr != "add_argument" or not isinstance(node.args[0], ast.Constant):
            continue
        named = [keyword.value for keyword in node.keywords if keyword.arg == "dest"]
        if named and isinstance(named[0], ast.Constant):
            yield str(named[0].value)
        else:
            yield str(node.args[0].value).lstrip("-").replace("-", "_")


@functools.cache
def asked_for(path: Path) -> set[str]:
    """The attributes of the filled namespace that a module reads."""
    read = set()
    for node in syntax.nodes(path):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in PARSED
        ):
            read.add(node.attr)
    return read


def test_every_option_is_read_beside_its_declaration() -> None:
    declared = {path: list(options(path)) for path in SOURCES}
    assert sum(map(len, declared.values())) > 40
    unread = []
    for path, names in declared.items():
        folder = [other for other in SOURCES if other.parent == path.parent]
        read = set().union(*map(asked_for, folder))
        unread += [f"{path.relative_to(syntax.ROOT)}: {name}" for name in names if name not in read]
    assert unread == []
