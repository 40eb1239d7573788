"""Pure. What labels say of a model -> verdicts: whether its answers got worse, whether a moved mix
hides that, and whether there are labels at all.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from retrain.decide import bets, recalls, unanswered
from retrain.decide.view import View
from retrain.evaluation import checks, live, reference, slices, standardised
from schemas import policy, present, runs, signals, verdicts, windows
from streams.signals import judge
from streams.stats import proportion

ByHorizon = Mapping[str, live.Figures]
Promised = Mapping[str, float | None]  # what one may expect of accuracy, by horizon

FALLING: Final = tuple(signal.name for signal in signals.ALL if signal.falls)
_OF_RARE: Final = (signals.RARE_RECALL.name, signals.RARE_RECALL_LEVEL.name)
OF_ALL: Final = (
    signals.LIVE_ACCURACY.name,
    signals.RECENT_ACCURACY.name,
    signals.WORST_CASE_ACCURACY.name,
)
# A service level -> the figure it is of.
_OF_LEVEL: Final = {
    signals.LIVE_ACCURACY_LEVEL.name: signals.LIVE_ACCURACY.name,
    signals.RARE_RECALL_LEVEL.name: signals.RARE_RECALL.name,
}
_FEW_DAYS: Final = (2, 3)
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


def verdicts_of(
    view: View,
    figures: ByHorizon,
    rules: policy.Policy,
) -> Iterator[verdicts.Verdict]:
    """Every label-based verdict."""
    promised = {}
    for horizon in figures:
        promised[horizon] = reference.accuracy(view.reference, view.recent(horizon))
    fallen = {name: _fallen(view, figures, name, rules, promised) for name in FALLING}
    accuracy = fallen[signals.LIVE_ACCURACY.name]
    silent = unanswered.more_than_usual(view, rules)
    yield from _as_labels_allow(view, figures, fallen, silent.in_breach, rules)
    yield silent
    yield bets.verdict(view, accuracy.signal.reference, rules)

    yield recalls.verdict(view, figures[rules.signals.intent_recall_lost.horizon], rules)
    for signal in (
        _gap(view, figures, rules.signals.offline_live_gap),
        unanswered.starved(view, rules),
    ):
        rule = getattr(rules.signals, signal.signal)
        before = view.history.get(signal.signal, ())
        yield judge.verdict(signal, rule, before)


def measured(
    view: View,
    figures: ByHorizon,
    horizon: str,
) -> Iterator[verdicts.Signal]:
    """What labels say that no rule judges, for the record."""
    recent = view.recent(horizon)
    for each in (*checks.figures(recent), *slices.figures(recent)):
        yield view.signal(
            each.name,
            horizon,
            each.value,
            each.n,
            low=each.low,
            high=each.high,
            noise_floor=each.noise_floor,
            p_value=each.p_value,
            intent=each.intent,
        )

    losses = recalls.losses(
        view.reference, figures[horizon].recalls, least=live.LABELS_OF_AN_INTENT
    )
    for lost in losses:
        yield view.signal(
            "recall_lost",
            horizon,
            lost.value,
            lost.n,
            low=lost.low,
            high=lost.high,
            reference=lost.then,
            intent=lost.intent,
        )


def falling(
    view: View,
    estimate: live.Estimate,
    horizon: str,
    rules: policy.Policy,
    past: Sequence[verdicts.Verdict] = (),
    expected: float | None = None,
    sure_of: str | None = None,
) -> verdicts.Verdict:
    """Judge a figure that should not fall under what is `expected` of it; if not told, what the
    reference says. `sure_of`: a horizon, if one has to be as sure of a loss as of that.
    """
    name = estimate.metric
    rule = dataclasses.replace(_rule(name, rules.signals), horizon=horizon)
    if expected is None:
        expected = _expected(view, name, horizon)
    intents = present.RARE if name in _OF_RARE else present.INTENTS
    signal = view.signal(
        name,
        horizon,
        estimate.estimate,
        estimate.n_labels,
        low=estimate.low,
        high=estimate.high,
        reference=expected,
        reference_n=reference.labels(view.reference, intents),
    )
    if sure_of is not None:
        rule = dataclasses.replace(rule, horizon=sure_of)
    return judge.falling(signal=signal, rule=rule, trigger=rules.trigger, past=past)


def _fallen(
    view: View,
    figures: ByHorizon,
    name: str,
    rules: policy.Policy,
    promised: Promised,
) -> verdicts.Verdict:
    """The verdict on one of FALLING, at the horizon of its rule."""
    horizon = getattr(rules.signals, name).horizon
    of_window = figures[horizon]
    accuracy = of_window.accuracy
    past = view.history.get(name, ())

    if name == signals.MIX_ADJUSTED_ACCURACY.name:
        recall, counts = _of_both(view.reference, of_window)
        at_mix = standardised.accuracy(of_window.recalls, counts)
        expected = reference.mean_recall(recall, counts)
        return falling(view, at_mix, horizon, rules, past, expected)

    if name in _OF_RARE:
        rare = dataclasses.replace(of_window.rare_recall, metric=name)
        return _told(view, falling(view, rare, horizon, rules, past), promised)

    if name == signals.WORST_CASE_ACCURACY.name:
        return _worst(view, of_window, rules, promised[horizon])

    if name == signals.RECENT_ACCURACY.name:
        return _recent(view, accuracy, figures["7d"].accuracy, rules, promised[horizon])

    of_all = dataclasses.replace(accuracy, metric=name)
    expected = promised[horizon] if name in OF_ALL else None
    return _told(view, falling(view, of_all, horizon, rules, past, expected), promised)


def _recent(
    view: View,
    day: live.Estimate,
    week: live.Estimate,
    rules: policy.Policy,
    expected: float | None,
) -> verdicts.Verdict:
    """The verdict on accuracy of the last day; where that shows no loss, and the week does not look
    well, of the last two or three, if these show one: few labels are a day's only then.
    """
    name = signals.RECENT_ACCURACY.name
    rule = _rule(name, rules.signals)
    # What was in breach on another day says nothing of the last one.
    past = view.history.get(name, ()) if day.n_labels >= rule.min_n else ()
    of_day = dataclasses.replace(day, metric=name)
    judged = falling(view, of_day, rule.horizon, rules, past, expected)
    if judged.verdict is verdicts.Level.BREACH or (week.estimate or 0.0) >= judged.limit:
        return judged

    for days in _FEW_DAYS:
        stretch = days * windows.HORIZONS[rule.horizon]
        if stretch > windows.HORIZONS["7d"]:
            break
        accuracy = live.overall(view.covered(stretch))
        of_days = dataclasses.replace(accuracy, metric=name)
        longer = falling(view, of_days, rule.horizon, rules, expected=expected)
        if longer.verdict is verdicts.Level.BREACH:
            return longer
    return judged


def _told(view: View, judged: verdicts.Verdict, promised: Promised) -> verdicts.Verdict:
    """The verdict; of a service level, which no reference moves, with what this version was at its
    promotion: it may never have met it.
    """
    meant = _OF_LEVEL.get(judged.signal.signal)
    if meant is None:
        return judged
    horizon = judged.signal.horizon
    before = promised[horizon] if meant in OF_ALL else _expected(view, meant, horizon)
    return dataclasses.replace(judged, signal=dataclasses.replace(judged.signal, reference=before))


def _worst(
    view: View,
    figures: live.Figures,
    rules: policy.Policy,
    expected: float | None,
) -> verdicts.Verdict:
    """The verdict on live accuracy if what annotators leave out were wrong: over the week, or where
    that shows nothing, over its last days, of which one has to be as sure as of a day.
    """
    name = signals.WORST_CASE_ACCURACY.name
    past = view.history.get(name, ())
    horizon = getattr(rules.signals, name).horizon
    bounds = view.bounds(figures.covered)
    if bounds is None:
        as_told = dataclasses.replace(figures.accuracy, metric=name)
        return falling(view, as_told, horizon, rules, past, expected)

    of_week = dataclasses.replace(bounds.worst, metric=name)
    judged = falling(view, of_week, horizon, rules, past, expected)
    lately = None if judged.in_breach else view.bounds(view.lately)
    if lately is not None:
        of_days = dataclasses.replace(lately.worst, metric=name)
        of_days_judged = falling(view, of_days, horizon, rules, past, expected, sure_of="1d")
        if of_days_judged.in_breach:
            judged, bounds = of_days_judged, lately
    return dataclasses.replace(judged, strata=bounds.strata)


def _as_labels_allow(
    view: View,
    figures: ByHorizon,
    fallen: Mapping[str, verdicts.Verdict],
    silent: bool,
    rules: policy.Policy,
) -> Iterator[verdicts.Verdict]:
    """The verdicts; where labels do not speak for all, live accuracy has the interval of all that
    they leave open, and is blind unless that proves a loss. `silent`: more of all messages than
    usual have no label.
    """
    worst = fallen[signals.WORST_CASE_ACCURACY.name]
    biased = silent or (worst.in_breach and worst.strata)
    for name, verdict in fallen.items():
        if not biased or name != signals.LIVE_ACCURACY.name:
            yield verdict
            continue
        horizon = verdict.signal.horizon
        bounds = view.bounds(figures[horizon].covered)
        wide = verdict
        if bounds is not None:
            accuracy = figures[horizon].accuracy
            open_ = dataclasses.replace(accuracy, low=bounds.worst.low, high=bounds.best.high)
            wide = falling(view, open_, horizon, rules, view.history.get(name, ()))
        level = wide.verdict if wide.in_breach else verdicts.Level.BLIND
        yield dataclasses.replace(wide, verdict=level, strata=worst.strata)


def _of_both(
    before: runs.Reference | None,
    now: live.Figures,
) -> tuple[Mapping[str, float], Mapping[str, int]]:
    """The reference's recalls, and its counts of the intents that have one there and labels enough
    now; none where these are too little of its mix.
    """
    if before is None:
        return {}, {}
    recall = before.recall or {}
    labelled = set()
    for each in now.recalls:
        if each.n_labels >= live.LABELS_OF_AN_INTENT:
            labelled.add(each.intent)

    counts = {}
    for intent, n in before.intent_counts.items():
        if intent in recall and intent in labelled:
            counts[intent] = n

    all_logs = sum(before.intent_counts.values())
    if sum(counts.values()) < _SAME_MIX * all_logs:
        return recall, {}
    return recall, counts


def _expected(view: View, name: str, horizon: str) -> float | None:
    """What the reference says of a label-based signal; nothing of a service level, which no model
    moves.
    """
    if name in OF_ALL:
        return reference.accuracy(view.reference, view.recent(horizon))
    if name == signals.RARE_RECALL.name and view.reference is not None:
        equally = dict.fromkeys(present.RARE, 1)
        return reference.mean_recall(view.reference.recall or {}, equally)
    return None


def _rule(name: str, levels: policy.Signals) -> policy.Level:
    """The rule of a signal. Accuracy at another mix, or of a day, rests on the labels of live
    accuracy: whoever makes that one deafer means all.
    """
    rule: policy.Level = getattr(levels, name)
    if name not in (*OF_ALL, signals.MIX_ADJUSTED_ACCURACY.name):
        return rule
    accuracy = levels.live_accuracy
    return dataclasses.replace(
        rule,
        min_n=max(rule.min_n, accuracy.min_n),
        enter=min(rule.enter, accuracy.enter),
        leave=min(rule.leave, accuracy.leave),
    )


def _gap(
    view: View,
    figures: ByHorizon,
    rule: policy.Level,
) -> verdicts.Signal:
    """Accuracy on held-out rows less live accuracy; the held-out rows are a sample too."""
    name, before = signals.OFFLINE_LIVE_GAP.name, view.reference
    now = figures[rule.horizon].accuracy
    nothing = view.signal(name, rule.horizon, None, now.n_labels)
    if before is None or before.accuracy is None:
        return nothing
    if now.estimate is None or now.low is None or now.high is None:
        return nothing

    held_out = proportion.promise(before.accuracy, before.accuracy_n)
    live_now = (now.estimate, now.low, now.high)
    value, low, high = proportion.difference(held_out, live_now)
    return view.signal(
        name,
        rule.horizon,
        value,
        now.n_labels,
        low=low,
        high=high,
        reference=before.accuracy,
        reference_n=before.accuracy_n,
    )
