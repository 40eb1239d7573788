"""Pure. The evidence that accuracy is under its floor, as a bet that may be looked at after every
label.
"""

import dataclasses
import datetime as dt
from typing import Final

import numpy as np

from retrain.decide.view import View
from retrain.evaluation import reference, samples
from schemas import policy, signals, times, verdicts
from streams.signals import judge
from streams.stats import proportion, sequential

# Bets begin so long ago: on the whole week, and on what may be new in it.
_BETTING: Final = tuple(dt.timedelta(days=days) for days in (7, 3, 1))


def verdict(
    view: View,
    expected: float | None,
    rules: policy.Policy,
) -> verdicts.Verdict:
    """The evidence that may be looked at after every label; it finds a collapse long before an
    interval does.
    """
    name = signals.ACCURACY_E_VALUE.name
    accuracy, own = rules.signals.live_accuracy, rules.signals.accuracy_e_value
    rule = dataclasses.replace(own, min_n=max(own.min_n, accuracy.min_n))  # the same labels
    # Of a reference only as much as its own labels are sure of: a bet takes its floor for granted.
    sure = expected
    if expected is not None:
        sure = proportion.promise(expected, reference.labels(view.reference))[1]
    floor = judge.lowest(accuracy, sure, rules.trigger.accuracy_margin)

    recent = view.recent(rule.horizon)
    labelled = recent.chosen(recent.named)
    value = _e_value(labelled, view.until, floor)

    # A bound by itself: no interval.
    signal = view.signal(
        name,
        rule.horizon,
        value,
        len(labelled),
        low=value,
        reference=floor,
    )
    return judge.verdict(signal, rule, view.history.get(name, ()))


def _e_value(labelled: samples.Sample, at: dt.datetime, floor: float) -> float:
    """How much a bet that accuracy is under `floor` has won by `at`, as a decimal logarithm."""
    right = labelled.predicted == labelled.label
    weight = labelled.p.min(initial=1.0) / labelled.p
    # Oldest first; of rows of one instant any order must give the same bits.
    order = np.lexsort((labelled.p, right, labelled.ts_us))
    starts = [times.micros(at - back) for back in _BETTING]
    begins = np.searchsorted(labelled.ts_us[order], starts)
    return sequential.log10_e_value(right[order], weight[order], floor, begins.tolist())
