"""Pure. One evaluation of one model at one instant: a view -> verdicts -> decision. Live, replay
and backfill call this alike.

Every number of the hour is measured once, here: what is recorded, said and decided is the same.
"""

import dataclasses
import datetime as dt
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from retrain.decide import mix, quality, record, release, trigger
from retrain.decide import view as views
from retrain.decide.view import View
from retrain.evaluation import live
from schemas import decisions, policy, signals, verdicts, windows
from streams.signals import detail, judge, measure

ByHorizon = Mapping[str, Sequence[verdicts.Signal]]


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation saw in `view`'s model.

    fresh: the verdicts reached now; standing: those of before that still hold; figures: what
    labels say, by horizon; by_window: what was measured without labels, by horizon.
    """

    view: View
    fresh: tuple[verdicts.Verdict, ...]
    standing: tuple[verdicts.Verdict, ...]
    figures: Mapping[str, live.Figures]
    by_window: ByHorizon
    decision: decisions.Decision
    past: decisions.Past

    @property
    def evidence(self) -> Mapping[str, object]:
        """What the decision rests on, as JSON: made when it is recorded, which a replay never
        does.
        """
        judged = (*self.fresh, *self.standing)
        taken = self.decision
        evidence = record.evidence(
            judged,
            self.past,
            model=taken.model,
            at=taken.at,
            costs=taken.costs,
            aside=self.view.aside,
        )
        return record.plain(evidence)

    @cached_property
    def measured(self) -> tuple[verdicts.Signal, ...]:
        """Every label-free signal that no fresh verdict is about: for the record, as the trigger
        never sees them.

        What no rule asked for is measured here, once, when it is recorded.
        """
        reference = self.view.reference
        every: list[verdicts.Signal] = []
        for horizon, window in sorted(self.view.windows.items()):
            every += self.by_window[horizon]
            if not _has_mix(self.by_window[horizon]):
                every += measure.mix(window, reference)
            every += detail.signals(window, reference)

        judged = {_place(verdict.signal) for verdict in self.fresh}
        return tuple(signal for signal in every if signal.n and _place(signal) not in judged)

    def value(self, name: str, horizon: str) -> float | None:
        """A label-free figure of the window of this horizon, judged or not; None where there is
        none.
        """
        wanted = (horizon, name, None)
        judged = (verdict.signal for verdict in self.fresh)
        for signal in itertools.chain(judged, self.measured):
            if _place(signal) == wanted:
                return signal.value
        return None


def evaluate(
    view: View,
    past: decisions.Past,
    rules: policy.Policy,
) -> Evaluation:
    """Judge what is new, keep what still stands, decide."""
    # A release is blamed by all it ever showed, also before something upstream was mended.
    whole_history = view.history
    if past.last_fix is not None:
        view = views.since(view, past.last_fix, rules.trigger.drift)

    figures = {horizon: view.figures(horizon) for horizon in quality.horizons(rules)}
    by_window = _measured(view, rules)
    without_labels = _traffic(view, by_window, rules)
    with_labels = quality.verdicts_of(view, figures, rules)
    fresh = (*without_labels, *with_labels)
    standing = _standing(view, {verdict.signal.signal for verdict in fresh})

    ever = itertools.chain(*whole_history.values(), fresh)
    past = release.blamed(past, view.until, ever, rules)
    judged = (*fresh, *standing)
    decision = trigger.decision(
        judged,
        past,
        rules,
        model=view.model,
        at=view.at,
        aside=view.aside,
    )
    if decision.decision is decisions.Kind.REWEIGHT:
        after = _under_new_reference(view, past, rules)
        decision = dataclasses.replace(decision, under_new_reference=after)
    return Evaluation(
        view=view,
        fresh=fresh,
        standing=standing,
        figures=figures,
        by_window=by_window,
        decision=decision,
        past=past,
    )


def _under_new_reference(
    view: View,
    past: decisions.Past,
    rules: policy.Policy,
) -> str | None:
    """What would be decided now, had the reference moved to the days that agree."""
    settled = mix.settled(view, rules)
    if settled is None:
        return None
    taken = evaluate(settled, past, rules).decision
    return " ".join(filter(None, (taken.decision, taken.hold_reason)))


def _place(signal: verdicts.Signal) -> tuple[str, str, str | None]:
    return signal.horizon, signal.signal, signal.intent


def _has_mix(measured: Sequence[verdicts.Signal]) -> bool:
    return any(signal.signal == signals.INTENT_MIX_KL.name for signal in measured)


def _standing(view: View, fresh: set[str]) -> tuple[verdicts.Verdict, ...]:
    """The newest verdicts on signals that were not judged now, while they are young enough to
    count.
    """
    standing = []
    for name, judged in view.history.items():
        if name in fresh or not judged:
            continue
        newest = judged[-1]
        age = view.at - newest.signal.end
        if age <= 2 * windows.STEPS[newest.signal.horizon]:
            standing.append(newest)
    return tuple(standing)


def _measured(
    view: View,
    rules: policy.Policy,
) -> dict[str, list[verdicts.Signal]]:
    """Every window's signals, each window measured once. The mix's test is dear: only where it may
    be judged.
    """
    kl, shift = rules.signals.intent_mix_kl, rules.signals.intent_mix_shift
    shortest = min(windows.HORIZONS[kl.horizon], windows.HORIZONS[shift.horizon])
    measured: dict[str, list[verdicts.Signal]] = {}
    # The longest first: the day asks the week.
    for horizon in sorted(view.windows, key=lambda name: -windows.HORIZONS[name]):
        window = view.windows[horizon]
        measured[horizon] = list(measure.signals(window, view.reference))
        if windows.HORIZONS[horizon] < shortest:
            continue
        usual = None
        if horizon == "1d":
            usual = mix.usual_day(view, measured.get("7d", ()), rules)
        measured[horizon] += measure.mix(window, view.reference, usual)
    return measured


def _traffic(
    view: View,
    by_window: ByHorizon,
    rules: policy.Policy,
) -> Iterable[verdicts.Verdict]:
    """The verdicts on everything that needs no label, in the order of names."""
    for name, by_horizon in sorted(_by_name(view, by_window).items()):
        rule = _enough(getattr(rules.signals, name), by_horizon)
        if rule.horizon in by_horizon:
            signal = by_horizon[rule.horizon]
            start = view.windows[rule.horizon].start
            before = _disjoint(view.history.get(name, ()), start, rule)
            verdict = judge.verdict(signal, rule, before)
            if name == mix.KL and verdict.in_breach:
                alike = mix.agreeing(view.last_days, rule)
                verdict = dataclasses.replace(verdict, days_alike=alike)
            yield verdict


def _by_name(
    view: View,
    by_window: ByHorizon,
) -> dict[str, dict[str, verdicts.Signal]]:
    """The signals that need no label by name and horizon; those that compare the hour with earlier
    weeks have the hour's alone.
    """
    by_name: dict[str, dict[str, verdicts.Signal]] = {}
    for horizon, measured in by_window.items():
        for signal in measured:
            by_name.setdefault(signal.signal, {})[horizon] = signal

    if "1h" in view.windows and view.earlier is not None:
        hour = view.windows["1h"]
        for signal in measure.against_earlier(hour, view.earlier, view.earlier_hours):
            by_name[signal.signal] = {"1h": signal}
    return by_name


def _enough(
    rule: policy.Level,
    by_horizon: Mapping[str, verdicts.Signal],
) -> policy.Level:
    """The rule; where its window holds too few logs and shows no glaring breach, on the shortest
    longer one that ends now and holds enough, or half of that and is clean, or a glaring breach.

    A shop with a hundred messages an hour never has the thousand that an error rate of half a
    percent needs, but its day has. A longer window is several in one, so a single one suffices.
    After a clean day nobody looks for what went wrong earlier in the week.
    """
    own = by_horizon.get(rule.horizon)
    if own is not None:
        if judge.glaring(own, rule):
            return dataclasses.replace(rule, min_n=own.n)
        if own.n >= rule.min_n:
            return rule

    for horizon, length in windows.HORIZONS.items():
        if length <= windows.HORIZONS[rule.horizon] or horizon not in by_horizon:
            continue
        signal = by_horizon[horizon]
        half_is_clean = 2 * signal.n >= rule.min_n and judge.clean(signal, rule)
        if signal.n >= rule.min_n or half_is_clean or judge.glaring(signal, rule):
            min_n = min(rule.min_n, signal.n)
            return dataclasses.replace(
                rule,
                horizon=horizon,
                k=1,
                of=1,
                min_n=min_n,
            )
    return rule


def _disjoint(
    past: Sequence[verdicts.Verdict],
    start: dt.datetime,
    rule: policy.Level,
) -> list[verdicts.Verdict]:
    """The newest earlier verdicts on windows that overlap neither the new one nor each other,
    oldest first, as many as the rule looks back at: k of n must count evidence once.
    """
    most = max(1, rule.of - 1)
    chosen: list[verdicts.Verdict] = []
    for verdict in reversed(past):
        if len(chosen) >= most:
            break
        if verdict.signal.end <= start:
            chosen.append(verdict)
            start = verdict.signal.end - windows.HORIZONS[rule.horizon]
    return chosen[::-1]
