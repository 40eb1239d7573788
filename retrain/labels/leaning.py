"""Pure. Who leans in one intent: of the messages that the classifier calls by one name an annotator
finds that name right much more or much less often than all others of the same shifts.

A loss of the classifier shows in everybody's labels; a few points between two honest people are the
guideline's business. What is asked is whether more than that is proven.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from retrain.evaluation import samples
from retrain.labels import shifts
from retrain.labels.votes import Votes
from schemas import decisions, present, times

# By so much honest people may differ in an intent: a new annotator, another reading of the rule.
LEEWAY: Final = 0.15
# A stretch of lies may be younger than the week. In shifts of three hours: half a day, a day, a day
# and a half, two and three.
_SPANS: Final = (4, 8, 12, 16, 24)
# For this many days' new labels the chance is shared out, as all are asked every hour: of three
# honest annotators simulated, one is set aside in some fifty years.
DAYS: Final = 1000


class Proof(NamedTuple):
    """An annotator (place in Votes.names) who leans in an intent (place in present.INTENTS), on the
    messages since `begin_us`; evidence in nats.
    """

    annotator: int
    intent: int
    begin_us: int
    evidence: float
    gap: float
    z: float


def proofs(counts: shifts.Counts) -> list[Proof]:
    """Everybody who leans, each in the intent where it is surest, in the order of annotators."""
    begins = _begins(counts)
    compared = shifts.compared(counts, begins)
    evidence = beyond(compared)
    sources, intents, _ = evidence.shape
    proven = evidence > math.log(sources * intents * DAYS)

    surest = []
    for annotator in np.flatnonzero(proven.any(axis=(1, 2))).tolist():
        intent = int(evidence[annotator].max(axis=1).argmax())
        # The longest stretch that proves it: of what is before it nothing is known.
        span = int(proven[annotator, intent].argmax())
        place = annotator, intent, span
        proof = Proof(
            annotator,
            intent,
            int(counts.begins_us[begins[span]]),
            float(evidence[annotator].max()),
            float(compared.gap[place]),
            float(compared.z[place]),
        )
        surest.append(proof)
    return surest


def _begins(counts: shifts.Counts) -> shifts.Ints:
    """Places of the shifts with which the spans begin, the longest span first."""
    last_us = counts.begins_us[-1]
    ago = [last_us - (span - 1) * shifts.SHIFT_US for span in reversed(_SPANS)]
    return np.array([0, *np.searchsorted(counts.begins_us, ago)])


def beyond(compared: shifts.Compared, leeway: float = LEEWAY) -> shifts.Floats:
    """How sure it is that both shares differ by more than the leeway: the log likelihood ratio, in
    nats, of the shares seen against those that differ by just that (Wilks: twice it is chi-square
    with one degree of freedom); 0 where they do not.
    """
    # Who asks nobody, as the gateway, does not wait for it at the start.
    from scipy import special

    more = compared.right - compared.expected
    allowed = np.copysign(leeway * compared.weight, more)
    evidence = np.zeros(more.shape)
    where = np.abs(more) > np.abs(allowed) + 1e-9
    for right, n, expected in (
        (compared.right, compared.n, compared.expected + allowed),
        (compared.others_right, compared.others, compared.others_expected - allowed),
    ):
        seen, most, all_n = right[where], expected[where], n[where]
        evidence[where] += special.rel_entr(seen, most)
        evidence[where] += special.rel_entr(all_n - seen, all_n - most)
    return evidence


def told(proof: Proof, asked: samples.Sample, votes: Votes) -> decisions.Aside:
    """What the annotator says of these messages, for a person."""
    here = asked.ts_us[votes.row] >= proof.begin_us
    here &= asked.predicted[votes.row] == proof.intent
    mine = votes.label[here & (votes.annotator == proof.annotator)]
    others = votes.label[here & (votes.annotator != proof.annotator)]

    counts = np.bincount(mine, minlength=len(present.INTENTS))
    right = int(counts[proof.intent])
    if proof.gap < 0:
        counts[proof.intent] = 0
    named = int(counts.argmax())
    return decisions.Aside(
        annotator=votes.names[proof.annotator],
        n=len(mine),
        right=right / len(mine),
        gap=proof.gap,
        z=proof.z,
        since=times.rfc3339(times.from_micros(proof.begin_us)),
        intent=present.INTENTS[proof.intent],
        named=present.INTENTS[named],
        times=int(counts[named]),
        others=len(others),
        others_times=int((others == named).sum()),
    )


def worst(proofs: Sequence[Proof], sources: int) -> list[Proof]:
    """Who is set aside first: the surest. Of two alone that contradict each other nobody can tell
    which is wrong, so both are.
    """
    if sources == 2:
        return list(proofs)
    return sorted(proofs, key=lambda proof: (-round(proof.evidence, 6), proof.annotator))[:1]
