"""Pure. What labels say of a model -> verdicts: whether its answers got worse, whether a moved mix
hides that, and whether there are labels at all.
"""

import dataclasses
import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Final

import numpy as np

from retrain.decide.view import View
from retrain.evaluation import checks, live, reference, slices
from schemas import policy, present, runs, signals, times, verdicts, windows
from streams.signals import judge
from streams.stats import proportion, sequential

ByHorizon = Mapping[str, live.Figures]  # by horizon

FALLING: Final = tuple(signal.name for signal in signals.ALL if signal.falls)
# Bets begin so long ago: on the whole week, and on what may be new in it.
_BETTING: Final = tuple(dt.timedelta(days=days) for days in (7, 3, 1))
_SAME_MIX = 0.9  # the accuracies at a mix compare only over intents that are most of it


def horizons(rules: policy.Policy) -> set[str]:
    """Of which horizons label figures are needed: those the policy judges, and the day and the week
    that log lines tell of.
    """
    judged = {getattr(rules.signals, name).horizon for name in FALLING}
    return judged | {
        rules.signals.offline_live_gap.horizon,
        rules.signals.intent_recall_lost.horizon,
        "1d",
        "7d",
    }


def verdicts_of(view: View, figures: ByHorizon, rules: policy.Policy) -> Iterator[verdicts.Verdict]:
    """Every label-based verdict."""
    fallen = {name: _fallen(view, figures, name, rules) for name in FALLING}
    yield from fallen.values()
    yield _betting(view, fallen[signals.LIVE_ACCURACY.name].signal.reference, rules)
    levels = rules.signals
    others = (
        _gap(view, figures, levels.offline_live_gap),
        _recall_lost(view, figures, levels.intent_recall_lost),
        _starved(view, rules),
    )
    for signal in others:
        rule = getattr(levels, signal.signal)
        yield judge.verdict(signal, rule, view.history.get(signal.signal, ()))


def measured(view: View, figures: ByHorizon, horizon: str) -> Iterator[verdicts.Signal]:
    """What labels say that no rule judges, for the record."""
    recent = view.recent(horizon)
    for each in (*checks.figures(recent), *slices.figures(recent)):
        yield _signal(
            view, each.name, horizon, each.value, each.n, low=each.low, high=each.high,
            noise_floor=each.noise_floor, p_value=each.p_value, intent=each.intent,
        )  # fmt: skip
    for lost in _losses(view, figures[horizon], least=live.LABELS_OF_AN_INTENT):
        yield _signal(
            view, "recall_lost", horizon, lost.value, lost.n, low=lost.low, high=lost.high,
            reference=lost.then, intent=lost.intent,
        )  # fmt: skip


def falling(
    view: View,
    estimate: live.Estimate,
    horizon: str,
    rules: policy.Policy,
    past: Sequence[verdicts.Verdict] = (),
    expected: float | None = None,
) -> verdicts.Verdict:
    """Judge a figure that should not fall under what is `expected` of it; if not told, what the
    reference says.
    """
    name = estimate.metric
    rule = dataclasses.replace(_rule(name, rules.signals), horizon=horizon)
    if expected is None:
        expected = _expected(view, name, horizon)
    mine = present.RARE if name == signals.RARE_RECALL.name else present.INTENTS
    signal = _signal(
        view, name, horizon, estimate.estimate, estimate.n_labels, low=estimate.low,
        high=estimate.high, reference=expected, reference_n=reference.labels(view.reference, mine),
    )  # fmt: skip
    return judge.falling(signal=signal, rule=rule, trigger=rules.trigger, past=past)


def _signal(
    view: View, name: str, horizon: str, value: float | None, n: int, **more: Any
) -> verdicts.Signal:
    """A signal of the horizon that ends at the view's instant. `more`: what else verdicts.Signal
    has of it.
    """
    return verdicts.Signal(view.model, horizon, view.at, name, value, n, **more)


def _fallen(view: View, figures: ByHorizon, name: str, rules: policy.Policy) -> verdicts.Verdict:
    """The verdict on one of FALLING, at the horizon of its rule."""
    horizon = getattr(rules.signals, name).horizon
    of_window, past = figures[horizon], view.history.get(name, ())
    if name == signals.MIX_ADJUSTED_ACCURACY.name:
        recall, counts = _of_both(view.reference, of_window)
        at_mix = live.at_mix(of_window.recalls, counts)
        return falling(view, at_mix, horizon, rules, past, reference.mean_recall(recall, counts))
    if name == signals.RARE_RECALL.name:
        return falling(view, of_window.rare_recall, horizon, rules, past)
    if name == signals.RECENT_ACCURACY.name:
        # What was in breach on another day says nothing of the last one.
        past = past if of_window.accuracy.n_labels >= _rule(name, rules.signals).min_n else ()
        recent = dataclasses.replace(of_window.accuracy, metric=name)
        return falling(view, recent, horizon, rules, past)
    return falling(view, of_window.accuracy, horizon, rules, past)


def _of_both(
    before: runs.Reference | None, now: live.Figures
) -> tuple[Mapping[str, float], Mapping[str, int]]:
    """The reference's recalls, and its counts of the intents that have one there and labels enough
    now; none where these are too little of its mix.
    """
    if before is None:
        return {}, {}
    recall = before.recall or {}
    told = {each.intent for each in now.recalls if each.n_labels >= live.LABELS_OF_AN_INTENT}
    counts = {
        intent: n
        for intent, n in before.intent_counts.items()
        if intent in recall and intent in told
    }
    enough = sum(counts.values()) >= _SAME_MIX * sum(before.intent_counts.values())
    return recall, counts if enough else {}


def _expected(view: View, name: str, horizon: str) -> float | None:
    """What the reference says of a label-based signal."""
    before = view.reference
    if before is None:
        return None
    if name in (signals.LIVE_ACCURACY.name, signals.RECENT_ACCURACY.name):
        return reference.accuracy(before, view.recent(horizon))
    if name == signals.RARE_RECALL.name:
        return reference.mean_recall(before.recall or {}, dict.fromkeys(present.RARE, 1))
    return None


def _rule(name: str, levels: policy.Signals) -> policy.Level:
    """The rule of a signal. Accuracy at another mix, or of a day, rests on the labels of live
    accuracy: whoever makes that one deafer means all.
    """
    rule: policy.Level = getattr(levels, name)
    if name not in (signals.MIX_ADJUSTED_ACCURACY.name, signals.RECENT_ACCURACY.name):
        return rule
    accuracy = levels.live_accuracy
    return dataclasses.replace(
        rule,
        min_n=max(rule.min_n, accuracy.min_n),
        enter=min(rule.enter, accuracy.enter),
        leave=min(rule.leave, accuracy.leave),
    )


def _betting(view: View, expected: float | None, rules: policy.Policy) -> verdicts.Verdict:
    """The evidence that may be looked at after every label; it finds a collapse long before an
    interval does.
    """
    name, accuracy = signals.ACCURACY_E_VALUE.name, rules.signals.live_accuracy
    own = rules.signals.accuracy_e_value
    rule = dataclasses.replace(own, min_n=max(own.min_n, accuracy.min_n))  # the same labels
    recent = view.recent(rule.horizon)
    told = recent.chosen(recent.label != live.UNLABELLED)
    right = told.predicted == told.label
    # Oldest first; of rows of one instant any order must give the same bits.
    order = np.lexsort((told.p, right, told.ts_us))
    floor = judge.lowest(accuracy, expected, rules.trigger.accuracy_margin)
    weight = told.p.min(initial=1.0) / told.p
    starts = [times.micros(view.at - back) for back in _BETTING]
    begins = np.searchsorted(told.ts_us[order], starts)
    value = sequential.log10_e_value(right[order], weight[order], floor, begins.tolist())
    # A bound by itself: no interval.
    signal = _signal(view, name, rule.horizon, value, len(told), low=value, reference=floor)
    return judge.verdict(signal, rule, view.history.get(name, ()))


def _gap(view: View, figures: ByHorizon, rule: policy.Level) -> verdicts.Signal:
    """Accuracy on held-out rows less live accuracy; the held-out rows are a sample too."""
    name, now, before = (
        signals.OFFLINE_LIVE_GAP.name,
        figures[rule.horizon].accuracy,
        view.reference,
    )
    if before is None or before.accuracy is None:
        return _signal(view, name, rule.horizon, None, now.n_labels)
    if now.estimate is None or now.low is None or now.high is None:
        return _signal(view, name, rule.horizon, None, now.n_labels)
    offline, n = before.accuracy, before.accuracy_n
    value, low, high = proportion.difference(_then(offline, n), (now.estimate, now.low, now.high))
    return _signal(
        view, name, rule.horizon, value, now.n_labels, low=low, high=high, reference=offline, reference_n=n
    )  # fmt: skip


def _then(value: float, n: int | None) -> proportion.Estimate:
    """A reference's figure: without error only where nobody says on how many labels it rests."""
    return proportion.estimate(value * n, n) if n else (value, value, value)


def _recall_lost(view: View, figures: ByHorizon, rule: policy.Level) -> verdicts.Signal:
    """The intent whose recall has fallen most surely under the reference's: by how much, and the
    chance of it (normal, times the intents looked at).
    """
    name, of_window = signals.INTENT_RECALL_LOST.name, figures[rule.horizon]
    fallen = _losses(view, of_window, least=rule.min_n)
    if not fallen:
        most = max((lost.n for lost in _losses(view, of_window, least=0)), default=0)
        return _signal(view, name, rule.horizon, None, most)
    worst = max(fallen, key=lambda lost: (lost.z, lost.n))
    p = min(1.0, len(fallen) * NormalDist().cdf(-worst.z))
    return _signal(
        view, name, rule.horizon, worst.value, worst.n, low=worst.low, high=worst.high, p_value=p, reference=worst.then
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Lost:
    """By how much a recall of n labels lies under what it was `then`, with its 95 % interval, and
    how many standard errors that is.
    """

    value: float
    low: float
    high: float
    n: int
    then: float
    intent: str

    @property
    def z(self) -> float:
        return self.value / max(self.value - self.low, 1e-9) * proportion.Z95


def _losses(view: View, now: live.Figures, *, least: int) -> list[_Lost]:
    """Of every intent that has a recall in the reference and `least` labels now."""
    before = view.reference.recall or {} if view.reference else {}
    losses = []
    for recall in now.recalls:
        if recall.intent in before and recall.estimate is not None and recall.n_labels >= least:
            losses.append(_lost(view.reference, recall, before[recall.intent]))
    return losses


def _lost(before: runs.Reference | None, recall: live.Estimate, then: float) -> _Lost:
    assert recall.intent is not None
    assert recall.estimate is not None
    assert recall.low is not None
    assert recall.high is not None
    was = _then(then, reference.labels(before, (recall.intent,)))
    difference = proportion.difference(was, (recall.estimate, recall.low, recall.high))
    return _Lost(*difference, recall.n_labels, then, recall.intent)


def _starved(view: View, rules: policy.Policy) -> verdicts.Signal:
    """The share of the messages that were to be labelled, and whose time for it is over, that
    nobody has labelled.
    """
    rule = rules.signals.label_starved
    begin = view.at - windows.HORIZONS[rule.horizon]
    asked = view.sampled.between(begin, view.at - dt.timedelta(hours=rules.labels.maturity_hours))
    n, missing = len(asked), int((asked.label == live.UNLABELLED).sum())
    low, high = proportion.wilson(missing, n)
    value = missing / n if n else None
    return _signal(view, signals.LABEL_STARVED.name, rule.horizon, value, n, low=low, high=high)
