"""Pure. How surely one verdict shows a loss, where being in breach alone is not enough."""

import math
from typing import Final

from schemas import signals, verdicts
from streams.stats import proportion

ACCURACY: Final = signals.LIVE_ACCURACY.name
RECENT: Final = signals.RECENT_ACCURACY.name
RARE: Final = signals.RARE_RECALL.name
_IN_PART: Final = (RARE, signals.MIX_ADJUSTED_ACCURACY.name)
_FLATTERED: Final = 3.0  # standard errors
_DOUBTED: Final = 4.0


def beyond_doubt(verdict: verdicts.Verdict) -> bool:
    """Recall of the rare intents lost by four standard errors. A new release has few labels of
    them, and they are looked at every hour.
    """
    signal = verdict.signal
    if signal.signal != RARE:
        return False
    if signal.value is None or signal.high is None or signal.reference is None:
        return False
    standard_error = (signal.high - signal.value) / proportion.Z95
    return signal.value + _DOUBTED * standard_error < signal.reference


def may_be_flattered(verdict: verdicts.Verdict) -> bool:
    """Whether a figure of a part of the messages is worse by no more than its reference's error
    and its own may come to: of several such figures a reference is too good in one now and then,
    and that stays. Beside messages that have changed it tells; beside a mix that has moved it is
    no second witness.
    """
    signal = verdict.signal
    if signal.signal not in _IN_PART:
        return False
    if signal.value is None or signal.high is None or signal.reference is None:
        return False
    _, low, _ = proportion.promise(signal.reference, signal.reference_n)
    error = math.hypot(signal.high - signal.value, signal.reference - low) / proportion.Z95
    return signal.reference - signal.value < _FLATTERED * error


def collapsed(verdict: verdicts.Verdict, margin: float) -> bool:
    """Accuracy of the week or of the last day proven to lie more than `margin` under its reference:
    its whole interval does.
    """
    signal = verdict.signal
    if signal.signal not in (ACCURACY, RECENT):
        return False
    if not verdict.in_breach or verdict.verdict is verdicts.Level.BLIND:
        return False
    if signal.high is None or signal.reference is None:
        return False
    return signal.high < signal.reference - margin
