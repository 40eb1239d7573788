"""Pure. One evaluation of one model at one instant: windows and labels as known then -> verdicts -> decision. Live, replay and backfill call this alike."""

import dataclasses
import datetime as dt
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from retrain import trigger
from retrain.evaluation import live
from schemas import decisions, policy, runs, taxonomy, verdicts, windows
from streams import columns, detail, judge, measure
from streams.stats import histogram, sequential

History = Mapping[str, Sequence[verdicts.Verdict]]
Tally = windows.Tally  # inside Moment its field `windows` hides the module

EARLIER = tuple(week * windows.HORIZONS["7d"] for week in (1, 2, 3, 4))  # the same hour of these weeks back says what is usual
REMEMBERED = dt.timedelta(days=28)  # how far back verdicts count
_BETTING = tuple(dt.timedelta(days=days) for days in (7, 3, 1))  # bets begin so long ago: on the whole week, and on what may be new in it
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
    earlier: Tally | None = None  # of the same hour of earlier weeks, whichever model was champion


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
    past = _since_release(past, moment.at, itertools.chain(*history.values(), fresh), rules)
    taken = trigger.decision(together, past, rules, model=moment.model, at=moment.at)
    return Evaluation(fresh, standing, estimates, taken, past)


def _since_release(past: decisions.Past, at: dt.datetime, seen: Iterable[verdicts.Verdict], rules: policy.Policy) -> decisions.Past:
    """What tells a bad release, for as long as a release may be blamed. `past.well`: what is known already; verdicts may have been forgotten."""
    if past.promoted_at is None or at - past.promoted_at > dt.timedelta(hours=rules.trigger.release_hours):
        return dataclasses.replace(past, well=(), well_before=(), ill_before=())
    mature = past.promoted_at + dt.timedelta(hours=rules.labels.maturity_hours)
    return dataclasses.replace(past, well=tuple(sorted({*past.well, *well(seen, labelled_from=mature)})))


def well(seen: Iterable[verdicts.Verdict], *, labelled_from: dt.datetime | None = None) -> tuple[str, ...]:
    """The names of the signals that have stood well at least once, in order. Of label-based ones only from `labelled_from` on: the first labels say little."""
    found = [v.signal for v in seen if v.verdict is verdicts.Level.OK and not v.in_breach]
    return tuple(sorted({s.signal for s in found if s.signal not in trigger.QUALITY or labelled_from is None or s.end >= labelled_from}))


def last(history: History) -> tuple[str, ...]:
    """The names of the signals that stood well when they were judged last: what the next model begins with as `well_before`."""
    return well([seen[-1] for seen in history.values() if seen])


def ill(history: History) -> tuple[str, ...]:
    """The names of the signals in breach when they were judged last: the next model's `ill_before`."""
    return tuple(sorted(name for name, seen in history.items() if seen and seen[-1].in_breach))


def measured(moment: Moment, judged: Iterable[verdicts.Verdict]) -> tuple[verdicts.Signal, ...]:
    """Every label-free signal of the moment's windows that none of the verdicts `judged` is about. For the record: the trigger never sees them."""
    known = {(v.signal.horizon, v.signal.signal, v.signal.intent) for v in judged}
    found = [(*measure.signals(window, moment.reference), *detail.signals(window, moment.reference)) for _, window in sorted(moment.windows.items())]
    return tuple(s for signals in found for s in signals if s.n and (s.horizon, s.signal, s.intent) not in known)


def seen(tally: windows.Tally, before: runs.Reference) -> runs.Reference:
    """The reference as traffic shows it, with one answer at least; what labels said of the model before stays."""
    return dataclasses.replace(
        before,
        n=int(tally.intent_count.sum()),
        intent_counts=dict(zip(taxonomy.INTENTS, tally.intent_count.tolist(), strict=True)),
        mean_confidence=tally.confidence_sum_micro / windows.MICRO / tally.answered,
        low_confidence_rate=int(tally.intent_low.sum()) / tally.answered,
        p95_latency_ms=histogram.quantile_ms(tally.latency_bins, 0.95),
        script_counts=dict(zip(taxonomy.SCRIPTS, tally.script_count.tolist(), strict=True)),
        tokenizer=before.tokenizer if before.tokenizer is not None else tally.tokenizer,
    )


def within(moment: Moment, horizon: str) -> tuple[live.Estimate, ...]:
    """Label figures of the trailing `horizon`."""
    start = moment.at - windows.HORIZONS[horizon]
    hours = {hour: found for hour, found in moment.hours.items() if start <= hour < moment.at}
    return live.estimates(moment.sampled.between(start, moment.at), hours)


def _traffic(moment: Moment, history: History, rules: policy.Policy) -> Iterable[verdicts.Verdict]:
    found: dict[str, dict[str, verdicts.Signal]] = {}
    least = min(windows.HORIZONS[rule.horizon] for rule in (rules.signals.intent_mix_kl, rules.signals.intent_mix_shift))
    for horizon, window in moment.windows.items():
        mix = windows.HORIZONS[horizon] >= least  # its test is dear: only where it may be judged
        for signal in measure.signals(window, moment.reference, mix=mix):
            found.setdefault(signal.signal, {})[horizon] = signal
    if "1h" in moment.windows and moment.earlier is not None:
        found |= {signal.signal: {"1h": signal} for signal in measure.spikes(moment.windows["1h"], moment.earlier)}
    for name, by_horizon in sorted(found.items()):
        rule = _enough(getattr(rules.signals, name), by_horizon)
        if rule.horizon in by_horizon:
            start = moment.windows[rule.horizon].start
            yield judge.verdict(by_horizon[rule.horizon], rule, _disjoint(history.get(name, ()), start, rule))


def _enough(rule: policy.Level, by_horizon: Mapping[str, verdicts.Signal]) -> policy.Level:
    """The rule; where its window holds too few logs, on the shortest longer one that ends now and holds enough.

    A shop with a hundred messages an hour never has the thousand that an error rate of half a percent needs, but its day has. A longer
    window is several in one, so a single one suffices.
    """
    longer = [h for h in windows.HORIZONS if windows.HORIZONS[h] >= windows.HORIZONS[rule.horizon] and h in by_horizon and by_horizon[h].n >= rule.min_n]
    return rule if not longer or longer[0] == rule.horizon else dataclasses.replace(rule, horizon=longer[0], k=1, of=1)


def _labelled(moment: Moment, estimates: Sequence[live.Estimate], history: History, rules: policy.Policy) -> Iterable[verdicts.Verdict]:
    known = {name: expected(moment.reference, name, moment.sampled) for name in _LABELLED}
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
            reference=known[name],
            reference_n=sampled_n(moment.reference, name),
        )
        needed = max(0, rule.min_n - found.n_labels)
        yield judge.falling(signal=signal, rule=rule, trigger=rules.trigger, past=history.get(name, ()), labels_needed=needed)
    yield _betting(moment, known["live_accuracy"], history, rules)


def sampled_n(reference: runs.Reference | None, name: str) -> int | None:
    """On how many labels the reference's figure rests; of the rare intents about their share of them."""
    if reference is None or reference.accuracy_n is None or name == "live_accuracy":
        return reference.accuracy_n if reference else None
    rare, every = sum(reference.intent_counts.get(intent, 0) for intent in taxonomy.RARE), sum(reference.intent_counts.values())
    return max(1, round(reference.accuracy_n * rare / every)) if every else None


def _betting(moment: Moment, reference: float | None, history: History, rules: policy.Policy) -> verdicts.Verdict:
    """The evidence that may be looked at after every label; it finds a collapse long before an interval does."""
    accuracy = rules.signals.live_accuracy
    rule = dataclasses.replace(rules.signals.accuracy_e_value, min_n=max(rules.signals.accuracy_e_value.min_n, accuracy.min_n))  # the same labels
    recent = moment.sampled.between(moment.at - windows.HORIZONS[rule.horizon], moment.at)
    known = recent.chosen(recent.label != live.UNLABELLED)
    right = known.predicted == known.label
    order = np.lexsort((known.p, right, known.ts_us))  # oldest first; of rows of one instant any order must give the same bits
    floor = judge.lowest(accuracy, reference, rules.trigger.accuracy_margin)
    weight = known.p.min(initial=1.0) / known.p
    begins = np.searchsorted(known.ts_us[order], [columns.micros(moment.at - back) for back in _BETTING])
    value = sequential.log10_e_value(right[order], weight[order], floor, begins.tolist())
    signal = verdicts.Signal(
        moment.model, rule.horizon, moment.at, "accuracy_e_value", value, len(known), low=value, reference=floor
    )  # a bound by itself: no interval
    return judge.verdict(signal, rule, history.get("accuracy_e_value", ()))


def expected(reference: runs.Reference | None, name: str, sampled: live.Sample) -> float | None:
    """What the reference says of a label-based signal at today's mix: a mix that moves to harder intents lowers accuracy, and no training cures that.

    accuracy + sum over intents of (share now - share then) x recall then, never more than accuracy; rare recall is the mean over the rare
    intents the reference has figures of.
    """
    if reference is None:
        return None
    recall = reference.recall or {}
    if name == "live_accuracy":
        return None if reference.accuracy is None else reference.accuracy + min(0.0, _moved(reference, recall, sampled))
    rare = [value for intent, value in sorted(recall.items()) if intent in taxonomy.RARE]
    return sum(rare) / len(rare) if rare else None


def _moved(reference: runs.Reference, recall: Mapping[str, float], sampled: live.Sample) -> float:
    before = sum(reference.intent_counts.values())
    if not len(sampled) or not before or set(recall) != set(taxonomy.INTENTS):
        return 0.0
    weight = 1 / sampled.p
    now = [math.fsum(weight[sampled.predicted == i].tolist()) for i in range(len(taxonomy.INTENTS))]
    then = [reference.intent_counts.get(intent, 0) / before for intent in taxonomy.INTENTS]
    total = math.fsum(now)
    return math.fsum((part / total - share) * recall[intent] for part, share, intent in zip(now, then, taxonomy.INTENTS, strict=True))


def _disjoint(past: Sequence[verdicts.Verdict], start: dt.datetime, rule: policy.Level) -> list[verdicts.Verdict]:
    """The newest earlier verdicts on windows that overlap neither the new one nor each other, oldest first, as many as the rule looks back at: k of n must
    count evidence once.
    """
    chosen: list[verdicts.Verdict] = []
    for verdict in reversed(past):
        if len(chosen) >= max(1, rule.of - 1):
            break
        if verdict.signal.end <= start:
            chosen.append(verdict)
            start = verdict.signal.end - windows.HORIZONS[rule.horizon]
    return chosen[::-1]
