"""Pure. What one would want to be able to say of a run in a review (seed, section 15): five
sentences, each with the figures it rests on, or without any.
"""

from dataclasses import dataclass
from typing import Final

from retrain.train.report import account, compared
from schemas import checks, runs, units, why

_LEARNT: Final = ("forgetting", "loss_explosion")


@dataclass(frozen=True, slots=True)
class Sentence:
    """`holds`: what the figures say of it; None where it is not shown, and `figures` say why."""

    words: str
    holds: bool | None
    figures: str


def sentences(told: account.Account) -> tuple[Sentence, ...]:
    """All five of them, in order."""
    return (
        _better(told),
        _learnt(told),
        _calibrated(told),
        _evidence(told),
        _encoder(told),
    )


def _better(told: account.Account) -> Sentence:
    words = "Answers are better on the whole, above all those of rare intents, and no later."
    accuracy, rare = compared.accuracy(told), compared.rare_recall(told)
    latency = told.gate("p95_latency_ms")
    if accuracy is None or rare is None:
        return Sentence(words, None, "neither a champion nor a second epoch to compare with")
    if latency is None or latency.value is None:
        return Sentence(words, None, "the latency has not been measured")

    budget = f", of {units.ms(latency.margin)}" if latency.margin is not None else ""
    p95 = f"p95 latency {units.ms(latency.value)}{budget} (n = {latency.n:,})"
    figures = f"accuracy {accuracy.words}; rare recall {rare.words}; {p95}"
    in_time = latency.verdict is runs.GateVerdict.PASS
    holds = accuracy.better and rare.better and in_time
    if holds and accuracy.proven is False:
        return Sentence(words, None, f"accuracy may be better by chance: {figures}")
    return Sentence(words, holds, figures)


def _learnt(told: account.Account) -> Sentence:
    words = (
        "The upper layers have learnt the task, the lowest have kept the language, and the warmup "
        "has kept the beginning calm."
    )
    figures = []
    levels = set()
    for name in _LEARNT:
        check = told.check(checks.Stage.TRAINING, name)
        if check is None or check.value is None:
            return Sentence(words, None, f"{name} has not been measured")
        levels.add(check.level)
        figures.append(f"{name} {check.value:.3g}, {check.healthy} (n = {check.n:,} steps)")
    return Sentence(words, levels == {checks.Level.OK}, "; ".join(figures))


def _calibrated(told: account.Account) -> Sentence:
    words = (
        "Confidence means more than before the temperature was fitted, so that fallbacks and the "
        "choice of what to label may rest on it."
    )
    seen = told.validation
    if seen is None:
        return Sentence(words, None, "no validation has been recorded")

    before, after, floor = seen.ece_before, seen.ece, seen.ece_floor
    n = sum(seen.right) + sum(seen.wrong)
    errors = f"ECE {before:.3f} before, {after:.3f} after"
    figures = f"{errors}; a perfect one would show {floor:.3f} (n = {n:,})"
    return Sentence(words, after < before or after <= floor, figures)


def _evidence(told: account.Account) -> Sentence:
    words = (
        "Latency, confidence, drift and labelled samples are watched together, and evidence has "
        "asked for this run, not habit."
    )
    asked_by = told.run.decision_id
    if asked_by is None:
        return Sentence(words, None, "a person has asked for the run, no decision")
    if told.decision is None:
        return Sentence(words, None, f"decision {asked_by} is not here")

    decided = [why.short(reason) for reason in told.decision.reasons if reason.decided]
    figures = "; ".join(decided) or "the decision names no signal"
    return Sentence(words, bool(decided), figures)


def _encoder(told: account.Account) -> Sentence:
    words = "The encoder is the best for the whole system, not the one with the best accuracy."
    chosen = told.run.base_model or "the encoder"
    return Sentence(words, None, f"no comparison of {chosen} with others is on record")
