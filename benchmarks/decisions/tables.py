"""Pure. What was measured of decisions, in Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.decisions import champions, scenario

_ACTS = ("retrain", "rollback", "fix_upstream", "reweight")
_OURS = "intentwatch"


def incidents(measured: Mapping[str, Any]) -> str:
    """How often each champion's incidents were decided rightly, and what others saw of them."""
    head = f"Incidents, measured {_where(measured)}: right decision and cause, in time."
    return _text(head, _incidents(measured), _beside(measured), _accuracy(measured))


def _incidents(measured: Mapping[str, Any]) -> list[str]:
    mine = _ours(measured)
    kinds = mine["incidents"]["kinds"]
    heads = ["champion", *(_words(name) for name in kinds), "all (95 %)", "median, 90 %"]
    lines = _head(heads)
    for name, each in [*mine["champions"].items(), ("all", mine)]:
        of = each["incidents"]
        cells = [_of(of["kinds"].get(kind)) for kind in kinds]
        lines.append(_line([_champion(name), *cells, _with_interval(of["right"]), _hours(of)]))
    hours = [_hours(each) for each in kinds.values()]
    lines.append(_line(["median, 90 % of the first act", *hours, "", ""]))
    return lines


def falls(measured: Mapping[str, Any]) -> str:
    """How soon ten lost points are found, and how often it was said that labels do not tell."""
    head = (
        f"Ten points of accuracy lost, as surely as before, measured {_where(measured)}: "
        "found in 72 hours; within 48 said to be hidden; either."
    )
    mine = _ours(measured)
    names = list(mine["incidents"]["kinds"])
    lines = _head(["champion", *(_words(name) for name in names)])
    for name, each in [*mine["champions"].items(), ("all", mine)]:
        kinds = each["incidents"]["kinds"]
        lines.append(_line([_champion(name), *(_fall(kinds.get(kind)) for kind in names)]))
    return _text(head, lines, _beside(measured))


def _fall(of: Mapping[str, Any] | None) -> str:
    if of is None:
        return ""
    said, either = of["blind"], of["right_or_blind"]
    return f"{_of(of)}, {_hours(of)}; {said['k']}; {either['k']}/{either['n']}"


def quiet(measured: Mapping[str, Any]) -> str:
    """What was done for nothing, a year, and how often a hold's word changed in a day."""
    head = f"Nothing to act on, measured {_where(measured)}: needless acts."
    return _text(head, _quiet(measured), _beside(measured))


def _quiet(measured: Mapping[str, Any]) -> list[str]:
    mine = _ours(measured)
    lines = _head(["", "years", *(_words(act) for act in _ACTS), "a year", "changes a day"])
    for name, each in mine["champions"].items():
        lines.append(_calm(_champion(name), each["quiet"]))
    for name, each in mine["quiet_kinds"].items():
        lines.append(_calm(_words(name), each))
    return [*lines, _calm("all", mine["quiet"])]


def messages(measured: Mapping[str, Any]) -> str:
    """The same on real messages."""
    home, later = measured["accuracy"]["home"], measured["accuracy"]["later"]
    head = (
        f"Real messages, measured {_where(measured)}. The classifier is right in "
        f"{100 * home:.1f} % of messages like those it was trained on and in {100 * later:.1f} % "
        "of those in later language."
    )
    kinds = _ours(measured)["incidents"]["kinds"]
    lines = _head([_words(name) for name in kinds])
    lines.append(_line([f"{_of(each)}, {_hours(each)}" for each in kinds.values()]))
    calm = _quiet(measured)
    # One classifier: its line is the last one.
    return _text(head, lines, ["", *calm[:2], *calm[3:]], _beside(measured))


def _accuracy(measured: Mapping[str, Any]) -> list[str]:
    """How good the estimate of live accuracy is."""
    if "live_accuracy" not in measured:
        return []
    a = measured["live_accuracy"]
    return [
        "",
        f"Live accuracy from {a['labels']:.0f} labels a week, {a['rounds']} weeks: "
        f"the 95 % interval covers the truth in {100 * a['coverage']:.1f} %, "
        f"bias {a['bias']:+.2f} points, width {a['width']:.2f} points. "
        f"The naive mean has a bias of {a['naive_bias']:+.2f}, "
        f"a uniform sample of the same size a width of {a['uniform_width']:.2f}, "
        "and one drawn for accuracy alone, rare intents left as rare as they are, "
        f"could not be narrower than {a['least_width']:.2f}.",
    ]


def _text(head: str, *blocks: Sequence[str]) -> str:
    lines = [line for block in blocks for line in block]
    return "\n".join([head, "", *lines]) + "\n"


def _calm(name: str, of: Mapping[str, Any]) -> str:
    acts = [str(of["acts"].get(act, 0)) for act in _ACTS]
    rates = [_number(of[each]) for each in ("a_year", "changes_a_day")]
    return _line([name, f"{of['years']:g}", *acts, *rates])


def wrong(measured: Mapping[str, Any]) -> str:
    """What went wrong, case by case."""
    lines = []
    for name, each in _ours(measured)["champions"].items():
        cases = [*each["incidents"]["wrong"], *each["quiet"]["needless"]]
        lines += [f"{name}:", *(f"  {case}" for case in dict.fromkeys(cases))]
    return "\n".join(lines)


def _beside(measured: Mapping[str, Any]) -> list[str]:
    """Everybody on the same scenarios: an alarm after the onset finds it, whatever it calls it."""
    rows = measured["beside"]
    if len(rows) < 2:
        return []
    names = list(rows[0]["kinds"])
    lines = ["", *_head(["who", *(_words(name) for name in names), "alarms a quiet year"])]
    for row in rows:
        cells = [_alarmed(name, row["kinds"][name]) for name in names]
        rate = f"{_number(row['a_year'])} in {row['quiet_years']:g} years"
        lines.append(_line([row["who"], *cells, rate]))
    return lines


def _alarmed(kind: str, of: Mapping[str, Any]) -> str:
    """How many of an incident were found and how soon; of a quiet kind the needless alarms."""
    if kind in scenario.QUIET:
        return str(of["needless"])
    acted = of["acted"]
    return f"{acted['k']}/{acted['n']}, {_hours(of)}"


def _where(measured: Mapping[str, Any]) -> str:
    first, last = measured["seeds"]
    return f"{measured['date'][:10]} on {measured['machine']}, seeds {first} to {last}"


def _ours(measured: Mapping[str, Any]) -> Mapping[str, Any]:
    rows: Sequence[Mapping[str, Any]] = measured["rows"]
    return next(row for row in rows if row["who"] == _OURS)


def _head(names: Sequence[str]) -> list[str]:
    return [_line(names), "|" + "---|" * len(names)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _champion(name: str) -> str:
    for each in champions.ALL:
        if each.name == name:
            return f"{name}: {100 * each.accuracy:g} % right, {100 * each.unsure:g} % unsure"
    return name


def _of(of: Mapping[str, Any] | None) -> str:
    return "" if of is None else f"{of['right']['k']}/{of['right']['n']}"


def _with_interval(share: Mapping[str, Any]) -> str:
    if not share["n"]:
        return ""
    low, high = 100 * share["low"], 100 * share["high"]
    return f"{share['k']}/{share['n']} ({low:.0f} to {high:.0f} %)"


def _hours(of: Mapping[str, Any]) -> str:
    hours = of["hours"]
    if hours["median"] is None:
        return "never"
    return f"{hours['median']:g}, {hours['p90']:g} h"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
