"""How dense the code is and how much of it is tested: `make measures` prints it, a test holds it.

Counted in nodes of the syntax tree, so that a wider line buys nothing. A code line is one that is
neither empty nor a comment alone.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import syntax

Function = ast.FunctionDef | ast.AsyncFunctionDef
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True)
class Measure:
    """A figure with the most it may be, or with the least."""

    name: str
    value: float
    most: float | None = None
    least: float | None = None

    @property
    def holds(self) -> bool:
        above = self.least is None or self.value >= self.least
        return above and (self.most is None or self.value <= self.most)


def nodes(tree: ast.AST) -> int:
    return sum(1 for _ in ast.walk(tree))


def statements(function: Function) -> int:
    return sum(isinstance(node, ast.stmt) for node in ast.walk(function)) - 1


def functions(path: Path) -> Iterator[Function]:
    for node in syntax.nodes(path):
        if isinstance(node, Function):
            yield node


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def code_lines(path: Path) -> int:
    stripped = (line.strip() for line in path.read_text().splitlines())
    return sum(bool(line) and not line.startswith("#") for line in stripped)


def called(path: Path, word: str) -> int:
    """How often a name or an argument is this word."""
    names = (getattr(node, "id", getattr(node, "arg", None)) for node in syntax.nodes(path))
    return sum(name == word for name in names)


def measures() -> list[Measure]:
    """What is held, of the whole product."""
    source = [path for path in syntax.modules() if path.stat().st_size]
    code = sum(map(code_lines, source))
    every = [node for path in source for node in syntax.nodes(path)]
    loops = sum(isinstance(node, _COMPREHENSIONS) for node in every)
    longest = max((f.end_lineno or 0) - f.lineno + 1 for path in source for f in functions(path))
    tested = sum(map(lines, syntax.modules("tests"))) / sum(map(lines, source))
    return [
        Measure("nodes a code line", len(every) / code, most=7.5),
        Measure("comprehensions a hundred code lines", 100 * loops / code, most=2.5),
        Measure("times the name `found`", sum(called(path, "found") for path in source), most=0),
        Measure("lines of the longest function", longest, most=60),
        Measure("lines of test a line of source", tested, least=1),
    ]


def main() -> None:
    for each in measures():
        limit = f"at most {each.most:g}" if each.most is not None else f"at least {each.least:g}"
        print(f"{each.value:8.2f}  {each.name} ({limit}){'' if each.holds else '  MISSED'}")


if __name__ == "__main__":
    main()
