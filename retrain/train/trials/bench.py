"""What trials are made on: the rows that a run would have now, on the sides that it would deal, and
how what comes out is told.
"""

import dataclasses
import datetime as dt
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import sqlalchemy as sa

from retrain import log
from retrain.decide.history.asked import store as asked
from retrain.evaluation import confusion
from retrain.train import divide, examine, prepare, recipe, split
from retrain.train.dealt import store as dealt
from retrain.train.golden import rows as sentences
from retrain.train.golden import store as golden
from retrain.train.trials import choice
from schemas import policy
from streams import store as streams_store


@dataclass(frozen=True, slots=True)
class Bench:
    """The parts, train, val and test, and what they are tried with."""

    parts: Mapping[str, pd.DataFrame]
    recipe: recipe.Recipe
    rules: policy.Policy

    @property
    def held(self) -> choice.Held:
        """The rows that everything is compared on."""
        test = self.parts["test"]
        return choice.Held(confusion.places(test["intent"]), list(test["group"]), self.recipe.seed)


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Rows, the sides by anchor that runs have dealt, and the golden set, which teaches nothing."""

    rows: pd.DataFrame
    known: Mapping[str, str]
    golden: Sequence[sentences.Sentence] = ()


def labelled(connection: sa.Connection, rules: policy.Policy, now: dt.datetime) -> Labelled:
    """By the stream's clock, or `now` where nothing has come yet; it reads alone."""
    as_of = streams_store.clock(connection) or now
    doubts = asked.doubts(connection, as_of, rules.labels)
    rows = prepare.labelled(connection, rules.labels, as_of, doubts)
    return Labelled(rows, dealt.sides(connection), golden.in_force(connection))


def made(of: Labelled, rules: policy.Policy, made_with: recipe.Recipe) -> Bench:
    """Divided and examined as a run does it. Raises divide.TooFewLabelsError,
    model.EncoderMissing.
    """
    least = rules.labels.min_to_train
    divided = divide.divided(of.rows, of.known, made_with, least, of.golden)
    train = examine.examined(divided, made_with).train
    parts = {
        "train": split.capped(train, made_with.rows, made_with.seed),
        "val": divided.part("val"),
        "test": divided.part("test"),
    }
    return Bench(parts, made_with, rules)


@dataclass(frozen=True, slots=True)
class Teller:
    """Says what comes out: line by line, or as one JSON object at the end."""

    lines: log.LogLines | None

    def line(self, tag: str, fields: Mapping[str, Any]) -> None:
        """One line, as soon as it is known."""
        if self.lines is not None:
            self.lines.line(tag, dict(fields))

    def end(
        self, rows: Sequence[Mapping[str, Any]], taken: choice.Choice, fields: Mapping[str, Any]
    ) -> None:
        """The decision, which is the last line."""
        self.line("DECISION", fields)
        if self.lines is None:
            decision = {"gamma": None, **dataclasses.asdict(taken), **fields}
            told = {"rows": list(rows), "decision": decision}
            sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
