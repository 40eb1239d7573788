"""How good the model of a default retrain is, beside TF-IDF with a logistic regression on the same
rows: in the language it was trained on, in later language, and after some labels of that.
"""

import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from benchmarks.train import cut, linear
from retrain.evaluation import calibration, comparison, confusion
from retrain.train import build, candidate, divide, examine, recipe, seen, snapshot, split
from retrain.train.beside import measure
from retrain.train.compile import session
from retrain.train.fit import loop, rows
from schemas import policy

Floats = npt.NDArray[np.float64]
Row = dict[str, Any]
_DEFAULT: Final = recipe.Recipe()
ON: Final = ("test", "later", "new")  # rows that are held out
PAIRS: Final = (
    ("ours", "tfidf"),
    ("both", "ours"),
    ("both", "tfidf"),
    ("ours_taught", "ours"),
)
_RULES: Final = policy.Policy().gates


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What a contestant says of the held-out rows and of those of later language: shapes (n, K).
    Seconds by the clock and of processor time that it took.
    """

    test: Floats
    later: Floats
    wall_s: float
    cpu_s: float


def measured(table: pd.DataFrame, size: int, seed: int) -> Iterator[Row]:
    """Every contestant on the rows of a seed, and each two of them that are compared."""
    rows_of = cut.cut(table, size, seed)
    told = {"ours": ours(rows_of, seed), "tfidf": tfidf(rows_of)}
    told["both"] = both(told["ours"], told["tfidf"])
    told["ours_taught"] = ours(rows_of.taught_too(), seed)
    told["tfidf_taught"] = tfidf(rows_of.taught_too())
    for name, each in told.items():
        yield {"part": "quality", "contestant": name, "seed": seed, **figures(rows_of, each)}
    for name, other in PAIRS:
        for on in ON:
            of_both = paired(rows_of, told[name], told[other], on, seed)
            yield {
                "part": "paired",
                "contestant": f"{name}-{other}",
                "seed": seed,
                "on": on,
                **of_both,
            }


def ours(rows_of: cut.Cut, seed: int) -> Told:
    """A retrain by the default recipe, from snapshot to gates; what its artefact answers."""
    made_with = replace(_DEFAULT, seed=_DEFAULT.seed + seed)
    hooks = loop.Hooks("bench", lambda *_: None, lambda _: None, lambda _: None, 15.0)
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch) / "models" / ".run"
        directory.mkdir(parents=True)
        wall, cpu = time.perf_counter(), time.process_time()
        snapshot.freeze(rows_of.rows[list(split.COLUMNS)], Path(scratch) / "snapshots")
        told = seen.of(made_with.base_model, list(rows_of.rows["text"]), made_with.max_tokens)
        # As a run does, for its time; which rows are held out the benchmark has said.
        split.split(rows_of.rows[list(split.COLUMNS)], told.inputs)
        train = examine.examined(divide.Divided(rows_of.rows, told), made_with).train
        test = rows_of.part("test")
        parts = {"train": train, "val": rows_of.part("val"), "test": test}
        network = build.tuned(made_with, parts, hooks)
        made = build.trained(network, list(test["text"]), made_with, directory)
        beside = measure.beside(parts, made_with, None)
        candidate.gates(replace(made, beside=beside), test, _RULES)
        took = time.perf_counter() - wall, time.process_time() - cpu
        return Told(_asked(directory, test), _asked(directory, rows_of.later), *took)


def _asked(directory: Path, frame: pd.DataFrame) -> Floats:
    """The artefact's own answers with its temperature."""
    fitted = json.loads((directory / "calibration.json").read_text())
    opened = replace(session.open_unsigned(directory), temperature=fitted["temperature"])
    return opened.classify(list(frame["text"]))[0]


def tfidf(rows_of: cut.Cut) -> Told:
    """The linear rival on the rows as they are cut."""
    wall, cpu = time.perf_counter(), time.process_time()
    train, val = (_rows(rows_of.part(name)) for name in ("train", "val"))
    model = linear.Linear(train, val)
    took = time.perf_counter() - wall, time.process_time() - cpu
    test, later = (_rows(frame).texts for frame in (rows_of.part("test"), rows_of.later))
    return Told(model.probabilities(test), model.probabilities(later), *took)


def _rows(frame: pd.DataFrame) -> rows.Rows:
    return rows.of(list(frame["text"]), list(frame["intent"]))


def both(one: Told, other: Told) -> Told:
    """The mean of two contestants' log-probabilities."""
    return Told(
        _mean(one.test, other.test),
        _mean(one.later, other.later),
        one.wall_s + other.wall_s,
        one.cpu_s + other.cpu_s,
    )


def _mean(one: Floats, other: Floats) -> Floats:
    product = np.sqrt(one * other)
    return np.asarray(product / product.sum(1, keepdims=True))


def figures(rows_of: cut.Cut, told: Told) -> Row:
    """What a contestant is worth, in [0, 1]: on held-out rows, and on later language in all and by
    source, where the table tells sources.
    """
    test, later = rows_of.part("test"), rows_of.later
    labels = confusion.places(test["intent"])
    scores = confusion.scores(labels, told.test.argmax(1))
    sure = told.test.max(1)
    right = confusion.places(later["intent"]) == told.later.argmax(1)
    new = later["new"].to_numpy(dtype=bool)
    return {
        "n": scores.n,
        "accuracy": scores.accuracy,
        "macro_f1": scores.macro_f1,
        "rare_recall": scores.rare_recall,
        "ece": calibration.ece(sure, told.test.argmax(1) == labels),
        "ece_floor": calibration.ece_floor(sure, 1),
        "later_n": len(later),
        "later": float(right.mean()),
        "new_n": int(new.sum()),
        "new": float(right[new].mean()),
        "wall_s": told.wall_s,
        "cpu_s": told.cpu_s,
    }


def paired(rows_of: cut.Cut, one: Told, other: Told, on: str, seed: int) -> Row:
    """How much more often `one` is right than `other` on the same rows: the difference with its
    interval over whole groups, and McNemar's exact p of the rows on which they differ.
    """
    frame = rows_of.part("test") if on == "test" else rows_of.later
    before, after = (each.test if on == "test" else each.later for each in (other, one))
    chosen = frame["new"].to_numpy(dtype=bool) if on == "new" else np.ones(len(frame), dtype=bool)
    labels = confusion.places(frame["intent"])[chosen]
    old, new = before.argmax(1)[chosen], after.argmax(1)[chosen]
    groups = list(frame["group"][chosen])
    by_name = comparison.differences(labels, old, new, groups, seed=seed)
    accuracy = by_name["accuracy"]
    return {
        "n": accuracy.n,
        "difference": accuracy.value,
        "low": accuracy.low,
        "high": accuracy.high,
        "p": mcnemar(old == labels, new == labels),
    }


def mcnemar(before: npt.NDArray[np.bool_], after: npt.NDArray[np.bool_]) -> float:
    """Exact two-sided p that both are right equally often (McNemar 1947, by the binomial
    distribution of the rows that one of them alone gets right).

    >>> round(mcnemar(np.array([True] * 8 + [False]), np.array([False] * 8 + [True])), 4)
    0.0391
    """
    lost, won = int((before & ~after).sum()), int((after & ~before).sum())
    return float(stats.binomtest(won, lost + won).pvalue) if lost + won else 1.0
