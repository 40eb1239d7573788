"""Serving logs on disk, until Kafka has them: DIRECTORY/TOPIC/OWNER/NUMBER.jsonl, one file an
envelope, one log a line.

Each process has a folder of its own with a lock that goes with it; a folder that nobody locks was
left by a process that has ended, and whoever comes next takes it up. Nothing is synced: what is
written here outlives the process, not a power failure.
"""

import contextlib
import errno
import fcntl
import logging
import os
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from services.gateway.ledger import envelopes
from services.gateway.ledger.envelopes import Envelope

log = logging.getLogger("intentwatch.gateway")

_LOCK: Final = "lock"
_OWNER: Final = re.compile(r"[0-9a-f]{32}")
_FILE: Final = re.compile(r"\d{12}\.jsonl")
_MOST_BYTES: Final = 64 << 20  # no file of ours is larger: another's is left alone


class Spool:
    """The folder of one process, `owner`, and those it has taken up. Whatever the disk refuses is
    an OSError.
    """

    def __init__(self, directory: Path, owner: str) -> None:
        self._directory = directory
        self._owner = owner
        self._locks: dict[str, int] = {}
        self._file: tuple[str, int] | None = None  # the name and descriptor written to last

    def append(self, name: str, raw: bytes, at: int) -> None:
        """Write `raw` from the byte `at` on, whatever stands there; none of it if not all. Raises
        FileNotFoundError where `at` is not 0 and the file is gone.
        """
        descriptor = self._opened(name, at)
        try:
            _write(descriptor, raw, at)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, at)
            raise

    def _opened(self, name: str, at: int) -> int:
        """The file that is being written stays open: most calls are for the one before."""
        if self._file is not None:
            known, descriptor = self._file
            if known == name and os.fstat(descriptor).st_nlink:
                return descriptor
            self._shut()
        if self._owner not in self._locks or not (self._directory / self._owner).is_dir():
            self._open()
        made = 0 if at else os.O_CREAT
        path = self._directory / name
        descriptor = os.open(path, os.O_WRONLY | made | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self._file = (name, descriptor)
        return descriptor

    def _shut(self) -> None:
        if self._file is not None:
            _close(self._file[1])
            self._file = None

    def read(self, name: str) -> bytes:
        """A file."""
        return (self._directory / name).read_bytes()

    def remove(self, name: str) -> None:
        """It is not needed any more. A folder that was taken up goes with its last file."""
        (self._directory / name).unlink(missing_ok=True)
        owner = name.partition("/")[0]
        if owner != self._owner:
            self._leave_if_empty(owner)

    def _open(self) -> None:
        """Make the folder under another name, so that nobody takes it up before it is locked."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        stale = self._locks.pop(self._owner, None)
        if stale is not None:
            os.close(stale)
        new = self._directory / f".{self._owner}.{uuid.uuid4().hex}"
        new.mkdir(mode=0o700)
        lock = _locked(new)
        try:
            if lock is None:
                raise OSError(errno.ENOLCK, "its lock cannot be had", str(new))
            new.rename(self._directory / self._owner)
        except OSError:
            _close(lock)
            with contextlib.suppress(OSError):
                (new / _LOCK).unlink(missing_ok=True)
                new.rmdir()
            raise
        assert lock is not None
        self._locks[self._owner] = lock

    def left(self) -> Iterator[Envelope]:
        """What processes have left that have ended, the oldest first of each; it is ours from then
        on.
        """
        for owner in self._owners():
            if owner in self._locks:
                continue
            lock = None
            with contextlib.suppress(OSError):
                lock = _locked(self._directory / owner)
            if lock is not None:
                self._locks[owner] = lock
                yield from self._files(owner)
                self._leave_if_empty(owner)

    def _owners(self) -> list[str]:
        try:
            names = sorted(os.listdir(self._directory))
        except FileNotFoundError:
            return []
        return [name for name in names if _OWNER.fullmatch(name)]

    def _files(self, owner: str) -> Iterator[Envelope]:
        for file in sorted(os.listdir(self._directory / owner)):
            path = self._directory / owner / file
            if not _FILE.fullmatch(file) or path.is_symlink() or not path.is_file():
                continue
            try:
                envelope = _envelope(path, f"{owner}/{file}")
            except OSError as error:
                log.warning("a file of the spool is left where it is: %s", error)
                continue
            if envelope.logs:
                yield envelope
            else:
                path.unlink()

    def _leave_if_empty(self, owner: str) -> None:
        folder = self._directory / owner
        with contextlib.suppress(OSError):
            if os.listdir(folder) == [_LOCK]:
                (folder / _LOCK).unlink()
                folder.rmdir()
                _close(self._locks.pop(owner, None))

    def close(self) -> None:
        """Let go: what is left lies there for whoever comes next."""
        self._shut()
        for owner in list(self._locks):
            self._leave_if_empty(owner)
        while self._locks:
            _close(self._locks.popitem()[1])


def _envelope(path: Path, name: str) -> Envelope:
    told = path.stat()
    if told.st_size > _MOST_BYTES:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    raw = path.read_bytes()
    return Envelope(name, told.st_mtime, [], envelopes.lines_of(raw), len(raw), len(raw))


def _write(descriptor: int, raw: bytes, at: int) -> None:
    left = memoryview(raw)
    while left:
        written = os.pwrite(descriptor, left, at)
        left, at = left[written:], at + written


def _locked(folder: Path) -> int | None:
    """The folder's lock; None where another process has it, or has removed the folder meanwhile."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(folder / _LOCK, flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), (folder / _LOCK).stat()):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    _close(descriptor)
    return None


def _close(descriptor: int | None) -> None:
    if descriptor is not None:
        os.close(descriptor)
