"""Pure. One evaluation of one model at one instant: windows and labels as known then -> verdicts -> decision. Live, replay and backfill call this alike."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from retrain import trigger
from retrain.evaluation import live
from schemas import decisions, policy, runs, taxonomy, verdicts, windows
from streams import detail, judge, measure

History = Mapping[str, Sequence[verdicts.Verdict]]

_LABELLED = ("live_accuracy", "rare_recall")


@dataclass(frozen=True, slots=True)
class Moment:
    """What was known of a model at `at`: windows that end there, by horizon; labels and answers of the longest label horizon."""

    model: str
    at: dt.datetime
    windows: Mapping[str, windows.Window]
    reference: runs.Reference | None
    sampled: live.Sample
    hours: Mapping[dt.datetime, live.Hour]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The verdicts reached at this moment, those still standing from before, the label figures, and the decision on all of it."""

    fresh: tuple[verdicts.Verdict, ...]
    standing: tuple[verdicts.Verdict, ...]
    estimates: tuple[live.Estimate, ...]
    decision: decisions.Decision
    past: decisions.Past = decisions.Past()

    @property
    def evidence(self) -> Mapping[str, object]:
        """What the decision rests on, as JSON: made when somebody records it, since a replay never does."""
        return trigger.evidence((*self.fresh, *self.standing), self.past, model=self.decision.model, at=self.decision.at)


def evaluate(moment: Moment, history: History, past: decisions.Past, rules: policy.Policy) -> Evaluation:
    """Judge what is new, keep what still stands, decide. `history`: each signal's verdicts, oldest first."""
    estimates = within(moment, rules.signals.live_accuracy.horizon)
    fresh = (*_traffic(moment, history, rules), *_labelled(moment, estimates, history, rules))
    names = {v.signal.signal for v in fresh}
    older = [seen[-1] for name, seen in history.items() if name not in names and seen]
    standing = tuple(v for v in older if moment.at - v.signal.end <= 2 * windows.STEPS[v.signal.horizon])
    together = (*fresh, *standing)
    taken = trigger.decision(together, past, rules, model=moment.model, at=moment.at)
    return Evaluation(fresh, standing, estimates, taken, past)


def measured(moment: Moment, judged: Iterable[verdicts.Verdict]) -> tuple[verdicts.Signal, ...]:
    """Every label-free signal of the moment's windows that none of the verdicts `judged` is about. For the record: the trigger never sees them."""
    known = {(v.signal.horizon, v.signal.signal, v.signal.intent) for v in judged}
    found = [(*measure.signals(window, moment.reference), *detail.signals(window, moment.reference)) for _, window in sorted(moment.windows.items())]
    return tuple(s for signals in found for s in signals if s.n and (s.horizon, s.signal, s.intent) not in known)


def within(moment: Moment, horizon: str) -> tuple[live.Estimate, ...]:
    """Label figures of the trailing `horizon`."""
    start = moment.at - windows.HORIZONS[horizon]
    hours = {hour: found for hour, found in moment.hours.items() if start <= hour < moment.at}
    return live.estimates(moment.sampled.between(start, moment.at), hours)


def _traffic(moment: Moment, history: History, rules: policy.Policy) -> Iterable[verdicts.Verdict]:
    for horizon, window in sorted(moment.windows.items()):
        reference = moment.reference if rules.signals.intent_mix_kl.horizon == horizon else None  # its test is dear: only where it is judged
        for signal in measure.signals(window, reference):
            rule: policy.Level = getattr(rules.signals, signal.signal)
            if rule.horizon == horizon:
                yield judge.verdict(signal, rule, _disjoint(history.get(signal.signal, ()), window.start, horizon))


def _labelled(moment: Moment, estimates: Sequence[live.Estimate], history: History, rules: policy.Policy) -> Iterable[verdicts.Verdict]:
    for place, name in enumerate(_LABELLED):
        rule: policy.Level = getattr(rules.signals, name)
        found = (estimates if rule.horizon == rules.signals.live_accuracy.horizon else within(moment, rule.horizon))[place]
        signal = verdicts.Signal(
            model=moment.model,
            horizon=rule.horizon,
            end=moment.at,
            signal=name,
            value=found.estimate,
            n=found.n_labels,
            low=found.low,
            high=found.high,
            reference=expected(moment.reference, name),
        )
        needed = max(0, rule.min_n - found.n_labels)
        yield judge.falling(signal=signal, rule=rule, margin=rules.trigger.accuracy_margin, past=history.get(name, ()), labels_needed=needed)


def expected(reference: runs.Reference | None, name: str) -> float | None:
    """What the reference says of a label-based signal; rare recall is the mean over the rare intents it has figures of."""
    if reference is None:
        return None
    if name == "live_accuracy":
        return reference.accuracy
    rare = [value for intent, value in sorted((reference.recall or {}).items()) if intent in taxonomy.RARE]
    return sum(rare) / len(rare) if rare else None


def _disjoint(past: Sequence[verdicts.Verdict], start: dt.datetime, horizon: str) -> list[verdicts.Verdict]:
    """Earlier verdicts on windows that do not overlap the new one nor each other, oldest first: k of n must count evidence once."""
    chosen: list[verdicts.Verdict] = []
    for verdict in reversed(past):
        if verdict.signal.end <= start:
            chosen.append(verdict)
            start = verdict.signal.end - windows.HORIZONS[horizon]
    return chosen[::-1]
