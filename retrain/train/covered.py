"""Pure. Whether every intent has rows to train, to validate and to test, and what a first model
does to the critical ones: without rows nobody knows.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from schemas import present, runs
from schemas.checks import Check, Level, Range, Stage
from streams.stats import proportion

Verdict = runs.GateVerdict
Lack = tuple[str, str]  # a part, and an intent without a row in it

FIRST: Final = "no champion: absolute gate"
NO_ROWS: Final = "no held-out rows of this intent"
_NONE: Final = Range(most=0)


def lacking(intents: Mapping[str, Sequence[str]]) -> tuple[Lack, ...]:
    """Every part with every intent that none of its rows means. `intents`: of the rows of a part.

    >>> only_faq = {"train": present.INTENTS, "test": ["faq"]}
    >>> len(lacking(only_faq)), lacking(only_faq)[0]
    (9, ('test', 'product_discovery'))
    """
    lacks = []
    for part, meant in intents.items():
        has = set(meant)
        lacks += [(part, intent) for intent in present.INTENTS if intent not in has]
    return tuple(lacks)


def checks(parts: Sequence[str], lacks: Sequence[Lack]) -> Iterator[Check]:
    """One a part: how many intents have no row in it; to be acted on where a critical one has
    none.
    """
    by_part = _by_part(lacks)
    for part in parts:
        missing = by_part.get(part, [])
        level = Level.WATCH if missing else Level.OK
        if _critical(missing):
            level = Level.ACT
        remedy = f"label messages of {', '.join(missing)}: too few groups of them to split"
        yield Check(
            Stage.SPLIT,
            f"intents_without_rows:{part}",
            len(missing),
            len(present.INTENTS),
            _NONE,
            level,
            remedy if missing else "",
        )


def gate(lacks: Sequence[Lack]) -> runs.Gate:
    """The share of intents that have rows in every part. Inconclusive where a critical one lacks
    them; the note names all that do.
    """
    notes = [f"no row of {', '.join(names)} in {part}" for part, names in _by_part(lacks).items()]
    named = {intent for _, intent in lacks}
    known = len(present.INTENTS)
    return runs.Gate(
        "coverage",
        Verdict.INCONCLUSIVE if _critical(named) else Verdict.PASS,
        (known - len(named)) / known,
        None,
        None,
        None,
        None,
        known,
        "; ".join(notes),
    )


def recall(
    intent: str,
    labels: npt.NDArray[np.int64],
    predicted: npt.NDArray[np.int64],
    least: float,
) -> runs.Gate:
    """A first model's recall of an intent, of held-out rows (n,): fail where it is proven to lie
    under `least`, pass where it is seen above, inconclusive without a row.
    """
    place = present.INDEX[intent]
    mine = labels == place
    n = int(mine.sum())
    name = f"recall:{intent}"
    if not n:
        return runs.Gate(name, Verdict.INCONCLUSIVE, None, None, least, None, None, 0, NO_ROWS)

    hits = int((predicted[mine] == place).sum())
    low, high = proportion.wilson(hits, n)
    verdict = Verdict.FAIL if high < least else Verdict.INCONCLUSIVE
    if hits >= least * n:
        verdict = Verdict.PASS
    return runs.Gate(name, verdict, hits / n, None, least, low, high, n, FIRST)


def _by_part(lacks: Sequence[Lack]) -> dict[str, list[str]]:
    by_part: dict[str, list[str]] = defaultdict(list)
    for part, intent in lacks:
        by_part[part].append(intent)
    return by_part


def _critical(intents: "set[str] | list[str]") -> bool:
    return not set(present.CRITICAL).isdisjoint(intents)
