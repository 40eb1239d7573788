"""Pure. Which rows train, validate and test. Never lets one conversation or one cluster of near
duplicates stand on two sides.

A group's part follows from a hash of its content, so a row that was held out once is held out in
every later run.
"""

import hashlib
from collections.abc import Sequence

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
    keys: list[list[str | None]] = [
        list(texts),
        [f"c:{c}" if isinstance(c, str) else None for c in rows["cluster"]],
        [f"d:{c}" if isinstance(c, str) else None for c in rows["conversation"]],
    ]
    roots = _united(len(rows), keys)
    smallest: dict[int, str] = {}
    for root, text in zip(roots, texts, strict=True):
        smallest[root] = min(smallest.get(root, text), text)
    return pd.Series([smallest[root] for root in roots], index=rows.index)


def _united(size: int, keys: Sequence[Sequence[str | None]]) -> list[int]:
    """Union-find over rows that have any key in common."""
    parent = list(range(size))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    first: dict[str, int] = {}
    for column in keys:
        for i, key in enumerate(column):
            if key is not None:
                parent[root(i)] = root(first.setdefault(key, i))
    return [root(i) for i in range(size)]


def _share(group: str) -> float:
    return int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") / 2**64


def split(rows: pd.DataFrame) -> pd.DataFrame:
    """`rows` with the columns group and part: train | val | test | left_out.

    Machine-written rows may train but prove nothing: in a group that is held out they are left out.
    """
    found = rows.assign(group=groups(rows))
    share = found["group"].map(_share)
    part = (
        pd.Series("train", index=found.index)
        .mask(share < TEST_SHARE + VAL_SHARE, "val")
        .mask(share < TEST_SHARE, "test")
    )
    return found.assign(
        part=part.mask((part != "train") & (found["kind"] == "machine"), "left_out")
    )


def capped(train: pd.DataFrame, limit: int, seed: int) -> pd.DataFrame:
    """At most `limit` training rows: the newest live ones (they come in order of time) up to
    LIVE_SHARE, then every intent its share.
    """
    if len(train) <= limit:
        return train
    live = train[train["kind"] == "live"].tail(int(limit * LIVE_SHARE))
    rest, room = train[train["kind"] != "live"], limit - len(live)
    floor = room // (2 * len(present.INTENTS))
    counts = {str(intent): int(count) for intent, count in rest["intent"].value_counts().items()}
    wanted = {
        intent: max(min(floor, count), int(room * count / len(rest)))
        for intent, count in counts.items()
    }
    picked = [
        rest[rest["intent"] == intent].sample(n=min(n, counts[intent]), random_state=seed)
        for intent, n in wanted.items()
    ]
    return pd.concat([live, *picked]).sample(frac=1, random_state=seed).head(limit)
