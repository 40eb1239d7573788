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

from retrain.decide import quality, release, trigger
from retrain.decide import view as views
from retrain.decide.view import View
from retrain.evaluation import live
from schemas import decisions, policy, signals, verdicts, windows
from streams.signals import detail, judge, measure

ByHorizon = Mapping[str, Sequence[verdicts.Signal]]


@dataclass(frozen=True)
class Evaluation:
    """All that was found of `view`'s model.

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
        """What the decision rests on, as JSON: made when it is recorded, which a replay never does."""
        judged = (*self.fresh, *self.standing)
        return trigger.evidence(judged, self.past, model=self.decision.model, at=self.decision.at)

    @cached_property
    def measured(self) -> tuple[verdicts.Signal, ...]:
        """Every label-free signal that no fresh verdict is about: for the record, as the trigger
        never sees them.

        What no rule asked for is measured here, once, when it is recorded.
        """
        judged = {_place(verdict.signal) for verdict in self.fresh}
        rest: list[verdicts.Signal] = []
        for horizon, window in sorted(self.view.windows.items()):
            rest += self.by_window[horizon]
            if not _has_mix(self.by_window[horizon]):
                rest += measure.mix(window, self.view.reference)
            rest += detail.signals(window, self.view.reference)
        return tuple(signal for signal in rest if signal.n and _place(signal) not in judged)

    def value(self, name: str, horizon: str) -> float | None:
        """A label-free figure of the window of this horizon, judged or not; None where there is
        none.
        """
        for signal in itertools.chain((verdict.signal for verdict in self.fresh), self.measured):
            if (signal.horizon, signal.signal, signal.intent) == (horizon, name, None):
                return signal.value
        return None


def evaluate(view: View, past: decisions.Past, rules: policy.Policy) -> Evaluation:
    """Judge what is new, keep what still stands, decide."""
    whole = view.history
    if past.last_fix is not None:
        view = views.since(view, past.last_fix, rules.trigger.drift)
    figures = {horizon: view.figures(horizon) for horizon in quality.horizons(rules)}
    by_window = _measured(view, rules)
    fresh = (*_traffic(view, by_window, rules), *quality.verdicts_of(view, figures, rules))
    standing = _standing(view, {verdict.signal.signal for verdict in fresh})
    past = release.blamed(past, view.at, itertools.chain(*whole.values(), fresh), rules)
    taken = trigger.decision((*fresh, *standing), past, rules, model=view.model, at=view.at)
    return Evaluation(view, fresh, standing, figures, by_window, taken, past)


def _place(signal: verdicts.Signal) -> tuple[str, str, str | None]:
    return signal.horizon, signal.signal, signal.intent


def _has_mix(measured: Sequence[verdicts.Signal]) -> bool:
    return any(signal.signal == signals.INTENT_MIX_KL.name for signal in measured)


def _standing(view: View, fresh: set[str]) -> tuple[verdicts.Verdict, ...]:
    """The newest verdicts on signals that were not judged now, while they are young enough to
    count.
    """
    newest = [judged[-1] for name, judged in view.history.items() if name not in fresh and judged]
    return tuple(v for v in newest if view.at - v.signal.end <= 2 * windows.STEPS[v.signal.horizon])


def _measured(view: View, rules: policy.Policy) -> dict[str, list[verdicts.Signal]]:
    """Every window's signals, each window measured once. The mix's test is dear: only where it may
    be judged.
    """
    mix = (rules.signals.intent_mix_kl, rules.signals.intent_mix_shift)
    shortest = min(windows.HORIZONS[rule.horizon] for rule in mix)
    measured = {}
    for horizon, window in view.windows.items():
        measured[horizon] = list(measure.signals(window, view.reference))
        if windows.HORIZONS[horizon] >= shortest:
            measured[horizon] += measure.mix(window, view.reference)
    return measured


def _traffic(view: View, by_window: ByHorizon, rules: policy.Policy) -> Iterable[verdicts.Verdict]:
    """The verdicts on everything that needs no label, in the order of names."""
    by_name: dict[str, dict[str, verdicts.Signal]] = {}
    for horizon, measured in by_window.items():
        for signal in measured:
            by_name.setdefault(signal.signal, {})[horizon] = signal
    if "1h" in view.windows and view.earlier is not None:
        hour = view.windows["1h"]
        for signal in measure.against_earlier(hour, view.earlier, view.earlier_hours):
            by_name[signal.signal] = {"1h": signal}
    for name, by_horizon in sorted(by_name.items()):
        rule = _enough(getattr(rules.signals, name), by_horizon)
        if rule.horizon in by_horizon:
            start = view.windows[rule.horizon].start
            before = _disjoint(view.history.get(name, ()), start, rule)
            yield judge.verdict(by_horizon[rule.horizon], rule, before)


def _enough(rule: policy.Level, by_horizon: Mapping[str, verdicts.Signal]) -> policy.Level:
    """The rule; where its window holds too few logs and shows no glaring breach, on the shortest
    longer one that ends now and holds enough, or half of that and is clean.

    A shop with a hundred messages an hour never has the thousand that an error rate of half a
    percent needs, but its day has. A longer window is several in one, so a single one suffices.
    After a clean day nobody looks for what went wrong earlier in the week.
    """
    own = by_horizon.get(rule.horizon)
    if own is not None and judge.glaring(own, rule):
        return dataclasses.replace(rule, min_n=own.n)
    for horizon in (
        h
        for h in windows.HORIZONS
        if windows.HORIZONS[h] >= windows.HORIZONS[rule.horizon] and h in by_horizon
    ):
        signal, longer = by_horizon[horizon], horizon != rule.horizon
        if signal.n >= rule.min_n or (
            longer and 2 * signal.n >= rule.min_n and judge.clean(signal, rule)
        ):
            return (
                dataclasses.replace(
                    rule, horizon=horizon, k=1, of=1, min_n=min(rule.min_n, signal.n)
                )
                if longer
                else rule
            )
    return rule


def _disjoint(
    past: Sequence[verdicts.Verdict], start: dt.datetime, rule: policy.Level
) -> list[verdicts.Verdict]:
    """The newest earlier verdicts on windows that overlap neither the new one nor each other,
    oldest first, as many as the rule looks back at: k of n must count evidence once.
    """
    chosen: list[verdicts.Verdict] = []
    for verdict in reversed(past):
        if len(chosen) >= max(1, rule.of - 1):
            break
        if verdict.signal.end <= start:
            chosen.append(verdict)
            start = verdict.signal.end - windows.HORIZONS[rule.horizon]
    return chosen[::-1]
