"""One part of what is pinned, against its file of expected/."""

from collections.abc import Iterable
from pathlib import Path

from pinned import lines

EXPECTED = Path(__file__).parent / "expected"
_SHOWN = 5


def compared(part: str, played: Iterable[lines.Line]) -> str:
    """Nothing where all is as expected; otherwise how much is not, and what tells most of it."""
    differences = lines.differences(_path(part).read_text(), lines.text(played))
    if not differences:
        return ""
    first = "\n".join(differences[:_SHOWN])
    return f"{part}: {len(differences)} lines differ, such as\n{first}\n"


def written(part: str, played: Iterable[lines.Line]) -> str:
    """What is decided now becomes the expected."""
    body = lines.text(played)
    _path(part).write_text(body)
    return f"{part}: {body.count(chr(10))} lines written\n"


def _path(part: str) -> Path:
    return EXPECTED / f"{part}.jsonl"
