"""The release before: the newest commit whose tables are of another revision, as git has it."""

import re
import subprocess
from pathlib import Path

import processes

from schemas import tables


class NoHistory(RuntimeError):
    """This is no checkout with its history."""


def before(folder: Path) -> tuple[Path, str]:
    """Its code, laid out in this folder, and its revision. Raises NoHistory."""
    for commit in _git("log", "--format=%H", "--", "schemas/tables.py").split():
        there = re.search(
            r'^REVISION = "(\d{4})"', _git("show", f"{commit}:schemas/tables.py"), re.MULTILINE
        )
        if there and there[1] < tables.REVISION:
            # The last commit before the one that brought today's tables, not that of these.
            archive = folder / "release.tar"
            folder.mkdir(exist_ok=True)
            _git("archive", "--output", str(archive), _last_with(there[1]))
            subprocess.run(["tar", "-xf", str(archive)], cwd=folder, check=True)
            return folder, there[1]
    raise NoHistory("git knows no commit with other tables: `git fetch --unshallow` brings them")


def _last_with(revision: str) -> str:
    """The newest commit whose tables are of this revision: the parent of the one that changed
    it.
    """
    line = f'REVISION = "{revision}"'
    changed, *_ = _git("log", "--format=%H", f"-S{line}", "--", "schemas/tables.py").split()
    return f"{changed}~1"


def _git(*command: str) -> str:
    """What git says. Raises NoHistory where it is not there, or this is no checkout."""
    try:
        done = subprocess.run(
            ["git", *command], cwd=processes.ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        why = getattr(error, "stderr", None) or error
        raise NoHistory(f"git does not tell what the release before was: {why}") from error
    return done.stdout
