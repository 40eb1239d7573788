"""Pure. What was measured of decisions, in Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.decisions import champions, scenario

_ACTS = ("retrain", "rollback", "fix_upstream", "reweight")
_OURS = "intentwatch"


def incidents(measured: Mapping[str, Any]) -> str:
    """How often each champion's incidents were decided rightly."""
    mine = _ours(measured)
    names = list(mine["incidents"]["kinds"])
    heads = ["champion", *(_words(name) for name in names), "all (95 %)", "median, 90 %"]
    lines = _head(heads)
    for name, each in [*mine["champions"].items(), ("all", mine)]:
        of = each["incidents"]
        cells = [_of(of["kinds"].get(kind)) for kind in names]
        lines.append(_line([_champion(name), *cells, _with_interval(of["right"]), _hours(of)]))
    middle = mine["incidents"]["kinds"]
    hours = [_hours(middle[name]) for name in names]
    lines.append(_line(["median, 90 % of the first act", *hours, "", ""]))
    return "\n".join(lines)


def falls(measured: Mapping[str, Any]) -> str:
    """How soon ten lost points are found, and how often it was said that labels do not tell."""
    mine = _ours(measured)
    names = list(mine["incidents"]["kinds"])
    lines = _head(["champion", *(_words(name) for name in names)])
    for name, each in [*mine["champions"].items(), ("all", mine)]:
        kinds = each["incidents"]["kinds"]
        lines.append(_line([_champion(name), *(_fall(kinds.get(kind)) for kind in names)]))
    return "\n".join(lines)


def _fall(of: Mapping[str, Any] | None) -> str:
    if of is None:
        return ""
    blind = of["blind"]
    return f"{_of(of)}, {_hours(of)}; blind {blind['k']}"


def quiet(measured: Mapping[str, Any]) -> str:
    """What was done for nothing, a year, and how often a hold's word changed in a day."""
    mine = _ours(measured)
    lines = _head(["", "years", *(_words(act) for act in _ACTS), "a year", "changes a day"])
    for name, each in mine["champions"].items():
        lines.append(_calm(_champion(name), each["quiet"]))
    for name, each in mine["quiet_kinds"].items():
        lines.append(_calm(_words(name), each))
    lines.append(_calm("all", mine["quiet"]))
    return "\n".join(lines)


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


def rivals(measured: Mapping[str, Any]) -> str:
    """Everybody on the same scenarios: an alarm after the onset finds it, whatever it calls it."""
    rows = measured["rows"]
    names = list(rows[0]["incidents"]["kinds"])
    lines = _head(["who", *(_words(name) for name in names), "alarms a quiet year"])
    for row in rows:
        kinds = row["incidents"]["kinds"]
        cells = []
        for name in names:
            of = kinds[name]
            cells.append(f"{of['acted']['k']}/{of['acted']['n']}, {_hours(of)}")
        lines.append(_line([row["who"], *cells, _number(row["quiet"]["a_year"])]))
    return "\n".join(lines)


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


ORDER = (*scenario.INCIDENTS, *scenario.FALLS, *scenario.QUIET)
