"""Pure. What of a mix that differs from the reference is a weekend, what a sale, and what is here
to stay.
"""

import dataclasses
import functools
import operator
from collections.abc import Sequence

import numpy as np

from retrain.decide.view import View
from retrain.evaluation import reference
from schemas import policy, signals, verdicts, windows
from streams.signals import judge
from streams.stats import divergence

KL = signals.INTENT_MIX_KL.name
OF_MIX = (KL, signals.INTENT_MIX_SHIFT.name)


def usual_day(
    view: View,
    week: Sequence[verdicts.Signal],
    rules: policy.Policy,
) -> windows.Tally | None:
    """The same day of earlier weeks, which a day is compared with, too; None once the mix is known
    to have moved. `week`: what was measured of the week that ends with the day.

    After a few weeks the moved days would be the usual ones, and nobody would have moved the
    reference. A mix that moves by a little every week is never unlike the week before: there the
    whole week tells, in which all weekdays are.
    """
    judged = view.history.get(KL, ())
    already = bool(judged) and judged[-1].in_breach
    if already or _has_moved(week, rules.signals.intent_mix_kl):
        return None
    return view.usual_day


def _has_moved(week: Sequence[verdicts.Signal], rule: policy.Level) -> bool:
    of_mix = [signal for signal in week if signal.signal == KL]
    return any(judge.verdict(signal, rule, ()).in_breach for signal in of_mix)


def agreeing(days: Sequence[windows.Tally], rule: policy.Level) -> int:
    """How many of the last days, oldest first, have one mix: none of them differs from the others
    together by as much as `rule` calls moved.

    A sale and the weekend after it are three days that differ from the reference, and from each
    other.
    """
    agree = min(1, len(days))
    for number in range(2, len(days) + 1):
        if not _are_alike(days[-number:], rule):
            break
        agree = number
    return agree


def _are_alike(days: Sequence[windows.Tally], rule: policy.Level) -> bool:
    counts = np.array([day.intent_count for day in days])
    total = counts.sum(axis=0)
    return not any(_differ(mine, total - mine, rule) for mine in counts)


def _differ(one: windows.Counts, other: windows.Counts, rule: policy.Level) -> bool:
    """Whether two mixes, shape (K,) each, differ by more than the rule's limit, beyond chance."""
    n, other_n = int(one.sum()), int(other.sum())
    if not n or not other_n:
        return False
    assert rule.alpha is not None
    value = divergence.kl(live=one, reference=other)
    floor = divergence.noise_floor(k=len(one), n=n, reference_n=other_n)
    chance = divergence.g_test(live=one, reference=other)
    return value - floor > rule.enter and chance < rule.alpha


def standing(days: Sequence[windows.Tally], rules: policy.Policy) -> windows.Tally:
    """The last of these days, one at least, that have one mix, together."""
    alike = agreeing(days, rules.signals.intent_mix_kl)
    return together(days[-alike:])


def together(days: Sequence[windows.Tally]) -> windows.Tally:
    """Days, one at least, as one."""
    return functools.reduce(operator.add, days)


def settled(view: View, rules: policy.Policy) -> View | None:
    """The view had the reference moved to the days that agree: what a reweight would change. None
    where no day ends or there is no reference.
    """
    if view.reference is None or not view.last_days:
        return None
    moved = reference.seen(standing(view.last_days, rules), view.reference)
    others = {name: judged for name, judged in view.history.items() if name not in OF_MIX}
    return dataclasses.replace(view, reference=moved, history=others)
