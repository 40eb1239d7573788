"""Pure. The case that every clause of the rule looks at, and what it may ask of it."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from retrain.decide import mix
from schemas import decisions, policy, seasons, verdicts, windows


@dataclass(frozen=True, slots=True)
class Case:
    """The verdicts in the order of their names, what had happened before, the policy, the
    instant.
    """

    judged: Sequence[verdicts.Verdict]
    past: decisions.Past
    rules: policy.Policy
    at: dt.datetime

    def breached(self, names: Sequence[str]) -> set[str]:
        """Which of these signals are in breach, and it says something."""
        breached = set()
        for verdict in self.judged:
            name = verdict.signal.signal
            if not verdict.in_breach or name not in names:
                continue
            if not self.broken(verdict) and not self.expected(verdict):
                breached.add(name)
        return breached

    def expected(self, verdict: verdicts.Verdict) -> bool:
        """Whether it is about the mix, and its window holds an event of the policy's calendar."""
        signal = verdict.signal
        if signal.signal not in mix.OF_MIX:
            return False
        begins = signal.end - windows.HORIZONS[signal.horizon]
        return bool(seasons.during(self.rules.calendar, begins, signal.end))

    def broken(self, verdict: verdicts.Verdict) -> bool:
        """Whether it is about drift and its window holds hours when something before the model was
        broken: that says nothing of people.
        """
        signal, last_fix = verdict.signal, self.past.last_fix
        if last_fix is None or signal.signal not in self.rules.trigger.drift:
            return False
        begins = signal.end - windows.HORIZONS[signal.horizon]
        return begins < last_fix

    def verdict(self, name: str) -> verdicts.Verdict | None:
        """The verdict on a signal; None where nothing is known of it."""
        for verdict in self.judged:
            if verdict.signal.signal == name:
                return verdict
        return None

    def well(self, name: str) -> bool:
        """Whether a signal shows that all is well."""
        verdict = self.verdict(name)
        return verdict is not None and verdict.well

    def level(self, name: str) -> verdicts.Level:
        """How a signal stands; blind where nothing is known of it."""
        verdict = self.verdict(name)
        return verdicts.Level.BLIND if verdict is None else verdict.verdict
