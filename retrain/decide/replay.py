"""Pure. History again: the decisions a policy would have taken, from the functions the live
monitors call, and what they were worth.
"""

import bisect
import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace

from retrain.decide import breaks, evaluate, release
from retrain.decide.view import REMEMBERED, View
from retrain.evaluation import samples
from schemas import decisions, events, policy, verdicts, windows

# The right answer to each kind of incident; on any other day an action is a false alarm.
ANSWERS = {
    "mix": decisions.Kind.REWEIGHT,
    "language": decisions.Kind.RETRAIN,
    "pipeline": decisions.Kind.FIX_UPSTREAM,
    "bad_release": decisions.Kind.ROLLBACK,
}
_LONGEST = max(windows.HORIZONS.values())


@dataclass(frozen=True, slots=True)
class Scene:
    """What was known at an instant, and what had happened by then, the replay's own decisions
    apart. `messages`, `labels`: totals by then.
    """

    view: View
    past: decisions.Past
    messages: int = 0
    labels: int = 0


Taken = Sequence[tuple[Scene, decisions.Decision]]  # what was decided at which scene


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
    values = {each.name: getattr(rules, each.name) for each in fields(policy.Policy)}
    return _Named(**values, identity=rules.sha256)


@dataclass(slots=True)
class _Memory:
    """What a walk remembers of a model: its verdicts, what stood well and ill with the model before
    it, what has stood well with it.
    """

    history: dict[str, list[verdicts.Verdict]] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    ill: tuple[str, ...] = ()
    well: tuple[str, ...] = ()


def walk(
    scenes: Iterable[Scene],
    rules: policy.Policy,
) -> Iterator[tuple[Scene, decisions.Decision]]:
    """One decision a scene, in the order of time. A new model begins without verdicts; the replay's
    own retrains start the cool-down.
    """
    named = _named(rules)
    last: dict[decisions.Kind, dt.datetime] = {}
    last_fix: dt.datetime | None = None
    broken: list[breaks.Break] = []
    memories: dict[str, _Memory] = {}  # by model: two may answer side by side for a while
    memory = _Memory()
    for scene in scenes:
        if scene.view.model not in memories:
            memories[scene.view.model] = _after(memory)
        memory = memories[scene.view.model]

        past = replace(
            scene.past,
            last_retrain=last.get(decisions.Kind.RETRAIN),
            last_reweight=last.get(decisions.Kind.REWEIGHT),
            last_fix=last_fix,
            well_before=memory.before or scene.past.well_before,
            ill_before=memory.ill or scene.past.ill_before,
            well=memory.well,
        )
        oldest = scene.view.at - REMEMBERED
        broken = [one for one in broken if one.end >= oldest]
        view = replace(scene.view, history=memory.history, broken=tuple(broken))
        evaluation = evaluate.evaluate(view, past, named)

        _remember(memory, evaluation, named)
        decision = evaluation.decision
        last[decision.decision] = decision.at
        if decision.cause is decisions.Cause.PIPELINE:
            last_fix = decision.at
            broken.append(breaks.of(decision.at, decision.reasons))
        yield scene, decision


def _after(former: _Memory) -> _Memory:
    """What is remembered of a model in its first hour: how the one that answered last has stood."""
    return _Memory(
        before=release.last_well(former.history),
        ill=release.last_ill(former.history),
    )


def bare(scene: Scene) -> Scene:
    """The scene without its windows and labels: what is kept of a year's scenes until they are
    scored.
    """
    view = replace(scene.view, windows={}, sampled=samples.sample(()), hours={})
    return replace(scene, view=view)


def _remember(memory: _Memory, evaluation: evaluate.Evaluation, rules: policy.Policy) -> None:
    at = evaluation.view.at
    for verdict in evaluation.fresh:
        judged = memory.history.setdefault(verdict.signal.signal, [])
        judged.append(verdict)
        del judged[: _forgotten(judged, at, rules)]
    # A release that was not to blame for an hour may be again, where labels come later.
    memory.well = evaluation.past.well or memory.well


def _forgotten(
    judged: Sequence[verdicts.Verdict],
    at: dt.datetime,
    rules: policy.Policy,
) -> int:
    """How many of the oldest verdicts can no longer count: those the live monitors would not read,
    and those behind `of` disjoint windows.

    A small window's judgement may fall to a longer one, so the newest verdict from before the
    longest window stays in any case; so does the newest that is not blind, as the next model is
    told how this one stood.
    """
    rule: policy.Level = getattr(rules.signals, judged[-1].signal.signal)
    overlapping = windows.HORIZONS[rule.horizon] // windows.STEPS[rule.horizon]
    behind_disjoint = len(judged) - (rule.of + 1) * overlapping
    ended_before = bisect.bisect_right(judged, at - _LONGEST, key=_end)
    forgotten = max(0, min(ended_before - 1, _newest_seeing(judged), behind_disjoint))
    while _end(judged[forgotten]) < at - REMEMBERED:
        forgotten += 1
    return forgotten


def _end(verdict: verdicts.Verdict) -> dt.datetime:
    return verdict.signal.end


def _newest_seeing(judged: Sequence[verdicts.Verdict]) -> int:
    """The place of the newest verdict that is not blind; behind the last where all are."""
    for place in reversed(range(len(judged))):
        if judged[place].verdict is not verdicts.Level.BLIND:
            return place
    return len(judged)


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
    taken: Taken
    score: Score


def score(
    name: str,
    taken: Taken,
    incidents: Sequence[events.Incident],
    rules: policy.Policy,
) -> Score:
    """Match decisions to incidents; each incident counts once, at its first right answer."""
    delays = _delays(taken, incidents)
    hits = [delay for delay in delays if delay is not None]
    retrains = 0
    false_alarms = 0
    for _, decision in taken:
        if decision.decision is decisions.Kind.RETRAIN:
            retrains += 1
        if decision.decision is not decisions.Kind.HOLD and not _right_at_all(decision, incidents):
            false_alarms += 1

    labels = taken[-1][0].labels if taken else 0
    training = retrains * rules.costs.training_hour
    return Score(
        policy=name,
        hits=len(hits),
        misses=len(delays) - len(hits),
        false_alarms=false_alarms,
        delay_messages=_mean([messages for messages, _ in hits]),
        delay_hours=_mean([hours for _, hours in hits]),
        labels_used=labels,
        retrains=retrains,
        cost=labels * rules.costs.label + training,
    )


def _delays(
    taken: Taken,
    incidents: Sequence[events.Incident],
) -> list[tuple[int, float] | None]:
    """Of each incident that has a right answer how many messages and hours it took; None where it
    was never given.
    """
    delays: list[tuple[int, float] | None] = []
    for incident in incidents:
        if incident.kind not in ANSWERS:
            continue
        scene = _first_answer(incident, taken)
        if scene is None:
            delays.append(None)
            continue
        messages = scene.messages - _messages_at(incident.started, taken)
        waited = scene.view.at - incident.started
        delays.append((messages, waited.total_seconds() / 3600))
    return delays


def _mean(delays: Sequence[float]) -> float | None:
    return sum(delays) / len(delays) if delays else None


def _right_at_all(
    decision: decisions.Decision,
    incidents: Sequence[events.Incident],
) -> bool:
    return any(_right(incident, decision) for incident in incidents)


def _right(incident: events.Incident, decision: decisions.Decision) -> bool:
    """Whether it falls into the incident and answers it. A mix that moved may also be held, if it
    is called by its name.
    """
    if decision.at < incident.started:
        return False
    if incident.ended is not None and decision.at > incident.ended:
        return False
    if incident.kind == "mix" and decision.hold_reason is decisions.HoldReason.MIX_ONLY:
        return True
    return decision.decision is ANSWERS.get(incident.kind)


def _first_answer(
    incident: events.Incident,
    taken: Taken,
) -> Scene | None:
    for scene, decision in taken:
        if _right(incident, decision):
            return scene
    return None


def _messages_at(instant: dt.datetime, taken: Taken) -> int:
    """How many messages there had been by an instant."""
    most = 0
    for scene, _ in taken:
        if scene.view.at <= instant:
            most = max(most, scene.messages)
    return most
