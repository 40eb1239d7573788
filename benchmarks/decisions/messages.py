"""Real messages: a champion is trained on some of them and answers the others once; scenarios then
draw from these answers instead of inventing them.

At home: messages like those it was trained on, none of them a near duplicate. Later: the same
intents in language it never met. Only counts of them are kept.
"""

import dataclasses
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from tqdm import tqdm

from benchmarks.decisions import champions, scenario, shops, worlds
from benchmarks.decisions.champions import STEPS, Floats, Ints
from retrain.train.compile import session
from schemas import present
from services.local.demo import pace, play, screen, stage, story, tables, traffic

# There is no second, worse model to release, and language that is wrong brings its own doubts.
KINDS: Final = ("mix", "language", "errors", "tokenizer", *scenario.QUIET)
CHAMPION: Final = champions.ALL[0]  # names the scenarios; how good it is the messages say
_SEED: Final = 20260420
_K: Final = len(present.INTENTS)


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Messages and a classifier's answers, shape (n,) each: what is meant and what was named, as
    places in INTENTS; how surely; tokens.
    """

    meant: Ints
    named: Ints
    confidence: Floats
    tokens: Ints

    @property
    def accuracy(self) -> float:
        """How often the answer names what is meant."""
        return float((self.meant == self.named).mean())

    def chances(self) -> worlds.Answers:
        """The same as chances of every answer by what is meant; an intent that no message means is
        answered as all are.
        """
        step = np.minimum((self.confidence * STEPS).astype(np.int64), STEPS - 1)
        further = (self.named - self.meant) % _K
        counts = np.zeros((_K, len(champions.options(_K)), STEPS))
        np.add.at(counts, (self.meant, further, step), 1.0)
        counts[counts.sum(axis=(1, 2)) == 0] = counts.sum(axis=0)
        given = counts / counts.sum(axis=(1, 2), keepdims=True)
        return worlds.Answers(given, float(self.tokens.mean()))


def drawn(kind: str, seed: int, days: int) -> scenario.Scenario:
    """The scenario of a seed, in a shop of the ten intents that the messages have."""
    told = scenario.drawn(kind, CHAMPION, seed, days)
    return dataclasses.replace(told, intents=shops.OURS)


def answered(directory: Path) -> tuple[Answers, Answers]:
    """Train a champion on tables of messages as the demo does, and let it answer those that the
    demo would send: at home and later.
    """
    told = story.plan(*tables.read(directory), seed=_SEED)
    with stage.up(None, {}) as on, screen.Screen(on.logs / "demo.log", out=sys.stderr) as out:
        on.start("retrain")
        gateway = on.start("gateway")
        speed = pace.of(0, time.monotonic())
        customers = traffic.Customers(on.port("GATEWAY_PORT"))
        play.Play(on, told, customers, out, speed, gateway.process.pid).first_champion()
        model = session.load(on.addresses.models / "v1")
        home = _answers(model, _rows(told, story.STABLE))
        return home, _answers(model, _rows(told, story.LATER))


def _rows(told: story.Story, kind: str) -> list[story.Row]:
    """The messages of the days of a kind."""
    days = zip(told.kinds, told.days, strict=True)
    return [row for day, rows in days if day == kind for row in rows]


def _answers(model: session.Session, rows: Sequence[story.Row]) -> Answers:
    bar = tqdm(rows, unit="message", file=sys.stderr)
    classified = [model.classify([row["text"]]) for row in bar]
    probabilities = np.concatenate([each for each, _ in classified])
    tokens = [len(each[0]) for _, each in classified]
    return Answers(
        np.array([present.INDEX[row["intent"]] for row in rows], dtype=np.int64),
        probabilities.argmax(1),
        np.minimum(probabilities.max(1), 1.0),
        np.array(tokens, dtype=np.int64),
    )
