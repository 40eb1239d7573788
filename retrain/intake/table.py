"""Pure. The rows of a table as people save them: quoted cells over several lines, a quote that is
never closed, a cell that is too long. What is wrong costs its own row.
"""

import csv
from collections import deque
from collections.abc import Iterator
from typing import Final

from schemas import events

Line = tuple[int, str]
Cells = tuple[int, list[str] | events.Malformed]
CELL_MAX: Final = csv.field_size_limit()


def rows(lines: Iterator[Line], delimiter: str) -> Iterator[Cells]:
    r"""The cells of each row, with the line on which it begins; empty lines are none.

    A row that is broken is taken to be its first line alone, and the next line is read as a row of
    its own: so a quote that is never closed costs its line.

    >>> list(rows(iter([(1, 'a,b'), (2, '"x\n'), (3, 'y",z'), (4, '1,2')]), ","))
    [(1, ['a', 'b']), (2, ['x\ny', 'z']), (4, ['1', '2'])]
    """
    again: deque[Line] = deque()
    width = 0
    while True:
        taken: list[Line] = []
        try:
            cells = next(_reader(lines, again, taken, delimiter), None)
        except csv.Error as error:
            cells = None
            fault = str(error)
        else:
            if cells is None:
                return
            fault = _misfit(cells, width, len(taken))

        if fault:
            again.extendleft(reversed(taken[1:]))
            yield taken[0][0], _broken(fault, len(taken))
        elif cells:
            width = width or len(cells)
            yield taken[0][0], cells


def _reader(
    lines: Iterator[Line],
    again: deque[Line],
    taken: list[Line],
    delimiter: str,
) -> Iterator[list[str]]:
    """Reads one row; `taken` has the lines that it took."""

    def following() -> Iterator[str]:
        while True:
            line = again.popleft() if again else next(lines, None)
            if line is None:
                return
            taken.append(line)
            yield line[1]

    return csv.reader(following(), delimiter=delimiter, strict=True, skipinitialspace=True)


def _misfit(cells: list[str], width: int, lines: int) -> str:
    """Why cells over several lines are no row: their number is another than the header's."""
    if lines > 1 and width and len(cells) != width:
        return "unexpected end of data"
    return ""


def _broken(fault: str, lines: int) -> events.Malformed:
    detail = fault
    if "limit" in fault and lines == 1:
        detail = f"a cell of more than {CELL_MAX:,} letters"
    elif lines > 1 or "end of data" in fault:
        detail = "a quote opens on this line and is not closed as it should: double it or remove it"
    return events.Malformed(events.Reason.NOT_CSV, detail)
