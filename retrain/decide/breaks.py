"""Pure. What was broken before the model, for how long, and which labels say nothing of the model
for it: those of the slice that was hit, while it was; of everything only where everything was.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from retrain.evaluation import samples
from schemas import decisions, signals, slices, times, windows

# Signals of a part of the messages: the slice whose labels are void while they are in breach, None
# for every message of that time, as how many tokens a text has lost is not known of each.
PARTIAL: Final = {
    signals.OTHER_SCRIPT_EXCESS.name: "other",
    signals.TOKENS_LOST.name: None,
}
# A breach may need two of three windows, and its first is told by its end.
_BEFORE: Final = 3 * windows.HORIZONS["1h"]


@dataclass(frozen=True, slots=True)
class Break:
    """A decision of `end` found these signals in breach, the first of them since `start`."""

    signals: tuple[str, ...]
    start: dt.datetime
    end: dt.datetime

    @property
    def whole(self) -> bool:
        """Whether everything was broken."""
        return not self.signals or not set(self.signals) <= set(PARTIAL)


def of(at: dt.datetime, reasons: Iterable[decisions.Reason]) -> Break:
    """What a decision whose cause was the pipeline had found broken."""
    names = []
    begins = [at]
    for reason in reasons:
        if reason.breached and str(signals.Role.UPSTREAM) in reason.roles:
            names.append(reason.signal)
            if reason.since:
                begins.append(times.instant(reason.since))
    return Break(tuple(sorted(names)), min(begins) - _BEFORE, at)


def mended(breaks: Iterable[Break], last_fix: dt.datetime) -> dt.datetime | None:
    """From when on labels count that are not of a slice: the last time that everything was found
    broken; None for ever. A fix that nobody knows more of was one of everything.
    """
    known = list(breaks)
    whole = [one.end for one in known if one.whole]
    if all(one.end != last_fix for one in known):
        whole.append(last_fix)
    return max(whole, default=None)


def outside(sampled: samples.Sample, breaks: Iterable[Break]) -> samples.Sample:
    """The messages without those of the slices that were broken, while they were."""
    stretches: dict[tuple[str, dt.datetime], dt.datetime] = {}
    for one in breaks:
        if one.whole:
            continue
        for name in one.signals:
            # Each hour of one breach has the same start.
            end = stretches.get((name, one.start), one.end)
            stretches[name, one.start] = max(end, one.end)

    for (name, start), end in stretches.items():
        hit = (sampled.ts_us >= times.micros(start)) & (sampled.ts_us < times.micros(end))
        part = PARTIAL[name]
        if part is not None:
            hit &= sampled.slices & slices.BITS[part] != 0
        if hit.any():
            sampled = sampled.chosen(~hit)
    return sampled
