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
    found = []
    for name in ("base", "later"):
        path = directory / f"{name}.jsonl.gz"
        try:
            found.append(
                [
                    story.row(line)
                    for line in gzip.decompress(path.read_bytes()).splitlines()
                    if line.strip()
                ]
            )
        except (OSError, EOFError, ValueError, zlib.error) as error:
            settings.refuse(
                f"cannot read {path}: {getattr(error, 'strerror', None) or error}; MESSAGES names a directory with base.jsonl.gz and later.jsonl.gz",
                2,
            )
    return found[0], found[1]
