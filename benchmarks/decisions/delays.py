"""How soon a change of a known size is found: moved mixes in windows of 1,000 messages, lost
accuracy and one rare intent's lost recall in labels.
"""

import datetime as dt
import multiprocessing
import sys
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Final

import numpy as np
from tqdm import tqdm

from benchmarks.decisions import traffic
from retrain.decide import quality, replay
from retrain.decide.history import scenes
from schemas import decisions, policy, times, verdicts
from streams.signals import judge, measure

# 0 is the control: what is found where nothing has changed.
KLS: Final = (0.0, 0.012, 0.02, 0.028, 0.19)
POINTS: Final = (0.0, 1.0, 2.3, 5.0, 12.0)
RARE: Final = "checkout_help"
_ONSET, _DAYS = 21, 42
FIRST_SEED: Final = 7_000
_WORSE: Final = (*quality.FALLING, "accuracy_e_value", "intent_recall_lost")


def figures(rounds: int = 20) -> list[dict[str, Any]]:
    """A row a change: in how many rounds it was found in three weeks, and the median and 90th
    percentile of the delay, over those.
    """
    tasks = [("kl", size, seed) for size in KLS for seed in range(rounds)] + [
        ("points", size, seed) for size in POINTS for seed in range(rounds)
    ]
    tasks += [("rare", 10.0, seed) for seed in range(rounds)]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        played = list(
            tqdm(pool.imap(_played, tasks), total=len(tasks), unit="change", file=sys.stderr)
        )
    each = dict.fromkeys((kind, size) for kind, size, _ in tasks)
    return [
        _row(
            kind,
            size,
            [one for (k, s, _), one in zip(tasks, played, strict=True) if (k, s) == (kind, size)],
        )
        for kind, size in each
    ]


def _played(task: tuple[str, float, int]) -> Mapping[str, int | None]:
    kind, size, seed = task
    rng = np.random.default_rng((20261128, FIRST_SEED + seed))
    before = traffic.still(rng)
    if kind == "kl":
        return moved(
            traffic.World(traffic.tilted(before.mix, size, rng), before.recall), before, rng
        )
    return worse(traffic.without(before, size, RARE if kind == "rare" else None), before, rng)


def moved(
    after: traffic.World, before: traffic.World, rng: np.random.Generator
) -> dict[str, int | None]:
    """Windows of a day and 1,000 messages until the mix is watched, and until it is in breach."""
    known = traffic.history(traffic.Plan(_DAYS, 1_000, onset_day=_ONSET), before, after, rng)
    rule, past = policy.Signals().intent_mix_kl, list[verdicts.Verdict]()
    first: dict[str, int | None] = {"watch": None, "breach": None}
    for scene in scenes.scenes(known, policy.Labels()):
        day = scene.view.windows.get("1d")
        if day is None or scene.view.reference is None:
            continue
        signal = measure.intent_mix_kl(day, scene.view.reference)
        past.append(judge.verdict(signal, rule, past))
        number = (day.end - traffic.BEGIN).days - _ONSET
        if number > 0 and past[-1].verdict is not verdicts.Level.OK:
            first["watch"] = first["watch"] or number
            first["breach"] = first["breach"] or (number if past[-1].in_breach else None)
    return first


def worse(
    after: traffic.World, before: traffic.World, rng: np.random.Generator
) -> dict[str, int | None]:
    """Labels of messages from after the onset until a label-based signal is in breach that was not
    at the onset, and until a retrain is asked for. 2,400 messages a day, of which about 350 labels
    measure.
    """
    known = traffic.history(traffic.Plan(_DAYS, 2_400, onset_day=_ONSET), before, after, rng)
    onset = traffic.BEGIN + dt.timedelta(days=_ONSET)
    first: dict[str, int | None] = {"breach": None, "retrain": None}
    before_it: set[str] = set()
    for scene, decision in replay.walk(scenes.scenes(known, policy.Labels()), policy.Policy()):
        breached = {
            reason.signal
            for reason in decision.reasons
            if reason.breached and reason.signal in _WORSE
        }
        if scene.view.at <= onset:
            before_it = breached
            continue
        for name, hit in (
            ("breach", bool(breached - before_it)),
            ("retrain", decision.decision is decisions.Kind.RETRAIN),
        ):
            if hit and first[name] is None:
                first[name] = _labels(known, onset, scene.view.at)
    return first


def _labels(known: scenes.History, since: dt.datetime, by: dt.datetime) -> int:
    """Labels given by an instant of messages since another one."""
    mine = known.archives["v1"]
    return int(
        (
            (mine.asked.ts_us[mine.said.row] >= times.micros(since))
            & (mine.said.at_us <= times.micros(by))
        ).sum()
    )


def _row(kind: str, size: float, rounds: Sequence[Mapping[str, int | None]]) -> dict[str, Any]:
    stages = {}
    for stage in rounds[0]:
        known = [delay for one in rounds if (delay := one[stage]) is not None]
        stages[stage] = {
            "found": len(known),
            "median": median(known) if known else None,
            "p90": float(np.quantile(known, 0.9)) if known else None,
        }
    return {
        "kind": kind,
        "size": size,
        "rounds": len(rounds),
        "unit": "windows of 1,000" if kind == "kl" else "labels",
        "stages": stages,
    }


_NAMES: Final = {
    "kl": "mix moved by KL {:g}",
    "points": "accuracy less {:g} points",
    "rare": RARE + " loses {:g} points of recall",
}


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows in Markdown."""
    lines = ["| change | counted in | first | found | median | 90 % |", "|---|---|---|---|---|---|"]
    for row in rows:
        change = _NAMES[row["kind"]].format(row["size"])
        for stage, one in row["stages"].items():
            delay = " | ".join(
                "" if one[name] is None else f"{one[name]:g}" for name in ("median", "p90")
            )
            share = f"{one['found']}/{row['rounds']}"
            lines.append(f"| {change} | {row['unit']} | {stage} | {share} | {delay} |")
    return "\n".join(lines) + "\n"
