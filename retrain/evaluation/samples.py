"""Pure. Messages that people were asked about, as columns, with what they said."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from retrain.evaluation import wishes
from schemas import events, present, times, windows

Ints = windows.Counts
Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int16]
Bits = npt.NDArray[np.uint16]
Mask = npt.NDArray[np.bool_]

UNLABELLED: Final = -1  # nobody has answered
CANNOT_TELL: Final = -2  # answered, and there is no intent to tell


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """n messages of the measure queue as columns of shape (n,), in any order: time in microseconds
    since 1970; the predicted intent and the one people named, as places in present.INTENTS
    (UNLABELLED while nobody has answered, CANNOT_TELL where that was the answer); confidence;
    inclusion probability p; what else people named, as wishes has it; its slices, as
    schemas.slices has them.
    """

    ts_us: Ints
    predicted: Places
    label: Places
    confidence: Floats
    p: Floats
    also: wishes.Sets
    slices: Bits

    def __len__(self) -> int:
        """How many messages."""
        return len(self.ts_us)

    @property
    def named(self) -> Mask:
        """Which of them have a label, shape (n,)."""
        named: Mask = self.label >= 0
        return named

    @property
    def answered(self) -> Mask:
        """Of which of them people have said something, be it that they cannot tell, shape (n,)."""
        answered: Mask = self.label != UNLABELLED
        return answered

    def chosen(self, rows: Any) -> "Sample":
        """Some of the messages: `rows` is a slice, a mask of shape (n,), or places."""
        if isinstance(rows, np.ndarray) and rows.dtype == np.bool_:
            rows = np.flatnonzero(rows)  # read once, not for every column
        return Sample(
            self.ts_us[rows],
            self.predicted[rows],
            self.label[rows],
            self.confidence[rows],
            self.p[rows],
            self.also[rows],
            self.slices[rows],
        )

    def between(self, start: dt.datetime, end: dt.datetime) -> "Sample":
        """The messages with start <= ts < end."""
        begun = self.ts_us >= times.micros(start)
        over = self.ts_us >= times.micros(end)
        inside = begun & ~over
        return self if inside.all() else self.chosen(inside)


def sample(
    rows: Iterable[tuple[dt.datetime, str, float, float, str | None]],
    slices: Sequence[int] = (),
) -> Sample:
    """Columns of messages: aware time, predicted intent, confidence, p, and the label or None; and
    the slices of each, if told. Raises KeyError for an unknown intent.
    """
    ts_us = []
    predicted = []
    labels = []
    confidences = []
    ps = []
    for at, intent, confidence, p, label in rows:
        ts_us.append(times.micros(at))
        predicted.append(present.INDEX[intent])
        labels.append(UNLABELLED if label is None else present.INDEX[label])
        confidences.append(confidence)
        ps.append(p)

    n = len(ts_us)
    return Sample(
        ts_us=np.array(ts_us, dtype=np.int64),
        predicted=np.array(predicted, dtype=np.int16),
        label=np.array(labels, dtype=np.int16),
        confidence=np.array(confidences, dtype=np.float64),
        # No message speaks for more than the contract lets one.
        p=np.maximum(np.array(ps, dtype=np.float64), events.P_FLOOR),
        also=wishes.none(n),
        slices=np.array(slices or [0] * n, dtype=np.uint16),
    )
