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
_LABELS = 100_000  # more than anybody gives one model
# Fewer logs, or fewer of them in breach, show nothing at all: four of fifty come by chance once in
# ten years at 0.3 %.
_FEW = 50
_HITS = 4


def verdict(
    signal: verdicts.Signal, rule: policy.Level, past: Sequence[verdicts.Verdict]
) -> verdicts.Verdict:
    """Judge one signal. `past`: this signal's verdicts on earlier disjoint windows of its horizon,
    newest last.
    """
    level, name = _level(signal, rule)
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
    )


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
    excess = signal.value - (signal.noise_floor or 0.0)
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
    excess = (signal.value or 0.0) - (signal.noise_floor or 0.0)
    return excess <= rule.leave


def lowest(rule: policy.Level, reference: float | None, margin: float) -> float:
    """The limit of a label-based signal: the lower of the policy's level and the reference less
    `margin`.

    A model whose reference never reached the level is not retrained for staying where it was.
    """
    if reference is None:
        return rule.enter
    return min(rule.enter, reference - margin)


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
        needed = _labels_to_prove(signal, limit, z)
        level = Level.WATCH if needed != 0 else Level.BREACH

    leave = limit + (rule.leave - rule.enter)
    back = level is not Level.BLIND and (signal.value or 0.0) >= leave
    stays = _in_breach(past) and not back
    return verdicts.Verdict(
        signal=signal,
        verdict=level,
        limit=limit,
        in_breach=level is Level.BREACH or stays,
        labels_needed=needed or None,
    )


def _labels_to_prove(signal: verdicts.Signal, limit: float, z: float) -> int | None:
    """How many labels more would prove the loss by `z` standard errors, were the figure to stay: 0
    if it is proven, None if no number that anyone labels would.

    89.8 % is no evidence against a bare 90 %, but it can be against the 92.1 % of before. The
    reference's own sampling error counts where its n is known: at 95 %, as it is drawn once a model
    and not at every look. Without a reference the loss is that against the limit.
    """
    if signal.value is None or signal.high is None:
        return None
    half = signal.high - signal.value
    error = z * half / proportion.Z95
    then = limit
    own = 0.0
    if signal.reference is not None:
        then = signal.reference
        if signal.reference_n:
            own = proportion.Z95**2 * then * (1 - then) / signal.reference_n
    loss = then - signal.value
    room = loss**2 - max(0.0, own)  # the square of what the error may be
    if then <= signal.value or room <= 0:
        return None

    if error**2 < room:
        return 0
    more = signal.n * (error**2 / room - 1)
    return max(1, math.ceil(more)) if more < _LABELS else None
