"""Pure. On which side a row stands: train, val or test. It is dealt once, when its group is first
seen, and kept on record: no row that comes later moves it.

The record is by anchor. Of an imported row that is its cluster, else its conversation, else its
text; of a live one its text alone, as whoever talks to the gateway says what its conversation is.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

TEST_SHARE: Final = 0.20
VAL_SHARE: Final = 0.10
# The side of a group from the most held out on: it counts where two have to agree.
ORDER: Final = ("test", "val", "train")
_WHOLE: Final = 3  # groups of an intent from which on each side has one


@dataclass(frozen=True, slots=True)
class Group:
    """What is dealt as one: the anchors of its rows, its smallest text, the intent that most of
    them mean; None where a machine wrote all of them.
    """

    name: str
    anchors: frozenset[str]
    intent: str | None


def anchor(kind: str, text: str, conversation: str | None, cluster: str | None) -> str:
    """What a row's side is kept under. `text`: normalised.

    >>> anchor("live", "hello", "c1", None) == anchor("human", "hello", None, None)
    True
    >>> anchor("human", "hello", "c1", None) == anchor("human", "good bye", "c1", None)
    True
    """
    of = f"t:{text}"
    if kind != "live" and (cluster or conversation):
        of = f"c:{cluster}" if cluster else f"d:{conversation}"
    return hashlib.sha256(of.encode()).hexdigest()


def dealt(groups: Sequence[Group], known: Mapping[str, str]) -> dict[str, str]:
    """The side of every anchor: what is known stays; a new one takes the side of its group.

    A group that has none yet is held out where the hash of its name says so, or where its intent
    would else have fewer held-out groups than its share.
    """
    sides: dict[str, str] = {}
    by_intent: dict[str, list[Group]] = defaultdict(list)
    held: dict[str, Counter[str]] = defaultdict(Counter)
    for group in groups:
        told = {known[anchor] for anchor in group.anchors if anchor in known}
        if group.intent is None:
            told = told or {"train"}  # it proves nothing: there is nothing to hold out
        if told:
            side = min(told, key=ORDER.index)
            sides |= {anchor: known.get(anchor, side) for anchor in group.anchors}
            if group.intent is not None:
                held[group.intent][side] += 1
        elif group.intent is not None:
            by_intent[group.intent].append(group)

    for intent, new in by_intent.items():
        for group, side in _dealt_new(new, held[intent]):
            sides |= dict.fromkeys(group.anchors, side)
    return sides


def _dealt_new(new: Sequence[Group], known: Mapping[str, int]) -> list[tuple[Group, str]]:
    """Groups of one intent with their sides. `known`: how many of it stand on each side already."""
    n = len(new) + sum(known.values())
    waiting = sorted(new, key=lambda group: share(group.name))
    tests = max(
        _under(waiting, TEST_SHARE),
        _least(TEST_SHARE, n) - known.get("test", 0),
    )
    vals = max(
        _under(waiting, TEST_SHARE + VAL_SHARE) - tests,
        _least(VAL_SHARE, n) - known.get("val", 0),
    )
    sides = ["test"] * max(0, tests) + ["val"] * max(0, vals) + ["train"] * len(waiting)
    return list(zip(waiting, sides, strict=False))


def _least(part: float, n: int) -> int:
    return max(1, round(part * n)) if n >= _WHOLE else 0


def _under(groups: Sequence[Group], limit: float) -> int:
    return sum(share(group.name) < limit for group in groups)


def share(name: str) -> float:
    """A number in [0, 1) by a group's name."""
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
