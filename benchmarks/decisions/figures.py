"""Pure. Outcomes -> what is said of a contestant: how often it was right, how soon, how often for
nothing.
"""

import collections
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.decisions import trial
from streams.stats import proportion

_MOST_TOLD = 12  # wrong cases of one champion that are named


def share(k: int, n: int) -> dict[str, Any]:
    """k of n with Wilson's 95 % interval.

    >>> share(19, 20)
    {'k': 19, 'n': 20, 'low': 0.7639, 'high': 0.9911}
    """
    low, high = proportion.wilson(k, n) if n else (0.0, 1.0)
    return {"k": k, "n": n, "low": round(low, 4), "high": round(high, 4)}


def delays(hours: Iterable[float | None]) -> dict[str, Any]:
    """Median and 90th percentile of the hours that are known."""
    known = [each for each in hours if each is not None]
    if not known:
        return {"median": None, "p90": None}
    middle, late = np.quantile(known, [0.5, 0.9]).tolist()
    return {"median": round(middle, 1), "p90": round(late, 1)}


def by(
    outcomes: Iterable[trial.Outcome], key: Callable[[trial.Outcome], str]
) -> dict[str, list[trial.Outcome]]:
    """Outcomes in groups, each in the order it comes."""
    groups: dict[str, list[trial.Outcome]] = {}
    for one in outcomes:
        groups.setdefault(key(one), []).append(one)
    return groups


def kind(one: trial.Outcome) -> str:
    """What happened in its scenario."""
    return one.scenario.kind


def champion(one: trial.Outcome) -> str:
    """Whose answers they were."""
    return one.scenario.champion.name


def incidents(mine: Sequence[trial.Outcome]) -> dict[str, Any]:
    """Of scenarios with an incident: how often right, by kind and in all, and how soon."""
    rights = [one for one in mine if one.right]
    groups = by(mine, kind)
    return {
        "right": share(len(rights), len(mine)),
        "acted": share(sum(one.first is not None for one in mine), len(mine)),
        "hours": delays(_acted(one) for one in rights),
        "kinds": {name: _kind(groups[name]) for name in groups},
        "wrong": [told(one) for one in mine if not one.right][:_MOST_TOLD],
    }


def _kind(mine: Sequence[trial.Outcome]) -> dict[str, Any]:
    return {
        "right": share(sum(one.right for one in mine), len(mine)),
        "acted": share(sum(one.first is not None for one in mine), len(mine)),
        "hours": delays(_acted(one) for one in mine),
        "named_hours": delays(one.named for one in mine),
        "blind": share(sum(_said_blind(one) for one in mine), len(mine)),
        "right_or_blind": share(sum(one.right or _said_blind(one) for one in mine), len(mine)),
    }


def _acted(one: trial.Outcome) -> float | None:
    return None if one.first is None else one.first.hours


def _said_blind(one: trial.Outcome) -> bool:
    return one.blind is not None and one.blind <= one.scenario.blind_by


def quiet(mine: Sequence[trial.Outcome]) -> dict[str, Any]:
    """Of stretches in which nothing called for an act: what was done for nothing, by the act, a
    year; how often a hold's word changed in a day.
    """
    days = sum(one.quiet_days for one in mine)
    acts = collections.Counter(act.decision for one in mine for act in one.needless)
    changes = sum(one.changes for one in mine)
    return {
        "years": round(days / 365, 2),
        "acts": dict(sorted(acts.items())),
        "a_year": round(acts.total() * 365 / days, 2) if days else None,
        "changes_a_day": round(changes / days, 2) if days else None,
        "needless": [told(one) for one in mine if one.needless][:_MOST_TOLD],
    }


def told(one: trial.Outcome) -> str:
    """A scenario and what came of it, in a line."""
    of = one.scenario
    where = (
        f"{of.kind} {of.champion.name} seed {of.seed}: size {of.size:.2f}, {of.intents} intents, "
        f"{of.an_hour:g} an hour, labels after {of.people.delay_days:g} d, "
        f"{'held-out' if of.held_out else 'learnt'} reference"
    )
    acts = [*one.needless, *([one.first] if one.first else [])]
    done = "; ".join(f"{a.decision} {a.cause} at {a.hours:+.0f} h ({a.clause})" for a in acts)
    return f"{where} -> {done or 'no act'}; last {one.ended}"


def rows(outcomes: Iterable[trial.Outcome]) -> list[dict[str, Any]]:
    """A row for each contestant: over all, and by champion."""
    return [
        {"who": who, **_both(mine), "champions": _champions(mine)}
        for who, mine in by(outcomes, lambda one: one.who).items()
    ]


def _champions(mine: Sequence[trial.Outcome]) -> Mapping[str, Any]:
    return {name: _both(group) for name, group in by(mine, champion).items()}


def beside(outcomes: Iterable[trial.Outcome]) -> list[dict[str, Any]]:
    """A row for each of those who saw the same scenarios: who acted at all after the onset, how
    soon, and how often for nothing, by kind.
    """
    rows = []
    for who, mine in by(outcomes, lambda one: one.who).items():
        kinds = {}
        for name, group in by(mine, kind).items():
            acted = [_acted(one) for one in group]
            kinds[name] = {
                "acted": share(sum(each is not None for each in acted), len(acted)),
                "hours": delays(acted),
                "needless": sum(len(one.needless) for one in group),
            }
        calm = quiet(mine)
        years, a_year = calm["years"], calm["a_year"]
        rows.append({"who": who, "kinds": kinds, "quiet_years": years, "a_year": a_year})
    return rows


def _both(mine: Sequence[trial.Outcome]) -> dict[str, Any]:
    called = [one for one in mine if one.scenario.wanted]
    calm = [one for one in mine if not one.scenario.wanted]
    return {
        "incidents": incidents(called),
        "quiet": quiet(mine),
        "quiet_kinds": {name: quiet(group) for name, group in by(calm, kind).items()},
    }
