"""Pure. What a taxonomy has that the one before it has not: intents appended, intents merged, or
anything else, which makes it another one.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from schemas import taxonomy

Taxonomy = taxonomy.Taxonomy
Intent = taxonomy.Intent


class Kind(StrEnum):
    """How one taxonomy follows another. All but `other` read what was stored under the older."""

    SAME = "same"
    APPENDED = "appended"
    MERGED = "merged"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Difference:
    """What a newer taxonomy has that the older one has not, in words of one line."""

    kind: Kind
    words: str


def difference(older: Taxonomy, newer: Taxonomy) -> Difference:
    """How `newer` follows `older`. One with merged intents may have appended ones, too."""
    wrong = next(_contradictions(older, newer), None)
    if wrong is not None:
        return Difference(Kind.OTHER, wrong)

    appended = [name for name in newer.names if name not in older.names]
    merged = []
    for name, into in newer.merged.items():
        if name not in older.merged:
            merged.append(f"{name} into {into}")

    new = f"{listed(appended)} appended"
    gone = f"{listed(merged)} merged"
    if merged and appended:
        return Difference(Kind.MERGED, f"{new} and {gone}")
    if merged:
        return Difference(Kind.MERGED, gone)
    if appended:
        return Difference(Kind.APPENDED, new)
    return Difference(Kind.SAME, "the same")


def _contradictions(older: Taxonomy, newer: Taxonomy) -> Iterator[str]:
    """What neither appending nor merging explains."""
    version = newer.version
    readable = {*newer.names, *newer.merged}
    gone = [name for name in older.names if name not in readable]
    if gone:
        yield f"{version} lacks {listed(gone)}"

    for name, into in older.merged.items():
        now_into = newer.merged.get(name)
        if now_into is None:
            yield f"{name} was merged into {into} and must stay in [merged] of {version}"
        # What took it over may have been merged itself since.
        elif now_into != newer.merged.get(into, into):
            yield f"{name} was merged into {into}, in {version} into {now_into}"

    kept = [intent for intent in older.intents if intent.name in newer.names]
    both: dict[str, tuple[Intent, Intent]] = {}
    pairs = zip(kept, newer.intents, strict=False)
    for place, (before, now) in enumerate(pairs, start=1):
        both[before.name] = (before, now)
        yield from _moved(before, now, place)
    yield from _harmed(older, newer, both)


def _moved(
    before: Intent,
    now: Intent,
    place: int,
) -> Iterator[str]:
    """What differs at one place."""
    if before.name != now.name:
        yield f"place {place} is {before.name}, not {now.name}: intents are only appended"
        return
    for mark in ("destination", "rare", "critical", "handoff"):
        then = getattr(before, mark)
        here = getattr(now, mark)
        if then != here:
            old = json.dumps(then)
            new = json.dumps(here)
            yield f"{mark} of {now.name} is {old}, not {new}"


def _harmed(
    older: Taxonomy,
    newer: Taxonomy,
    both: dict[str, tuple[Intent, Intent]],
) -> Iterator[str]:
    """What differs in severity, of the intents that both have."""
    confusions = {*older.harm, *newer.harm}
    for true, predicted in sorted(confusions):
        if not {true, predicted} <= both.keys():
            continue
        true_then, true_here = both[true]
        predicted_then, predicted_here = both[predicted]
        then = older.severity(true_then, predicted_then)
        here = newer.severity(true_here, predicted_here)
        if then != here:
            yield f"severity of {true} -> {predicted} is {then:g}, not {here:g}"


def listed(names: Sequence[str], most: int = 3) -> str:
    """The first few names, and how many more there are.

    >>> listed(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    first = ", ".join(names[:most])
    more = len(names) - most
    if more <= 0:
        return first
    return f"{first} and {more} more"
