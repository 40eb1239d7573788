"""What is compared, as lines of JSON: each has a `key` of its own and shows a reader what moved."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Line = dict[str, Any]
_SHORT = 16  # hexadecimal digits: 64 bits, for two that differ by mistake to look the same


def digest(body: bytes) -> str:
    """The beginning of its sha256."""
    return hashlib.sha256(body).hexdigest()[:_SHORT]


def of_decisions(story: str, taken: Iterable[Mapping[str, Any]]) -> Iterator[Line]:
    """A line a decision; after that of each midnight the figures it rests on.

    They are rounded, for reading: the sha256 holds every digit.
    """
    for decision in taken:
        key = f"{story} {decision['at'][:13]} {decision['model']}"
        yield _decision(key, decision)
        if decision["at"][11:16] == "00:00":
            figures = {reason["signal"]: _figures(reason) for reason in decision["reasons"]}
            yield {"key": f"{key} figures", **figures}


def _decision(key: str, decision: Mapping[str, Any]) -> Line:
    outcome = " ".join(filter(None, [decision["decision"], decision["hold_reason"]]))
    breached = [reason["signal"] for reason in decision["reasons"] if reason["breached"]]
    line = {
        "key": key,
        "outcome": outcome,
        "cause": decision["cause"],
        "breached": " ".join(breached),
    }
    told = {name: value for name, value in line.items() if value}
    return told | {"sha256": decision["sha256"][:_SHORT]}


def _figures(reason: Mapping[str, Any]) -> str:
    low, high = reason["low"], reason["high"]
    interval = "" if low is None else f" [{_number(low)}, {_number(high)}]"
    return f"{_number(reason['value'])}{interval} limit {_number(reason['limit'])} n {reason['n']}"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"


def text(lines: Iterable[Line]) -> str:
    """The lines of a file."""
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def differences(expected: str, actual: str) -> list[str]:
    """Each key whose lines differ, with what differs in them. First those that show more than
    another sha256.
    """
    wanted, seen = _by_key(expected), _by_key(actual)
    moved = [key for key in {**wanted, **seen} if wanted.get(key) != seen.get(key)]
    pairs = [(key, *_apart(wanted.get(key, {}), seen.get(key, {}))) for key in moved]
    pairs.sort(key=lambda pair: {*pair[1], *pair[2]} == {"sha256"})
    return [
        f"{key}\n  expected {_shown(before)}\n  actual   {_shown(now)}"
        for key, before, now in pairs
    ]


def _by_key(body: str) -> dict[str, Line]:
    every = [json.loads(line) for line in body.splitlines()]
    return {line["key"]: line for line in every}


def _apart(one: Line, other: Line) -> tuple[Line, Line]:
    """What each has that the other has not, or has otherwise."""
    mine = {name: value for name, value in one.items() if other.get(name) != value}
    others = {name: value for name, value in other.items() if one.get(name) != value}
    return mine, others


def _shown(line: Line) -> str:
    return json.dumps(line, ensure_ascii=False) if line else "nothing"
