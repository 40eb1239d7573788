"""A virtual environment for what is not of this project, from pinned requirements."""

import shutil
import subprocess
import sys
from pathlib import Path

from services.local import topology

HOME = topology.ROOT / ".local" / "bench"


class Unbuildable(RuntimeError):
    """Something cannot be installed or compiled here; the message says why."""


def python(wanted: Path) -> Path:
    """The interpreter of the environment that a requirements file describes, built anew if the file
    has changed.
    """
    target = HOME / "envs" / wanted.stem
    installed = target / "installed.txt"
    if not installed.exists() or installed.read_text() != wanted.read_text():
        shutil.rmtree(target, ignore_errors=True)
        uv = Path(sys.executable).with_name("uv")
        run([str(uv), "venv", "--quiet", "--python", sys.executable, str(target)])
        install = [
            "pip",
            "install",
            "--quiet",
            "--python",
            str(target / "bin" / "python"),
            "--no-deps",
            "--require-hashes",
            "-r",
            str(wanted),
        ]
        run([str(uv), *install])
        installed.write_text(wanted.read_text())
    return target / "bin" / "python"


def run(argv: list[str]) -> None:
    """Run a builder. Raises Unbuildable with the end of what it said."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unbuildable(
            f"{Path(argv[0]).name} failed: {(done.stderr or done.stdout).strip()[-400:]}"
        )
