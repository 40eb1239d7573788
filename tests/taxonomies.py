"""Taxonomy files as an operator would write them, with neutral names."""

from collections.abc import Mapping, Sequence
from pathlib import Path


def names(count: int) -> list[str]:
    return [f"wish_{i}" for i in range(count)]


def text(
    intents: Sequence[str],
    *,
    version: str = "test-1",
    merged: Mapping[str, str] | None = None,
    marks: Mapping[str, str] | None = None,
) -> str:
    """A file with these intents; `marks`: further lines of an intent."""
    tables = [
        f'[intents.{name}]\ndestination = "desk_{i % 3}"\n{(marks or {}).get(name, "")}'
        for i, name in enumerate(intents)
    ]
    gone = [f'{name} = "{into}"' for name, into in (merged or {}).items()]
    return "\n".join([f'version = "{version}"', *tables, "[merged]", *gone]) + "\n"


def written(path: Path, intents: Sequence[str], **more: object) -> dict[str, str]:
    """The variable of a process that serves such a file."""
    path.write_text(text(intents, **more))  # type: ignore[arg-type]
    return {"INTENTWATCH_TAXONOMY": str(path)}
