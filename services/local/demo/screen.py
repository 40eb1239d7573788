"""Where the demo speaks: rows, sentences and the closing box on standard output, the bar on
standard error, and everything in a file that outlives the run.

On a terminal with colour; into a file or a pipe, or where NO_COLOR is set, as plain lines. Never
wider than telling.WIDEST.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, TextIO

import rich.box
from rich.console import Console
from rich.panel import Panel
from rich.text import Text
from tqdm import tqdm

from retrain import progress
from services.local.demo import pace, telling

_INDENT = " " * 8  # under a row's figures


class Screen:
    """What is said goes to `out` and into `log`; with `verbose` what would go into the log alone is
    said too.
    """

    def __init__(
        self,
        log: Path,
        *,
        verbose: bool = False,
        out: TextIO | None = None,
        err: TextIO | None = None,
    ) -> None:
        self.log = log
        self.verbose = verbose
        self._out = out or sys.stdout
        self._err = err or sys.stderr
        self._file: TextIO | None = None

        terminal = self._out.isatty()
        coloured = terminal and not os.environ.get("NO_COLOR")
        self._console = Console(
            file=self._out,
            force_terminal=terminal,
            color_system="auto" if coloured else None,
            width=None if terminal else telling.WIDEST,
            highlight=False,
            markup=False,
            emoji=False,
            soft_wrap=True,
        )
        self._bar: tqdm[Any] | None = None
        self._pace: pace.Pace | None = None
        self._promise: pace.Promise | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    @property
    def width(self) -> int:
        """Columns there are, as far as they are used."""
        return min(self._console.width, telling.WIDEST)

    def say(self, *sentences: telling.Said) -> None:
        """Sentences, each on lines of its own."""
        for sentence in sentences:
            for line in telling.wrapped(sentence.text, self.width, "  "):
                self._print(Text(line, sentence.style))

    def event(self, *sentences: telling.Said) -> None:
        """Sentences between the rows of the table, indented so that the days stand out."""
        room = self.width - len(_INDENT)
        for sentence in sentences:
            for line in telling.wrapped(sentence.text, room, "  "):
                self._print(Text(_INDENT + line, sentence.style))

    def row(self, cells: Sequence[telling.Said]) -> None:
        """A line of the table."""
        line = Text()
        for cell in cells:
            line.append(cell.text, cell.style)
        self._print(line)

    def box(self, title: str, parts: Sequence[tuple[str, str]]) -> None:
        """Headings with their sentences, between two rules on a terminal; no rule at the sides, so
        that what stands there can be copied.
        """
        terminal = self._out.isatty()
        margin = max(len(name) for name, _ in parts) + 2
        # The rules leave a column free on either side.
        room = self.width - 2 if terminal else self.width
        lines = []
        for name, text in parts:
            lines += telling.part(name, text, margin, room)

        if terminal:
            body = Text("\n".join(lines))
            self._print(
                Panel(
                    body,
                    title=title,
                    box=rich.box.HORIZONTALS,
                    padding=0,
                    width=self.width,
                    border_style="bold green",
                )
            )
        else:
            for line in ("", title, *lines, ""):
                self._print(Text(str(line)))

    def data(self, line: str) -> None:
        """A line for scripts, as it is."""
        self._print(Text(line))

    def detail(self, text: str) -> None:
        """For the file; for the screen only if everything is wanted there."""
        if self.verbose:
            self._print(Text(text))
        else:
            self._write(text)

    def _print(self, what: Text | Panel) -> None:
        with tqdm.external_write_mode(file=self._out):
            self._console.print(what)
            self._out.flush()
        self._write(what.plain if isinstance(what, Text) else f"{what.title}\n{what.renderable}")

    def note(self, text: str) -> None:
        """For the file alone: it stands on the screen already."""
        self._write(text)

    def _write(self, text: str) -> None:
        if self._file is None:  # a demo that is refused leaves no empty file
            self.log.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.log.open("a", encoding="utf-8")
        self._file.write(text + "\n")
        self._file.flush()

    @contextmanager
    def working(self, of: pace.Pace) -> Iterator[None]:
        """A bar over everything there is to do, in seconds of a free machine."""
        shape = "{desc} {bar} {unit}" if self._err.isatty() else "{desc}, {unit}"
        self._pace, self._promise = of, None
        with progress.bar(
            "starting the servers",
            int(of.whole),
            self._left(of),
            self._err,
            bar_format=shape,
            dynamic_ncols=True,
        ) as bar:
            self._bar = bar
            try:
                yield
            finally:
                self._bar = None

    def done(self) -> None:
        """Nothing is left to do: what follows is the end."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def doing(self, what: str) -> None:
        """What is being done now; the pace says how much of everything is behind."""
        if self._bar is None or self._pace is None:
            return
        self._bar.set_description_str(what, refresh=False)
        self._bar.unit = self._left(self._pace)
        self._bar.update(int(self._pace.behind) - self._bar.n)
        if self._err.isatty():
            self._bar.refresh()

    def _left(self, of: pace.Pace) -> str:
        self._promise = pace.promised(self._promise, of.left(), of.now)
        return telling.left(self._promise.left, longer=self._promise.longer(of.now))
