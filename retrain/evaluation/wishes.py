"""Pure. Sets of intents, one a message: what else people said that it means. One bit an intent, in
as many words of 64 bits as the taxonomy needs.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from schemas import present

Sets = npt.NDArray[np.uint64]  # shape (n, WORDS)
_BITS: Final = 64
WORDS: Final = -(-len(present.INTENTS) // _BITS)


def none(n: int) -> Sets:
    """n empty sets."""
    return np.zeros((n, WORDS), dtype=np.uint64)


def of(numbers: Sequence[int]) -> Sets:
    """Sets from whole numbers with one bit an intent, of which there may be more than 64.

    >>> of([0b101, 0])[:, 0].tolist()
    [5, 0]
    """
    size = 8 * WORDS
    raw = b"".join(number.to_bytes(size, "little") for number in numbers)
    words = np.frombuffer(raw, dtype="<u8")
    return words.reshape(-1, WORDS).astype(np.uint64)


def places(sets: Sets) -> list[list[int]]:
    """The places of the intents that each set holds, in order.

    >>> places(of([0b101, 0]))
    [[0, 2], []]
    """
    octets = sets.astype("<u8").view(np.uint8)
    bits = np.unpackbits(octets, axis=1, bitorder="little")
    return [np.flatnonzero(row).tolist() for row in bits]


def hold(sets: Sets, intents: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Whether each set holds the intent at its place of `intents`. Shapes (n, WORDS), (n,) -> (n,).

    >>> hold(of([0b101, 0b101]), np.array([0, 1])).tolist()
    [True, False]
    """
    rows, word, bit = _at(intents)
    mine = sets[rows, word]
    return np.asarray(mine & bit != 0)


def hold_others(sets: Sets, intents: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Whether each set holds any other intent. Shapes (n, WORDS), (n,) -> (n,).

    >>> hold_others(of([0b1, 0b11]), np.array([0, 0])).tolist()
    [False, True]
    """
    rows, word, bit = _at(intents)
    others = sets.copy()
    others[rows, word] &= ~bit
    return np.asarray(others.any(axis=1))


def _at(intents: npt.NDArray[Any]) -> tuple[Any, Any, Sets]:
    """Row, word and bit of one intent a row."""
    places = intents.astype(np.int64)
    rows = np.arange(len(places))
    word = places // _BITS
    shift = (places % _BITS).astype(np.uint64)
    return rows, word, np.uint64(1) << shift
