"""A week of messages that several annotators label, and one who calls an intent by another name."""

import dataclasses
import datetime as dt
from collections.abc import Sequence

import builders
import numpy as np

from retrain.evaluation import samples, wishes
from retrain.labels import distrust, gold, votes
from schemas import policy, present, times

DAY = dt.timedelta(days=1)
RECOMMENDATION, DISCOVERY = present.INDEX["recommendation"], present.INDEX["product_discovery"]
ESCALATION, CHITCHAT = present.INDEX["escalation"], present.INDEX["chitchat"]
SHARES = np.array(list(builders.SEED_MIX.values())) / 100
GAP = policy.Labels().source_gap
A_DAY = 300  # labels


@dataclasses.dataclass(frozen=True)
class Week:
    """Messages of days before AT and who says what of them; `meant`: what they mean."""

    asked: samples.Sample
    meant: np.ndarray
    votes: votes.Votes

    @property
    def days_ago(self) -> np.ndarray:
        """Of every vote how many days before AT its message came."""
        ago_us = times.micros(builders.AT) - self.asked.ts_us[self.votes.row]
        return ago_us / (DAY // dt.timedelta(microseconds=1))

    def changed(self, which: np.ndarray, label: int) -> "Week":
        """Some votes say something else."""
        labels = np.where(which, label, self.votes.label).astype(np.int16)
        said = dataclasses.replace(self.votes, label=labels)
        return dataclasses.replace(self, votes=said)

    def flipping(self, who: int, intent: int, named: int, days: float = 99.0) -> "Week":
        """One annotator calls an intent by another name, in the messages of the last days."""
        theirs = (self.votes.annotator == who) & (self.days_ago < days)
        return self.changed(theirs & (self.votes.label == intent), named)

    @property
    def aside(self) -> tuple[distrust.Aside, ...]:
        return self.aside_with(gold.NO_ANSWERS)

    def aside_with(self, answers: gold.Answers) -> tuple[distrust.Aside, ...]:
        return distrust.aside(self.asked, self.votes, GAP, answers)

    @property
    def names(self) -> list[str]:
        return [source.annotator for source in self.aside]


def week(
    days: int = 7,
    a_day: int = A_DAY,
    shares: Sequence[float] = (1 / 3, 1 / 3, 1 / 3),
    recall: float = 0.925,
    seed: int = 1,
) -> Week:
    """Annotators a0, a1 ... who give these shares of the labels, each 2 % of them wrong; a tenth of
    the messages is labelled by another one, too.
    """
    rng = np.random.default_rng(seed)
    n, k = days * a_day, len(present.INTENTS)
    begin, end = times.micros(builders.AT - days * DAY), times.micros(builders.AT)
    meant = rng.choice(k, n, p=SHARES)
    named = np.where(rng.random(n) < recall, meant, rng.integers(0, k, n))
    asked = samples.Sample(
        np.sort(rng.integers(begin, end, n)),
        named.astype(np.int16),
        np.full(n, samples.UNLABELLED, dtype=np.int16),
        np.full(n, 0.9),
        np.full(n, 0.2),
        wishes.none(n),
        np.zeros(n, dtype=np.uint16),
    )

    sources = len(shares)
    first = rng.choice(sources, n, p=shares)
    twice = rng.random(n) < (0.1 if sources > 1 else 0)
    second = (first[twice] + rng.integers(1, max(sources, 2), twice.sum())) % sources
    row = np.concatenate([np.arange(n), np.flatnonzero(twice)])
    wrong = rng.random(len(row)) < 0.02
    label = np.where(wrong, rng.integers(0, k, len(row)), meant[row])
    said = votes.Votes(
        tuple(f"a{i}" for i in range(sources)),
        row,
        np.concatenate([first, second]),
        asked.ts_us[row],
        label.astype(np.int16),
        wishes.none(len(row)),
    )
    return Week(asked, meant, said)
