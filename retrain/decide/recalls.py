"""Pure. By how much each intent's recall has fallen under what its reference promises."""

from dataclasses import dataclass

from retrain.evaluation import live, reference
from schemas import runs
from streams.stats import proportion

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


def losses(
    before: runs.Reference | None,
    now: live.Figures,
    *,
    least: int,
) -> list[Loss]:
    """Of every intent that has a recall in the reference and `least` labels now."""
    if before is None or before.recall is None:
        return []
    losses = []
    for recall in now.recalls:
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
    value, low, high = proportion.difference(promise(then, labels_then), now)
    return Loss(
        value=value,
        low=low,
        high=high,
        n=recall.n_labels,
        then=then,
        intent=recall.intent,
    )


def promise(value: float, n: int | None) -> proportion.Estimate:
    """A reference's figure with its interval: without error only where nobody says on how many
    labels it rests.

    >>> tuple(round(end, 2) for end in promise(1.0, 21))
    (1.0, 0.85, 1.0)
    >>> promise(0.9, None)
    (0.9, 0.9, 0.9)
    """
    if not n:
        return value, value, value
    return proportion.estimate(value * n, n)
