"""Pure. What the numbers of a fine-tune say of it: the signs that one watches for while it runs,
each a check with what to do (seed, stages E and F, failure modes 11.1 to 11.3).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from schemas import present, runs
from schemas.checks import Check, Range, Stage, check

_UNDER_WAY: Final = 0.3  # of the steps: what explodes does so while the rates rise
_FEW: Final = 5  # noted steps under which a speed says little


@dataclass(frozen=True, slots=True)
class Series:
    """The rows of a run by name, in the order of steps."""

    rows: Sequence[runs.Metric]

    def of(self, name: str) -> list[float]:
        """The values of a name."""
        return [row.value for row in self.rows if row.name == name]

    def last(self, name: str) -> float | None:
        """The newest value of a name; None without any."""
        values = self.of(name)
        return values[-1] if values else None


def checks(rows: Sequence[runs.Metric]) -> tuple[Check, ...]:
    """Every sign of a fine-tune that has begun; none of one that has no number yet."""
    series = Series(rows)
    if not series.of("loss"):
        return ()
    return (
        *_of_steps(series),
        *_of_layers(series),
        *_of_speed(series),
        *(_of_epochs(series) if series.of("val_loss") else ()),
    )


def _of_steps(series: Series) -> Iterator[Check]:
    smoothed = series.of("loss_smoothed")
    early = smoothed[: max(2, math.ceil(_UNDER_WAY * len(smoothed)))]
    yield check(
        Stage.TRAINING,
        "loss_explosion",
        max(early) / max(early[0], 1e-9),
        len(early),
        Range(most=1.2),
        bearable=Range(most=1.5),
        remedy="reduce learning_rate or increase warmup",
    )
    finite = all(math.isfinite(value) for value in series.of("loss"))
    yield check(
        Stage.TRAINING,
        "loss_finite",
        float(finite),
        len(series.of("loss")),
        Range(least=1),
        bearable=Range(least=1),
        remedy="reduce learning_rate; look for rows without text",
    )
    yield check(
        Stage.TRAINING,
        "clipped_share",
        series.last("clipped_share"),
        len(series.of("clipped_share")),
        Range(most=0.9),
        remedy="gradients are cut at nearly every step: reduce learning_rate or raise clip",
    )


def _of_layers(series: Series) -> Iterator[Check]:
    """What the lowest layers do: they keep the language, and should move least (11.2)."""
    moved = _relative(series, "embeddings")
    head = _relative(series, "head")
    yield check(
        Stage.TRAINING,
        "forgetting",
        moved / head if moved is not None and head else None,
        len(series.of("update_norm:embeddings")),
        Range(most=0.5),
        bearable=Range(most=1.0),
        remedy="the lowest layer moves like the head: lower layer_decay or learning_rate, "
        "increase warmup, or train for fewer epochs",
    )


def _relative(series: Series, layer: str) -> float | None:
    """By how much a layer has been moved in the noted steps, of what its weights are."""
    weight = series.last(f"weight_norm:{layer}")
    if not weight:
        return None
    return sum(series.of(f"update_norm:{layer}")) / weight


def _of_speed(series: Series) -> Iterator[Check]:
    speeds = series.of("examples_per_s")
    usual = median(speeds)
    yield check(
        Stage.TRAINING,
        "speed_drop",
        min(speeds[1:]) / usual if len(speeds) >= _FEW and usual else None,
        len(speeds),
        Range(least=0.5),
        remedy="something else took the cores or the disk for a while",
    )
    yield check(
        Stage.TRAINING,
        "loader_wait_share",
        series.last("loader_wait_share"),
        len(speeds),
        Range(most=0.2),
        bearable=Range(most=0.5),
        remedy="the batch is waited for: fix the loader, not the model",
    )
    yield check(
        Stage.TRAINING,
        "peak_memory_mib",
        series.last("peak_memory_mib"),
        len(speeds),
        Range(),
        remedy="a smaller batch or max_tokens needs less",
    )


def _of_epochs(series: Series) -> Iterator[Check]:
    val = series.of("val_loss")
    best = min(val)
    yield check(
        Stage.TRAINING,
        "val_loss_rise",
        val[-1] / max(best, 1e-9) - 1,
        len(val),
        Range(most=0.02),
        bearable=Range(most=0.1),
        remedy="it rises after its best epoch: that epoch is kept; train for fewer epochs",
    )
    yield _rare_recall(series)
    yield _label_noise(series)
    yield _overfitting(series)


def _rare_recall(series: Series) -> Check:
    rare = series.of("val_rare_recall")
    return check(
        Stage.TRAINING,
        "rare_recall_gain",
        rare[-1] - rare[0] if len(rare) > 1 else None,
        len(rare),
        Range(least=0.0),
        bearable=Range(least=-0.05),
        remedy="flat or falling: re-check class weights, labels of the rare intents, or sampling",
    )


def _label_noise(series: Series) -> Check:
    """A training loss that stays high is what contradicting labels leave (11.1): of what guessing
    costs, ln K.
    """
    last = series.last("train_log_loss")
    return check(
        Stage.TRAINING,
        "label_noise",
        None if last is None else last / math.log(len(present.INTENTS)),
        len(series.of("train_log_loss")),
        Range(most=0.3),
        bearable=Range(most=0.6),
        remedy="re-audit labels: contradicting rows cannot be learnt",
    )


def _overfitting(series: Series) -> Check:
    """Training loss falls while that on other rows rises, and mistakes are made more surely (11.3):
    the epochs in a row, up to the last, in which all of it is so.
    """
    train, val = series.of("train_log_loss"), series.of("val_log_loss")
    sure = series.of("val_confidence_wrong")
    in_a_row = 0
    for place in range(len(val) - 1, 0, -1):
        apart = train[place] < train[place - 1] and val[place] > val[place - 1]
        surer = len(sure) == len(val) and sure[place] > sure[place - 1]
        if not (apart and surer):
            break
        in_a_row += 1
    return check(
        Stage.TRAINING,
        "overfitting_epochs",
        in_a_row,
        len(val),
        Range(most=0),
        bearable=Range(most=1),
        remedy="stop early; fewer epochs, more weight_decay, more held-out rows",
    )
