"""Pure. History again: the decisions a policy would have taken, from the functions the live
monitors call, and what they were worth.
"""

import bisect
import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace

from retrain.decide import evaluate, release
from retrain.decide.view import REMEMBERED, View
from retrain.evaluation import live
from schemas import decisions, events, policy, verdicts, windows

# The right answer to each kind of incident; on any other day an action is a false alarm.
ANSWERS = {
    "mix": decisions.Kind.REWEIGHT,
    "language": decisions.Kind.RETRAIN,
    "pipeline": decisions.Kind.FIX_UPSTREAM,
    "bad_release": decisions.Kind.ROLLBACK,
}


@dataclass(frozen=True, slots=True)
class Scene:
    """What was known at an instant, and what had happened by then, the replay's own decisions
    apart. `messages`, `labels`: totals by then.
    """

    view: View
    past: decisions.Past
    messages: int = 0
    labels: int = 0


@dataclass(frozen=True, slots=True)
class _Named(policy.Policy):
    """A policy whose identity is known: every decision names it, and working it out takes longer
    than deciding.
    """

    identity: str = ""

    @property
    def sha256(self) -> str:
        """That of the policy it was made of."""
        return self.identity


def _named(rules: policy.Policy) -> policy.Policy:
    return _Named(
        **{each.name: getattr(rules, each.name) for each in fields(policy.Policy)},
        identity=rules.sha256,
    )


@dataclass(slots=True)
class _Known:
    """What a walk remembers of a model: its verdicts, what stood well and ill with the model before
    it, what has stood well with it.
    """

    history: dict[str, list[verdicts.Verdict]] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    ill: tuple[str, ...] = ()
    well: tuple[str, ...] = ()


def walk(
    scenes: Iterable[Scene], rules: policy.Policy
) -> Iterator[tuple[Scene, decisions.Decision]]:
    """One decision a scene, in the order of time. A new model begins without verdicts; the replay's
    own retrains start the cool-down.
    """
    rules, last = _named(rules), dict[decisions.Kind, dt.datetime]()
    known: dict[str, _Known] = {}  # by model: two may answer side by side for a while
    newest, broken = _Known(), None
    for scene in scenes:
        if scene.view.model not in known:
            known[scene.view.model] = _Known(
                before=release.last_well(newest.history), ill=release.last_ill(newest.history)
            )
        newest = known[scene.view.model]
        retrained, reweighted = last.get(decisions.Kind.RETRAIN), last.get(decisions.Kind.REWEIGHT)
        before, ill = newest.before or scene.past.well_before, newest.ill or scene.past.ill_before
        past = replace(
            scene.past, last_retrain=retrained, last_reweight=reweighted, last_fix=broken,
            well_before=before, ill_before=ill, well=newest.well,
        )  # fmt: skip
        found = evaluate.evaluate(replace(scene.view, history=newest.history), past, rules)
        for verdict in found.fresh:
            seen = newest.history.setdefault(verdict.signal.signal, [])
            seen.append(verdict)
            del seen[: _forgotten(seen, scene.view.at, rules)]
        last[found.decision.decision], newest.well = found.decision.at, found.past.well
        broken = found.decision.at if found.decision.cause is decisions.Cause.PIPELINE else broken
        yield scene, found.decision


def bare(scene: Scene) -> Scene:
    """The scene without its windows and labels: what is kept of a year's scenes until they are
    scored.
    """
    return replace(scene, view=replace(scene.view, windows={}, sampled=live.sample(()), hours={}))


def _forgotten(seen: Sequence[verdicts.Verdict], at: dt.datetime, rules: policy.Policy) -> int:
    """How many of the oldest verdicts can no longer count: those the live monitors would not read,
    and those behind `of` disjoint windows.

    A small window's judgement may fall to a longer one, so the newest verdict from before the
    longest window stays in any case.
    """
    rule: policy.Level = getattr(rules.signals, seen[-1].signal.signal)
    overlapping = windows.HORIZONS[rule.horizon] // windows.STEPS[rule.horizon]
    before_longest = (
        bisect.bisect_right(
            seen, at - max(windows.HORIZONS.values()), key=lambda verdict: verdict.signal.end
        )
        - 1
    )
    # The next model is told how this one stood.
    told = next(
        (i for i in reversed(range(len(seen))) if seen[i].verdict is not verdicts.Level.BLIND),
        len(seen),
    )
    forgotten = max(0, min(before_longest, told, len(seen) - (rule.of + 1) * overlapping))
    while seen[forgotten].signal.end < at - REMEMBERED:
        forgotten += 1
    return forgotten


@dataclass(frozen=True, slots=True)
class Score:
    """What a policy's decisions were worth against known incidents. Delays are means over hits,
    None without any.
    """

    policy: str
    hits: int
    misses: int
    false_alarms: int
    delay_messages: float | None
    delay_hours: float | None
    labels_used: int
    retrains: int
    cost: float


@dataclass(frozen=True, slots=True)
class Played:
    """A policy, the decisions it took at the scenes of a history (bare ones), and what they were
    worth.
    """

    name: str
    rules: policy.Policy
    taken: Sequence[tuple[Scene, decisions.Decision]]
    score: Score


def score(
    name: str,
    taken: Sequence[tuple[Scene, decisions.Decision]],
    incidents: Sequence[events.Incident],
    rules: policy.Policy,
) -> Score:
    """Match decisions to incidents; each incident counts once, at its first right answer."""
    acted = [
        (scene, decision)
        for scene, decision in taken
        if decision.decision is not decisions.Kind.HOLD
    ]
    found = [_first(incident, taken) for incident in incidents if incident.kind in ANSWERS]
    delays = [(scene, incident) for incident, scene in found if scene is not None]
    retrains = [decision for _, decision in acted if decision.decision is decisions.Kind.RETRAIN]
    labels = taken[-1][0].labels if taken else 0
    hours = [
        (scene.view.at - incident.started).total_seconds() / 3600 for scene, incident in delays
    ]
    messages = [
        scene.messages - _messages_at(incident.started, taken) for scene, incident in delays
    ]
    return Score(
        policy=name,
        hits=len(delays),
        misses=len(found) - len(delays),
        false_alarms=sum(not any(_right(i, d) for i in incidents) for _, d in acted),
        delay_messages=sum(messages) / len(messages) if messages else None,
        delay_hours=sum(hours) / len(hours) if hours else None,
        labels_used=labels,
        retrains=len(retrains),
        cost=labels * rules.costs.label + len(retrains) * rules.costs.training_hour,
    )


def _right(incident: events.Incident, decision: decisions.Decision) -> bool:
    """Whether it falls into the incident and answers it. A mix that moved may also be held, if it
    is called by its name.
    """
    if not (
        incident.started <= decision.at
        and (incident.ended is None or decision.at <= incident.ended)
    ):
        return False
    held = incident.kind == "mix" and decision.hold_reason is decisions.HoldReason.MIX_ONLY
    return held or decision.decision is ANSWERS.get(incident.kind)


def _first(
    incident: events.Incident, taken: Sequence[tuple[Scene, decisions.Decision]]
) -> tuple[events.Incident, Scene | None]:
    return incident, next((scene for scene, decision in taken if _right(incident, decision)), None)


def _messages_at(instant: dt.datetime, taken: Sequence[tuple[Scene, decisions.Decision]]) -> int:
    return max((scene.messages for scene, _ in taken if scene.view.at <= instant), default=0)
