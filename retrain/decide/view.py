"""Pure. What was known of a model at an instant. Live, replay and backfill make the same view of
the same history.
"""

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from retrain.decide import breaks
from retrain.evaluation import live, nonresponse, samples
from schemas import decisions, runs, signals, verdicts, windows

History = Mapping[str, Sequence[verdicts.Verdict]]
Tally = windows.Tally  # inside View its field `windows` hides the module

# The same hour of these weeks back says what is usual.
EARLIER: Final = tuple(week * windows.HORIZONS["7d"] for week in (1, 2, 3, 4))
REMEMBERED: Final = dt.timedelta(days=28)  # how far back verdicts count
# Long enough for the labels of a fall of two days ago; a new mix is asked for after as many.
LATELY: Final = dt.timedelta(days=3)


@dataclass(frozen=True)
class View:
    """A model as known at `at`.

    windows: those that end there, by horizon. sampled, hours: messages to be labelled with the
    labels given so far, and all answers, of the longest label horizon and of `age`: where labels
    take longer than a week, their figures are of windows that ended so long before. earlier: the
    same hour of earlier weeks together, whichever model was champion, `earlier_hours` of them.
    Where a day ends, usual_day: the same day of earlier weeks together; last_days: the whole days
    up to there without a gap, a week at most, oldest first. history: each signal's verdicts before,
    oldest first. aside: whose labels are not among those of `sampled`. broken: what was found
    broken before the model since REMEMBERED.
    """

    model: str
    at: dt.datetime
    windows: Mapping[str, windows.Window]
    reference: runs.Reference | None
    sampled: samples.Sample
    hours: Mapping[dt.datetime, live.Hour]
    earlier: Tally | None = None
    earlier_hours: int = 0
    usual_day: Tally | None = None
    last_days: Sequence[Tally] = ()
    history: History = field(default_factory=dict)
    aside: tuple[decisions.Aside, ...] = ()
    broken: tuple[breaks.Break, ...] = ()
    age: dt.timedelta = dt.timedelta()

    @property
    def until(self) -> dt.datetime:
        """The end of the windows that labels tell of."""
        return self.at - self.age

    @property
    def age_hours(self) -> int:
        """`age` in hours, which it is whole ones of."""
        return self.age // windows.HORIZONS["1h"]

    def signal(
        self,
        name: str,
        horizon: str,
        value: float | None,
        n: int,
        **more: Any,
    ) -> verdicts.Signal:
        """A signal of labels of the horizon that ends here. `more`: what else verdicts.Signal has
        of it.
        """
        return verdicts.Signal(
            self.model,
            horizon,
            self.at,
            name,
            value,
            n,
            age_hours=self.age_hours,
            **more,
        )

    def recent(self, horizon: str) -> samples.Sample:
        """The sampled messages of the trailing `horizon`."""
        start = self.until - windows.HORIZONS[horizon]
        return self.sampled.between(start, self.until)

    def figures(self, horizon: str) -> live.Figures:
        """What labels say of the trailing `horizon`."""
        answered = self._answered(windows.HORIZONS[horizon])
        return live.figures(self.recent(horizon), answered)

    def covered(self, stretch: dt.timedelta) -> live.Covered:
        """What labels can tell of a trailing stretch."""
        recent = self.sampled.between(self.until - stretch, self.until)
        return live.covered(recent, self._answered(stretch))

    @cached_property
    def lately(self) -> live.Covered:
        """What labels can tell of the last days, in which a young loss is not small."""
        return self.covered(LATELY)

    def bounds(self, covered: live.Covered) -> nonresponse.Bounds | None:
        """What live accuracy of a trailing stretch may be at worst and at best; None where its
        labels speak for all.
        """
        before = self.reference
        usual = before.left_out if before and before.left_out else 0.0
        return nonresponse.bounds(covered, usual)

    def _answered(self, stretch: dt.timedelta) -> dict[dt.datetime, live.Hour]:
        """All answers of a trailing stretch by hour."""
        start, end = self.until - stretch, self.until
        return {hour: all_of for hour, all_of in self.hours.items() if start <= hour < end}


def since(
    view: View,
    last_fix: dt.datetime,
    drift: Sequence[str],
) -> View:
    """The view without what rests on hours before something upstream was last found broken: windows
    of the signals of `drift` that reach back there, and where everything was broken all labels of
    before with the verdicts on them. Of what was broken in part only that part's labels are void.
    """
    mended = breaks.mended(view.broken, last_fix)
    sampled = breaks.outside(view.sampled, view.broken)
    hours = view.hours
    if mended is not None:
        sampled = sampled.between(mended, view.at)
        hours = {hour: answers for hour, answers in hours.items() if hour >= mended}

    history = {}
    for name, judged in view.history.items():
        history[name] = [v for v in judged if _counts(v, mended, last_fix, drift)]
    return dataclasses.replace(view, sampled=sampled, hours=hours, history=history)


def _counts(
    verdict: verdicts.Verdict,
    mended: dt.datetime | None,
    last_fix: dt.datetime,
    drift: Sequence[str],
) -> bool:
    """Whether a verdict rests on hours that say something."""
    signal = verdict.signal
    if signals.of(signal.signal).labelled:
        return mended is None or signal.end > mended
    if signal.signal in drift:
        begin = signal.end - windows.HORIZONS[signal.horizon]
        return begin >= last_fix
    return True
