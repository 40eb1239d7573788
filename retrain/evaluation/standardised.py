"""Pure. Accuracy at another mix than today's: what a moved mix may hide, but has not caused."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from retrain.evaluation import live


def accuracy(recalls: Sequence[live.Estimate], counts: Mapping[str, int]) -> live.Estimate:
    """mix_adjusted_accuracy: the mean of the intents' recalls by the shares that `counts` gives
    them (direct standardisation), all of which need one. A mix that moves changes no recall, so
    what this loses a moved mix may hide, but has not caused. The interval combines those of the
    recalls (MOVER, Zou and Donner 2008). No figure without counts. n_predictions: of the whole
    window.

    >>> rest = (0.5, 0.4, 0.6, 100, 100.0, 1000, 0.5)
    >>> recalls = [live.Estimate("recall", intent, *rest) for intent in ("faq", "promotion")]
    >>> accuracy(recalls, {"faq": 80, "promotion": 20}).estimate
    0.5
    """
    counted = [each for each in recalls if each.intent in counts]
    labels = sum(each.n_labels for each in counted)
    n = max((each.n_predictions for each in recalls), default=0)
    if not counted:
        return live.nothing("mix_adjusted_accuracy", None, labels, n)

    rows = []
    for each in counted:
        count = counts[str(each.intent)]
        rows.append((count, each.estimate, each.low, each.high, each.naive))
    count, value, low, high, naive = np.array(rows).T
    share = count / sum(counts.values())

    mean = live.total(share * value)
    under = math.sqrt(live.total((share * (value - low)) ** 2))
    over = math.sqrt(live.total((share * (high - value)) ** 2))
    return live.Estimate(
        metric="mix_adjusted_accuracy",
        intent=None,
        estimate=mean,
        low=mean - under,
        high=mean + over,
        n_labels=labels,
        n_effective=None,
        n_predictions=n,
        naive=live.total(share * naive),
    )
