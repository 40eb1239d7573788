"""Pure but for reading: labelled messages of both languages, with which other messages each is
a near duplicate of, and which rows of them train, are asked about, and test.
"""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from retrain.evaluation import confusion
from retrain.train import snapshot, split
from schemas import normalise, present
from services.local.demo import story, tables

Ints = npt.NDArray[np.int64]

_SEED: Final = 1
_GROUP_MOST: Final = 40  # one template with thousands of variants is no language
_BASE_MOST: Final = 5_500
TRAIN: Final = 2_900  # what the demo's first champion is trained on
TEST: Final = 2_100


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """n messages, those of the base first: normalised texts; intents as places in present.INTENTS
    and groups of near duplicates, each of shape (n,); how many are of the base.
    """

    texts: list[str]
    intent: Ints
    group: Ints
    base: int


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """Places in Rows: what the champion is trained on, the traffic that may be asked about, and
    held-out messages of the champion's language and of later language.
    """

    train: Ints
    pool: Ints
    home: Ints
    later: Ints


def read(directory: Path) -> Rows:
    """The messages that people wrote before, and all later ones; intents nobody knows are left out.
    Ends with exit 2 where the tables cannot be read.
    """
    base, later = tables.read(directory)
    human = [row for row in base if row["kind"] == "human"]
    return rows(human, later)


def rows(base: Sequence[story.Row], later: Sequence[story.Row]) -> Rows:
    """Both tables as columns, whole groups in an order of their own, each of them capped."""
    chosen: list[story.Row] = []
    group: list[int] = []
    for table, most in ((base, _BASE_MOST), (later, len(later))):
        begun = len(chosen)
        for members in _groups(table):
            if len(chosen) - begun >= most:
                break
            number = group[-1] + 1 if group else 0
            group += [number] * len(members)
            chosen += members
        if table is base:
            of_base = len(chosen)
    texts = [normalise.text(row["text"]) for row in chosen]
    intents = confusion.places([row["intent"] for row in chosen])
    return Rows(texts, intents, np.array(group, dtype=np.int64), of_base)


def _groups(table: Sequence[story.Row]) -> list[list[story.Row]]:
    """Groups of near duplicates and conversations, shuffled."""
    known = [row for row in table if row["intent"] in present.INDEX]
    if not known:
        return []
    members: dict[Any, list[story.Row]] = defaultdict(list)
    for row, name in zip(known, split.groups(snapshot.frame(known)), strict=True):
        members[name].append(row)

    rng = random.Random(_SEED)  # noqa: S311 - which rows, no secret
    groups = []
    for _, group in sorted(members.items()):
        size = min(len(group), _GROUP_MOST)
        groups.append(rng.sample(group, size))
    rng.shuffle(groups)
    return groups


def cut(of: Rows, seed: int, *, mixed: bool = False) -> Cut:
    """Rows of one seed: whole groups are drawn, so nothing that is tested on looks like what was
    trained on or asked about. A third of either language at most is held out. `mixed`: half of the
    traffic is still in the champion's language, else it is all later.
    """
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(int(of.group.max(initial=0)) + 1)
    drawn = np.argsort(shuffled[of.group], kind="stable")
    base = drawn[drawn < of.base]
    later = drawn[drawn >= of.base]
    train, others = _parted(base, min(TRAIN, 2 * len(base) // 3), of.group)
    later, pool = _parted(later, min(TEST, len(later) // 3), of.group)
    home, known = _parted(others, len(others) // 2, of.group)
    if mixed:
        pool = np.concatenate([pool[: len(known)], known])
    return Cut(
        train=train,
        pool=pool,
        home=home,
        later=later,
    )


def _parted(drawn: Ints, n: int, group: Ints) -> tuple[Ints, Ints]:
    """The first n rows with what else is of the last one's group, and the others."""
    if 0 < n < len(drawn):
        last = group[drawn[n - 1]]
        n = int(np.flatnonzero(group[drawn] == last)[-1]) + 1
    return drawn[:n], drawn[n:]
