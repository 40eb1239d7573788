"""Which rows of the tables train, validate and test, at the mix of the seed: whole groups of near
duplicates and conversations, and only what people wrote is held out.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain.train import recipe, seen, snapshot, split
from schemas import present
from services.local.demo import story

SIZE: Final = 5_000
_TEST, _VAL = 0.2, 0.1  # beside the rows that train
_LATER: Final = 2_000  # held-out messages of later language
TAUGHT: Final = 400  # messages of new language that get a label
_MOST: Final = 0.8  # of what people wrote of an intent is held out
# Where the table tells sources: bots of real shops, which nothing in the base resembles.
_NEW: Final = "hint3"
_GROUP_MOST: Final = 40  # rows of later language: one template with thousands is no language
SEED_MIX: Final = {
    "product_discovery": 0.221,
    "product_question": 0.152,
    "recommendation": 0.180,
    "faq": 0.080,
    "order_tracking": 0.121,
    "return_request": 0.070,
    "promotion": 0.050,
    "checkout_help": 0.041,
    "escalation": 0.030,
    "chitchat": 0.055,
}
Rng = np.random.Generator


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """Rows of the base with their part; held-out rows of later language, and those of the newest of
    it that are labelled. None of these shares a group with another part.
    """

    rows: pd.DataFrame
    later: pd.DataFrame
    taught: pd.DataFrame

    def part(self, name: str) -> pd.DataFrame:
        """The rows of train, val or test."""
        return self.rows[self.rows["part"] == name]

    def taught_too(self) -> "Cut":
        """The same, with the labelled rows of later language among those that train."""
        more = self.taught.assign(part="train")
        return replace(self, rows=pd.concat([self.rows, more]))


def tables(base: Sequence[story.Row], later: Sequence[story.Row]) -> pd.DataFrame:
    """Both tables as one, with the group of each row; what the encoder cannot tell apart is one
    group.
    """
    known = [row for row in (*base, *later) if row["intent"] in present.INDEX]
    table = snapshot.frame(known)
    table["id"] = [str(place) for place in range(len(table))]
    table["kind"] = ["human" if row["kind"] == "human" else "machine" for row in known]
    table["source"] = [row.get("source") for row in known]
    of_base = sum(row["intent"] in present.INDEX for row in base)
    table["new"] = _is_new(table["source"])
    table["later"] = np.arange(len(table)) >= of_base
    made_with = recipe.Recipe()
    told = seen.of(made_with.base_model, list(table["text"]), made_with.max_tokens)
    table["group"] = split.groups(table, told.inputs)
    return table.drop_duplicates(["group", "text", "kind"])


def _is_new(sources: "pd.Series[Any]") -> "pd.Series[bool]":
    """Which rows, were they later ones, are of language that the base has nothing of."""
    told = sources.fillna("").str.startswith(_NEW)
    return told if told.any() else ~told


def cut(table: pd.DataFrame, size: int, seed: int) -> Cut:
    """The rows of one seed, as many of each intent as the mix asks for and the table has."""
    rng = np.random.default_rng(seed)
    base, later = table[~table["later"]], table[table["later"]]
    mix = _mix(base)
    room = _room(base, mix, size)
    held = _held(base, room, rng)
    free = base[~base["group"].isin(held)]
    train = _sampled(free, {intent: round(share * size) for intent, share in mix.items()}, rng)

    chosen = base[base["group"].isin(held) & (base["kind"] == "human")]
    chosen = chosen.assign(part=chosen["group"].map(held))
    rows = pd.concat([train.assign(part="train"), chosen])
    new = later[(later["kind"] == "human") & ~later["group"].isin(base["group"])]
    return Cut(rows, *_language(new, rng))


def _mix(base: pd.DataFrame) -> dict[str, float]:
    """The share of every intent: the seed's, or the table's own where the shop is another one."""
    if set(SEED_MIX) == set(present.INTENTS):
        return SEED_MIX
    shares = base["intent"].value_counts(normalize=True)
    return {intent: float(shares.get(intent, 0.0)) for intent in present.INTENTS}


def _room(base: pd.DataFrame, mix: Mapping[str, float], size: int) -> dict[str, dict[str, int]]:
    """By part how many rows of each intent are held out: the whole mix is smaller where people
    wrote little of one.
    """
    people = base[base["kind"] == "human"]["intent"].value_counts()
    wanted = size * (_TEST + _VAL)
    scale = 1.0
    for intent, share in mix.items():
        if share:
            scale = min(scale, _MOST * people.get(intent, 0) / (wanted * share))
    room = {}
    for part, of_size in (("test", _TEST), ("val", _VAL)):
        n = scale * of_size * size
        room[part] = {intent: round(n * share) for intent, share in mix.items()}
    return room


def _held(base: pd.DataFrame, room: Mapping[str, dict[str, int]], rng: Rng) -> dict[str, str]:
    """The part of each group that is held out: in an order drawn anew, as long as it fits."""
    people = base[base["kind"] == "human"]
    meant: dict[str, Counter[str]] = defaultdict(Counter)
    for group, intent in zip(people["group"], people["intent"], strict=True):
        meant[group][intent] += 1

    left = {part: Counter(of_intent) for part, of_intent in room.items()}
    held = {}
    names = sorted(meant)
    for place in rng.permutation(len(names)):
        group = names[place]
        part = next((part for part in left if meant[group] <= left[part]), None)
        if part is not None:
            held[group] = part
            left[part] -= meant[group]
    return held


def _sampled(free: pd.DataFrame, wanted: Mapping[str, int], rng: Rng) -> pd.DataFrame:
    """As many rows of each intent, what people wrote first."""
    shuffled = free.iloc[rng.permutation(len(free))]
    people_first = shuffled.sort_values("kind", kind="stable")  # human before machine
    parts = [people_first[people_first["intent"] == of].head(n) for of, n in wanted.items()]
    return pd.concat(parts)


def _language(new: pd.DataFrame, rng: Rng) -> Iterator[pd.DataFrame]:
    """Held-out rows of the new language, and those that are labelled."""
    shuffled = new.iloc[rng.permutation(len(new))]
    few = shuffled[shuffled.groupby("group").cumcount() < _GROUP_MOST]
    names: npt.NDArray[Any] = few["group"].unique()
    place = few["group"].map({name: i for i, name in enumerate(names)}).to_numpy()
    ordered = few.iloc[np.argsort(place, kind="stable")]
    n = min(_LATER, 2 * len(ordered) // 3)
    test = ordered.head(n)
    yield test
    rest = ordered[~ordered["group"].isin(test["group"]) & ordered["new"]]
    yield rest.iloc[rng.permutation(len(rest))].head(TAUGHT)
