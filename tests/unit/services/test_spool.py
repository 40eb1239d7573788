"""The spool on a real disk: what it keeps, what it takes up, what it leaves alone; torn, damaged,
refused and foreign files.
"""

import errno
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import emitting
import pytest

from services.gateway import serving_log
from services.gateway.ledger import envelopes
from services.gateway.ledger.spool import Spool

ONE, TWO = "1" * 32, "2" * 32
LINES = [emitting.line(number) for number in range(3)]
WHOLE = envelopes.content(LINES)


def eventually(holds: Callable[[], bool]) -> bool:
    until = time.monotonic() + 20
    while not holds() and time.monotonic() < until:
        time.sleep(0.01)
    return holds()


def left(directory: Path, owner: str = ONE, raw: bytes = WHOLE, number: int = 0) -> Path:
    """A file of a process that has ended."""
    path = directory / owner / f"{number:012}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
    return path


@pytest.fixture
def opened() -> Iterator[Callable[[Path, str], Spool]]:
    made: list[Spool] = []

    def open_one(directory: Path, owner: str) -> Spool:
        made.append(Spool(directory, owner))
        return made[-1]

    yield open_one
    for spool in made:
        spool.close()


def test_what_was_appended_is_read_and_only_its_owner_may(tmp_path: Path) -> None:
    spool, directory = Spool(tmp_path / "spool" / "topic", ONE), tmp_path / "spool" / "topic"
    name = f"{ONE}/{0:012}.jsonl"

    spool.append(name, WHOLE[:5], 0)
    spool.append(name, WHOLE[5:], 5)

    assert spool.read(name) == WHOLE
    assert stat.S_IMODE((directory / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((directory / ONE).stat().st_mode) == 0o700
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    spool.remove(name)
    spool.close()
    assert list(directory.iterdir()) == [], "nothing is left of one that had nothing to leave"


def test_a_folder_is_taken_up_once_its_process_has_gone(
    tmp_path: Path, opened: Callable[[Path, str], Spool]
) -> None:
    first, second = opened(tmp_path, ONE), opened(tmp_path, TWO)
    name = f"{ONE}/{0:012}.jsonl"
    first.append(name, WHOLE, 0)
    assert list(second.left()) == [], "it lives"

    first.close()

    (taken,) = second.left()
    assert (taken.name, taken.logs, taken.stored) == (name, 3, len(WHOLE))
    assert list(second.left()) == [], "it is ours now"
    assert list(opened(tmp_path, "3" * 32).left()) == [], "and nobody else's"
    second.remove(name)
    assert not (tmp_path / ONE).exists()


def test_files_come_in_their_order_and_what_is_not_ours_is_left_alone(
    tmp_path: Path, opened: Callable[[Path, str], Spool]
) -> None:
    for number in (10, 2, 1):
        left(tmp_path, number=number)
    foreign = [
        tmp_path / ONE / "notes.txt",
        tmp_path / ONE / "1.jsonl",
        tmp_path / "lost+found" / "000000000000.jsonl",
        tmp_path / "000000000000.jsonl",
    ]
    for path in foreign:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(WHOLE)
    (tmp_path / ONE / f"{7:012}.jsonl").symlink_to(foreign[0])
    (tmp_path / ONE / f"{8:012}.jsonl").mkdir()
    empty = left(tmp_path, raw=b"", number=9)

    taken = list(opened(tmp_path, TWO).left())

    assert [envelope.name[-8:] for envelope in taken] == ["01.jsonl", "02.jsonl", "10.jsonl"]
    assert all(path.read_bytes() == WHOLE for path in foreign)
    assert not empty.exists()


@pytest.mark.parametrize(
    ("raw", "logs", "lines"),
    [
        (WHOLE, 3, LINES),
        (WHOLE[:-1], 3, LINES),
        (WHOLE[:-4], 3, LINES[:2]),
        (b"\x00" * 50, 1, []),
        (LINES[0] + b"\n\xff\xfe\n" + LINES[2] + b"\n", 3, [LINES[0], LINES[2]]),
        (b"[" * 100_000, 1, []),
        (b"1\nnull\n[]\n" + WHOLE, 6, LINES),
    ],
    ids=["whole", "no last line end", "torn", "zeros", "overwritten", "deep", "no objects"],
)
def test_of_a_damaged_file_the_sound_lines_are_kept(
    raw: bytes, logs: int, lines: list[bytes]
) -> None:
    assert envelopes.lines_of(raw) == logs
    assert envelopes.sound(raw) == lines


def test_an_append_that_fails_half_way_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: Callable[[Path, str], Spool]
) -> None:
    spool, name = opened(tmp_path, ONE), f"{ONE}/{0:012}.jsonl"
    spool.append(name, WHOLE, 0)
    real = os.pwrite

    def full(descriptor: int, raw: bytes, at: int) -> int:
        if at > len(WHOLE):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, raw[:4], at)

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OSError, match="No space left"):
        spool.append(name, WHOLE, len(WHOLE))

    assert spool.read(name) == WHOLE


# the emitter, where no Kafka is


def emitter(spool: Path, most: int = 1 << 20) -> serving_log.Emitter:
    return serving_log.Emitter(emitting.NOWHERE, "t", spool, most)


def on_disk(spool: Path) -> list[bytes]:
    lines: list[bytes] = []
    for path in sorted(spool.glob("t/*/*.jsonl")):
        lines += path.read_bytes().splitlines()
    return lines


def test_without_kafka_what_is_emitted_lies_on_disk_and_is_taken_up_again(tmp_path: Path) -> None:
    first = emitter(tmp_path)
    first.start()
    for line in LINES:
        first.emit(line)
    assert eventually(lambda: on_disk(tmp_path) == LINES), "while it runs"
    first.stop()
    assert on_disk(tmp_path) == LINES

    second = emitter(tmp_path)
    second.start()

    assert eventually(lambda: second.standing().held == 3)
    second.stop()
    now = second.standing()
    assert (now.emitted, now.acknowledged, now.held, now.given_up) == (3, 0, 3, 0)
    assert on_disk(tmp_path) == LINES


def test_what_comes_after_the_end_is_counted_as_given_up(tmp_path: Path) -> None:
    one = emitter(tmp_path)
    one.start()
    one.stop()

    one.emit(LINES[0])

    now = one.standing()
    assert (now.emitted, now.held, now.given_up) == (1, 0, 1)


@pytest.mark.parametrize("kind", ["file", "under a file", "dangling link", "none"])
def test_a_spool_that_cannot_be_had_is_said_once_and_its_logs_are_counted_at_the_end(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "spool"
    if kind == "dangling link":
        place.symlink_to(tmp_path / "a" / "b")
        (tmp_path / "a").write_text("a file")
    elif kind != "none":
        place.write_text("not ours")
    one = emitter(place / "below" if kind == "under a file" else place, 0 if kind == "none" else 99)
    one.start()
    for line in LINES:
        one.emit(line)
        time.sleep(0.05)
    assert one.standing().held == 3
    one.stop()

    now = one.standing()
    assert (now.emitted, now.held, now.given_up) == (3, 0, 3)
    assert caplog.text.count("the spool cannot be written") == (kind != "none")
    assert caplog.text.count("3 serving logs are lost") == 1
    assert kind in ("none", "dangling link") or place.read_text() == "not ours"


def test_a_spool_that_somebody_removes_is_made_anew(tmp_path: Path) -> None:
    one = emitter(tmp_path / "spool")
    one.start()
    one.emit(LINES[0])
    assert eventually(lambda: on_disk(tmp_path / "spool") == LINES[:1])
    for path in sorted((tmp_path / "spool").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()

    one.emit(LINES[1])

    assert eventually(lambda: LINES[1] in on_disk(tmp_path / "spool"))
    one.stop()
    now = one.standing()
    assert now.emitted == now.held + now.given_up == 2


def test_two_gateways_share_a_directory_and_no_file(tmp_path: Path) -> None:
    both = [emitter(tmp_path), emitter(tmp_path)]
    for one, line in zip(both, LINES, strict=False):
        one.start()
        one.emit(line)
    assert eventually(lambda: sorted(on_disk(tmp_path)) == LINES[:2])

    assert [one.standing().held for one in both] == [1, 1]
    for one in both:
        one.stop()
    assert sorted(on_disk(tmp_path)) == LINES[:2]


def test_logs_of_another_topic_are_not_taken_up(tmp_path: Path) -> None:
    left(tmp_path / "another")
    mine = left(tmp_path / "t", TWO)
    one = emitter(tmp_path)
    one.start()
    assert eventually(lambda: one.standing().held == 3)
    one.stop()
    assert mine.exists()
