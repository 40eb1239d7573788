"""Write a page where somebody wants it, or end with one line that says why not."""

from pathlib import Path

from schemas import settings


def page(path: Path, text: str) -> None:
    """Write it; exit 2 where that cannot be done."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        settings.refuse(
            f"cannot write {path}: {error.strerror}; name a file in a folder that can be written",
            2,
        )
