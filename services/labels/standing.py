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
    said: dict[str, dict[str, str]] = defaultdict(dict)
    for label in held:
        said[label.req_id][label.annotator] = str(label.intent)
    several = [list(unit.values()) for unit in said.values() if len(unit) > 1]
    confusions = agreement.confusions(several)
    points = latency.curve(waits, as_of) if as_of else ()
    return {
        "doubly_labelled": len(several),
        "conflicts": sum(len(set(unit)) > 1 for unit in several),
        "krippendorff": dataclasses.asdict(agreement.krippendorff_alpha(several)),
        "cohen": [dataclasses.asdict(pair) for pair in agreement.pairs(said.values())],
        "confused": [{"intents": list(pair), "n": n} for pair, n in confusions.items()],
        "latency": [dataclasses.asdict(point) for point in points],
        "over_cap": [dataclasses.asdict(one) for one in cap.surplus(held, most)],
        "aside": [dataclasses.asdict(one) for one in aside],
    }


def table(found: Mapping[str, Any]) -> str:
    """The same for a person; every figure with its n and its interval."""
    counts = [
        f"{name:20} {value}" for name, value in found.items() if not isinstance(value, list | dict)
    ]
    latency = [f"  within {point['hours']:>3} h  {_share(point)}" for point in found["latency"]]
    alpha = found["krippendorff"]
    cohen = [
        f"  {_names(pair['annotators'])}  kappa {_number(pair['kappa'])}  equal {_share(pair | {'share': pair['agreement']})}"
        for pair in found["cohen"]
    ]
    confused = [
        f"  {' / '.join(pair['intents'])}  {pair['n']}" for pair in found["confused"][:_PAIRS]
    ]
    confused += (
        [f"  and {len(found['confused']) - _PAIRS} more pairs"]
        if len(found["confused"]) > _PAIRS
        else []
    )
    over = [
        f"  {_names([one['annotator']])}  {one['day']}  {one['over']} of {one['labels']} do not train"
        for one in found["over_cap"]
    ]
    odd = [
        f"  {_names([one['annotator']])}  right {units.percent(one['right'])} of {one['n']}, {one['gap'] * 100:+.0f} points to all others of the same hours"
        for one in found["aside"]
    ]
    parts = (
        ("sampled messages labelled", latency),
        (
            "annotators agree",
            [
                f"  Krippendorff's alpha {_number(alpha['alpha'])}{_interval(alpha)}  n {alpha['n']}",
                *cohen,
            ]
            if alpha["n"]
            else [],
        ),
        ("labelled as both", confused),
        (
            "more labels of one annotator in a day than the policy's labels.per_annotator_per_day",
            over,
        ),
        (
            "not believed, in live accuracy and in training: differs from all other sources by more than the policy's labels.source_gap",
            odd,
        ),
    )
    return "\n".join(
        counts + [line for title, lines in parts if lines for line in ("", title, *lines)]
    )


def _share(point: Mapping[str, Any]) -> str:
    if point["share"] is None:
        return "-  n 0"
    return f"{units.percent(point['share'])} [{units.percent(point['low'])}, {units.percent(point['high'])}]  n {point['n']}"


def _interval(alpha: Mapping[str, Any]) -> str:
    return "" if alpha["low"] is None else f" [{alpha['low']:.2f}, {alpha['high']:.2f}]"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _names(annotators: Iterable[str]) -> str:
    return ", ".join(map(escaping.printable, annotators))
