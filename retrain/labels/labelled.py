"""Pure. A sample with the label that holds for each message, from sources that are believed."""

from dataclasses import replace

import numpy as np

from retrain.evaluation import samples, wishes
from retrain.labels import cap, distrust, votes
from retrain.labels.gold import NONE, Gold
from schemas import policy


def labelled(
    asked: samples.Sample,
    standing: votes.Votes,
    rules: policy.Labels,
    gold: Gold = NONE,
) -> samples.Sample:
    """The sample, labelled by what annotators say (`votes.standing`): those of a day beyond the cap
    do not count, nor does a source that nobody should believe. What is verified holds in any case.
    """
    return judged(asked, standing, rules, gold)[0]


def judged(
    asked: samples.Sample,
    standing: votes.Votes,
    rules: policy.Labels,
    gold: Gold = NONE,
) -> tuple[samples.Sample, tuple[distrust.Aside, ...]]:
    """The same, and whom it does not believe."""
    counted = cap.within(standing, rules.per_annotator_per_day)
    aside = distrust.aside(asked, counted, rules.source_gap, gold.answers)
    held = votes.holding(distrust.believed(asked, counted, aside))

    label = np.full(len(asked), samples.UNLABELLED, dtype=np.int16)
    label[held.row] = held.label
    also = wishes.none(len(asked))
    also[held.row] = held.also
    label[gold.row] = gold.label
    also[gold.row] = 0
    return replace(asked, label=label, also=also), aside
