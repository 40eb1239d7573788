"""Pure. What stands beside a judged value, a sentence each: the newest hour, the other percentiles,
the reference, and what labels say.
"""

from collections.abc import Sequence
from typing import Final

from schemas import policy, present, signals, windows
from services.dashboard import board, facts, words
from streams.stats import divergence

Unit = board.Unit
Facts = facts.Facts
Row = facts.Row
Signal = signals.Signal

_MATURITY: Final = {"immature": "labels still coming in", "mature": "labels complete"}
_RARE: Final = 6  # rare intents in one note, those of the lowest recall


def kl(row: Row, snapshot: Facts) -> tuple[float | None, float | None]:
    """A window's intent-mix KL and its noise floor, nats; (None, None) without a reference or
    without answers.
    """
    reference = snapshot.reference(row["model"], row["end"])
    counts = row["intent_counts"]
    live = [counts[intent] for intent in present.INTENTS]
    n = sum(live)
    if reference is None or not n:
        return None, None

    before = reference.intent_counts
    expected = [before.get(intent, 0) for intent in present.INTENTS]
    moved = divergence.kl(live=live, reference=expected)
    floor = divergence.noise_floor(
        k=len(live),
        n=n,
        reference_n=reference.n,
    )
    return moved, floor


def latest_hour(
    signal: Signal,
    snapshot: Facts,
    rule: policy.Level,
) -> tuple[str, ...]:
    """The newest hour of what is judged by the day: a drift of this night shows here first."""
    rows = snapshot.served("1h")
    if signal.labelled or rule.horizon == "1h" or not rows:
        return ()

    row = rows[-1]
    floor = None
    if signal is signals.INTENT_MIX_KL:
        value, floor = kl(row, snapshot)
    else:
        value = board.finite(row[signal.name])
    if value is None:
        return ()

    n = row["n"]
    unit = Unit(signal.unit)
    end = words.when(row["end"])
    figure = words.amount(unit, value)
    counted = f"n = {n:,}"
    if floor is not None:
        chance = words.amount(unit, floor)
        counted += f", chance alone {chance}"
    return (f"Latest hour, to {end}: {figure} ({counted})",)


def notes(
    signal: Signal,
    row: Row,
    snapshot: Facts,
) -> tuple[str, ...]:
    """What else belongs to the value."""
    if signal is signals.P95_LATENCY_MS:
        return _percentiles(row, snapshot)
    if signal is signals.INTENT_MIX_KL:
        return (_reference(row),)
    if not signal.labelled:
        return ()
    told = _labels(row, snapshot.quality, signal.name)
    if signal is signals.LIVE_ACCURACY and snapshot.loudest:
        told += (_loudest(snapshot.loudest),)
    return told


def _loudest(row: Row) -> str:
    """How much of a day's evidence comes from one conversation."""
    share = words.amount(Unit.RATIO, row["value"])
    day = words.when(row["end"])
    n = row["n"]
    return f"Most of one conversation, day to {day}: {share} of the messages to label (n = {n:,})"


def _percentiles(row: Row, snapshot: Facts) -> tuple[str, ...]:
    """p50 and p99 of the judged window; nothing where the history no longer has it."""
    judged = (row["model"], row["end"])
    rows = snapshot.served(row["horizon"])
    for window in reversed(rows):
        if (window["model"], window["end"]) == judged:
            p50 = words.amount(Unit.MS, window["p50_latency_ms"])
            p99 = words.amount(Unit.MS, window["p99_latency_ms"])
            return (f"p50 {p50}, p99 {p99}",)
    return ()


def _reference(row: Row) -> str:
    """The mix a KL is measured against, and how likely chance alone would show as much."""
    n = row["reference_n"] or 0
    p_value = row["p_value"]
    compared = f"Reference n = {n:,}"
    if p_value is not None:
        chance = words.probability(p_value)
        compared += f", p {chance}"
    return f"{compared}. Levels count above the noise floor."


def _labels(
    row: Row,
    quality: Sequence[Row],
    metric: str,
) -> tuple[str, ...]:
    """The label figures of the same window: what they stand for, what is still to be labelled, and
    each rare intent's recall.
    """
    end = row["end"]
    start = end - windows.HORIZONS[row["horizon"]]
    window = (row["model"], start, end)
    sentences = []
    rare = []
    for estimate in quality:
        of = (estimate["model"], estimate["start"], estimate["end"])
        if of != window:
            continue
        of_metric = estimate["metric"]
        if of_metric == metric:
            sentences += _estimate(estimate)
        if of_metric == "recall" and estimate["intent"] in present.RARE:
            rare.append(estimate)

    if rare and metric == signals.RARE_RECALL.name:
        sentences.append(_rare(rare))
    return tuple(sentences)


def _estimate(estimate: Row) -> list[str]:
    """What a label figure stands for, and how many labels it still wants."""
    answers = estimate["n_predictions"]
    maturity = estimate["maturity"]
    sentence = f"Stands for {answers:,} answers, {_MATURITY.get(maturity, maturity)}"
    before = estimate["reference"]
    if before is not None:
        reference = words.amount(Unit.RATIO, before)
        sentence += f"; reference {reference}"
    sentences = [sentence]

    needed = estimate["labels_needed"]
    if needed:
        watched = estimate["verdict"] == "watch"
        purpose = "would prove the loss, should it stay" if watched else "needed"
        command = "`python -m services.labels next`"
        sentences.append(f"{needed:,} more labels {purpose}: {command}")
    return sentences


def _rare(rare: Sequence[Row]) -> str:
    """The recall of the worst rare intents, in the rows' order; those without any come last."""
    worst = sorted(rare, key=_recall)[:_RARE]
    recalls = []
    for estimate in rare:
        if estimate not in worst:
            continue
        intent = estimate["intent"]
        n = estimate["n_labels"]
        recall = words.amount(Unit.RATIO, estimate["estimate"])
        recalls.append(f"{intent} {recall} (n = {n:,})")

    sentence = ", ".join(recalls)
    rest = len(rare) - len(worst)
    if rest:
        sentence += f"; {rest} more have a better one"
    return sentence


def _recall(estimate: Row) -> float:
    recall: float | None = estimate["estimate"]
    return 1.0 if recall is None else recall
