"""Pure. One scenario through intentwatch and through every rival: when each first acted before and
after the onset, and what cause was named.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from benchmarks.decisions import rivals, scenario
from retrain.decide import replay
from retrain.decide.history import archive, scenes
from schemas import decisions, policy, present

RULES: Final = policy.parse("[labels]\nbudget_per_day = 300")
OURS: Final = "intentwatch"
# A rival takes every label as it comes.
TRUSTING: Final = policy.Labels(per_annotator_per_day=10**9, source_gap=1.0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one contestant did. false_alarms: acts before the onset, or at any time where nothing
    called for one. found: an act after it; delays to it.
    """

    who: str
    kind: str
    days: float
    false_alarms: int
    found: bool
    delay_hours: float | None
    named: bool | None


def played(task: tuple[int, Path, scenario.Draw]) -> list[Outcome]:
    """The outcomes of a seed's scenario, and its file for tools.py in a folder. Here, not beside
    main: a new process cannot import a package's __main__.
    """
    seed, folder, draw = task
    drawn = scenario.drawn(seed)
    history = scenario.history(drawn, draw)
    np.savez(folder / f"{seed}.npz", **sight(history))
    return outcomes(drawn, history)


def outcomes(drawn: scenario.Scenario, history: scenario.History) -> list[Outcome]:
    """Let everybody who runs in this process watch a scenario."""
    block, _ = archive.block([msgspec.json.encode(log) for log in history.logs])
    known = scenes.history(block, history.labels, history.reference_until)
    taken = list(replay.walk(scenes.scenes(known, RULES.labels), RULES))
    return [_ours(drawn, taken, _onset(drawn)), *_rivals(drawn, known, history.reference_until)]


def _ours(
    drawn: scenario.Scenario,
    taken: Sequence[tuple[replay.Scene, decisions.Decision]],
    onset: dt.datetime,
) -> Outcome:
    """Retrain, rollback and fix are acts; holding a moved mix by its name answers a mix, and asking
    for a new reference disturbs nobody's sleep.
    """
    wanted = drawn.kind if drawn.kind in scenario.INCIDENTS else None
    acts = [d for _, d in taken if d.decision not in (decisions.Kind.HOLD, decisions.Kind.REWEIGHT)]
    false = [d for d in acts if d.at <= onset or wanted in (None, "mix")]
    answers = [
        d
        for _, d in taken
        if d.at > onset and d.cause is not None and (wanted == "mix" or d in acts)
    ]
    first = answers[0] if answers and wanted else None
    delay = (first.at - onset).total_seconds() / 3600 if first else None
    return Outcome(
        OURS,
        drawn.kind,
        drawn.days,
        episodes([d.at for d in false]),
        first is not None,
        delay,
        str(first.cause) == wanted if first else None,
    )


def episodes(at: Sequence[dt.datetime]) -> int:
    """Acts within three days of each other are one: nobody is woken twice for them, and no second
    run starts.
    """
    count, last = 0, None
    for instant in sorted(at):
        if last is None or instant - last > dt.timedelta(days=3):
            count, last = count + 1, instant
    return count


def watched(who: str, drawn: scenario.Scenario, alarms: Sequence[dt.datetime]) -> Outcome:
    """What the alarms of somebody who names no cause were worth."""
    onset, wanted = _onset(drawn), drawn.kind in scenario.INCIDENTS
    false = [at for at in alarms if at <= onset or not wanted]
    first = next((at for at in alarms if at > onset), None) if wanted else None
    delay = (first - onset).total_seconds() / 3600 if first else None
    return Outcome(who, drawn.kind, drawn.days, episodes(false), first is not None, delay, None)


def _onset(drawn: scenario.Scenario) -> dt.datetime:
    return scenario.BEGIN + dt.timedelta(days=drawn.onset_day)


def _rivals(drawn: scenario.Scenario, known: scenes.History, since: dt.datetime) -> list[Outcome]:
    raised = alarms(known, since, int(drawn.days - (since - scenario.BEGIN).days))
    return [watched(name, drawn, at) for name, at in raised.items()]


def alarms(known: scenes.History, since: dt.datetime, days: int) -> dict[str, list[dt.datetime]]:
    """When each rival alarmed at the end of one of the days that follow its reference."""
    ends = [since + dt.timedelta(days=i) for i in range(1, days + 1)]
    seen = [(end, _day(known, since, end)) for end in ends]
    return {name: [end for end, day in seen if rule(day)] for name, rule in rivals.RIVALS.items()}


def sight(history: scenario.History) -> dict[str, Any]:
    """What tools.py reads of a scenario."""
    answered = [(i, log) for i, log in enumerate(history.logs) if log.intent is not None]
    intent = {log.req_id: log.intent for _, log in answered}
    told = [label for label in history.labels if label.req_id in intent]
    return {
        "ts": np.array([_seconds(log.ts) for _, log in answered]),
        "predicted": np.array([present.INDEX[str(log.intent)] for _, log in answered]),
        "confidence": np.array([log.confidence for _, log in answered]),
        "right": history.right[[i for i, _ in answered]],
        "told": np.array([_seconds(label.labelled_at) for label in told]),
        "told_right": np.array([label.intent == intent[label.req_id] for label in told]),
        "until": np.float64(_seconds(history.reference_until)),
    }


def _seconds(at: dt.datetime) -> float:
    return (at - scenario.BEGIN).total_seconds()


def _day(known: scenes.History, since: dt.datetime, end: dt.datetime) -> rivals.Day:
    """All models together: a rival does not know of releases. Labels: those of the trailing week
    that were there by then.
    """
    start, week = end - dt.timedelta(days=1), end - dt.timedelta(days=7)
    live_mix, reference, low, answered, labels, right = np.zeros(10), np.zeros(10), 0, 0, 0, 0
    for mine in known.archives.values():
        today, before = (
            mine.tally(mine.rows(start, end)),
            mine.tally(mine.rows(scenario.BEGIN, since)),
        )
        live_mix, reference = live_mix + today.intent_count, reference + before.intent_count
        low, answered = low + int(today.intent_low.sum()), answered + today.answered
        sampled = mine.sampled(week, end, as_of=end, rules=TRUSTING)
        named = sampled.named
        labels, right = (
            labels + int(named.sum()),
            right + int((sampled.predicted[named] == sampled.label[named]).sum()),
        )
    return rivals.Day(live_mix, reference, low / answered if answered else 0.0, labels, right)
