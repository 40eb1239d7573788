"""Pure. Verdicts and history -> a decision, with every reason and the cause it believes. Never
acts: services.scheduler records, retrain.train.job runs.

The rule is CLAUSES, asked in this order; which signals each looks at is data in the policy. A
retrain needs evidence on quality AND evidence of drift, or a proven collapse, or the proven loss of
an intent that counts. Latency and errors are never cured by retraining, a release that was bad from
its first hour is rolled back, and a mix that moved while the answers stay good only moves the
reference.
"""

import dataclasses
import datetime as dt
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from retrain.decide import economics, mix, proof, record
from retrain.decide.case import Case
from schemas import decisions, policy, seasons, signals, verdicts, windows

Kind, Hold, Cause, Level = decisions.Kind, decisions.HoldReason, decisions.Cause, verdicts.Level
TRAFFIC: Final = signals.in_role(signals.Role.TRAFFIC)
LEVELS: Final = signals.in_role(signals.Role.LEVEL)
MIX: Final = signals.INTENT_MIX_KL.name
STARVED: Final = signals.LABEL_STARVED.name
RARE: Final = signals.RARE_RECALL.name
ACCURACY: Final = signals.LIVE_ACCURACY.name
WORST: Final = signals.WORST_CASE_ACCURACY.name
UNANSWERED: Final = signals.UNANSWERED_SHARE.name
RECENT: Final = signals.RECENT_ACCURACY.name
INTENT: Final = signals.INTENT_RECALL_LOST.name
LATENCY: Final = signals.P95_LATENCY_MS.name

_SEEN: Final = (Level.BREACH, Level.WATCH)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a clause answers. `by`: the signals that its answer rests on."""

    kind: decisions.Kind
    hold: decisions.HoldReason | None
    cause: decisions.Cause | None
    by: Collection[str] = ()


def decision(
    judged: Sequence[verdicts.Verdict],
    past: decisions.Past,
    rules: policy.Policy,
    *,
    model: str,
    at: dt.datetime,
    aside: tuple[decisions.Aside, ...] = (),
) -> decisions.Decision:
    """Decide for one model at one instant. The same arguments give the same sha256 wherever this
    runs, in whatever order the verdicts come. `aside`: whose labels they do not rest on.
    """
    ordered = sorted(judged, key=lambda verdict: verdict.signal.signal)
    case = Case(ordered, past, rules, at)
    costs = economics.costs(ordered, rules)
    clause, wish = wanted(case)
    outcome = _permitted(wish, case, costs)
    kind, hold, cause = outcome.kind, outcome.hold, outcome.cause

    evidence = record.evidence(ordered, past, model=model, at=at, costs=costs, aside=aside)
    return decisions.Decision(
        record.identity(model, at, rules),
        at,
        model,
        kind,
        hold,
        cause,
        record.reasons(ordered, rules.trigger, outcome.by),
        rules.sha256,
        record.sha256(evidence, rules, [kind, hold, cause]),
        clause,
        costs=costs,
        expected=seasons.during(rules.calendar, at - windows.HORIZONS["1d"], at),
        aside=aside,
    )


def wanted(case: Case) -> tuple[decisions.Clause, Outcome]:
    """The first clause that has an answer, and what it asks for, were nothing in the way."""
    for clause in CLAUSES:
        outcome = clause(case)
        if outcome is not None:
            return decisions.Clause(clause.__name__), outcome
    raise AssertionError("calm() always has an answer")


def stale(case: Case) -> Outcome | None:
    """Nothing has been judged."""
    if case.judged:
        return None
    return Outcome(Kind.HOLD, Hold.STALE_WINDOWS, None)


def bad_release(case: Case) -> Outcome | None:
    """Bad ever since this model serves, and well under the one before: what changed is the model.
    Nobody goes back to one whose answers were bad.
    """
    past, trigger = case.past, case.rules.trigger
    former_was_bad = set(past.ill_before) & set(trigger.quality)
    if not _released(case) or former_was_bad:
        return None

    well_only_before = set(past.well_before) - set(past.well)
    new = case.breached(trigger.release) & well_only_before
    if not new:
        return None
    if new == {RARE} and not any(proof.beyond_doubt(verdict) for verdict in case.judged):
        return None
    return Outcome(Kind.ROLLBACK, None, Cause.BAD_RELEASE, new)


def _released(case: Case) -> bool:
    """Whether the model serves for so short a time that it may be to blame: in which labels tell of
    it, where these take long.
    """
    since = case.past.promoted_at
    if since is None:
        return False
    age = max((verdict.signal.age_hours for verdict in case.judged), default=0)
    blame = dt.timedelta(hours=case.rules.trigger.release_hours + age)
    return case.at - since <= blame


def upstream(case: Case) -> Outcome | None:
    """Something before or around the model is broken; training on what it produces would make it
    worse.
    """
    broken = case.breached(case.rules.trigger.upstream)
    if not broken:
        return None
    return Outcome(Kind.FIX_UPSTREAM, None, Cause.PIPELINE, broken)


def drifted(case: Case) -> Outcome | None:
    """Worse answers, seen by labels or by the business, and messages that have changed."""
    trigger = case.rules.trigger
    moved = case.breached(trigger.drift)
    worse = _worse(case, only_the_mix=moved <= set(mix.OF_MIX))
    if not moved or not (worse or case.past.incidents):
        return None
    return Outcome(Kind.RETRAIN, None, Cause.LANGUAGE, worse | moved)


def _worse(case: Case, *, only_the_mix: bool) -> set[str]:
    """The figures of quality in breach that are seen to be worse now; none where people only ask
    for other things and all of them may be due to a reference that flatters.
    """
    breached = case.breached(case.rules.trigger.quality)
    seen = {v.signal.signal: v for v in case.judged if v.verdict in _SEEN}
    worse = {name: seen[name] for name in breached if name in seen}
    if only_the_mix and all(proof.may_be_flattered(verdict) for verdict in worse.values()):
        return set()
    return set(worse)


def collapse(case: Case) -> Outcome | None:
    """Accuracy lost by so much, in a week or a day, that no second witness is needed, and not back.
    With neither a release nor anything broken to blame it is the language: answers that are wrong
    and sure move no other signal.
    """
    margin = case.rules.trigger.collapse_margin
    lost = {verdict.signal.signal for verdict in case.judged if proof.collapsed(verdict, margin)}
    if not lost:
        return None
    if case.well(RECENT):  # a week that holds a bad day is no bad week
        return None
    if _released(case) and ACCURACY not in case.past.well:
        return Outcome(Kind.RETRAIN, None, Cause.UNKNOWN, lost)
    return Outcome(Kind.RETRAIN, None, Cause.LANGUAGE, lost)


def intent_lost(case: Case) -> Outcome | None:
    """One intent's answers are proven worse, however well the others do, and nothing else has
    changed: a retrain where the intent is critical or common; else labels of it are asked for.
    """
    lost = case.verdict(INTENT)
    if lost is None or INTENT not in case.breached(case.rules.trigger.quality):
        return None
    cause = Cause.UNKNOWN if _released(case) else Cause.LANGUAGE
    if lost.level != "grave" and case.rules.trigger.other_intent == "ask":
        return Outcome(Kind.HOLD, Hold.INTENT_LOST, cause, {INTENT})
    return Outcome(Kind.RETRAIN, None, cause, {INTENT})


def labels_biased(case: Case) -> Outcome | None:
    """Annotators leave out messages of some strata, or more of all than they did, and so many that
    a loss may hide there: nobody can say how good the answers are until these are labelled.
    """
    worst = case.verdict(WORST)
    of_strata = worst is not None and worst.in_breach and worst.strata
    by = ({WORST} if of_strata else set()) | case.breached((UNANSWERED,))
    return Outcome(Kind.HOLD, Hold.LABELS_BIASED, None, by) if by else None


def mix_moved(case: Case) -> Outcome | None:
    """People ask for other things than before. Where labels show that the answers are as good, and
    several days in a row agree, the reference is what has to move; in an event of the calendar it
    was to be expected.
    """
    trigger = case.rules.trigger
    moved = case.verdict(MIX)
    if moved is None or not moved.in_breach or case.broken(moved):
        return None
    if case.breached(trigger.drift) - {MIX}:
        return None
    if case.expected(moved):
        return Outcome(Kind.HOLD, Hold.EXPECTED, Cause.MIX, {MIX})
    well = case.well(ACCURACY) and not case.breached(trigger.quality)
    day_ends_now = moved.signal.end == case.at  # so that its days are at hand
    if well and day_ends_now and _stays(moved, case.rules) and not _has_no_week_yet(case):
        return Outcome(Kind.REWEIGHT, None, Cause.MIX, {MIX})
    return Outcome(Kind.HOLD, Hold.MIX_ONLY, Cause.MIX, {MIX})


def _has_no_week_yet(case: Case) -> bool:
    """Whether the model serves for so short a time that its reference may be of one day, which may
    have been a Saturday.
    """
    since = case.past.promoted_at
    return since is not None and case.at - since <= windows.HORIZONS["7d"]


def _stays(moved: verdicts.Verdict, rules: policy.Policy) -> bool:
    """Whether so many days in a row have shown one and the same mix, the last one too, outside the
    calendar's events. A window of a week counts only once it holds nothing of before.
    """
    if moved.since is None or moved.verdict is not Level.BREACH:
        return False
    day, end = windows.HORIZONS["1d"], moved.signal.end
    since = seasons.after(rules.calendar, moved.since - day, end)
    wanted = max(rules.trigger.reweight_days * day, windows.HORIZONS[moved.signal.horizon])
    return end - since >= wanted and (moved.days_alike or 0) >= rules.trigger.reweight_days


def slow(case: Case) -> Outcome | None:
    """Slow answers, and nothing else that counts: for whoever runs the servers."""
    trigger = case.rules.trigger
    if not case.breached((LATENCY,)) or case.breached((*trigger.quality, *trigger.drift)):
        return None
    return Outcome(Kind.HOLD, Hold.LATENCY_ONLY, None, {LATENCY})


def calm(case: Case) -> Outcome | None:
    """Nothing is to be done; why."""
    worries = _worries(case)
    if worries:
        return Outcome(Kind.HOLD, Hold.WATCHING, None, worries)

    traffic = [verdict for verdict in case.judged if verdict.signal.signal in TRAFFIC]
    if traffic and all(verdict.verdict is Level.BLIND for verdict in traffic):
        return Outcome(Kind.HOLD, Hold.TOO_FEW_LOGS, None, TRAFFIC)
    starved = case.breached((STARVED,))
    blind = {ACCURACY} if case.level(ACCURACY) is Level.BLIND else set()
    if blind or starved:
        return Outcome(Kind.HOLD, Hold.TOO_FEW_LABELS, None, blind | starved)
    missed = case.breached(LEVELS)
    if missed:
        return Outcome(Kind.HOLD, Hold.LEVEL_MISSED, None, missed)
    return Outcome(Kind.HOLD, Hold.HEALTHY, None)


def _worries(case: Case) -> set[str]:
    """What seems to change: is in breach or, where nothing is, watched. Labels that are missing are
    no worry of their own, they are what is too few; nor is a service level that this model may
    never have met, nor a mix that was to be expected.
    """
    breached, watched = set(), set()
    for verdict in case.judged:
        name = verdict.signal.signal
        if name in (STARVED, *LEVELS) or case.expected(verdict):
            continue
        if verdict.in_breach:
            breached.add(name)
        elif verdict.verdict in (Level.WATCH, Level.BREACH):
            watched.add(name)
    return breached or watched


CLAUSES: Final[tuple[Callable[[Case], Outcome | None], ...]] = (
    stale,
    bad_release,
    upstream,
    drifted,
    collapse,
    intent_lost,
    labels_biased,
    mix_moved,
    slow,
    calm,
)


def _permitted(
    outcome: Outcome,
    case: Case,
    costs: decisions.Costs | None,
) -> Outcome:
    """What is wanted waits for the run in progress, for the cool-down, for a person's pause; its
    cause, and what it rests on, stay named.
    """
    if outcome.kind is Kind.HOLD:
        return outcome
    obstacle = _obstacle(outcome.kind, case, costs)
    if obstacle is None:
        return outcome
    return dataclasses.replace(outcome, kind=Kind.HOLD, hold=obstacle)


def _obstacle(
    kind: decisions.Kind,
    case: Case,
    costs: decisions.Costs | None,
) -> decisions.HoldReason | None:
    """Why an action cannot be taken now; None where it can."""
    past = case.past
    if past.paused:
        return Hold.PAUSED
    if kind is Kind.REWEIGHT and _cools_down(case, past.last_reweight):
        return Hold.MIX_ONLY
    if kind is not Kind.RETRAIN:
        return None
    if past.run_in_progress:
        return Hold.RUN_IN_PROGRESS
    if _cools_down(case, past.last_retrain) or _cools_down(case, past.promoted_at):
        return Hold.COOLING_DOWN
    if not _worth_it(case, costs):
        return Hold.NOT_WORTH_IT
    return None


def _cools_down(case: Case, last: dt.datetime | None) -> bool:
    cool_down = dt.timedelta(hours=case.rules.trigger.cool_down_hours)
    return last is not None and case.at - last < cool_down


def _worth_it(case: Case, costs: decisions.Costs | None) -> bool:
    """Whether waiting a week costs as much as the retrain; it is where accuracy shows no loss that
    could be priced.
    """
    if costs is None or ACCURACY not in case.breached(case.rules.trigger.quality):
        return True
    return costs.waiting >= costs.retraining
