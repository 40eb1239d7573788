"""Pure. One scenario through intentwatch and through every rival: when each first acted before and after the onset, and what cause was named."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from benchmarks.decisions import rivals, scenario
from retrain import replay
from retrain.evaluation import live
from retrain.history import archive, scenes
from schemas import decisions, policy, windows

RULES: Final = policy.parse("[labels]\nbudget_per_day = 300")
OURS: Final = "intentwatch"
TRUSTING: Final = policy.Labels(per_annotator_per_day=10**9, source_gap=1.0)  # a rival takes every label as it comes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one contestant did. false_alarms: acts before the onset, or at any time where nothing called for one. found: an act after it; delays to it."""

    who: str
    kind: str
    days: float
    false_alarms: int
    found: bool
    delay_hours: float | None
    named: bool | None


def played(seed: int) -> list[Outcome]:
    """The outcomes of the scenario of a seed. Here, not beside main: a new process cannot import a package's __main__."""
    return outcomes(scenario.drawn(seed))


def outcomes(drawn: scenario.Scenario) -> list[Outcome]:
    """Play a scenario once and let everybody watch."""
    history = scenario.history(drawn)
    block, _ = archive.block([msgspec.json.encode(log) for log in history.logs])
    known = scenes.history(block, history.labels, history.reference_until)
    taken = list(replay.walk(scenes.scenes(known, RULES.labels), RULES))
    onset = scenario.BEGIN + dt.timedelta(days=drawn.onset_day)
    return [_ours(drawn, taken, onset), *_rivals(drawn, known, onset, history.reference_until)]


def _ours(drawn: scenario.Scenario, taken: Sequence[tuple[replay.Scene, decisions.Decision]], onset: dt.datetime) -> Outcome:
    """Retrain, rollback and fix are acts; holding a moved mix by its name answers a mix, and asking for a new reference disturbs nobody's sleep."""
    wanted = drawn.kind if drawn.kind in scenario.INCIDENTS else None
    acts = [d for _, d in taken if d.decision not in (decisions.Kind.HOLD, decisions.Kind.REWEIGHT)]
    false = [d for d in acts if d.at <= onset or wanted in (None, "mix")]
    answers = [d for _, d in taken if d.at > onset and d.cause is not None and (wanted == "mix" or d in acts)]
    first = answers[0] if answers and wanted else None
    delay = (first.at - onset).total_seconds() / 3600 if first else None
    return Outcome(OURS, drawn.kind, drawn.days, _episodes([d.at for d in false]), first is not None, delay, str(first.cause) == wanted if first else None)


def _episodes(at: Sequence[dt.datetime]) -> int:
    """Acts within three days of each other are one: nobody is woken twice for them, and no second run starts."""
    count, last = 0, None
    for instant in sorted(at):
        if last is None or instant - last > dt.timedelta(days=3):
            count, last = count + 1, instant
    return count


def _rivals(drawn: scenario.Scenario, known: scenes.History, onset: dt.datetime, since: dt.datetime) -> list[Outcome]:
    found = []
    days = [since + dt.timedelta(days=i) for i in range(1, int(drawn.days - (since - scenario.BEGIN).days) + 1)]
    before = [scenario.BEGIN + dt.timedelta(days=i) for i in range(1, (since - scenario.BEGIN).days + 1)]
    confidences = tuple(_confidence(known, end) for end in before)
    watched = [(end, _day(known, since, end, confidences)) for end in days]
    for name, rule in rivals.RIVALS.items():
        alarms = [end for end, day in watched if rule(day)]
        wanted = drawn.kind in scenario.INCIDENTS
        false = [end for end in alarms if end <= onset or not wanted]
        first = next((end for end in alarms if end > onset), None) if wanted else None
        delay = (first - onset).total_seconds() / 3600 if first else None
        found.append(Outcome(name, drawn.kind, drawn.days, _episodes(false), first is not None, delay, None))
    return found


def _confidence(known: scenes.History, end: dt.datetime) -> float:
    """The mean confidence of the day that ends there."""
    tallies = [mine.tally(mine.rows(end - dt.timedelta(days=1), end)) for mine in known.archives.values()]
    return sum(tally.confidence_sum_micro for tally in tallies) / windows.MICRO / max(1, sum(tally.answered for tally in tallies))


def _day(known: scenes.History, since: dt.datetime, end: dt.datetime, confidences: tuple[float, ...]) -> rivals.Day:
    """All models together: a rival does not know of releases. Labels: those of the trailing week that were there by then."""
    start, week = end - dt.timedelta(days=1), end - dt.timedelta(days=7)
    live_mix, reference, low, answered, labels, right = np.zeros(10), np.zeros(10), 0, 0, 0, 0
    for mine in known.archives.values():
        today, before = mine.tally(mine.rows(start, end)), mine.tally(mine.rows(scenario.BEGIN, since))
        live_mix, reference = live_mix + today.intent_count, reference + before.intent_count
        low, answered = low + int(today.intent_low.sum()), answered + today.answered
        sampled = mine.sampled(week, end, as_of=end, rules=TRUSTING)
        named = sampled.label != live.UNLABELLED
        labels, right = labels + int(named.sum()), right + int((sampled.predicted[named] == sampled.label[named]).sum())
    return rivals.Day(live_mix, reference, low / answered if answered else 0.0, labels, right, _confidence(known, end), confidences)
