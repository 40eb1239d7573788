"""Measure what a run's candidate is set beside, on the rows that it is tested on."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain.evaluation import baseline, confusion
from retrain.train import recipe as recipes
from retrain.train import split
from retrain.train.beside import frozen, linear
from retrain.train.compile import session
from schemas import normalise

# Rows that the frozen encoder reads to learn from; each takes it 2 ms, and more teach it little.
_READ: Final = 1_200

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Beside:
    """The baselines, and what two of them say of the n test rows, shapes (n, K); None of one that
    there is not.
    """

    baselines: tuple[baseline.Baseline, ...]
    linear: Floats | None = None
    champion: Floats | None = None

    def lines(self) -> Iterator[dict[str, Any]]:
        """Fields of [BASELINE]."""
        for each in self.baselines:
            yield {
                "model": each.name,
                "n": each.n,
                "acc": each.accuracy,
                "macro_f1": each.macro_f1,
                "rare_recall": each.rare_recall,
                "ece": each.ece,
                "cpu_s": each.seconds,
            }

    def plain(self) -> list[dict[str, Any]]:
        """As JSON: what is kept of a run's evaluation."""
        return [asdict(each) for each in self.baselines]


NOTHING: Final = Beside(())


def beside(
    parts: Mapping[str, pd.DataFrame], recipe: recipes.Recipe, champion: Path | None
) -> Beside:
    """`parts`: the rows of train and test, with their groups. `champion`: the directory of the
    model that serves. Raises manifest.BadArtefact where it cannot be loaded, model.EncoderMissing.
    """
    train, test = parts["train"], parts["test"]
    labels = confusion.places(test["intent"])
    learnt = confusion.places(train["intent"])
    most = baseline.majority(learnt, len(test))
    told = [baseline.baseline(baseline.MAJORITY, labels, most, len(train), 0.0)]

    of_words = _linear(train, test)
    of_encoder = _encoder(split.capped(train, _READ, recipe.seed), test, recipe)
    told += [each.baseline for each in (of_words, of_encoder) if each is not None]
    before = None
    if champion is not None:
        begun = time.process_time()
        before, _ = session.load(champion).classify(list(test["text"]))
        took = time.process_time() - begun
        told.append(baseline.baseline(baseline.CHAMPION, labels, before, 0, took))
    return Beside(tuple(told), of_words.tested if of_words else None, before)


@dataclass(frozen=True, slots=True)
class _Learnt:
    """A baseline that was fitted here, and what it says of the test rows: shape (n, K)."""

    baseline: baseline.Baseline
    tested: Floats


def _linear(train: pd.DataFrame, test: pd.DataFrame) -> _Learnt | None:
    begun = time.process_time()
    tables = linear.words(_texts(train), _texts(test))
    if tables is None:
        return None
    return _learnt(baseline.LINEAR, train, test, tables, begun)


def _encoder(train: pd.DataFrame, test: pd.DataFrame, recipe: recipes.Recipe) -> _Learnt | None:
    begun = time.process_time()
    made = frozen.features([*_texts(train), *_texts(test)], recipe)
    tables = made[: len(train)], made[len(train) :]
    return _learnt(baseline.ENCODER, train, test, tables, begun)


def _learnt(
    name: str,
    train: pd.DataFrame,
    test: pd.DataFrame,
    tables: tuple[linear.Table, linear.Table],
    begun: float,
) -> _Learnt | None:
    """`begun`: the processor's time before its features were made."""
    labels = confusion.places(train["intent"])
    said = linear.said(tables[0], labels, list(train["group"]), tables[1])
    if said is None:
        return None
    apart = None
    if said.out_of_fold is not None:
        apart = baseline.out_of_fold(labels, said.out_of_fold)
    told = baseline.baseline(
        name,
        confusion.places(test["intent"]),
        said.tested,
        len(train),
        time.process_time() - begun,
        apart,
    )
    return _Learnt(told, said.tested)


def _texts(rows: pd.DataFrame) -> list[str]:
    return [normalise.text(text) for text in rows["text"]]
