"""Pure. Two weeks of traffic from tables of labelled messages: which row is written on which day,
and which rows only train.

Whole groups of near duplicates go to one side and to one day, so nothing that was trained on, or
looks like it, comes again in traffic.
"""

import itertools
import json
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from retrain.train import split
from schemas import escaping, present

Row = Mapping[str, Any]

STABLE, MIX, LATER = "stable", "mix", "later"
# Days 1 to 14. One day in which only the mix moves, alone among stable ones; from day 9 on the
# language is new.
DAYS: Final[tuple[str, ...]] = (
    *[STABLE] * 4,
    MIX,
    *[STABLE] * 3,
    *[LATER] * 6,
)
SHORT_DAYS: Final[tuple[str, ...]] = (
    *[STABLE] * 2,
    MIX,
    *[STABLE] * 2,
    *[LATER] * 4,
)
CORPUS_ROWS: Final = 2_900
MOST_A_DAY: Final = 1_200
SHORT_A_DAY: Final = 1_000
# On the mix day these intents come more often: a campaign and its parcels.
MOVED: Final[Mapping[str, float]] = {
    "promotion": 3.0,
    "order_tracking": 3.0,
    "return_request": 2.0,
}
_NAMED_MOST: Final = 10
_GROUP_MOST = 40  # one template with thousands of variants must not fill a day


class TooFewRowsError(ValueError):
    """The tables cannot fill two weeks."""


def row(line: bytes) -> Row:
    """A line of a message table. Raises ValueError where it is none.

    >>> row(b'{"text": "hi", "intent": "chitchat"}')["kind"]
    'human'
    """
    message: dict[str, Any] = json.loads(line)
    if not _is_message(message):
        begin = line[:80].decode(errors="replace")
        raise ValueError(f"no object with text and intent: {begin}")
    return {"kind": "human"} | message


def _is_message(decoded: Any) -> bool:
    return (
        isinstance(decoded, dict)
        and isinstance(decoded.get("text"), str)
        and isinstance(decoded.get("intent"), str)
    )


@dataclass(frozen=True, slots=True)
class Story:
    """The rows the first champion is trained on; each day's kind and its messages in order; why
    rows are left out, or nothing.
    """

    corpus: list[Row]
    kinds: Sequence[str]
    days: list[list[Row]]
    left_out: str = ""


def plan(
    base: Sequence[Row],
    later: Sequence[Row],
    *,
    seed: int,
    days: Sequence[str] = DAYS,
    most: int = MOST_A_DAY,
    corpus_rows: int = CORPUS_ROWS,
) -> Story:
    """Lay the rows out. Machine-written rows of the base stay out: production logs have none.
    Raises TooFewRowsError.
    """
    rng = random.Random(seed)  # noqa: S311 - a story, not a secret
    human = [row for row in base if row["kind"] == "human"]
    left_out = unknown([*human, *later])

    # What is drawn first decides what is drawn next: the order of these calls is part of the seed.
    groups = _shuffled_groups(human, rng)
    corpus, traffic = _cut(groups, corpus_rows)
    calm = _rows(traffic)
    fresh = _even(_rows(_shuffled_groups(list(later), rng)))

    new = days.count(LATER)
    old = len(days) - new
    size = min(
        most,
        int(len(calm) / (old + 0.5)),
        len(fresh) // max(new, 1),
    )
    if size < 300 or len(corpus) < 600:
        few = (
            f"{len(base)} base and {len(later)} later rows give {size} messages a day"
            f" and {len(corpus)} to train on; 300 and 600 are needed"
        )
        raise TooFewRowsError(f"{few}; {left_out}" if left_out else few)

    moved, rest = _moved(calm, size if MIX in days else 0, rng)
    pools = {
        STABLE: iter(_even(rest)),
        LATER: iter(fresh),
        MIX: iter(moved),
    }
    messages = [list(itertools.islice(pools[day], size)) for day in days]
    assert {len(of_day) for of_day in messages} == {size}
    return Story(corpus, days, messages, left_out)


def _rows(groups: list[list[Row]]) -> list[Row]:
    return list(itertools.chain.from_iterable(groups))


def unknown(rows: Sequence[Row]) -> str:
    """The intents of these rows that are none of the product's, the most frequent first, beside
    those that are; empty if all are known.

    >>> rows = [{"intent": "billing"}, {"intent": "faq"}, {"intent": "billing"}]
    >>> unknown(rows).partition(" (")[0]
    '2 rows are left out, as nobody knows their intent: billing 2'
    """
    counts = Counter(row["intent"] for row in rows if row["intent"] not in present.INDEX)
    if not counts:
        return ""

    named = []
    for intent, n in counts.most_common(_NAMED_MOST):
        shown = escaping.printable(intent[:40])
        named.append(f"{shown} {n:,}")
    unnamed = len(counts) - _NAMED_MOST
    more = f" and {unnamed} more" if unnamed > 0 else ""
    ours = ", ".join(present.INTENTS)
    left_out = f"{counts.total():,} rows are left out, as nobody knows their intent"
    return f"{left_out}: {', '.join(named)}{more} (known: {ours})"


def _shuffled_groups(rows: list[Row], rng: random.Random) -> list[list[Row]]:
    if not rows:
        return []
    columns = {}
    for key in ("text", "conversation", "cluster"):
        columns[key] = [row.get(key) for row in rows]
    names = split.groups(pd.DataFrame(columns))

    grouped: dict[str, list[Row]] = defaultdict(list)
    for row, name in zip(rows, names, strict=True):
        if row["intent"] in present.INDEX:
            grouped[name].append(row)

    groups = []
    for _, group in sorted(grouped.items()):
        size = min(len(group), _GROUP_MOST)
        groups.append(rng.sample(group, size))
    rng.shuffle(groups)
    return groups


def _even(rows: list[Row]) -> list[Row]:
    """The rows in an order in which every stretch has the same intent mix: an ordinary day is no
    campaign. Within an intent they keep theirs.
    """
    counts = Counter(row["intent"] for row in rows)
    before: Counter[str] = Counter()
    places = []
    for row in rows:
        intent = row["intent"]
        places.append((before[intent] + 0.5) / counts[intent])
        before[intent] += 1

    order = sorted(range(len(rows)), key=places.__getitem__)
    return [rows[i] for i in order]


def _cut(groups: list[list[Row]], rows: int) -> tuple[list[Row], list[list[Row]]]:
    """The first groups with `rows` rows in all, and the other groups; at most a third of what there
    is.
    """
    total = sum(map(len, groups))
    rows = min(rows, total // 3)
    corpus: list[Row] = []
    for i, group in enumerate(groups):
        if len(corpus) >= rows:
            return corpus, groups[i:]
        corpus += group
    return corpus, []


def _moved(
    rows: list[Row],
    size: int,
    rng: random.Random,
) -> tuple[list[Row], list[Row]]:
    """`size` rows in which the MOVED intents come more often, and the rows that are left."""
    shares: dict[str, float] = defaultdict(float)
    for row in rows:
        intent = row["intent"]
        shares[intent] += MOVED.get(intent, 1.0)
    total = sum(shares.values())
    wanted = {}
    for intent, share in shares.items():
        wanted[intent] = round(size * share / total)

    moved: list[Row] = []
    rest: list[Row] = []
    for row in rows:
        intent = row["intent"]
        if wanted[intent] > 0 and len(moved) < size:
            wanted[intent] -= 1
            moved.append(row)
        else:
            rest.append(row)

    # What rounding has left open comes from the others.
    while len(moved) < size:
        row = rest.pop()
        moved.append(row)
    rng.shuffle(moved)
    return moved, rest
