"""Pure. What a split let through: held-out rows that share what the model sees of them, a cluster
or a conversation with a row of another part; and how far the parts are from one mix.

Counted anew from what came out, so that a fault of the split would show.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from schemas import present
from schemas.checks import Check, Range, Stage, check

_NONE: Final = Range(most=0)
_USED: Final = ("train", "val", "test")
_MIX: Final = Range(most=0.05)  # of the rows another intent, beside what chance does
_MIX_BEARABLE: Final = Range(most=0.15)


def counts(parts: pd.DataFrame, inputs: Sequence[str]) -> dict[str, int]:
    """How many held-out rows share something with another part. `parts`: of split.split."""
    columns = {
        "inputs": list(inputs),
        "clusters": list(parts["cluster"]),
        "conversations": list(parts["conversation"]),
    }
    sides = list(parts["part"])
    return {name: _shared(keys, sides) for name, keys in columns.items()}


def _shared(keys: Sequence[Any], parts: Sequence[str]) -> int:
    met: dict[str, set[str]] = defaultdict(set)
    rows = list(zip(keys, parts, strict=True))
    for key, part in rows:
        if isinstance(key, str) and part in _USED:
            met[key].add(part)
    held_out = [key for key, part in rows if isinstance(key, str) and part in _USED[1:]]
    return sum(len(met[key]) > 1 for key in held_out)


def checks(parts: pd.DataFrame, inputs: Sequence[str]) -> tuple[Check, ...]:
    """Leakage, which has to be none, then the parity of each held-out part with what trains."""
    n = int(parts["part"].isin(_USED[1:]).sum())
    told = []
    for name, leaked in counts(parts, inputs).items():
        remedy = f"two parts share {name}: nothing that these rows prove holds"
        one = check(Stage.SPLIT, f"leaked_{name}", leaked, n, _NONE, bearable=_NONE, remedy=remedy)
        told.append(one)
    return (*told, *(_parity(parts, part) for part in _USED[1:]))


def _parity(parts: pd.DataFrame, part: str) -> Check:
    """The share of rows that would have to mean another intent for the part to have the mix of what
    trains; its noise floor is what drawing so few by chance shows.
    """
    people = parts[parts["kind"] != "machine"]
    trains = mix(people[people["part"] == "train"]["intent"])
    tests = people[people["part"] == part]["intent"]
    n = len(tests)
    value, floor = None, None
    if n and trains:
        here = mix(tests)
        value = sum(abs(here[intent] - trains[intent]) for intent in present.INTENTS) / 2
        floor = parity_floor(trains, n)
    remedy = f"the mix of {part} is not that of what trains: label what it has too little of"
    return check(
        Stage.SPLIT,
        f"mix_distance_{part}",
        value,
        n,
        _MIX,
        bearable=_MIX_BEARABLE,
        remedy=remedy,
        floor=floor,
    )


def mix(intents: "pd.Series[str]") -> dict[str, float]:
    """The share of each intent; nothing of no row."""
    shares = intents.value_counts(normalize=True)
    return {intent: float(shares.get(intent, 0.0)) for intent in present.INTENTS if len(shares)}


def parity_floor(shares: Mapping[str, float], n: int) -> float:
    """Mean distance of n rows drawn from these shares: half the sum of sqrt(2 / pi) sqrt(p (1 - p)
    / n), as a count is nearly normal.

    >>> round(parity_floor({"faq": 0.5, "chitchat": 0.5}, 100), 4)
    0.0399
    """
    spread = [math.sqrt(2 * share * (1 - share) / (math.pi * n)) for share in shares.values()]
    return sum(spread) / 2
