"""Pure. What a taxonomy has that the one before it has not: intents appended, intents merged, or anything else, which makes it another one."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from schemas import taxonomy


class Kind(StrEnum):
    """How one taxonomy stands to another. All but `other` read what was stored under the older one."""

    SAME = "same"
    APPENDED = "appended"
    MERGED = "merged"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Difference:
    """What a newer taxonomy has that the older one has not, in words of one line."""

    kind: Kind
    words: str


def difference(older: taxonomy.Taxonomy, newer: taxonomy.Taxonomy) -> Difference:
    """How `newer` stands to `older`: the same, with intents appended, with some merged (and perhaps appended), or another one."""
    wrong = next(_contradictions(older, newer), None)
    if wrong is not None:
        return Difference(Kind.OTHER, wrong)
    appended = [name for name in newer.names if name not in older.names]
    merged = [f"{name} into {into}" for name, into in newer.merged.items() if name not in older.merged]
    told = [f"{listed(appended)} appended"] if appended else []
    told += [f"{listed(merged)} merged"] if merged else []
    kind = Kind.MERGED if merged else Kind.APPENDED if appended else Kind.SAME
    return Difference(kind, " and ".join(told) or "the same")


def _contradictions(older: taxonomy.Taxonomy, newer: taxonomy.Taxonomy) -> Iterator[str]:
    """What neither appending nor merging explains."""
    gone = [name for name in older.names if name not in newer.names and name not in newer.merged]
    if gone:
        yield f"{newer.version} lacks {listed(gone)}"
    for name, into in older.merged.items():
        named = newer.merged.get(name)
        if named is None:
            yield f"{name} was merged into {into} and must stay in [merged] of {newer.version}"
        elif named != newer.merged.get(into, into):
            yield f"{name} was merged into {into}, in {newer.version} into {named}"
    kept = [intent for intent in older.intents if intent.name in newer.names]
    for place, (before, now) in enumerate(zip(kept, newer.intents, strict=False), start=1):
        yield from _moved(before, now, place)
    both = {before.name: (before, now) for before, now in zip(kept, newer.intents, strict=False)}
    for true, predicted in sorted({*older.harm, *newer.harm}):
        if {true, predicted} <= both.keys():
            then, here = (known.severity(both[true][i], both[predicted][i]) for i, known in enumerate((older, newer)))
            if then != here:
                yield f"severity of {true} -> {predicted} is {then:g}, not {here:g}"


def _moved(before: taxonomy.Intent, now: taxonomy.Intent, place: int) -> Iterator[str]:
    """What differs at one place."""
    if before.name != now.name:
        yield f"place {place} is {before.name}, not {now.name}: intents are only appended"
        return
    for mark in ("destination", "rare", "critical", "handoff"):
        then, here = getattr(before, mark), getattr(now, mark)
        if then != here:
            yield f"{mark} of {now.name} is {json.dumps(then)}, not {json.dumps(here)}"


def listed(names: Sequence[str], most: int = 3) -> str:
    """The first few names, and how many more there are.

    >>> listed(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
