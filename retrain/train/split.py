"""Pure. Which rows train, validate and test: each on the side that was dealt to its anchor
(retrain/train/sides.py), or left out, never on another side. So a row that was held out once never
trains, whatever else comes.

Left out is a row that shares what the model sees of it, a cluster or a conversation with one of
another side: of imported rows the one that is less held out. A live row yields to imported ones, as
anybody may repeat their texts.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from retrain.train import sides
from schemas import normalise, present

# Of a capped training set: new language needs room, old language must not be forgotten.
LIVE_SHARE = 0.6
COLUMNS = ("id", "text", "intent", "kind", "conversation", "cluster")
_NOTHING: Final[Mapping[str, str]] = {}
Keys = list[str | None]


def groups(rows: pd.DataFrame, inputs: Sequence[str] | None = None) -> "pd.Series[str]":
    """The group of each row: rows that share a cluster, a conversation or what the model sees of
    them, directly or through others. `inputs`: that, of each row; its normalised text unless told.

    A group's name is its smallest normalised text. Shape: one name a row, in the rows' order.
    """
    texts = [normalise.text(text) for text in rows["text"]]
    same = list(inputs) if inputs is not None else texts
    conversations = _keys(rows["conversation"])
    if "kind" in rows:
        conversations = _trusted(rows["kind"], same, conversations)
    roots = _united(len(rows), [same, _keys(rows["cluster"]), conversations])

    smallest: dict[int, str] = {}
    for root, text in zip(roots, texts, strict=True):
        smallest[root] = min(smallest.get(root, text), text)
    names = [smallest[root] for root in roots]
    return pd.Series(names, index=rows.index, dtype=object)


def _trusted(kinds: "pd.Series[Any]", same: Sequence[str], conversations: Keys) -> Keys:
    """Conversations without those of live rows that repeat an imported text: anybody could join
    what is imported by them.
    """
    live = [kind == "live" for kind in kinds]
    imported = {each for each, is_live in zip(same, live, strict=True) if not is_live}
    trusted: Keys = []
    for each, is_live, conversation in zip(same, live, conversations, strict=True):
        repeats = is_live and each in imported
        trusted.append(None if repeats else conversation)
    return trusted


def _keys(values: "pd.Series[Any]") -> Keys:
    """One key a row, or None where it does not say: two unknown conversations are not the same."""
    return [value if isinstance(value, str) else None for value in values]


def _united(size: int, columns: Sequence[Sequence[str | None]]) -> list[int]:
    """Union-find over rows that have a key of one column in common: of each row the root of its
    group. `columns`: each of `size` keys.
    """
    parent = list(range(size))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for column in columns:
        first: dict[str, int] = {}
        for i, key in enumerate(column):
            if key is None:
                continue
            other = first.setdefault(key, i)
            parent[root(i)] = root(other)
    return [root(i) for i in range(size)]


def split(
    rows: pd.DataFrame,
    inputs: Sequence[str] | None = None,
    known: Mapping[str, str] = _NOTHING,
) -> pd.DataFrame:
    """`rows` with the columns group, anchor, side and part: train | val | test | left_out.

    `inputs`: what the model sees of each row; `known`: sides by anchor, as earlier splits dealt
    them. Machine-written rows may train but prove nothing: where they are held out they are left
    out.
    """
    texts = [normalise.text(text) for text in rows["text"]]
    same = list(inputs) if inputs is not None else texts
    conversations, clusters = _keys(rows["conversation"]), _keys(rows["cluster"])
    anchors = list(map(sides.anchor, rows["kind"], texts, conversations, clusters))
    grouped = rows.assign(group=groups(rows, same), anchor=anchors)

    dealt = sides.dealt(_groups(grouped), known)
    side = pd.Series([dealt[anchor] for anchor in anchors], index=rows.index, dtype=object)
    keys = pd.DataFrame(
        {"input": same, "cluster": clusters, "conversation": conversations},
        index=rows.index,
        dtype=object,
    )
    return grouped.assign(side=side, part=_parts(rows["kind"], side, keys))


def _groups(grouped: pd.DataFrame) -> list[sides.Group]:
    anchors: dict[str, set[str]] = defaultdict(set)
    meant: dict[str, Counter[str]] = defaultdict(Counter)
    columns = grouped[["group", "anchor", "intent", "kind"]]
    for name, anchor, intent, kind in columns.itertuples(index=False):
        anchors[name].add(anchor)
        if kind != "machine":
            meant[name][intent] += 1

    told = []
    for name, of in sorted(anchors.items()):
        intents = sorted(meant[name].items(), key=lambda each: (-each[1], each[0]))
        told.append(sides.Group(name, frozenset(of), intents[0][0] if intents else None))
    return told


def _parts(
    kind: "pd.Series[str]",
    side: "pd.Series[str]",
    keys: pd.DataFrame,
) -> "pd.Series[str]":
    """The part of each row: its side, or left_out. `keys`: what rows may share, a column each."""
    rank = side.map(sides.ORDER.index)  # 0: test, the most held out
    live, machine = kind == "live", kind == "machine"

    # Of imported rows that share a key the less held out one yields to a person's.
    behind = _met(keys, rank, kind == "human").lt(rank, axis=0).any(axis=1)
    left_out = ~live & (behind | (machine & (side != "train")))

    # A live row yields to whatever imported row is on another side, and to one that is held out.
    imported = _met(keys, rank, ~live & ~left_out)
    apart = (imported.notna() & imported.ne(rank, axis=0)).any(axis=1)
    behind = _met(keys, rank, live).lt(rank, axis=0).any(axis=1)
    left_out |= live & (apart | behind)
    return side.mask(left_out, "left_out")


def _met(keys: pd.DataFrame, rank: "pd.Series[int]", counts: "pd.Series[bool]") -> pd.DataFrame:
    """The most held out rank that each row meets by each key, among the rows that count; NaN where
    it meets none.
    """
    counted = rank.where(counts)
    met = {}
    for name, key in keys.items():
        met[name] = counted.groupby(key).transform("min")
    return pd.DataFrame(met, index=keys.index)


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
