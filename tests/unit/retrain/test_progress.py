"""A bar in a file is whole lines without escapes; on a terminal it draws over itself."""

import io

from retrain import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def played(stream: io.StringIO) -> str:
    with progress.bar("training", 3, "step", stream) as outer:
        outer.update()
        with progress.bar("inner", 2, "step", stream) as inner:
            inner.update(2)
        outer.update(2)
    return stream.getvalue()


def test_a_file_gets_lines() -> None:
    drawn = played(io.StringIO())
    lines = drawn.splitlines()
    assert lines[0].startswith("training:   0%")
    assert any(line.startswith("inner:   0%") for line in lines)
    assert all(line == line.strip() and line.isprintable() for line in lines)


def test_a_terminal_gets_a_bar_that_vanishes() -> None:
    drawn = played(Terminal())
    assert "\rtraining:   0%" in drawn
    assert drawn.endswith("\r")
