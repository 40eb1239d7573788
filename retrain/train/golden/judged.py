"""Pure. How a candidate answers the golden set, stratum by stratum, beside the champion."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from retrain.train.golden import rows
from schemas import golden
from schemas.checks import Check, Level, Range, Stage, check
from streams.stats import proportion

_WORSE: Final = "read the sentences it fails: `python retrain/run.py golden list`"
_FEW: Final = "add reviewed sentences: `python retrain/run.py golden add FILE --reviewer NAME`"


@dataclass(frozen=True, slots=True)
class OfStratum:
    """Of the `n` sentences of a stratum `right` are answered with their intent; that share with its
    95 % interval (Wilson), and the champion's share of the same ones, where there is one.
    """

    stratum: golden.Stratum
    n: int
    right: int
    accuracy: float | None
    low: float | None
    high: float | None
    champion: float | None


def strata(
    sentences: Sequence[rows.Sentence],
    answers: Sequence[str],
    champion: Sequence[str] | None = None,
) -> list[OfStratum]:
    """Every stratum, also one without a sentence. `answers`, `champion`: the intents answered, in
    the order of the sentences.
    """
    before = champion or (None,) * len(sentences)
    told = []
    for stratum in golden.Stratum:
        pairs = []
        for sentence, answer, theirs in zip(sentences, answers, before, strict=True):
            if sentence.stratum is stratum:
                pairs.append((answer == sentence.intent, theirs == sentence.intent))
        told.append(_of_stratum(stratum, pairs, has_champion=champion is not None))
    return told


def _of_stratum(
    stratum: golden.Stratum,
    pairs: Sequence[tuple[bool, bool]],
    *,
    has_champion: bool,
) -> OfStratum:
    """Of one stratum; `pairs`: whether the candidate is right, and the champion."""
    n = len(pairs)
    if not n:
        return OfStratum(stratum, 0, 0, None, None, None, None)
    right = sum(mine for mine, _ in pairs)
    share, low, high = proportion.estimate(right, n)
    theirs = sum(other for _, other in pairs) / n if has_champion else None
    return OfStratum(stratum, n, right, share, low, high, theirs)


def checks(told: Sequence[OfStratum]) -> Iterator[Check]:
    """One a stratum: as good as the champion, or to be acted on where it is surely worse; too few
    sentences are watched.
    """
    for each in told:
        name = f"golden_{each.stratum}"
        if each.n < golden.LEAST:
            enough = Range(least=golden.LEAST)
            yield Check(Stage.VALIDATION, name, None, each.n, enough, Level.WATCH, _FEW)
            continue
        as_good = Range(least=each.champion)
        yield check(
            Stage.VALIDATION,
            name,
            each.accuracy,
            each.n,
            as_good,
            bearable=as_good,
            remedy=_WORSE,
            low=each.low,
            high=each.high,
        )
