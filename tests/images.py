"""What `docker build` would make of deploy/Dockerfile, without an engine: the same COPY and RUN
lines, in a directory and an environment of its own.
"""

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from services.local import topology

ROOT = Path(__file__).parents[1]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
_BIN = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Image:
    """Where the interpreter of an image and its /app are."""

    python: Path
    app: Path

    def start(
        self, argv: list[str], environment: dict[str, str], log: Path
    ) -> "subprocess.Popen[bytes]":
        """Start a command as the image's entry point would."""
        with log.open("ab") as output:
            return subprocess.Popen(
                [self.python, *argv],
                cwd=self.app,
                env=self._env(environment),
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def run(
        self, argv: list[str], environment: dict[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command in the image to its end."""
        return subprocess.run(
            [self.python, *argv],
            cwd=self.app,
            env=self._env(environment or {}),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def _env(self, environment: dict[str, str]) -> dict[str, str]:
        return (
            topology.inherited()
            | {"PATH": f"{self.python.parent}:{os.environ['PATH']}"}
            | environment
        )


def stages() -> dict[str, list[tuple[str, str]]]:
    """Name of each stage of the Dockerfile -> its instructions, the first of them FROM."""
    named: dict[str, list[tuple[str, str]]] = {}
    for line in DOCKERFILE.read_text().splitlines():
        word, _, rest = line.partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            named[name] = [("FROM", base)]
        elif word and word != "#":
            named[list(named)[-1]].append((word, rest))
    return named


@contextlib.contextmanager
def built(target: str) -> Iterator[Image]:
    """The stage that holds what image `target` copies, made beside uv's cache so that its wheels
    are linked and not copied; removed at the end.
    """
    cache = subprocess.run(
        [_BIN / "uv", "cache", "dir"], capture_output=True, text=True, check=True
    ).stdout.strip()
    Path(cache).mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="intentwatch-image-", dir=Path(cache).parent))
    try:
        image = Image(directory / "venv" / "bin" / "python", directory / "app")
        image.app.mkdir()
        environment = {
            "VIRTUAL_ENV": str(directory / "venv"),
            "PATH": f"{_BIN}:{os.environ['PATH']}",
        }
        _do(
            ["uv", "venv", "--quiet", "--python", sys.executable, environment["VIRTUAL_ENV"]],
            image.app,
            environment,
        )
        for word, rest in stages()[f"build-{target}"]:
            if word == "COPY":
                _copy(shlex.split(rest), image.app)
            elif word == "RUN":
                _do(shlex.split(rest), image.app, environment)
        yield image
    finally:
        shutil.rmtree(directory)


def _do(argv: list[str], cwd: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [_BIN / argv[0], *argv[1:]],
        cwd=cwd,
        env=topology.inherited() | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{shlex.join(argv)}: {done.stderr[-2000:]}"


def _copy(names: list[str], app: Path) -> None:
    *sources, target = names
    for source in sources:
        if (ROOT / source).is_dir():
            shutil.copytree(
                ROOT / source, app / target, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            (app / target).mkdir(exist_ok=True)
            shutil.copy(ROOT / source, app / target)
