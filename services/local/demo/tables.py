"""The labelled messages that MESSAGES=DIR names."""

import gzip
import zlib
from pathlib import Path

from schemas import settings
from services.local.demo import story


def read(directory: Path) -> tuple[list[story.Row], list[story.Row]]:
    """The two message tables of a directory. Ends with exit 2 and one line where a row cannot be
    read.
    """
    return _table(directory / "base.jsonl.gz"), _table(directory / "later.jsonl.gz")


def _table(path: Path) -> list[story.Row]:
    try:
        lines = gzip.decompress(path.read_bytes()).splitlines()
        return [story.row(line) for line in lines if line.strip()]
    except (OSError, EOFError, ValueError, zlib.error) as error:
        why = getattr(error, "strerror", None) or error
        remedy = "MESSAGES names a directory with base.jsonl.gz and later.jsonl.gz"
        settings.refuse(f"cannot read {path}: {why}; {remedy}", 2)
