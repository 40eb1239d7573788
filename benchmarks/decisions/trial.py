"""Pure. One scenario through the product and through every rival: what each did before the onset
and after it, and what that was worth.
"""

import datetime as dt
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.decisions import rivals, scenario, traffic, worlds
from retrain.decide import replay
from retrain.decide.history import scenes
from schemas import decisions, policy, present

RULES: Final = policy.Policy()
OURS: Final = "intentwatch"
# A rival takes every label as it comes.
TRUSTING: Final = policy.Labels(per_annotator_per_day=10**9, source_gap=1.0)
_EPISODE: Final = dt.timedelta(days=3)
_DAY: Final = dt.timedelta(days=1)
_BLIND: Final = ("BLIND", "LABELS")  # words in a hold that says nothing can be said


@dataclass(frozen=True, slots=True)
class Act:
    """Something that was done, `hours` after the onset. A rival's alarm names no cause."""

    decision: str
    cause: str | None
    hours: float
    clause: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one contestant did in a scenario. needless: acts for which nothing called. first: the
    first act after an incident's onset. named: hours until the right cause was first named; blind:
    until it was said that labels do not tell. quiet_days: how long nothing called for an act;
    changes: how often a hold's word changed in them. ended: the last hold's word, and what was in
    breach.
    """

    who: str
    scenario: scenario.Scenario
    quiet_days: float
    needless: tuple[Act, ...] = ()
    first: Act | None = None
    named: float | None = None
    blind: float | None = None
    changes: int = 0
    ended: str = ""

    @property
    def right(self) -> bool:
        """Whether the first act was the right one, for the right cause, in time."""
        wanted, first = self.scenario.wanted, self.first
        if wanted is None or first is None or first.hours > wanted.within:
            return False
        return (first.decision, first.cause) == (wanted.decision, wanted.cause)


def drawn(told: scenario.Scenario, source: worlds.Source = worlds.simulated) -> traffic.Drawn:
    """The traffic of a scenario."""
    rng = np.random.default_rng((20261130, told.seed))
    return traffic.played(told, source(told, rng), rng)


def ours(told: scenario.Scenario, history: scenes.History) -> Outcome:
    """Let the product watch it, until it has acted after the onset or time is over."""
    return outcome(told, list(_watched(told, history)))


def _watched(told: scenario.Scenario, history: scenes.History) -> Iterator[decisions.Decision]:
    for _, decision in replay.walk(scenes.scenes(history, RULES.labels), RULES):
        yield decision
        if told.wanted and _acts(told, decision) and decision.at > told.onset:
            return


def _acts(told: scenario.Scenario, each: decisions.Decision) -> bool:
    """Whether it does something that the scenario has to answer for."""
    tolerated = ("hold", *scenario.TOLERATED.get(told.kind, ()))
    return str(each.decision) not in tolerated


def outcome(told: scenario.Scenario, taken: Sequence[decisions.Decision]) -> Outcome:
    """What the product's decisions were worth. Acts within three days are one: nobody is woken
    twice for them, and no second run starts.
    """
    acts = [each for each in taken if _acts(told, each)]
    after = [each for each in taken if each.at > told.onset]
    wanted = told.wanted
    quiet = [each for each in taken if wanted is None or each.at <= told.onset]
    needless = [each for each in acts if wanted is None or each.at <= told.onset]
    first = next((each for each in acts if each.at > told.onset), None) if wanted else None
    named = (each for each in after if wanted and each.cause == wanted.cause)
    blind = (each for each in after if _is_blind(each))
    return Outcome(
        OURS,
        told,
        quiet_days=len(quiet) / 24,
        needless=tuple(_act(told, each) for each in _episodes(needless)),
        first=None if first is None else _act(told, first),
        named=_hours(told, next(named, None)),
        blind=_hours(told, next(blind, None)),
        changes=_changes(quiet),
        ended=_told(taken[-1]) if taken else "",
    )


def _act(told: scenario.Scenario, each: decisions.Decision) -> Act:
    hours = (each.at - told.onset) / dt.timedelta(hours=1)
    cause = None if each.cause is None else str(each.cause)
    breached = " ".join(reason.signal for reason in each.reasons if reason.breached)
    return Act(str(each.decision), cause, hours, f"{each.clause}: {breached}")


def _hours(told: scenario.Scenario, each: decisions.Decision | None) -> float | None:
    return None if each is None else (each.at - told.onset) / dt.timedelta(hours=1)


def _is_blind(each: decisions.Decision) -> bool:
    return each.hold_reason is not None and any(word in each.hold_reason for word in _BLIND)


def _told(each: decisions.Decision) -> str:
    breached = [reason.signal for reason in each.reasons if reason.breached]
    return " ".join([str(each.hold_reason or each.decision), *breached])


def _changes(quiet: Sequence[decisions.Decision]) -> int:
    pairs = itertools.pairwise(each.hold_reason for each in quiet)
    return sum(one != other for one, other in pairs)


def _episodes(acts: Iterable[decisions.Decision]) -> list[decisions.Decision]:
    """The first of each run of acts within three days of it, by their kind."""
    begun: dict[str, dt.datetime] = {}
    first = []
    for each in acts:
        kind = str(each.decision)
        if kind not in begun or each.at - begun[kind] > _EPISODE:
            begun[kind] = each.at
            first.append(each)
    return first


def watched(who: str, told: scenario.Scenario, alarms: Sequence[dt.datetime]) -> Outcome:
    """What the alarms of somebody who names no cause were worth."""
    wanted = told.wanted
    every = [(at - told.onset) / dt.timedelta(hours=1) for at in sorted(alarms)]
    hours = [each for each in every if each <= told.hours - told.onset_hour]
    after = [Act("alarm", None, each) for each in hours if wanted and each > 0]
    before: list[Act] = []
    for each in hours:
        is_new = not before or each - before[-1].hours > _EPISODE / dt.timedelta(hours=1)
        if is_new and (wanted is None or each <= 0):
            before.append(Act("alarm", None, each))
    until = told.onset_hour if wanted else told.hours
    days = until / 24 - scenario.REFERENCE_DAYS
    return Outcome(who, told, days, tuple(before), after[0] if after else None)


def alarms(told: scenario.Scenario, history: scenes.History) -> list[Outcome]:
    """When each written-out rule alarmed at the end of one of the days that follow the reference,
    or of the 24 hours that end the scenario.
    """
    since = scenario.REFERENCE_UNTIL
    days = (told.hours - scenario.REFERENCE_DAYS * 24) // 24
    ends = [since + i * _DAY for i in range(1, days + 1)]
    seen = [(end, _day(history, since, end)) for end in ends]
    return [
        watched(name, told, [end for end, day in seen if rule(day)])
        for name, rule in rivals.RIVALS.items()
    ]


def _day(known: scenes.History, since: dt.datetime, end: dt.datetime) -> rivals.Day:
    """All models together: a rival does not know of releases. Labels: those of the trailing week
    that were there by then.
    """
    start, week = end - _DAY, end - 7 * _DAY
    k = len(present.INTENTS)
    mix, before, low, answered, labels, right = np.zeros(k), np.zeros(k), 0, 0, 0, 0
    for mine in known.archives.values():
        today = mine.tally(mine.rows(start, end))
        mix = mix + today.intent_count
        before = before + mine.tally(mine.rows(scenario.BEGIN, since)).intent_count
        low, answered = low + int(today.intent_low.sum()), answered + today.answered
        sampled = mine.sampled(week, end, as_of=end, rules=TRUSTING)
        named = sampled.named
        labels += int(named.sum())
        right += int((sampled.predicted[named] == sampled.label[named]).sum())
    return rivals.Day(mix, before, low / answered if answered else 0.0, labels, right)


def played(told: scenario.Scenario) -> Outcome:
    """The product's outcome of a simulated scenario."""
    return ours(told, drawn(told).history)
