"""Pure. Signals and policy -> verdicts: ok | watch | breach | blind, with hysteresis over disjoint
windows.

Never acts and never forgets: a signal with too little evidence is `blind`, it is not ok.
"""

import datetime as dt
import math
from collections.abc import Sequence
from statistics import NormalDist

from schemas import policy, verdicts, windows
from streams.stats import proportion

Level = verdicts.Level
_CHANCE = 0.05
_WATCHED = 2.58  # standard errors
_LONGEST = dt.timedelta(days=21)  # a replay looks back for four weeks
_LABELS = 100_000  # more than anybody gives one model
# Fewer logs, or fewer of them in breach, show nothing at all: four of fifty come by chance once in
# ten years at 0.3 %.
_FEW = 50
_HITS = 4


def verdict(
    signal: verdicts.Signal,
    rule: policy.Level,
    past: Sequence[verdicts.Verdict],
    *,
    given: Level | None = None,
) -> verdicts.Verdict:
    """Judge one signal. `past`: this signal's verdicts on earlier disjoint windows of its horizon,
    newest last; `given`: how this window stands, where more than the signal tells that.
    """
    level, name = (given, None) if given else _level(signal, rule)
    breaches = 1 + _breaches(past, rule.of - 1)
    enters = level is Level.BREACH and breaches >= rule.k

    # Too little of a signal keeps its breach; a signal that its producer no longer sends does not,
    # or nothing could end it.
    sent = signal.n > 0
    back = _left(signal, rule)
    if level is Level.BLIND:
        back = clean(signal, rule)
    stays = _in_breach(past) and sent and not back
    return verdicts.Verdict(
        signal=signal,
        verdict=level,
        limit=rule.enter,
        in_breach=enters or stays,
        level=name,
        since=_since(signal, past) if enters or stays else None,
    )


def _since(signal: verdicts.Signal, past: Sequence[verdicts.Verdict]) -> dt.datetime:
    """Since the end of which window the signal has been in breach without a break: the one before
    remembers it, as older ones are forgotten. At most as long as a replay looks back before it
    begins, so that it says the same.
    """
    if not _in_breach(past):
        return signal.end
    before = past[-1]
    since = before.since or before.signal.end
    return max(since, signal.end - _LONGEST)


def _breaches(past: Sequence[verdicts.Verdict], last: int) -> int:
    """How many of the `last` verdicts are breaches."""
    recent = past[-last:] if last > 0 else ()
    return [earlier.verdict for earlier in recent].count(Level.BREACH)


def _in_breach(past: Sequence[verdicts.Verdict]) -> bool:
    return bool(past) and past[-1].in_breach


def glaring(signal: verdicts.Signal, rule: policy.Level) -> bool:
    """Whether too few logs to measure a rate show all the same that it is far too high: its whole
    interval lies beyond twice the limit.

    A tenth of fifty requests failing need not wait for a thousand requests.
    """
    few = _FEW <= signal.n < rule.min_n
    hits = (signal.value or 0.0) * signal.n
    if not few or hits < _HITS or not _by_interval(signal, rule):
        return False
    return signal.low is not None and signal.low > 2 * rule.enter


def clean(signal: verdicts.Signal, rule: policy.Level) -> bool:
    """Whether too few logs to measure a rate show none of what was in breach."""
    if signal.n < _FEW or not _by_interval(signal, rule):
        return False
    return _left(signal, rule)


def _by_interval(signal: verdicts.Signal, rule: policy.Level) -> bool:
    """Whether its interval, not a test, says how sure a signal is."""
    if rule.alpha is not None or signal.low is None or signal.high is None:
        return False
    return signal.high > signal.low


def _level(signal: verdicts.Signal, rule: policy.Level) -> tuple[Level, str | None]:
    if signal.value is None or signal.n < rule.min_n:
        return Level.BLIND, None
    if rule.alpha is not None:
        return _mix_level(signal, rule)
    # A rate that only chance carried over the line is watched, not breached: the interval must lie
    # beyond it.
    if signal.low is not None and signal.low > rule.enter:
        return Level.BREACH, None
    if signal.value > rule.enter:
        return Level.WATCH, None
    return Level.OK, None


def _mix_level(signal: verdicts.Signal, rule: policy.Level) -> tuple[Level, str | None]:
    """A KL level counts only if the G-test rejects and the excess over the noise floor is above it
    (seed 6.9, 9-H: watch, alert, retrain).
    """
    assert signal.value is not None
    assert rule.alpha is not None
    if signal.p_value is None or signal.p_value >= rule.alpha:
        return Level.OK, None
    excess = signal.excess
    if excess > rule.enter:
        # Only KL's three levels have names.
        return Level.BREACH, "retrain" if rule.alert is not None else None
    if rule.alert is not None and excess > rule.alert:
        return Level.WATCH, "alert"
    if rule.watch is not None and excess > rule.watch:
        return Level.WATCH, "watch"
    return Level.OK, None


def _left(signal: verdicts.Signal, rule: policy.Level) -> bool:
    """Whether the signal is back on the good side of its leave level, or shows no more than chance
    does: of several figures the largest never looks good.
    """
    if signal.p_value is not None and signal.p_value >= _CHANCE:
        return True
    return signal.excess <= rule.leave


def lowest(rule: policy.Level, reference: float | None, margin: float) -> float:
    """The limit of a label-based signal: the reference less `margin`; the policy's level only where
    nothing is known of before.

    What a model never reached it has not lost, and one that was far better has lost it long before
    it is down at the level.
    """
    if reference is None:
        return rule.enter
    return reference - margin


def certainty(unneeded_per_year: float, horizon: str) -> float:
    """How many standard errors a loss must measure so that chance alone exceeds them
    `unneeded_per_year` times a year, however often one looks.

    A window that slides is about as good as four disjoint ones in its length. Two signals share the
    budget: live accuracy, which the mix-adjusted one moves with, and rare recall.

    >>> round(certainty(1, "7d"), 2), round(certainty(1, "1d"), 2)
    (2.82, 3.4)
    """
    year = dt.timedelta(days=365)
    looks = 2 * 4 * year / windows.HORIZONS[horizon]
    chance = max(unneeded_per_year, 1e-9) / looks
    return NormalDist().inv_cdf(1 - min(0.025, chance))


def falling(
    *,
    signal: verdicts.Signal,
    rule: policy.Level,
    trigger: policy.Trigger,
    past: Sequence[verdicts.Verdict],
) -> verdicts.Verdict:
    """Judge a label-based signal, where small is bad: breach when it lies under the limit and the
    loss is proven. A verdict that labels are missing for says about how many.
    """
    z = certainty(trigger.unneeded_per_year, rule.horizon)
    limit = lowest(rule, signal.reference, trigger.accuracy_margin)
    needed = None
    if signal.value is None or signal.n < rule.min_n:
        level = Level.BLIND
        needed = max(0, rule.min_n - signal.n)
    elif signal.value >= limit:
        level = Level.OK
    else:
        level, needed = _of_a_loss(signal, limit, z)

    leave = left_at(limit, rule, signal.reference, falls=True)
    back = level is not Level.BLIND and (signal.value or 0.0) >= leave
    stays = _in_breach(past) and not back
    in_breach = level is Level.BREACH or stays
    return verdicts.Verdict(
        signal=signal,
        verdict=level,
        limit=limit,
        in_breach=in_breach,
        labels_needed=needed or None,
        since=_since(signal, past) if in_breach else None,
    )


def left_at(
    limit: float,
    rule: policy.Level,
    reference: float | None,
    *,
    falls: bool,
) -> float:
    """The value at which a breach ends: the policy's. Of what should not fall as far above the
    limit as the policy's two levels lie apart, and never more than half of the way to the
    reference: what is as good as ever has no loss any more.

    >>> rule = policy.Level(horizon="7d", enter=0.90, leave=0.91, min_n=100)
    >>> [round(left_at(0.93, rule, before, falls=True), 3) for before in (0.94, 0.98, None)]
    [0.935, 0.94, 0.94]
    >>> left_at(0.90, rule, None, falls=False)
    0.91
    """
    if not falls:
        return rule.leave
    leave = limit + (rule.leave - rule.enter)
    if reference is None:
        return leave
    return min(leave, (limit + reference) / 2)


def _of_a_loss(signal: verdicts.Signal, limit: float, z: float) -> tuple[Level, int | None]:
    """How a figure under its limit stands, and the labels that would prove its loss. Watched is
    what chance alone shows once in two hundred looks: a figure that swings about what it always was
    is no news.
    """
    needed = _labels_to_prove(signal, limit, z)
    if needed == 0:
        return Level.BREACH, None
    if signal.value is None or signal.high is None or signal.reference is None:
        return Level.WATCH, needed
    error = _WATCHED * (signal.high - signal.value) / proportion.Z95
    if signal.value + error < signal.reference:
        return Level.WATCH, needed
    return Level.OK, None


def _labels_to_prove(signal: verdicts.Signal, limit: float, z: float) -> int | None:
    """How many labels more would prove the loss, were the figure to stay: 0 if it is proven, None
    if no number that anyone labels would.

    Proven is what lies by `z` standard errors under what it was, and with its whole 95 % interval
    under `limit`: 89.8 % is no evidence against a bare 90 %, but it can be against the 92.1 % of
    before.
    """
    if signal.value is None or signal.high is None:
        return None
    half = signal.high - signal.value
    room_to_limit = (limit - signal.value) ** 2
    room_to_before = _room(signal, limit)
    if room_to_limit <= 0 or room_to_before <= 0:
        return None

    # Each error falls with the root of n; the farther one decides.
    error = z * half / proportion.Z95
    times = max(half**2 / room_to_limit, error**2 / room_to_before)
    if times < 1:
        return 0
    more = signal.n * (times - 1)
    return max(1, math.ceil(more)) if more < _LABELS else None


def _room(signal: verdicts.Signal, limit: float) -> float:
    """The square of what the error of a loss may be: it counts from the reference, less the
    reference's own sampling error where its n is known (at 95 %, as it is drawn once a model and
    not at every look); without a reference from the limit. Not positive: no loss, or none to see.
    """
    then = limit if signal.reference is None else signal.reference
    loss = then - (signal.value or 0.0)
    if loss <= 0:
        return 0.0
    own = 0.0
    if signal.reference is not None:
        _, low, _ = proportion.promise(then, signal.reference_n)
        own = then - low
    return loss**2 - own**2
