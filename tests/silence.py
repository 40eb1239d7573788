"""Two days of sampled messages of which annotators pass some over, and the days before."""

import dataclasses
import datetime as dt

import builders
import numpy as np

from retrain.decide.view import View
from retrain.evaluation import live, samples, wishes
from schemas import present, times, verdicts

AT = dt.datetime(2026, 4, 20, 9, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
Level = verdicts.Level
_HOURS, _AN_HOUR = 48, 15


def days(
    accuracy: float,
    skipped: float,
    at_random: float = 0.05,
    instead: int = samples.UNLABELLED,
    seed: int = 5,
) -> View:
    """Two days of 15 sampled messages an hour, half of all: as sure where they are wrong as where
    they are right. Of the wrong ones `skipped` have no label but `instead`, of all `at_random`.
    """
    rng = np.random.default_rng(seed)
    n = _HOURS * _AN_HOUR
    right, confidence = rng.random(n) < accuracy, rng.beta(12, 2, n)
    predicted = rng.integers(0, 10, n).astype(np.int16)
    label = np.where(right, predicted, (predicted + 1) % 10).astype(np.int16)
    gone = (~right & (rng.random(n) < skipped)) | (rng.random(n) < at_random)
    sampled = samples.Sample(
        ts_us=times.micros(AT - _HOURS * HOUR) + np.arange(n) * (3_600_000_000 // _AN_HOUR),
        predicted=predicted,
        label=np.where(gone, instead, label).astype(np.int16),
        confidence=confidence,
        p=np.full(n, 0.5),
        also=wishes.none(n),
        slices=np.ones(n, dtype=np.uint16),
    )
    mean = float(confidence.mean())
    hours = {AT - (i + 1) * HOUR: live.Hour(30, 30 * mean) for i in range(_HOURS)}
    window = builders.window(np.bincount(predicted, minlength=10) * 2, "1d", end=AT)
    mix = dict(zip(present.INTENTS, [100] * 10, strict=True))
    held_out = builders.reference(1_000, accuracy=0.9, accuracy_n=2_000)
    reference = dataclasses.replace(held_out, intent_counts=mix)
    return View(builders.MODEL, AT, {"1d": window}, reference, sampled, hours)


def known(
    view: View,
    shares: list[float],
    accuracies: list[float],
    *,
    in_breach: bool = False,
    hours: int = 0,
) -> View:
    """The view after days on which these shares had no label and these of the others were right,
    two to seven days ago; `hours`: at another hour of the day.
    """
    history = {}
    for name, values in (("unanswered_share", shares), ("recent_accuracy", accuracies)):
        judged = []
        for back, value in reversed(list(enumerate(values, start=2))):
            end = AT - back * DAY - hours * HOUR
            signal = verdicts.Signal(view.model, "1d", end, name, value, 700, reference=0.1)
            level = Level.BREACH if in_breach else Level.OK
            judged.append(verdicts.Verdict(signal, level, 0.12, in_breach, since=end))
        history[name] = judged
    return dataclasses.replace(view, history=history)


# Of a model that is right in 90 of 100 with six of ten wrong answers passed over.
USUAL = ([0.10, 0.11, 0.12, 0.10, 0.11, 0.11], [0.955, 0.96, 0.95, 0.965, 0.955, 0.955])
