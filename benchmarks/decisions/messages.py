"""Real messages: a champion is trained on some of them and answers the others once; scenarios then
draw from these answers instead of inventing them.

At home: messages like those it was trained on, none of them a near duplicate. Later: the same
intents in language it never met. Only numbers are kept.
"""

import dataclasses
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from benchmarks.decisions import scenario
from benchmarks.decisions.scenario import Answers
from retrain.train.compile import session
from schemas import present
from services.local.demo import pace, play, screen, stage, story, tables, traffic

# There is no second, worse model to release.
KINDS: Final = tuple(kind for kind in scenario.KINDS if kind != "bad_release")
_SEED: Final = 20260420


@dataclasses.dataclass(frozen=True, slots=True)
class World:
    """What messages of both languages got for an answer."""

    home: Answers
    later: Answers

    def draw(
        self, of: scenario.Scenario, rng: np.random.Generator, after: npt.NDArray[np.bool_]
    ) -> Answers:
        """Messages drawn at random, with replacement. After the onset a mix has two intents more
        often, and of a language `of.size` is the later one's.
        """
        n, home = len(after), len(self.home.truth)
        answers = _at(self.home, rng.integers(home, size=n))
        if of.kind == "mix":
            more = np.isin(self.home.truth, rng.choice(len(present.INTENTS), 2, replace=False))
            weight = np.where(more, scenario.grown(of), 1.0)
            return _where(
                after, _at(self.home, rng.choice(home, n, p=weight / weight.sum())), answers
            )
        if of.kind == "language":
            return _where(
                after & (rng.random(n) < of.size),
                _at(self.later, rng.integers(len(self.later.truth), size=n)),
                answers,
            )
        return answers


def answered(directory: Path) -> World:
    """Train a champion on tables of messages as the demo does, and let it answer those that the
    demo would send.
    """
    told = story.plan(*tables.read(directory), seed=_SEED)
    with stage.up(None, {}) as on, screen.Screen(on.logs / "demo.log", out=sys.stderr) as out:
        on.start("retrain")
        gateway = on.start("gateway")
        speed = pace.of(0, time.monotonic())
        play.Play(
            on, told, traffic.Customers(on.port("GATEWAY_PORT")), out, speed, gateway.process.pid
        ).first_champion()
        model = session.load(on.addresses.models / "v1")
        of_kind = {
            kind: [
                row
                for day, rows in zip(told.kinds, told.days, strict=True)
                if day == kind
                for row in rows
            ]
            for kind in (story.STABLE, story.LATER)
        }
        return World(_answers(model, of_kind[story.STABLE]), _answers(model, of_kind[story.LATER]))


def _answers(model: session.Session, rows: Sequence[story.Row]) -> Answers:
    classified = [
        model.classify([row["text"]]) for row in tqdm(rows, unit="message", file=sys.stderr)
    ]
    probabilities, tokens = (
        np.concatenate([each for each, _ in classified]),
        [each[0] for _, each in classified],
    )
    truth = np.array([present.INDEX[row["intent"]] for row in rows], dtype=np.int64)
    return Answers(
        truth,
        probabilities.argmax(1),
        np.minimum(probabilities.max(1), 1.0),
        np.array([len(each) for each in tokens], dtype=np.int64),
    )


def _at(answers: Answers, rows: npt.NDArray[np.int64]) -> Answers:
    return Answers(
        answers.truth[rows], answers.predicted[rows], answers.confidence[rows], answers.tokens[rows]
    )


def _where(chosen: npt.NDArray[np.bool_], these: Answers, others: Answers) -> Answers:
    return Answers(
        *(
            np.where(chosen, getattr(these, each.name), getattr(others, each.name))
            for each in dataclasses.fields(Answers)
        )
    )
