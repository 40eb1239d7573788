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
_MARKS: Final = {"destination": str, "rare": bool, "critical": bool, "handoff": bool, "rule": str}
_EXPECTED: Final = {str: "text in quotes", bool: "true or false", dict: "a table"}
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
    harm: Mapping[tuple[str, str], float]
    merged: Mapping[str, str]
    between: Mapping[tuple[str, str], str]
    two_wishes: str

    @property
    def names(self) -> tuple[str, ...]:
        """The intents' names in order."""
        return tuple(intent.name for intent in self.intents)

    @property
    def body(self) -> dict[str, Any]:
        """The taxonomy as its file has it, for JSON: `of` reads it back."""
        return {
            "version": self.version,
            "two_wishes": self.two_wishes,
            "intents": {intent.name: _marks(intent) for intent in self.intents},
            "severity": {" -> ".join(pair): value for pair, value in self.harm.items()},
            "merged": dict(self.merged),
            "between": {", ".join(pair): rule for pair, rule in self.between.items()},
        }

    @property
    def sha256(self) -> str:
        """Identity: of what a figure may depend on, so not of the version or the rules."""
        marks = [[i.name, i.destination, i.rare, i.critical, i.handoff] for i in self.intents]
        body = self.body
        content = {"intents": marks, "severity": body["severity"], "merged": body["merged"]}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def severity(self, true: Intent, predicted: Intent) -> float:
        """How bad it is to route a `true` message as `predicted`, in [0, 1].

        Confusing two intents of one destination costs little; missing who asks for a person costs
        most.
        """
        if true == predicted:
            return 0.0
        if (true.name, predicted.name) in self.harm:
            return self.harm[true.name, predicted.name]
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


def of(found: Mapping[str, Any]) -> Taxonomy:
    """A taxonomy from the file's tables, which is how it is stored, too. Raises TaxonomyError."""
    _checked(found, _TOP, "")
    version = found.get("version", "")
    if not version.isprintable() or not 1 <= len(version) <= 100:
        raise TaxonomyError('version must name the taxonomy, as in version = "shop-1"')
    intents = tuple(_intent(name, marks) for name, marks in found.get("intents", {}).items())
    if not FEWEST <= len(intents) <= MOST:
        raise TaxonomyError(
            f"[intents] has {len(intents)}; a taxonomy has {FEWEST} to {MOST} intents"
        )
    names = {intent.name for intent in intents}
    harm = {
        _pair(key, " -> ", names, "severity"): _share(key, value)
        for key, value in found.get("severity", {}).items()
    }  # fmt: skip
    between = {
        _pair(key, ", ", names, "between"): _text(f"between.{key!r}", rule)
        for key, rule in found.get("between", {}).items()
    }  # fmt: skip
    merged = _resolved(found.get("merged", {}), names)
    return Taxonomy(version, intents, harm, merged, between, found.get("two_wishes", _TWO_WISHES))


def _checked(found: Mapping[str, Any], known: Mapping[str, type], path: str) -> None:
    for key, value in found.items():
        if key not in known:
            said = key if _NAME.fullmatch(key) else _said(key)
            near = difflib.get_close_matches(key, known, n=1, cutoff=0)[0]
            raise TaxonomyError(f"unknown key {path}{said}; the nearest known one is {path}{near}")
        if type(value) is not known[key]:
            expected = _EXPECTED[known[key]]
            raise TaxonomyError(f"{path}{key} cannot be {_said(value)}; write {expected}")


def _intent(name: str, marks: Any) -> Intent:
    if not _NAME.fullmatch(name):
        raise TaxonomyError(f"intent {_said(name)} is no name; use a to z, 0 to 9 and _")
    if not isinstance(marks, dict):
        raise TaxonomyError(f"intents.{name} cannot be {_said(marks)}; write a table")
    _checked(marks, _MARKS, f"intents.{name}.")
    if not marks.get("destination"):
        raise TaxonomyError(f"intents.{name}.destination is missing; say where its route ends")
    return Intent(name, **marks)


def _pair(key: str, between: str, names: Set[str], table: str) -> tuple[str, str]:
    one, _, other = key.partition(between)
    if one == other or not {one, other} <= names:
        example = f'"a{between}b"'
        raise TaxonomyError(f"[{table}] {_said(key)} must name two of [intents], as in {example}")
    return one, other


def _share(key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        wanted = "write a number from 0 to 1"
        raise TaxonomyError(f"[severity] {_said(key)} cannot be {_said(value)}; {wanted}")
    return float(value)


def _marks(intent: Intent) -> dict[str, Any]:
    """Whatever an intent's table may hold, but for what it leaves out."""
    marks = {name: getattr(intent, name) for name in _MARKS}
    return {name: value for name, value in marks.items() if value is not None}


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TaxonomyError(f"{key} cannot be {_said(value)}; write {_EXPECTED[str]}")
    return value


def _resolved(merged: Mapping[str, Any], names: Set[str]) -> dict[str, str]:
    """Every merged intent with the one that holds its messages now: where a went into b, and b
    into c later, that is c for both.
    """
    found: dict[str, str] = {}
    for name in merged:
        if not _NAME.fullmatch(name) or name in names:
            cause = f"merged.{_said(name)} is still one of [intents], or no name"
            raise TaxonomyError(f"{cause}; remove one of the two")
        into, way = _text(f"merged.{name}", merged[name]), [name]
        while into in merged and into not in way:
            way.append(into)
            into = _text(f"merged.{into}", merged[into])
        if into not in names:
            cause = f"merged.{name} leads to {_said(into)}, which is none of [intents]"
            raise TaxonomyError(f"{cause}; name the one that took it over")
        found[name] = into
    return found


def _said(value: Any) -> str:
    """Foreign text, short and in one line."""
    return repr(value)[:80]
