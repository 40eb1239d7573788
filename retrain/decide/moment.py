"""Pure. One evaluation of one model at one instant: windows and labels as known then -> verdicts -> decision. Live, replay and backfill call this alike."""

import dataclasses
import datetime as dt
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from retrain.decide import quality, trigger
from retrain.evaluation import live
from schemas import decisions, policy, present, runs, slices, verdicts, windows
from streams.signals import detail, judge, measure
from streams.stats import histogram

History = Mapping[str, Sequence[verdicts.Verdict]]
Tally = windows.Tally  # inside Moment its field `windows` hides the module

LABELLED = (*quality.FALLING, "accuracy_e_value", "offline_live_gap", "intent_recall_lost", trigger.STARVED)
EARLIER = tuple(week * windows.HORIZONS["7d"] for week in (1, 2, 3, 4))  # the same hour of these weeks back says what is usual
REMEMBERED = dt.timedelta(days=28)  # how far back verdicts count


@dataclass(frozen=True, slots=True)
class Moment:
    """What was known of a model at `at`: windows that end there, by horizon; labels and answers of the longest label horizon."""

    model: str
    at: dt.datetime
    windows: Mapping[str, windows.Window]
    reference: runs.Reference | None
    sampled: live.Sample
    hours: Mapping[dt.datetime, live.Hour]
    earlier: Tally | None = None  # of the same hour of earlier weeks together, whichever model was champion
    earlier_hours: int = 0  # of how many of them


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
    whole = history
    if past.last_fix is not None:
        moment, history = _mended(moment, past.last_fix), _since(history, past.last_fix, rules.trigger.drift)
    known = labelled(moment, quality.horizons(rules))
    estimates = known.estimates[rules.signals.live_accuracy.horizon]
    fresh = (*_traffic(moment, history, rules), *quality.verdicts_of(known, history, rules))
    names = {v.signal.signal for v in fresh}
    older = [seen[-1] for name, seen in history.items() if name not in names and seen]
    standing = tuple(v for v in older if moment.at - v.signal.end <= 2 * windows.STEPS[v.signal.horizon])
    together = (*fresh, *standing)
    past = _since_release(past, moment.at, itertools.chain(*whole.values(), fresh), rules)
    taken = trigger.decision(together, past, rules, model=moment.model, at=moment.at)
    return Evaluation(fresh, standing, tuple(estimates), taken, past)


def _mended(moment: Moment, last_fix: dt.datetime) -> Moment:
    """The moment with the labels of messages that came after what was broken had last been seen broken: those before say nothing of the model."""
    hours = {hour: found for hour, found in moment.hours.items() if hour >= last_fix}
    return dataclasses.replace(moment, sampled=moment.sampled.between(last_fix, moment.at), hours=hours)


def _since(history: History, last_fix: dt.datetime, drift: Sequence[str]) -> History:
    """The history without what rests on hours from before: label-based verdicts, and windows of drift that reach back there."""

    def counts(name: str, verdict: verdicts.Verdict) -> bool:
        if name in LABELLED:
            return verdict.signal.end > last_fix
        return name not in drift or verdict.signal.end - windows.HORIZONS[verdict.signal.horizon] >= last_fix

    return {name: [verdict for verdict in seen if counts(name, verdict)] for name, seen in history.items()}


def _since_release(past: decisions.Past, at: dt.datetime, seen: Iterable[verdicts.Verdict], rules: policy.Policy) -> decisions.Past:
    """What tells a bad release, for as long as a release may be blamed. `past.well`: what is known already; verdicts may have been forgotten."""
    if past.promoted_at is None or at - past.promoted_at > dt.timedelta(hours=rules.trigger.release_hours):
        return dataclasses.replace(past, well=(), well_before=(), ill_before=())
    mature = past.promoted_at + dt.timedelta(hours=rules.labels.maturity_hours)
    return dataclasses.replace(past, well=tuple(sorted({*past.well, *well(seen, labelled_from=mature)})))


def well(seen: Iterable[verdicts.Verdict], *, labelled_from: dt.datetime | None = None) -> tuple[str, ...]:
    """The names of the signals that have stood well at least once, in order. Of label-based ones only from `labelled_from` on: the first labels say little."""
    found = [v.signal for v in seen if v.verdict is verdicts.Level.OK and not v.in_breach]
    return tuple(sorted({s.signal for s in found if s.signal not in LABELLED or labelled_from is None or s.end >= labelled_from}))


def last(history: History) -> tuple[str, ...]:
    """The names of the signals that stood well when enough was known to judge them last: what the next model begins with as `well_before`."""
    told = ([v for v in seen if v.verdict is not verdicts.Level.BLIND] for seen in history.values())
    return well([seen[-1] for seen in told if seen])


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
        intent_counts=dict(zip(present.INTENTS, tally.intent_count.tolist(), strict=True)),
        mean_confidence=tally.confidence_sum_micro / windows.MICRO / tally.answered,
        low_confidence_rate=int(tally.intent_low.sum()) / tally.answered,
        p95_latency_ms=histogram.quantile_ms(tally.latency_bins, 0.95),
        script_counts=dict(zip(slices.SCRIPTS, tally.script_count.tolist(), strict=True)),
        mean_tokens=tally.tokens_sum / tally.answered,
        tokenizer=before.tokenizer if before.tokenizer is not None else tally.tokenizer,
    )


def within(moment: Moment, horizon: str) -> tuple[live.Estimate, ...]:
    """Label figures of the trailing `horizon`."""
    start = moment.at - windows.HORIZONS[horizon]
    hours = {hour: found for hour, found in moment.hours.items() if start <= hour < moment.at}
    return live.estimates(moment.sampled.between(start, moment.at), hours)


def labelled(moment: Moment, horizons: Iterable[str]) -> quality.Labelled:
    """What labels say of the moment's model, with the figures of these horizons."""
    return quality.Labelled(moment.model, moment.at, moment.reference, moment.sampled, {horizon: within(moment, horizon) for horizon in horizons})


def _traffic(moment: Moment, history: History, rules: policy.Policy) -> Iterable[verdicts.Verdict]:
    found: dict[str, dict[str, verdicts.Signal]] = {}
    least = min(windows.HORIZONS[rule.horizon] for rule in (rules.signals.intent_mix_kl, rules.signals.intent_mix_shift))
    for horizon, window in moment.windows.items():
        mix = windows.HORIZONS[horizon] >= least  # its test is dear: only where it may be judged
        for signal in measure.signals(window, moment.reference, mix=mix):
            found.setdefault(signal.signal, {})[horizon] = signal
    if "1h" in moment.windows and moment.earlier is not None:
        found |= {signal.signal: {"1h": signal} for signal in measure.against_earlier(moment.windows["1h"], moment.earlier, moment.earlier_hours)}
    for name, by_horizon in sorted(found.items()):
        rule = _enough(getattr(rules.signals, name), by_horizon)
        if rule.horizon in by_horizon:
            start = moment.windows[rule.horizon].start
            yield judge.verdict(by_horizon[rule.horizon], rule, _disjoint(history.get(name, ()), start, rule))


def _enough(rule: policy.Level, by_horizon: Mapping[str, verdicts.Signal]) -> policy.Level:
    """The rule; where its window holds too few logs and shows no glaring breach, on the shortest longer one that ends now and holds enough, or half of
    that and is clean.

    A shop with a hundred messages an hour never has the thousand that an error rate of half a percent needs, but its day has. A longer
    window is several in one, so a single one suffices. After a clean day nobody looks for what went wrong earlier in the week.
    """
    own = by_horizon.get(rule.horizon)
    if own is not None and judge.glaring(own, rule):
        return dataclasses.replace(rule, min_n=own.n)
    for horizon in (h for h in windows.HORIZONS if windows.HORIZONS[h] >= windows.HORIZONS[rule.horizon] and h in by_horizon):
        signal, longer = by_horizon[horizon], horizon != rule.horizon
        if signal.n >= rule.min_n or (longer and 2 * signal.n >= rule.min_n and judge.clean(signal, rule)):
            return dataclasses.replace(rule, horizon=horizon, k=1, of=1, min_n=min(rule.min_n, signal.n)) if longer else rule
    return rule


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
