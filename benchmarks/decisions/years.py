"""False alarms: years in which nothing happens, at several volumes, judged every hour; and the
day-by-day rules of others on the same years.
"""

import collections
import math
import multiprocessing
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from scipy import stats
from tqdm import tqdm

from benchmarks.decisions import rivals, traffic, trial
from retrain.decide import replay
from retrain.decide.history import scenes
from schemas import decisions, policy

VOLUMES: Final = (100, 1_000, 10_000, 100_000)  # messages an hour
DAYS: Final = traffic.REFERENCE_DAYS + 365
FIRST_SEED: Final = 5_000
_ACTS: Final = (decisions.Kind.RETRAIN, decisions.Kind.ROLLBACK, decisions.Kind.FIX_UPSTREAM)


def figures(years: int) -> list[dict[str, Any]]:
    """A row a volume, of as many years each; two years at once."""
    tasks = [
        (volume, FIRST_SEED + year)
        for year in range(math.ceil(years / len(VOLUMES)))
        for volume in VOLUMES
    ]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        stretches = list(
            tqdm(
                pool.imap_unordered(_played, tasks), total=len(tasks), unit="year", file=sys.stderr
            )
        )
    return [
        _row(volume, [each for mine, each in stretches if mine == volume]) for volume in VOLUMES
    ]


def _played(task: tuple[int, int]) -> tuple[int, Mapping[str, int]]:
    volume, seed = task
    return volume, alarms(volume, seed, DAYS)


def alarms(volume: int, seed: int, days: int) -> Mapping[str, int]:
    """Alarms of a quiet stretch by who raised them; ours also by kind. `volume`: messages an hour.
    The first two weeks are the reference.
    """
    rng = np.random.default_rng((20261127, volume, seed))
    world = traffic.still(rng)
    known = traffic.history(traffic.Plan(days, volume * 24), world, world, rng)
    taken = [
        decision
        for _, decision in replay.walk(scenes.scenes(known, policy.Labels()), policy.Policy())
    ]
    raised = collections.Counter(
        {trial.OURS: trial.episodes([d.at for d in taken if d.decision in _ACTS])}
    )
    for kind in (*_ACTS, decisions.Kind.REWEIGHT):
        raised[str(kind)] = trial.episodes([d.at for d in taken if d.decision is kind])
    raised["hours"], raised["watching"] = (
        len(taken),
        sum(d.hold_reason is decisions.HoldReason.WATCHING for d in taken),
    )
    for name, at in trial.alarms(
        known, traffic.REFERENCE_UNTIL, days - traffic.REFERENCE_DAYS
    ).items():
        raised[name] = trial.episodes(at)
    return raised


def _row(volume: int, mine: Sequence[Mapping[str, int]]) -> dict[str, Any]:
    total = collections.Counter[str]()
    for each in mine:
        total.update(each)
    years, unneeded = len(mine), total[trial.OURS]
    low = stats.chi2.ppf(0.025, 2 * unneeded) / 2 / years if unneeded else 0.0
    return {
        "messages_an_hour": volume,
        "years": years,
        "acts": unneeded,
        "a_year": {who: round(total[who] / years, 2) for who in (trial.OURS, *rivals.RIVALS)},
        "ours_interval": [
            round(float(low), 3),
            round(float(stats.chi2.ppf(0.975, 2 * (unneeded + 1)) / 2 / years), 3),
        ],
        "ours_by_kind": {str(kind): total[str(kind)] for kind in (*_ACTS, decisions.Kind.REWEIGHT)},
        "watching": round(total["watching"] / total["hours"], 3),
    }


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows in Markdown."""
    others = list(rivals.RIVALS)
    lines = [
        "| messages an hour | years | intentwatch, acts a year (95 %) "
        f"| retrain, rollback, fix; reweight | {' | '.join(others)} |",
        "|---|---|---|---|" + "---|" * len(others),
    ]
    for row in rows:
        kinds = row["ours_by_kind"]
        acts = ", ".join(str(kinds[str(kind)]) for kind in _ACTS)
        cells = " | ".join(f"{row['a_year'][who]:g}" for who in others)
        low, high = row["ours_interval"]
        ours = f"{row['a_year'][trial.OURS]:g} ({low:g} to {high:g})"
        reweighted = kinds[str(decisions.Kind.REWEIGHT)]
        lines.append(
            f"| {row['messages_an_hour']:,} | {row['years']:g} | {ours} "
            f"| {acts}; {reweighted} | {cells} |"
        )
    return "\n".join(lines) + "\n"
