"""Pure. How far the annotators of the rows that train agree: what no model can beat."""

from collections import defaultdict
from collections.abc import Iterable

from retrain.labels import agreement, votes
from schemas.checks import Check, Range, Stage, check

# Krippendorff's own: reliable from 0.8, tentative conclusions from 0.667.
_RELIABLE, _TENTATIVE = 0.8, 0.667


def checked(entries: Iterable[votes.Entry]) -> Check:
    """Krippendorff's alpha over the messages that two people or more have labelled, of everything
    that was ever said of them.
    """
    said = list(entries)
    names = sorted({entry.req_id for entry in said})
    newest = votes.named(votes.latest(votes.said(names, said)))
    by_message: dict[str, list[str]] = defaultdict(list)
    for vote in votes.told(newest, names):
        if vote.intent is not None:
            by_message[vote.req_id].append(vote.intent)

    alpha = agreement.krippendorff_alpha(by_message.values())
    return check(
        Stage.AUDIT,
        "annotator_agreement",
        alpha.alpha,
        alpha.n,
        Range(least=_RELIABLE),
        bearable=Range(least=_TENTATIVE),
        remedy="label messages twice, and add lines to the guideline where people differ"
        " (`python -m services.labels status`)",
        low=alpha.low,
        high=alpha.high,
    )
