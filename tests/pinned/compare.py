"""One part of what is pinned, against its file of expected/."""

from collections.abc import Callable, Iterable
from pathlib import Path

from pinned import incidents, lines

EXPECTED = Path(__file__).parent / "expected"
PARTS: dict[str, Callable[[], Iterable[lines.Line]]] = {"incidents": incidents.played}
_SHOWN = 5


def compared(part: str) -> str:
    """Nothing where all is as expected; otherwise how much is not, and the first lines that are not."""
    differences = lines.differences(_path(part).read_text(), lines.text(PARTS[part]()))
    if not differences:
        return ""
    first = "\n".join(differences[:_SHOWN])
    return f"{part}: {len(differences)} lines differ; the first of them:\n{first}\n"


def write(part: str) -> None:
    """What is decided now becomes the expected."""
    _path(part).write_text(lines.text(PARTS[part]()))


def _path(part: str) -> Path:
    return EXPECTED / f"{part}.jsonl"
