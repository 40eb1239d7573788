"""A bar on a terminal; in a file or a pipe, the same bar as a line every ten seconds, without
escapes.
"""

import sys
from typing import Any, TextIO

from tqdm import tqdm

_LINE_EVERY_S = 10


class _Lines:
    """Takes what a bar draws over itself as lines of their own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, drawn: str) -> None:
        """The bar as it stands; what only clears it or moves the cursor is dropped."""
        line = drawn.strip("\r\n ")
        if line and line.isprintable():
            self._stream.write(line + "\n")

    def flush(self) -> None:
        """Of the stream behind."""
        self._stream.flush()


def bar(what: str, total: int, unit: str, stream: TextIO | None = None, **more: Any) -> "tqdm[Any]":
    """A progress bar over `total` units that vanishes when it is done; on standard error unless
    told. `more`: what else tqdm takes.
    """
    stream = stream or sys.stderr
    if stream.isatty():
        return tqdm(desc=what, total=total, unit=unit, file=stream, leave=False, **more)
    return tqdm(
        desc=what,
        total=total,
        unit=unit,
        file=_Lines(stream),
        leave=False,
        miniters=1,
        **more | {"mininterval": _LINE_EVERY_S},
    )
