"""Pure. A shop's taxonomy, read from its file: its intents in order, their marks, destinations and
labelling rules, and which ones were merged.

The order of the intents is the order of every array that is stored: within one database it is only
ever appended to.
"""

import difflib
import hashlib
import json
import re
import tomllib
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any, Final

Pair = tuple[str, str]  # two intents' names
Names = Set[str]
Table = Mapping[str, Any]  # of the file

FEWEST, MOST = 2, 200
_NAME: Final = re.compile(r"[a-z0-9_]{1,100}")
_TOP: Final = {
    "version": str,
    "two_wishes": str,
    "intents": dict,
    "severity": dict,
    "merged": dict,
    "between": dict,
}
_MARKS: Final = {
    "destination": str,
    "rare": bool,
    "critical": bool,
    "handoff": bool,
    "rule": str,
}
_EXPECTED: Final = {
    str: "text in quotes",
    bool: "true or false",
    dict: "a table",
}
_TWO_WISHES: Final = (
    "Two wishes: the one whose delay hurts most is the intent; the other goes into also."
)


class TaxonomyError(ValueError):
    """A taxonomy file that cannot be used; the message names key and remedy in one line."""


@dataclass(frozen=True, slots=True)
class Intent:
    """One intent. `destination`: where its route ends. `handoff`: a person takes over.

    `rule`: the guideline's line for it.
    """

    name: str
    destination: str
    rare: bool = False
    critical: bool = False
    handoff: bool = False
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """The intents of a shop. `harm`: what the file says of a confusion, by (true, predicted).

    `merged`: an intent that is no more -> the one that holds its messages now. `between`: what
    decides between two intents.
    """

    version: str
    intents: tuple[Intent, ...]
    harm: Mapping[Pair, float]
    merged: Mapping[str, str]
    between: Mapping[Pair, str]
    two_wishes: str

    @property
    def names(self) -> tuple[str, ...]:
        """The intents' names in order."""
        return tuple(intent.name for intent in self.intents)

    @property
    def body(self) -> dict[str, Any]:
        """The taxonomy as its file has it, for JSON: `of` reads it back."""
        intents = {}
        for intent in self.intents:
            intents[intent.name] = _marks(intent)
        severity = {}
        for (true, predicted), value in self.harm.items():
            severity[f"{true} -> {predicted}"] = value
        between = {}
        for (one, other), rule in self.between.items():
            between[f"{one}, {other}"] = rule

        return {
            "version": self.version,
            "two_wishes": self.two_wishes,
            "intents": intents,
            "severity": severity,
            "merged": dict(self.merged),
            "between": between,
        }

    @property
    def sha256(self) -> str:
        """Identity: of what a figure may depend on, so not of the version or the rules."""
        body = self.body
        content = {
            "intents": [_judged_by(intent) for intent in self.intents],
            "severity": body["severity"],
            "merged": body["merged"],
        }
        text = json.dumps(content, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def severity(self, true: Intent, predicted: Intent) -> float:
        """How bad it is to route a `true` message as `predicted`, in [0, 1].

        Confusing two intents of one destination costs little; missing who asks for a person costs
        most.
        """
        if true == predicted:
            return 0.0
        confusion = (true.name, predicted.name)
        if confusion in self.harm:
            return self.harm[confusion]
        if true.handoff:
            return 1.0
        if true.destination == predicted.destination:
            return 0.3
        return 0.8 if true.critical else 0.5


def parse(text: str, name: str = "taxonomy") -> Taxonomy:
    """A taxonomy from TOML text. Raises TaxonomyError.

    >>> parse('version = "t"\\n[intents]\\na = {destination = "x"}\\nb = {destination = "y"}').names
    ('a', 'b')
    """
    try:
        return of(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise TaxonomyError(f"{name} is not TOML: {error}; correct that place") from None
    except TaxonomyError as error:
        raise TaxonomyError(f"{name}: {error}") from None


def of(body: Table) -> Taxonomy:
    """A taxonomy from the file's tables, which is how it is stored, too. Raises TaxonomyError."""
    _checked(body, _TOP, "")
    version = body.get("version", "")
    short = 1 <= len(version) <= 100
    if not version.isprintable() or not short:
        raise TaxonomyError('version must name the taxonomy, as in version = "shop-1"')

    intents = []
    for name, marks in body.get("intents", {}).items():
        intents.append(_intent(name, marks))
    if not FEWEST <= len(intents) <= MOST:
        have = f"[intents] has {len(intents)}"
        raise TaxonomyError(f"{have}; a taxonomy has {FEWEST} to {MOST} intents")

    names = {intent.name for intent in intents}
    return Taxonomy(
        version,
        tuple(intents),
        harm=_harm(body.get("severity", {}), names),
        between=_between(body.get("between", {}), names),
        merged=_resolved(body.get("merged", {}), names),
        two_wishes=body.get("two_wishes", _TWO_WISHES),
    )


def _harm(severity: Table, names: Names) -> dict[Pair, float]:
    harm = {}
    for key, value in severity.items():
        confusion = _pair(key, " -> ", names, "severity")
        harm[confusion] = _share(key, value)
    return harm


def _between(rules: Table, names: Names) -> dict[Pair, str]:
    between = {}
    for key, rule in rules.items():
        both = _pair(key, ", ", names, "between")
        between[both] = _text(f"between.{key!r}", rule)
    return between


def _checked(
    table: Table,
    kinds: Mapping[str, type],
    path: str,
) -> None:
    """Whether a table holds these keys alone, each with a value of its kind. `path`: the dotted
    name of the table, with its dot.
    """
    for key, value in table.items():
        if key not in kinds:
            (nearest,) = difflib.get_close_matches(
                key,
                kinds,
                n=1,
                cutoff=0,
            )
            unknown = key if _NAME.fullmatch(key) else _shown(key)
            near = f"the nearest known one is {path}{nearest}"
            raise TaxonomyError(f"unknown key {path}{unknown}; {near}")
        if type(value) is not kinds[key]:
            expected = _EXPECTED[kinds[key]]
            raise TaxonomyError(f"{path}{key} cannot be {_shown(value)}; write {expected}")


def _intent(name: str, marks: Any) -> Intent:
    if not _NAME.fullmatch(name):
        raise TaxonomyError(f"intent {_shown(name)} is no name; use a to z, 0 to 9 and _")
    if not isinstance(marks, dict):
        raise TaxonomyError(f"intents.{name} cannot be {_shown(marks)}; write a table")
    _checked(marks, _MARKS, f"intents.{name}.")
    if not marks.get("destination"):
        raise TaxonomyError(f"intents.{name}.destination is missing; say where its route ends")
    return Intent(name, **marks)


def _pair(
    key: str,
    between: str,
    names: Names,
    table: str,
) -> Pair:
    one, _, other = key.partition(between)
    if one == other or not {one, other} <= names:
        example = f'"a{between}b"'
        raise TaxonomyError(f"[{table}] {_shown(key)} must name two of [intents], as in {example}")
    return one, other


def _share(key: str, value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= 1:
        wanted = "write a number from 0 to 1"
        cause = f"[severity] {_shown(key)} cannot be {_shown(value)}"
        raise TaxonomyError(f"{cause}; {wanted}")
    return float(value)


def _judged_by(intent: Intent) -> list[Any]:
    """What a figure may depend on: not the rule."""
    return [
        intent.name,
        intent.destination,
        intent.rare,
        intent.critical,
        intent.handoff,
    ]


def _marks(intent: Intent) -> dict[str, Any]:
    """Whatever an intent's table may hold, but for what it leaves out."""
    marks = {}
    for name in _MARKS:
        value = getattr(intent, name)
        if value is not None:
            marks[name] = value
    return marks


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TaxonomyError(f"{key} cannot be {_shown(value)}; write {_EXPECTED[str]}")
    return value


def _resolved(merged: Table, names: Names) -> dict[str, str]:
    """Every merged intent with the one that holds its messages now: where a went into b, and b
    into c later, that is c for both.
    """
    survivors: dict[str, str] = {}
    for name in merged:
        if not _NAME.fullmatch(name) or name in names:
            cause = f"merged.{_shown(name)} is still one of [intents], or no name"
            raise TaxonomyError(f"{cause}; remove one of the two")

        into = _text(f"merged.{name}", merged[name])
        passed = [name]
        while into in merged and into not in passed:  # those merged in a circle lead nowhere
            passed.append(into)
            into = _text(f"merged.{into}", merged[into])

        if into not in names:
            cause = f"merged.{name} leads to {_shown(into)}, which is none of [intents]"
            raise TaxonomyError(f"{cause}; name the one that took it over")
        survivors[name] = into
    return survivors


def _shown(value: Any) -> str:
    """Foreign text, short and in one line."""
    return repr(value)[:80]
