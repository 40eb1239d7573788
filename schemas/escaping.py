"""Pure. Text that others wrote, as a terminal may show it: nothing in it moves a cursor, hides, or
turns the writing round.
"""

import unicodedata
from typing import Final

_COMBINING: Final = ("Mn", "Me")  # they draw over what stands before them


def printable(raw: str | bytes) -> str:
    r"""Text in which everything invisible, everything that moves a cursor or turns the writing
    round, and the backslash are escapes.

    >>> print(printable(b'\x1b[2Jhi\n\xff'), printable("a\u202eb"))
    \x1b[2Jhi\n\xff a\u202eb
    """
    text = raw if isinstance(raw, str) else raw.decode("utf-8", "surrogateescape")
    return "".join(map(_shown, text))


def _shown(letter: str) -> str:
    combines = unicodedata.category(letter) in _COMBINING
    if letter.isprintable() and letter != "\\" and not combines:
        return letter
    if "\udc80" <= letter <= "\udcff":  # a byte that is no UTF-8
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return letter.encode("unicode_escape").decode()
