"""Pure. What `services.labels status` says of the labels: agreement, latency, surplus; as JSON
values and as a table.
"""

import dataclasses
import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from retrain.labels import agreement, cap, distrust, latency, votes
from services import escaping, units

_PAIRS = 20  # of intents that were confused, in the table


def figures(
    held: Sequence[votes.Entry],
    waits: Iterable[tuple[dt.datetime, dt.datetime | None]],
    as_of: dt.datetime | None,
    most: int,
    aside: Sequence[distrust.Aside] = (),
) -> dict[str, Any]:
    """Agreement over the labels that hold (one an annotator and message), the label latency curve
    as of the stream's clock, what exceeds the cap, and which sources are set aside.

    Agreement is of the newest label of each annotator: a correction counts, and so does one made
    after people talked.
    """
    # Of each message what each annotator says: the units of the agreement.
    units_of: dict[str, dict[str, str]] = defaultdict(dict)
    for label in held:
        units_of[label.req_id][label.annotator] = str(label.intent)
    several = [list(unit.values()) for unit in units_of.values() if len(unit) > 1]
    conflicts = sum(len(set(unit)) > 1 for unit in several)

    confused = []
    for pair, n in agreement.confusions(several).items():
        confused.append({"intents": list(pair), "n": n})

    alpha = agreement.krippendorff_alpha(several)
    return {
        "doubly_labelled": len(several),
        "conflicts": conflicts,
        "krippendorff": dataclasses.asdict(alpha),
        "cohen": _plain(agreement.pairs(units_of.values())),
        "confused": confused,
        "latency": _plain(latency.curve(waits, as_of) if as_of else ()),
        "over_cap": _plain(cap.surplus(held, most)),
        "aside": _plain(aside),
    }


def _plain(values: Iterable[Any]) -> list[dict[str, Any]]:
    """Dataclasses as JSON carries them."""
    return [dataclasses.asdict(value) for value in values]


def table(figures: Mapping[str, Any]) -> str:
    """The same for a person; every figure with its n and its interval."""
    lines = []
    for name, value in figures.items():
        if not isinstance(value, list | dict):
            lines.append(f"{name:20} {value}")

    parts = (
        ("sampled messages labelled", _latency(figures)),
        ("annotators agree", _agreement(figures)),
        ("labelled as both", _confused(figures)),
        (
            "more labels of one annotator in a day than the policy's labels.per_annotator_per_day",
            _over_cap(figures),
        ),
        (
            "not believed, in live accuracy and in training: differs from all other sources by"
            " more than the policy's labels.source_gap",
            _aside(figures),
        ),
    )
    for title, rows in parts:
        if rows:
            lines += ["", title, *rows]
    return "\n".join(lines)


def _latency(figures: Mapping[str, Any]) -> list[str]:
    return [f"  within {point['hours']:>3} h  {_share(point)}" for point in figures["latency"]]


def _agreement(figures: Mapping[str, Any]) -> list[str]:
    """Krippendorff's alpha over all annotators, Cohen's kappa of each two; nothing without n."""
    alpha = figures["krippendorff"]
    if not alpha["n"]:
        return []
    value = f"{_number(alpha['alpha'])}{_interval(alpha)}"
    lines = [f"  Krippendorff's alpha {value}  n {alpha['n']}"]
    for pair in figures["cohen"]:
        kappa = _number(pair["kappa"])
        equal = _share(pair | {"share": pair["agreement"]})
        lines.append(f"  {_names(pair['annotators'])}  kappa {kappa}  equal {equal}")
    return lines


def _confused(figures: Mapping[str, Any]) -> list[str]:
    pairs = figures["confused"]
    lines = [f"  {' / '.join(pair['intents'])}  {pair['n']}" for pair in pairs[:_PAIRS]]
    if len(pairs) > _PAIRS:
        lines.append(f"  and {len(pairs) - _PAIRS} more pairs")
    return lines


def _over_cap(figures: Mapping[str, Any]) -> list[str]:
    lines = []
    for surplus in figures["over_cap"]:
        name = _names([surplus["annotator"]])
        over = f"{surplus['over']} of {surplus['labels']} do not train"
        lines.append(f"  {name}  {surplus['day']}  {over}")
    return lines


def _aside(figures: Mapping[str, Any]) -> list[str]:
    lines = []
    for source in figures["aside"]:
        name = _names([source["annotator"]])
        right = f"right {units.percent(source['right'])} of {source['n']}"
        gap = f"{source['gap'] * 100:+.0f} points to all others of the same hours"
        lines.append(f"  {name}  {right}, {gap}")
    return lines


def _share(point: Mapping[str, Any]) -> str:
    if point["share"] is None:
        return "-  n 0"
    low, high = units.percent(point["low"]), units.percent(point["high"])
    return f"{units.percent(point['share'])} [{low}, {high}]  n {point['n']}"


def _interval(alpha: Mapping[str, Any]) -> str:
    return "" if alpha["low"] is None else f" [{alpha['low']:.2f}, {alpha['high']:.2f}]"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _names(annotators: Iterable[str]) -> str:
    return ", ".join(map(escaping.printable, annotators))
