"""Pure. What labels say of a model -> verdicts: whether its answers got worse, whether a moved mix hides that, and whether there are labels at all."""

import dataclasses
import datetime as dt
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np

from retrain.evaluation import checks, live, slices
from schemas import policy, present, runs, times, verdicts, windows
from streams.signals import judge
from streams.stats import proportion, sequential

History = Mapping[str, Sequence[verdicts.Verdict]]

FALLING: Final = ("live_accuracy", "rare_recall", "mix_adjusted_accuracy", "recent_accuracy")  # where small is bad
_BETTING: Final = tuple(dt.timedelta(days=days) for days in (7, 3, 1))  # bets begin so long ago: on the whole week, and on what may be new in it


@dataclass(frozen=True, slots=True)
class Labelled:
    """What people had said of a model's answers by `at`: the messages of the longest horizon, and the label figures by horizon."""

    model: str
    at: dt.datetime
    reference: runs.Reference | None
    sampled: live.Sample
    estimates: Mapping[str, Sequence[live.Estimate]]

    def signal(self, name: str, horizon: str, value: float | None, n: int, **known: float | None) -> verdicts.Signal:
        """A signal of the horizon that ends at `at`. `known`: what else verdicts.Signal has of it."""
        return verdicts.Signal(self.model, horizon, self.at, name, value, n, **known)  # type: ignore[arg-type]  # all but reference_n are floats

    def recent(self, horizon: str) -> live.Sample:
        """The messages of the horizon that ends at `at`."""
        return self.sampled.between(self.at - windows.HORIZONS[horizon], self.at)


def horizons(rules: policy.Policy) -> set[str]:
    """Of which horizons label figures are judged."""
    return {rules.signals.offline_live_gap.horizon, rules.signals.intent_recall_lost.horizon} | {horizon for _, horizon in _horizons(rules)}


def verdicts_of(known: Labelled, history: History, rules: policy.Policy) -> Iterator[verdicts.Verdict]:
    """Every label-based verdict. `history`: each signal's verdicts, oldest first."""
    found = [_fallen(known, name, horizon, rules, history.get(name, ())) for name, horizon in _horizons(rules)]
    yield from found
    yield _betting(known, found[0].signal.reference, history, rules)
    signals = rules.signals
    for signal in (_gap(known, signals.offline_live_gap), _recall_lost(known, signals.intent_recall_lost), _starved(known, rules)):
        yield judge.verdict(signal, getattr(signals, signal.signal), history.get(signal.signal, ()))


def measured(known: Labelled, horizon: str) -> Iterator[verdicts.Signal]:
    """What labels say that no rule judges, for the record."""
    recent = known.recent(horizon)
    for each in (*checks.figures(recent), *slices.figures(recent)):
        found = known.signal(each.name, horizon, each.value, each.n, low=each.low, high=each.high, noise_floor=each.noise_floor, p_value=each.p_value)
        yield dataclasses.replace(found, intent=each.intent)
    for lost in _losses(known, horizon, least=live.LABELS_OF_AN_INTENT):
        found = known.signal("recall_lost", horizon, lost.value, lost.n, low=lost.low, high=lost.high, reference=lost.then)
        yield dataclasses.replace(found, intent=lost.intent)


def _horizons(rules: policy.Policy) -> list[tuple[str, str]]:
    return [(name, getattr(rules.signals, name).horizon) for name in FALLING]


def _fallen(known: Labelled, name: str, horizon: str, rules: policy.Policy, past: Sequence[verdicts.Verdict]) -> verdicts.Verdict:
    found = known.estimates[horizon]
    if name == "mix_adjusted_accuracy":
        recall, counts = _of_both(known.reference, found)
        return falling(known, live.at_mix(found, counts), horizon, rules, past, _mean(recall, counts))
    if name == "recent_accuracy":  # what was in breach on another day says nothing of the last one
        past = past if found[0].n_labels >= _rule(name, rules.signals).min_n else ()
        return falling(known, dataclasses.replace(found[0], metric=name), horizon, rules, past)
    return falling(known, _figure(known, name, horizon), horizon, rules, past)


def _of_both(reference: runs.Reference | None, found: Sequence[live.Estimate]) -> tuple[Mapping[str, float], Mapping[str, int]]:
    """The reference's recalls, and its counts of the intents that have one there and labels enough now; none where these are under nine tenths of its mix:
    the accuracies at a mix compare only over the same intents.
    """
    recall, every = (reference.recall or {}, reference.intent_counts) if reference else ({}, {})
    told = {each.intent for each in found if each.metric == "recall" and each.n_labels >= live.LABELS_OF_AN_INTENT}
    counts = {intent: n for intent, n in every.items() if intent in recall and intent in told}
    return recall, counts if sum(counts.values()) >= 0.9 * sum(every.values()) else {}


def _figure(known: Labelled, name: str, horizon: str) -> live.Estimate:
    return next(figure for figure in known.estimates[horizon] if figure.metric == name)


def falling(
    known: Labelled, found: live.Estimate, horizon: str, rules: policy.Policy, past: Sequence[verdicts.Verdict] = (), reference: float | None = None
) -> verdicts.Verdict:
    """Judge a figure that should not fall under its `reference` (if not told, what is `expected` of it)."""
    rule = dataclasses.replace(_rule(found.metric, rules.signals), horizon=horizon)
    reference = expected(known.reference, found.metric, known.recent(horizon)) if reference is None else reference
    signal = known.signal(
        found.metric, horizon, found.estimate, found.n_labels, low=found.low, high=found.high,
        reference=reference, reference_n=sampled_n(known.reference, present.RARE if found.metric == "rare_recall" else present.INTENTS),
    )  # fmt: skip
    return judge.falling(signal=signal, rule=rule, trigger=rules.trigger, past=past)


def _rule(name: str, signals: policy.Signals) -> policy.Level:
    """The rule of a signal. Accuracy at another mix, or of a day, rests on the labels of live accuracy: whoever makes that one deafer means all."""
    rule: policy.Level = getattr(signals, name)
    if name not in ("mix_adjusted_accuracy", "recent_accuracy"):
        return rule
    accuracy = signals.live_accuracy
    return dataclasses.replace(rule, min_n=max(rule.min_n, accuracy.min_n), enter=min(rule.enter, accuracy.enter), leave=min(rule.leave, accuracy.leave))


def sampled_n(reference: runs.Reference | None, intents: Sequence[str] = present.INTENTS) -> int | None:
    """On how many labels of these intents the reference's figures rest: about their share of all; None where nobody says."""
    if reference is None or reference.accuracy_n is None or intents == present.INTENTS:
        return reference.accuracy_n if reference else None
    mine, every = sum(reference.intent_counts.get(intent, 0) for intent in intents), sum(reference.intent_counts.values())
    return max(1, round(reference.accuracy_n * mine / every)) if every else None


def expected(reference: runs.Reference | None, name: str, sampled: live.Sample) -> float | None:
    """What the reference says of a label-based signal. Of accuracy at today's mix: one that moves to harder intents lowers it, and no training cures that.

    accuracy + sum over intents of (share now - share then) x recall then (where none is known, accuracy), never more than accuracy; rare recall is the
    mean over the rare intents the reference has figures of.
    """
    if reference is None:
        return None
    recall = reference.recall or {}
    if name in ("live_accuracy", "recent_accuracy"):
        return None if reference.accuracy is None else reference.accuracy + min(0.0, _moved(reference, recall, sampled))
    return _mean(recall, dict.fromkeys(present.RARE, 1)) if name == "rare_recall" else None


def _mean(recall: Mapping[str, float], counts: Mapping[str, int]) -> float | None:
    known = [(recall[intent], counts[intent]) for intent in present.INTENTS if intent in recall and counts.get(intent)]
    total = sum(count for _, count in known)
    return math.fsum(value * count for value, count in known) / total if total else None


def _moved(reference: runs.Reference, recall: Mapping[str, float], sampled: live.Sample) -> float:
    before = sum(reference.intent_counts.values())
    if not len(sampled) or not before:
        return 0.0
    weight = 1 / sampled.p
    now = [math.fsum(weight[sampled.predicted == i].tolist()) for i in range(len(present.INTENTS))]
    then = [reference.intent_counts.get(intent, 0) / before for intent in present.INTENTS]
    total = math.fsum(now)
    return math.fsum(
        (part / total - share) * recall.get(intent, reference.accuracy or 0.0) for part, share, intent in zip(now, then, present.INTENTS, strict=True)
    )


def _betting(known: Labelled, reference: float | None, history: History, rules: policy.Policy) -> verdicts.Verdict:
    """The evidence that may be looked at after every label; it finds a collapse long before an interval does."""
    accuracy = rules.signals.live_accuracy
    rule = dataclasses.replace(rules.signals.accuracy_e_value, min_n=max(rules.signals.accuracy_e_value.min_n, accuracy.min_n))  # the same labels
    recent = known.recent(rule.horizon)
    told = recent.chosen(recent.label != live.UNLABELLED)
    right = told.predicted == told.label
    order = np.lexsort((told.p, right, told.ts_us))  # oldest first; of rows of one instant any order must give the same bits
    floor = judge.lowest(accuracy, reference, rules.trigger.accuracy_margin)
    weight = told.p.min(initial=1.0) / told.p
    begins = np.searchsorted(told.ts_us[order], [times.micros(known.at - back) for back in _BETTING])
    value = sequential.log10_e_value(right[order], weight[order], floor, begins.tolist())
    signal = known.signal("accuracy_e_value", rule.horizon, value, len(told), low=value, reference=floor)  # a bound by itself: no interval
    return judge.verdict(signal, rule, history.get("accuracy_e_value", ()))


def _gap(known: Labelled, rule: policy.Level) -> verdicts.Signal:
    """Accuracy on held-out rows less live accuracy; the held-out rows are a sample too."""
    found, reference = _figure(known, "live_accuracy", rule.horizon), known.reference
    if reference is None or reference.accuracy is None or found.estimate is None or found.low is None or found.high is None:
        return known.signal("offline_live_gap", rule.horizon, None, found.n_labels)
    offline, n = reference.accuracy, reference.accuracy_n
    value, low, high = proportion.difference(_then(offline, n), (found.estimate, found.low, found.high))
    return known.signal("offline_live_gap", rule.horizon, value, found.n_labels, low=low, high=high, reference=offline, reference_n=n)


def _then(value: float, n: int | None) -> proportion.Known:
    """A reference's figure: without error only where nobody says on how many labels it rests."""
    return proportion.known(value * n, n) if n else (value, value, value)


def _recall_lost(known: Labelled, rule: policy.Level) -> verdicts.Signal:
    """The intent whose recall has fallen most surely under the reference's: by how much, and the chance of it (normal, times the intents looked at)."""
    fallen = _losses(known, rule.horizon, least=rule.min_n)
    if not fallen:
        return known.signal("intent_recall_lost", rule.horizon, None, max((lost.n for lost in _losses(known, rule.horizon, least=0)), default=0))
    worst = max(fallen, key=lambda lost: (lost.z, lost.n))
    p = min(1.0, len(fallen) * NormalDist().cdf(-worst.z))
    return known.signal("intent_recall_lost", rule.horizon, worst.value, worst.n, low=worst.low, high=worst.high, p_value=p, reference=worst.then)


@dataclass(frozen=True, slots=True)
class _Lost:
    """By how much a recall of n labels lies under what it was `then`, with its 95 % interval, and how many standard errors that is."""

    value: float
    low: float
    high: float
    n: int
    then: float
    intent: str

    @property
    def z(self) -> float:
        return self.value / max(self.value - self.low, 1e-9) * proportion.Z95


def _losses(known: Labelled, horizon: str, *, least: int) -> list[_Lost]:
    """Of every intent that has a recall in the reference and `least` labels now."""
    before = known.reference.recall or {} if known.reference else {}
    recalls = [each for each in known.estimates[horizon] if each.metric == "recall" and each.intent in before and each.estimate is not None]
    return [_fallen_by(known.reference, each, before[str(each.intent)]) for each in recalls if each.n_labels >= least]


def _fallen_by(reference: runs.Reference | None, found: live.Estimate, then: float) -> _Lost:
    assert found.estimate is not None
    assert found.low is not None
    assert found.high is not None
    lost = proportion.difference(_then(then, sampled_n(reference, (str(found.intent),))), (found.estimate, found.low, found.high))
    return _Lost(*lost, found.n_labels, then, str(found.intent))


def _starved(known: Labelled, rules: policy.Policy) -> verdicts.Signal:
    """The share of the messages that were to be labelled, and whose time for it is over, that nobody has labelled."""
    rule = rules.signals.label_starved
    asked = known.sampled.between(known.at - windows.HORIZONS[rule.horizon], known.at - dt.timedelta(hours=rules.labels.maturity_hours))
    n, missing = len(asked), int((asked.label == live.UNLABELLED).sum())
    low, high = proportion.wilson(missing, n)
    return known.signal("label_starved", rule.horizon, missing / n if n else None, n, low=low, high=high)
