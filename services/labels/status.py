"""Pure. What `services.labels status` says of the labels: agreement, latency, surplus; as JSON
values and as a table.
"""

import dataclasses
import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from retrain.decide.missing import needs
from retrain.evaluation import nonresponse, samples
from retrain.labels import agreement, cap, distrust, gold, latency, votes
from schemas import escaping, units

Figures = Mapping[str, Any]
Wait = tuple[dt.datetime, dt.datetime | None]  # asked, and first labelled

_PAIRS = 20  # of intents that were confused, in the table


def figures(
    held: Sequence[votes.Entry],
    waits: Iterable[Wait],
    as_of: dt.datetime | None,
    most: int,
    aside: Sequence[distrust.Aside] = (),
    asked: samples.Sample | None = None,
    missing: Sequence[needs.Need] = (),
    golden: gold.Answers = gold.NO_ANSWERS,
) -> dict[str, Any]:
    """Agreement over the labels that hold (one an annotator and message), the label latency curve
    as of the stream's clock, what exceeds the cap, which sources are set aside, who answers gold
    questions how (`golden`), and which labels are missing; of the messages `asked` whose time is
    over the response rates, and the strata that are left out.

    Agreement is of the newest label of each annotator: a correction counts, and so does one made
    after people talked.
    """
    messages = _by_message(label for label in held if label.intent is not None)
    several = []
    conflicts = 0
    for intent_of in messages:
        if len(intent_of) < 2:
            continue
        intents = list(intent_of.values())
        several.append(intents)
        if len(set(intents)) > 1:
            conflicts += 1

    confused = []
    confusions = agreement.confusions(several)
    for pair, n in confusions.items():
        confused.append({"intents": list(pair), "n": n})

    alpha = agreement.krippendorff_alpha(several)
    kappas = agreement.pairs(messages)
    curve = latency.curve(waits, as_of) if as_of else ()
    surplus = cap.surplus(held, most)
    rates = () if asked is None else nonresponse.rates(asked)
    strata = () if asked is None else nonresponse.left_out(asked)[0]
    return {
        "doubly_labelled": len(several),
        "conflicts": conflicts,
        "krippendorff": dataclasses.asdict(alpha),
        "cohen": _plain(kappas),
        "confused": confused,
        "latency": _plain(curve),
        "over_cap": _plain(surplus),
        "aside": _plain(aside),
        "gold": _plain(gold.tallies(golden)),
        "response": _plain(rates),
        "left_out": list(strata),
        "needs": [need.plain for need in missing],
    }


def _by_message(held: Iterable[votes.Entry]) -> list[dict[str, str]]:
    """Of each message what each annotator says: the units of the agreement."""
    messages: dict[str, dict[str, str]] = defaultdict(dict)
    for label in held:
        intent_of = messages[label.req_id]
        intent_of[label.annotator] = str(label.intent)
    return list(messages.values())


def _plain(values: Iterable[Any]) -> list[dict[str, Any]]:
    """Dataclasses as JSON carries them."""
    return [dataclasses.asdict(value) for value in values]


def table(figures: Figures) -> str:
    """The same for a person; every figure with its n and its interval."""
    lines = []
    for name, value in figures.items():
        if not isinstance(value, list | dict):
            lines.append(f"{name:20} {value}")

    parts = (
        (
            "labels are missing",
            _needs(figures),
        ),
        (
            "sampled messages labelled",
            _latency(figures),
        ),
        (
            "annotators agree",
            _agreement(figures),
        ),
        (
            "labelled as both",
            _confused(figures),
        ),
        (
            "more labels of one annotator in a day than the policy's labels.per_annotator_per_day",
            _over_cap(figures),
        ),
        (
            "not believed, in live accuracy and in training",
            _aside(figures),
        ),
        (
            "gold questions",
            _gold(figures),
        ),
        (
            "answered of those whose time is over",
            _response(figures),
        ),
    )
    for title, rows in parts:
        if rows:
            lines += ["", title]
            lines += rows
    return "\n".join(lines)


def _needs(figures: Figures) -> list[str]:
    """Which labels the champion's figures wait for."""
    return ["  " + need["sentence"] for need in figures["needs"]]


def _latency(figures: Figures) -> list[str]:
    """How much of what was sampled had its first label within so many hours."""
    lines = []
    for point in figures["latency"]:
        hours = point["hours"]
        share = _share(point)
        lines.append(f"  within {hours:>3} h  {share}")
    return lines


def _agreement(figures: Figures) -> list[str]:
    """Krippendorff's alpha over all annotators, Cohen's kappa of each two; nothing without n."""
    alpha = figures["krippendorff"]
    n = alpha["n"]
    if not n:
        return []
    value = _number(alpha["alpha"])
    interval = _interval(alpha)
    lines = [f"  Krippendorff's alpha {value}{interval}  n {n}"]
    for pair in figures["cohen"]:
        names = _names(pair["annotators"])
        kappa = _number(pair["kappa"])
        agreed = pair | {"share": pair["agreement"]}
        equal = _share(agreed)
        lines.append(f"  {names}  kappa {kappa}  equal {equal}")
    return lines


def _confused(figures: Figures) -> list[str]:
    """Pairs of intents that annotators gave to one message, the most frequent first."""
    pairs = figures["confused"]
    lines = []
    for pair in pairs[:_PAIRS]:
        n = pair["n"]
        intents = " / ".join(pair["intents"])
        lines.append(f"  {intents}  {n}")
    rest = len(pairs) - _PAIRS
    if rest > 0:
        lines.append(f"  and {rest} more pairs")
    return lines


def _over_cap(figures: Figures) -> list[str]:
    """Days on which one annotator labelled more than counts."""
    lines = []
    for surplus in figures["over_cap"]:
        name = _names([surplus["annotator"]])
        day = surplus["day"]
        over = surplus["over"]
        labels = surplus["labels"]
        lines.append(f"  {name}  {day}  {over} of {labels} do not train")
    return lines


def _aside(figures: Figures) -> list[str]:
    """Sources that are not believed, and why."""
    lines = []
    for source in figures["aside"]:
        name = _names([source["annotator"]])
        why = distrust.Aside(**source).said
        since = source["since"] or "all of the week"
        lines.append(f"  {name}  {why}; messages since {since}")
    return lines


def _gold(figures: Figures) -> list[str]:
    """Who has answered how many of them, and how many rightly."""
    lines = []
    for tally in figures["gold"]:
        name = _names([tally["annotator"]])
        answered = f"{tally['right']} of {tally['answered']} right"
        lines.append(f"  {name}  {answered}; {tally['needed']} wrong ones of an intent are proof")
    return lines


def _response(figures: Figures) -> list[str]:
    """How often each stratum is answered, and which are left out beyond chance."""
    lines = []
    for rate in figures["response"]:
        left_out = "  left out" if rate["stratum"] in figures["left_out"] else ""
        share = _share(rate)
        lines.append(f"  {rate['by']:10} {rate['stratum']:22} {share}{left_out}")
    return lines


def _share(point: Figures) -> str:
    """A share with its interval and its n."""
    if point["share"] is None:
        return "-  n 0"
    n = point["n"]
    share = units.percent(point["share"])
    low = units.percent(point["low"])
    high = units.percent(point["high"])
    return f"{share} [{low}, {high}]  n {n}"


def _interval(alpha: Figures) -> str:
    """Its 95 % interval; empty without one."""
    low = alpha["low"]
    high = alpha["high"]
    if low is None:
        return ""
    return f" [{low:.2f}, {high:.2f}]"


def _number(value: float | None) -> str:
    """An agreement; a dash where there is nothing to compute it from."""
    if value is None:
        return "-"
    return f"{value:.2f}"


def _names(annotators: Iterable[str]) -> str:
    """Names that people have typed, safe for a terminal."""
    return ", ".join(map(escaping.printable, annotators))
