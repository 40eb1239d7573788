"""Pure. What people say of the messages they are asked about: when, whether at all, how wrongly."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.decisions import champions, scenario, shops
from benchmarks.decisions.champions import Ints
from retrain.decide.history import archive
from retrain.evaluation import samples, wishes
from retrain.labels import votes
from schemas import policy, present, times

_K: Final = len(present.INTENTS)
_NAMES: Final = ("a0", "a1", "a2", "bot")
_LIAR, _BOT = 2, 3
_FAMINE, _FLOOD = 0.05, 0.4  # shares of the messages that are labelled, and by a script
_MINUTE_US: Final = 60_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Messages that are asked about, in order of time, and what each means, shape (n,)."""

    messages: samples.Sample
    meant: Ints

    def __len__(self) -> int:
        """How many."""
        return len(self.meant)

    def hours(self, begin: int, end: int) -> "Asked":
        """Those of some hours since BEGIN."""
        start, stop = (times.micros(scenario.BEGIN) + h * archive.HOUR_US for h in (begin, end))
        low, high = np.searchsorted(self.messages.ts_us, [start, stop]).tolist()
        return Asked(self.messages.chosen(slice(low, high)), self.meant[low:high])


def said(asked: Asked, drawn: scenario.Scenario, rng: np.random.Generator) -> votes.Votes:
    """Everything that is ever said of them: by people, of some messages by two, and by a script."""
    n = len(asked)
    people = drawn.people
    ts_us = asked.messages.ts_us
    late = ts_us >= times.micros(drawn.onset)
    answered = rng.random(n) >= people.missing
    hard = asked.messages.predicted != asked.meant
    answered &= ~(hard & (rng.random(n) < people.left_out))
    if people.famine:
        answered &= ~late | (rng.random(n) < _FAMINE)

    first = rng.integers(0, 3, n)
    second = (first + rng.integers(1, 3, n)) % 3
    twice = answered & (rng.random(n) < policy.Labels().twice_share)
    parts = [
        _by_people(asked, drawn, first, np.flatnonzero(answered), rng),
        _by_people(asked, drawn, second, np.flatnonzero(twice), rng),
    ]
    if people.flood:
        flooded = late & (rng.random(n) < _FLOOD)
        parts.append(_by_script(asked, drawn, np.flatnonzero(flooded)))
    row, annotator, at_us, label = np.concatenate(parts, axis=1)
    order = np.lexsort((at_us, annotator, row))
    return votes.Votes(
        _NAMES,
        row[order],
        annotator[order],
        at_us[order],
        label[order].astype(np.int16),
        wishes.none(len(row)),
    )


def _by_people(
    asked: Asked,
    drawn: scenario.Scenario,
    who: Ints,
    rows: Ints,
    rng: np.random.Generator,
) -> Ints:
    """Row, annotator, instant and label of these messages, shape (4, rows)."""
    people = drawn.people
    ts_us, label = asked.messages.ts_us[rows], asked.meant[rows].copy()
    wrong = rng.random(len(rows)) < people.wrong
    label[wrong] = rng.integers(0, _K, int(wrong.sum()))
    if people.liar:
        called, instead = lie(drawn)
        late = ts_us >= times.micros(drawn.onset)
        label[late & (who[rows] == _LIAR) & (asked.meant[rows] == called)] = instead
    hours = rng.gamma(2.0, 12 * people.delay_days, len(rows))
    at_us = ts_us + np.rint(hours * archive.HOUR_US).astype(np.int64)
    return np.stack([rows, who[rows], at_us, label])


def lie(drawn: scenario.Scenario) -> tuple[int, int]:
    """The common intent that one of three calls by another's name, and that other."""
    called = shops.common(drawn.seed)
    return called, int((called + champions.options(_K)[1]) % _K)


def _by_script(asked: Asked, drawn: scenario.Scenario, rows: Ints) -> Ints:
    """The same of a script that is always wrong: at once, or after the people."""
    label = (asked.meant[rows] + 1) % _K
    at_us = asked.messages.ts_us[rows] + _MINUTE_US
    if drawn.seed % 2:
        at_us += np.rint(5 * drawn.people.delay_days * 24 * archive.HOUR_US).astype(np.int64)
    return np.stack([rows, np.full(len(rows), _BOT), at_us, label])
