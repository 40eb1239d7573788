"""Pure. By how much each intent's recall has fallen under what its reference promises, and the
verdict on the one that lost most surely.
"""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from retrain.decide.view import View
from retrain.evaluation import live, reference
from schemas import policy, present, runs, signals, verdicts
from streams.signals import judge
from streams.stats import proportion

Level = verdicts.Level
_NONE = 1e-9  # half an interval that has no width: a standard error to divide by


@dataclass(frozen=True, slots=True)
class Loss:
    """By how much a recall of n labels lies under what it was `then`, with its 95 % interval, and
    how many standard errors that is.

    >>> round(Loss(value=0.3, low=0.2, high=0.4, n=60, then=0.85, intent="faq").z, 2)
    5.88
    """

    value: float
    low: float
    high: float
    n: int
    then: float
    intent: str

    @property
    def z(self) -> float:
        """In standard errors: those that the lower end of the interval tells."""
        half = max(self.value - self.low, _NONE)
        return self.value / half * proportion.Z95


def verdict(
    view: View,
    figures: live.Figures,
    rules: policy.Policy,
) -> verdicts.Verdict:
    """On the intent whose recall has fallen most surely, with all of which the week or its last
    days prove a loss; `grave` where one of these is critical or common. Short of a breach the
    week's worst one is named with the labels that would prove its loss.
    """
    rule = rules.signals.intent_recall_lost
    of_week, lately = _fallen(view, figures, rules)
    looked_at = [*of_week, *lately]
    sure = proven(looked_at, rule)
    worst = max(sure or of_week, key=lambda lost: (lost.z, lost.n), default=None)
    signal = _signal(view, figures, worst, len(looked_at), rule.horizon)
    level = None
    if worst is not None:
        level = Level.BREACH if sure else Level.OK
    before = view.history.get(signal.signal, ())
    judged = judge.verdict(signal, rule, before, given=level)
    if worst is None:
        return judged
    if not judged.in_breach:
        needed = labels_to_prove(worst, len(looked_at), rule)
        named = (worst.intent,) if needed else ()
        return dataclasses.replace(judged, labels_needed=needed, intents=named)

    if not sure:  # it stays in breach for what was proven before, of nothing else
        return dataclasses.replace(judged, level=before[-1].level)
    intents = tuple(dict.fromkeys(each.intent for each in sure))
    grave = any(_is_grave(view.reference, intent, rules) for intent in intents)
    return dataclasses.replace(judged, intents=intents, level="grave" if grave else None)


def _fallen(
    view: View,
    figures: live.Figures,
    rules: policy.Policy,
) -> tuple[list[Loss], list[Loss]]:
    """The losses of the week, and those of its last days: one that is young is small in the week.
    None where live accuracy has too few labels: whoever makes that one deafer means all.
    """
    if figures.accuracy.n_labels < rules.signals.live_accuracy.min_n:
        return [], []
    least = rules.signals.intent_recall_lost.min_n
    of_week = losses(view.reference, figures.recalls, least=least)
    return of_week, losses(view.reference, live.recalls(view.lately), least=least)


def _signal(
    view: View,
    figures: live.Figures,
    worst: Loss | None,
    looked_at: int,
    horizon: str,
) -> verdicts.Signal:
    """By how much the worst recall has fallen, and how often chance alone would show that."""
    none = verdicts.Signal(
        view.model,
        horizon,
        view.at,
        signals.INTENT_RECALL_LOST.name,
        None,
        n=0,
        age_hours=view.age_hours,
    )
    if worst is None:
        of_few = losses(view.reference, figures.recalls, least=0)
        most = max((lost.n for lost in of_few), default=0)
        return dataclasses.replace(none, n=most)
    return dataclasses.replace(
        none,
        value=worst.value,
        n=worst.n,
        low=worst.low,
        high=worst.high,
        p_value=chance(worst, looked_at),
        reference=worst.then,
    )


def _is_grave(before: runs.Reference | None, intent: str, rules: policy.Policy) -> bool:
    """Whether an intent is critical, or a common one of the reference's mix."""
    if intent in present.CRITICAL:
        return True
    counts = before.intent_counts if before else {}
    every = sum(counts.values())
    return bool(every) and counts.get(intent, 0) >= rules.trigger.common_share * every


def losses(
    before: runs.Reference | None,
    now: Iterable[live.Estimate],
    *,
    least: int,
) -> list[Loss]:
    """Of every intent that has a recall in the reference and `least` labels now."""
    if before is None or before.recall is None:
        return []
    losses = []
    for recall in now:
        if recall.intent not in before.recall or recall.estimate is None:
            continue
        if recall.n_labels >= least:
            then = before.recall[recall.intent]
            losses.append(loss(before, recall, then))
    return losses


def loss(
    before: runs.Reference | None,
    recall: live.Estimate,
    then: float,
) -> Loss:
    """Of one intent, whose recall was `then` in the reference `before`; it has an estimate now."""
    assert recall.intent is not None
    assert recall.estimate is not None
    assert recall.low is not None
    assert recall.high is not None
    now = (recall.estimate, recall.low, recall.high)
    labels_then = reference.labels(before, (recall.intent,))
    value, low, high = proportion.difference(proportion.promise(then, labels_then), now)
    return Loss(
        value=value,
        low=low,
        high=high,
        n=recall.n_labels,
        then=then,
        intent=recall.intent,
    )


def chance(lost: Loss, looked_at: int) -> float:
    """How often chance alone shows such a loss in any of the intents `looked_at`: normal, times
    their number (Bonferroni).
    """
    return min(1.0, looked_at * NormalDist().cdf(-lost.z))


def proven(losses: Sequence[Loss], rule: policy.Level) -> list[Loss]:
    """Those that are proven, surest first."""
    sure = [lost for lost in losses if _is_proven(lost, len(losses), rule)]
    return sorted(sure, key=lambda lost: (-lost.z, lost.intent))


def _is_proven(lost: Loss, looked_at: int, rule: policy.Level) -> bool:
    """Whether its whole interval lies beyond the rule's limit and chance alone hardly shows it."""
    assert rule.alpha is not None
    return lost.low > rule.enter and chance(lost, looked_at) < rule.alpha


def labels_to_prove(lost: Loss, looked_at: int, rule: policy.Level) -> int | None:
    """How many labels more of the intent would prove its loss, were it to stay; None where it is
    not beyond the limit, or proven.

    A loss of 15 points at two standard errors, in 25 labels, one of ten intents:

    >>> rule = policy.Level(horizon="7d", enter=0.1, leave=0.07, min_n=20, alpha=0.001)
    >>> labels_to_prove(Loss(0.15, 0.003, 0.297, 25, 0.9, "faq"), 10, rule)
    192
    """
    assert rule.alpha is not None
    beyond = lost.value - rule.enter
    if beyond <= 0 or _is_proven(lost, looked_at, rule):
        return None
    alpha = min(0.5, max(rule.alpha, _NONE) / looked_at)
    wanted = NormalDist().inv_cdf(1 - alpha)
    half = lost.value - lost.low
    # Each error falls with the root of n; the farther one decides.
    times = max((half / beyond) ** 2, (wanted / lost.z) ** 2)
    return max(1, math.ceil(lost.n * (times - 1)))
