"""Pure. Which rows train, validate and test. Never lets one conversation or one cluster of near
duplicates stand on two sides.

A group's part follows from a hash of its content, so a row that was held out once is held out in
every later run.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import pandas as pd

from schemas import normalise, present

TEST_SHARE = 0.20
VAL_SHARE = 0.10
# Of a capped training set: new language needs room, old language must not be forgotten.
LIVE_SHARE = 0.6
COLUMNS = ("id", "text", "intent", "kind", "conversation", "cluster")


def groups(rows: pd.DataFrame) -> pd.Series:
    """The group of each row: rows that share a cluster, a conversation or the normalised text,
    directly or through others.

    A group's name is its smallest normalised text. Shape: one name a row, in the rows' order.
    """
    texts = [normalise.text(text) for text in rows["text"]]
    roots = _united(
        len(rows),
        [
            texts,
            _keys("c", rows["cluster"]),
            _keys("d", rows["conversation"]),
        ],
    )

    smallest: dict[int, str] = {}
    for root, text in zip(roots, texts, strict=True):
        smallest[root] = min(smallest.get(root, text), text)
    names = [smallest[root] for root in roots]
    return pd.Series(names, index=rows.index)


def _keys(kind: str, values: "pd.Series[Any]") -> list[str | None]:
    """One key a row, or None where it does not say: two unknown conversations are not the same."""
    keys: list[str | None] = []
    for value in values:
        key = f"{kind}:{value}" if isinstance(value, str) else None
        keys.append(key)
    return keys


def _united(size: int, keys: Sequence[Sequence[str | None]]) -> list[int]:
    """Union-find over rows that have any key in common: of each row the root of its group.
    `keys`: one sequence of `size` a column.
    """
    parent = list(range(size))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    first: dict[str, int] = {}
    for column in keys:
        for i, key in enumerate(column):
            if key is None:
                continue
            other = first.setdefault(key, i)
            parent[root(i)] = root(other)
    return [root(i) for i in range(size)]


def _share(group: str) -> float:
    """A number in [0, 1) by the group's name."""
    digest = hashlib.sha256(group.encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def split(rows: pd.DataFrame) -> pd.DataFrame:
    """`rows` with the columns group and part: train | val | test | left_out.

    Machine-written rows may train but prove nothing: in a group that is held out they are left out.
    """
    group = groups(rows)
    share = group.map(_share)
    part = pd.Series("train", index=rows.index)
    part = part.mask(share < TEST_SHARE + VAL_SHARE, "val")
    part = part.mask(share < TEST_SHARE, "test")

    held_out = part != "train"
    machine = rows["kind"] == "machine"
    part = part.mask(held_out & machine, "left_out")
    return rows.assign(group=group, part=part)


def capped(train: pd.DataFrame, limit: int, seed: int) -> pd.DataFrame:
    """At most `limit` training rows: the newest live ones (they come in order of time) up to
    LIVE_SHARE, then every intent its share.
    """
    if len(train) <= limit:
        return train
    is_live = train["kind"] == "live"
    live = train[is_live].tail(int(limit * LIVE_SHARE))
    rest = train[~is_live]
    room = limit - len(live)
    # Half of the room is shared alike: a rare intent gets that much, whatever its share is.
    floor = room // (2 * len(present.INTENTS))

    picked = [live]
    for intent, count in rest["intent"].value_counts().items():
        by_share = int(room * count / len(rest))
        wanted = max(min(floor, count), by_share)
        rows = rest[rest["intent"] == intent]
        picked.append(rows.sample(n=min(wanted, count), random_state=seed))

    # Shuffled before the cut: the floors may add up to more than there is room for.
    shuffled = pd.concat(picked).sample(frac=1, random_state=seed)
    return shuffled.head(limit)
