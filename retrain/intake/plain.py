"""Pure. What people and tools write in a label -> the label it plainly is, or why it is none."""

import difflib
import functools
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Final

from retrain.intake import mapping, moments
from schemas import events, present

Fields = Mapping[str, Any]
_NEAR: Final = 0.75  # of the letters, in order: one is the other misspelt
_SHOWN: Final = 20  # intents in one line
_NO_LETTER: Final = re.compile(r"[^a-z0-9]+")
_MISSING: Final = {
    "req_id": "no req_id: let the tool carry it (`labels tasks`), or name its column in a mapping",
    "annotator": "no annotator: say whose labels these are with --annotator NAME",
    "labelled_at": "no labelled_at: say when these were labelled with --at T",
}


class NotPlain(ValueError):
    """What is no label; the message says why and what to do, without the text of the file."""


def label(
    fields: Fields,
    told: mapping.Mapping,
) -> events.HumanLabel | events.Malformed:
    """A label of fields by our names, each as somebody wrote it."""
    try:
        own = _own(fields, told)
    except (NotPlain, moments.NotAnInstant) as error:
        return events.Malformed(events.Reason.INVALID, str(error))
    # Its text may hold half a character, which the decoder of labels refuses.
    return events.human_label(json.dumps(own).encode())


def _own(fields: Fields, told: mapping.Mapping) -> dict[str, Any]:
    """The fields as the contract has them. Raises NotPlain, moments.NotAnInstant."""
    values = dict(fields)
    for always, value in told.always.items():
        if values.get(always) in (None, ""):
            values[always] = value
    for name, missing in _MISSING.items():
        if values.get(name) in (None, ""):
            raise NotPlain(missing)

    own: dict[str, Any] = {
        "req_id": _name(values["req_id"], "req_id"),
        "annotator": _name(values["annotator"], "annotator"),
        "labelled_at": moments.instant(values["labelled_at"], told).isoformat(),
        "action": _action(values.get("action"), told),
        "also": [intent(name, told) for name in names(values.get("also"))],
    }
    if values.get("intent") not in (None, ""):
        own["intent"] = intent(values["intent"], told)
    return own


def _name(value: Any, field: str) -> str:
    """A name, or a number that is one; pandas writes 7 as 7.0."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**19 else _no(field)
    if isinstance(value, str):
        return value.strip()
    return _no(field)


def _no(field: str) -> str:
    raise NotPlain(f"{field} is neither a name nor a number")


def _action(value: Any, told: mapping.Mapping) -> str:
    if value in (None, ""):
        return "label"
    if not isinstance(value, str):
        raise NotPlain("action is none of label, retract, cannot_tell")
    written = value.strip()
    return told.actions.get(written, _bare(written))


def names(value: Any) -> list[str]:
    """Further intents: a list, a JSON list as text, or names with commas.

    >>> names('["faq", "promotion"]'), names("faq, promotion"), names(None)
    (['faq', 'promotion'], ['faq', 'promotion'], [])
    """
    if value is None:
        return []
    if isinstance(value, list):
        listed = value
    elif isinstance(value, str):
        listed = value.strip("[] ").replace('"', "").split(",")
    else:
        raise NotPlain("also is no list of intents")
    kept = []
    for name in listed:
        if not isinstance(name, str):
            raise NotPlain("also is no list of intents")
        if name.strip():
            kept.append(name.strip())
    return kept


def intent(value: Any, told: mapping.Mapping) -> str:
    """The intent that a name plainly is. Raises NotPlain, with the nearest intent.

    >>> none = mapping.Mapping()
    >>> intent("FAQ", none), intent("Order-Tracking ", none)
    ('faq', 'order_tracking')
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise NotPlain("intent is no name")
    if value.strip() in told.intents:
        return told.intents[value.strip()]
    bare = _bare(value)
    plain = _plain_names().get(bare)
    if plain:
        return plain
    near = difflib.get_close_matches(bare[:100], _plain_names(), n=1, cutoff=_NEAR)
    if near:
        nearest = _plain_names()[near[0]]
        raise NotPlain(f"intent {bare[:60]!r} is none of ours: the nearest is {nearest}")
    known = ", ".join(present.INTENTS[:_SHOWN])
    more = len(present.INTENTS) - _SHOWN
    rest = f" and {more} more" if more > 0 else ""
    raise NotPlain(f"intent is none of {known}{rest}: say which it means under [intents]")


def is_intent(text: str) -> bool:
    """Whether a cell plainly names an intent."""
    return _bare(text) in _plain_names()


def _bare(text: str) -> str:
    """Letters and digits, in lower case, of full width or not, parted by one sign."""
    folded = unicodedata.normalize("NFKC", text[:1000]).casefold()
    return _NO_LETTER.sub("_", folded).strip("_")


@functools.cache
def _plain_names() -> dict[str, str]:
    """The intents by their bare names, without those that two have."""
    by_name: dict[str, str] = {}
    twice = set()
    for name in present.INDEX:
        bare = _bare(name)
        if by_name.setdefault(bare, name) != name:
            twice.add(bare)
    return {bare: name for bare, name in by_name.items() if bare not in twice}


def columns(header: Iterable[str]) -> dict[str, str]:
    """Columns of our names, however they are written: by our name theirs.

    >>> columns(["Req ID", "INTENT", "note"])
    {'req_id': 'Req ID', 'intent': 'INTENT'}
    """
    ours = {}
    for name in header:
        if _bare(name) in mapping.FIELDS:
            ours[_bare(name)] = name
    return ours
