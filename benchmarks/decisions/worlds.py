"""Pure. What messages get for an answer, before the onset of a scenario and after it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from benchmarks.decisions import champions, scenario, shops
from benchmarks.decisions.champions import Floats

_INTENT_LOST: Final = 0.28  # of a common intent's recall


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """The chance of every answer by what is meant, as champions.chances has it; tokens a text has
    on average.
    """

    given: Floats
    tokens: float = 12.0

    @property
    def recall(self) -> Floats:
        """How often each intent is answered rightly, shape (intents,)."""
        recall: Floats = self.given[:, 0].sum(axis=1)
        return recall


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Answers before the onset and after it."""

    before: Answers
    after: Answers


Source = Callable[[scenario.Scenario, np.random.Generator], World]


@dataclass(frozen=True, slots=True, eq=False)
class Real:
    """What real messages got for an answer, at home and in later language."""

    home: Answers
    later: Answers

    def world(self, drawn: scenario.Scenario, rng: np.random.Generator) -> World:  # noqa: ARG002
        """A scenario's answers, with nothing left to chance: after the onset of another language 40
        to 100 % are of the later one.
        """
        part = 0.4 + 0.6 * drawn.size if drawn.kind == "language" else 0.0
        given = (1 - part) * self.home.given + part * self.later.given
        tokens = (1 - part) * self.home.tokens + part * self.later.tokens
        return World(self.home, Answers(given, tokens))


def simulated(drawn: scenario.Scenario, rng: np.random.Generator) -> World:
    """Answers that exist as numbers only."""
    errors = champions.spread(drawn.intents, rng)
    before = champions.chances(drawn.champion, errors)
    return World(Answers(before), Answers(_after(drawn, before, errors)))


def _after(drawn: scenario.Scenario, before: Floats, errors: Floats) -> Floats:
    """What becomes of the answers."""
    size, every = drawn.size, np.ones(drawn.intents)
    one = np.zeros(drawn.intents)
    if drawn.kind in scenario.FALLS:
        return champions.misled(before, 0.10 * every)
    if drawn.kind == "sure_wrong":
        return champions.misled(before, (0.10 + 0.10 * size) * every)
    if drawn.kind == "tokenizer":
        return champions.misled(before, 0.10 * size * every)
    if drawn.kind == "common_intent":
        one[shops.common(drawn.seed)] = _INTENT_LOST
        return champions.misled(before, one)
    if drawn.kind == "rare_intent":
        one[shops.rare(drawn.seed)] = 0.40 + 0.40 * size
        return champions.misled(before, one)
    if drawn.kind == "language":
        return champions.chances(_worse(drawn, 0.10 + 0.15 * size, 0.05 + 0.15 * size), errors)
    if drawn.kind == "bad_release":
        if drawn.seed % 2:
            return champions.misled(before, (0.08 + 0.10 * size) * every)
        return champions.chances(_worse(drawn, 0.08 + 0.10 * size, 0.05), errors)
    return before


def _worse(drawn: scenario.Scenario, fall: float, rise: float) -> champions.Champion:
    was = drawn.champion
    return replace(was, accuracy=was.accuracy - fall, unsure=min(0.45, was.unsure + rise))
