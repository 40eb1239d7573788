"""Files as people hand them in: unpacked whatever they are called, never held in memory as a whole.
Nothing is written.
"""

import gzip
import io
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

from retrain import progress

QUIET_S = 1.0  # shorter waits show no bar
_GZIP: Final = b"\x1f\x8b"
# What files begin with that are no text, and what to do instead.
_OTHERS: Final = {
    b"\xd0\xcf\x11\xe0": "an old Excel workbook: save the sheet as CSV UTF-8",
    b"BZh": "packed by bzip2: unpack it first, or pack it with gzip",
    b"\xfd7zXZ": "packed by xz: unpack it first, or pack it with gzip",
    b"\x28\xb5\x2f\xfd": "packed by zstd: unpack it first, or pack it with gzip",
    b"PAR1": "a Parquet file: write it as JSON Lines",
    b"SQLite format 3": "a SQLite database: export it (Prodigy: `prodigy db-out`)",
}
_ZIP: Final = b"PK\x03\x04"
_SHEET: Final = (b"[Content_Types].xml", b"xl/", b"mimetypeapplication/vnd.oasis")


class Unreadable(ValueError):
    """A file that cannot be read; the message names it and why."""


class WrongFile(ValueError):
    """A file that was read and is none of what is wanted; the message says what to do."""


class _Watched(io.FileIO):
    """A file that tells a progress bar how much of it has been read."""

    bar: Any = None

    def readinto(self, buffer: Any) -> int | None:
        n = super().readinto(buffer)
        if self.bar is not None and n:
            self.bar.update(n)
        return n


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a file or a gzip file, which can be read from their start again. What takes
    longer than a second shows its progress. Raises Unreadable, and WrongFile for what is no text.
    """
    try:
        with (
            _Watched(path, "rb") as raw,
            progress.bar(
                path.name,
                path.stat().st_size,
                "B",
                unit_scale=True,
                delay=QUIET_S,
            ) as raw.bar,
            _seekable(raw) as seekable,
        ):
            yield _unpacked(seekable)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise Unreadable(f"cannot read {path}: {reason}") from error


@contextmanager
def _seekable(raw: io.FileIO) -> Iterator[BinaryIO]:
    """The file, or what a pipe holds."""
    if raw.seekable():
        yield io.BufferedReader(raw)
        return
    with tempfile.TemporaryFile() as held:
        shutil.copyfileobj(raw, held)
        held.seek(0)
        yield held


def _unpacked(raw: BinaryIO) -> BinaryIO:
    head = raw.read(4096)
    raw.seek(0)
    if head.startswith(_GZIP):
        inner = io.BufferedReader(gzip.GzipFile(fileobj=raw))
        head = inner.read(4096)
        inner.seek(0)
        _refuse(head)
        return inner
    _refuse(head)
    return raw


def _refuse(head: bytes) -> None:
    """Raises WrongFile for what begins like no text."""
    for magic, what in _OTHERS.items():
        if head.startswith(magic):
            raise WrongFile(f"this is {what}")
    if head.startswith(_ZIP):
        if any(mark in head for mark in _SHEET):
            raise WrongFile("this is an Excel workbook (.xlsx): save the sheet as CSV UTF-8")
        raise WrongFile("this is a zip archive: unpack it and hand in each file of it")
