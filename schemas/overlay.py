"""Pure. Tables of a TOML file laid over frozen dataclasses: what a file may change, and in which
words anything else is refused.
"""

import dataclasses
import difflib
import math
import typing
from collections.abc import Mapping
from typing import Any, Final, Literal

from schemas import signals

_MOST: Final = 1e9  # of anything: no clock, counter or column overflows
_MOST_HOURS: Final = 366 * 24.0  # nothing here waits for longer than a year
_HORIZONS: Final = ("5m", "1h", "1d", "7d")


class Refused(ValueError):
    """A key or value that does not fit; the message names the key and what would fit."""


def overlaid(
    value: Any,
    changes: Mapping[str, Any],
    path: str = "",
) -> Any:
    """The dataclass `value` with these fields changed, down into the dataclasses it holds. `path`:
    the dotted name of the table that `changes` is, with its dot. Raises Refused.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Costs:
    ...     label: float = 0.08
    >>> overlaid(Costs(), {"label": 1})
    Costs(label=1.0)
    """
    names = [field.name for field in dataclasses.fields(value)]
    kinds = typing.get_type_hints(type(value))
    new: dict[str, Any] = {}

    for key, change in changes.items():
        dotted = path + key
        if key not in names:
            (nearest,) = difflib.get_close_matches(
                key,
                names,
                n=1,
                cutoff=0,
            )
            raise Refused(f"unknown key {dotted}; the nearest known one is {path}{nearest}")

        current = getattr(value, key)
        if isinstance(current, dict) and isinstance(change, dict):
            # A table of amounts by names of its own.
            new[key] = current | {
                name: _checked(amount, float, f"{dotted}.{name}") for name, amount in change.items()
            }
        elif not dataclasses.is_dataclass(current):
            new[key] = _checked(change, kinds[key], dotted)
        elif isinstance(change, dict):
            new[key] = overlaid(current, change, f"{dotted}.")
        else:
            raise Refused(f"{dotted} must be a table, not {change!r}")

    return dataclasses.replace(value, **new)


def _checked(change: Any, kind: Any, key: str) -> Any:
    """The value as its field holds it. `kind`: the field's type."""
    origin = typing.get_origin(kind)
    if origin is Mapping:
        raise Refused(f"{key} must be a table, not {change!r}")
    if origin is tuple:
        return _signals(change, key)

    options = typing.get_args(kind) or (kind,)
    if not _fits(change, kind, options, key):
        raise Refused(f"{key} cannot be {change!r}; expected {_expected(kind, options, key)}")
    return float(change) if float in options else change


def _fits(
    change: Any,
    kind: Any,
    options: tuple[Any, ...],
    key: str,
) -> bool:
    """Whether a value is of the kind, and no number below zero."""
    if typing.get_origin(kind) is Literal:
        return change in options
    if float in options:
        return _number(change) and bool(0 <= change <= _most(key))
    if int in options:
        return _whole(change) and bool(0 <= change <= _most(key))
    if key.endswith("horizon"):
        return change in _HORIZONS
    return isinstance(change, str)


def _most(key: str) -> float:
    return _MOST_HOURS if key.endswith("_hours") else _MOST


def _expected(kind: Any, options: tuple[Any, ...], key: str) -> str:
    """What would fit."""
    if typing.get_origin(kind) is Literal:
        return " or ".join(options)
    if float in options:
        return f"a number from 0 to {_most(key):g}"
    if int in options:
        return f"a whole number from 0 to {_most(key):g}"
    return " or ".join(_HORIZONS) if key.endswith("horizon") else "text"


def _signals(change: Any, key: str) -> tuple[str, ...]:
    """The only lists there are: names of signals."""
    names = {signal.name for signal in signals.ALL}
    fits = isinstance(change, list) and names.issuperset(map(str, change))
    if not fits:
        expected = ", ".join(sorted(names))
        raise Refused(f"{key} cannot be {change!r}; expected a list of {expected}")
    return tuple(change)


def _whole(value: Any) -> bool:
    # To Python, true is an int.
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return _whole(value)
