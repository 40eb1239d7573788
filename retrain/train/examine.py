"""Examine the rows of a run before it trains: what is wrong with them, which rows that are, and
which of them train.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain.evaluation import confusion
from retrain.train import audit, divide, doubtful, patterns, recipe, seen, similar, synthetic
from schemas import normalise, present
from schemas.checks import Check, Range, Stage, check

Flags = npt.NDArray[np.bool_]

STEP: Final = "examined"  # of a run: what is kept of it
_MINIMUM: Final = 30  # rows of people that train, of an intent; under it patterns are made
_NAMED: Final = 500  # rows a check names at most
_TWICE: Final = "two_intents"
_DOUBTED: Final = "label_noise"
_NEAR: Final = "near duplicates teach little: give them one cluster, and label other messages"
_AGAIN: Final = "`python -m services.labels relabel RUN` asks people again about these rows"
_LINES: Final = "the intents are too near to each other: add lines to the guideline"
_LONG: Final = "words at the end are cut: raise max_tokens"
_LEFT: Final = "they have left the training set: look at what writes them"
_MORE: Final = "label messages of production"


@dataclass(frozen=True, slots=True)
class Opinion:
    """Of n rows, in their order: which are near another, which are one input with two intents, and
    what a second opinion doubts; None where there is none. Shapes (n,).
    """

    near: Flags
    twice: Flags
    doubted: Flags | None = None
    ambiguous: Flags | None = None
    closest: doubtful.Pair | None = None


@dataclass(frozen=True, slots=True)
class Examined:
    """The rows that train; the ids of rows that are to be labelled again, by check; how many
    pattern rows were made by intent.
    """

    train: pd.DataFrame
    decision: synthetic.Decision
    checks: tuple[Check, ...]
    named: Mapping[str, list[str]]
    made: Mapping[str, int]

    @property
    def detail(self) -> dict[str, Any]:
        """As JSON: what is kept of it."""
        return {"rows": dict(self.named), "patterns": dict(self.made), **self.decision.fields}


def examined(parts: divide.Divided, made_with: recipe.Recipe) -> Examined:
    """Raises model.EncoderMissing."""
    rows = parts.rows
    opinion = _opinion(parts)
    machine = (rows["kind"] == "machine").to_numpy()
    bad = machine & _bad(rows, opinion)
    decision = synthetic.decided(machine, bad)

    doubts = pd.Series(bad, index=rows.index)
    kept = synthetic.kept(parts.part("train"), doubts, decision.filters, made_with.seed)
    more = _patterns(parts, kept, made_with)
    train = pd.concat([kept, more]) if len(more) else kept
    return Examined(
        train,
        decision,
        tuple(_checks(parts, opinion, decision, made_with, train)),
        _named(rows, opinion),
        dict(Counter(more["intent"]) if len(more) else {}),
    )


def _opinion(parts: divide.Divided) -> Opinion:
    rows = parts.rows
    texts = [normalise.text(text) for text in rows["text"]]
    labels = confusion.places(rows["intent"])
    near = similar.near(texts)
    twice = similar.contradicting(parts.seen.inputs, list(rows["intent"]))
    # What is held out must not choose what trains.
    learns = (rows["part"] == "train").to_numpy()
    second = doubtful.opinion(texts, labels, list(rows["group"]), learns)
    if second is None:
        return Opinion(near, twice)
    return Opinion(
        near,
        twice,
        doubtful.suspected(second, labels),
        doubtful.ambiguous(second),
        doubtful.closest(second, labels),
    )


def _bad(rows: pd.DataFrame, opinion: Opinion) -> Flags:
    texts = rows["text"].map(normalise.text)
    low = texts.map(audit.low_quality).to_numpy(dtype=bool)
    doubted = opinion.twice if opinion.doubted is None else opinion.twice | opinion.doubted
    return np.asarray(low | doubted)


def _named(rows: pd.DataFrame, opinion: Opinion) -> dict[str, list[str]]:
    """Rows of people whose label is in doubt. A machine's need no person: they leave."""
    people = (rows["kind"] != "machine").to_numpy()
    named = {_TWICE: rows["id"][opinion.twice & people].tolist()[:_NAMED]}
    if opinion.doubted is not None:
        named[_DOUBTED] = rows["id"][opinion.doubted & people].tolist()[:_NAMED]
    return named


def _patterns(parts: divide.Divided, train: pd.DataFrame, made_with: recipe.Recipe) -> pd.DataFrame:
    """Pattern rows of intents with few rows, from those that train alone; none is what the model
    has seen already, and least of all in what is held out, or golden.
    """
    people = train[train["kind"] != "machine"]
    known = [*parts.rows["text"], *(each.text for each in parts.golden)]
    taken = set(map(normalise.text, known))
    new: list[dict[str, Any]] = []
    for intent in present.INTENTS:
        texts = [normalise.text(text) for text in people[people["intent"] == intent]["text"]]
        # At most one for each of theirs: made ones are no news.
        wanted = min(_MINIMUM - len(texts), len(texts))
        for text in patterns.made(texts, wanted, taken):
            if not audit.low_quality(text):
                new.append(_pattern(text, intent))
    if not new:
        return pd.DataFrame()
    table = pd.DataFrame(new)
    inputs = pd.Series(
        seen.of(made_with.base_model, list(table["text"]), made_with.max_tokens).inputs
    )
    return table[~inputs.isin(parts.seen.inputs) & ~inputs.duplicated()]


def _pattern(text: str, intent: str) -> dict[str, Any]:
    identity = hashlib.sha256(f"{intent}\n{text}".encode()).hexdigest()
    return {
        "id": f"pattern:{identity[:16]}",
        "text": text,
        "intent": intent,
        "kind": "machine",
        "conversation": None,
        "cluster": None,
        "group": text,
        "part": "train",
    }


def _checks(
    parts: divide.Divided,
    opinion: Opinion,
    decision: synthetic.Decision,
    made_with: recipe.Recipe,
    train: pd.DataFrame,
) -> Iterator[Check]:
    n = len(parts.rows)
    lengths = np.array(parts.seen.lengths)
    cut = float((lengths > made_with.max_tokens).mean())
    p95 = float(np.quantile(lengths, 0.95))
    machine = float((train["kind"] == "machine").mean())
    most = synthetic.MOST_BAD
    share = synthetic.MOST_SHARE

    yield _check("near_duplicate_rate", _mean(opinion.near), n, 0.3, 0.6, _NEAR)
    yield _check("two_intents", _mean(opinion.twice), n, 0.002, 0.02, _AGAIN)
    yield _check("label_noise", _mean(opinion.doubted), n, 0.05, 0.1, _AGAIN)
    yield _check("ambiguous", _mean(opinion.ambiguous), n, 0.1, 0.25, _LINES)
    yield _closest(opinion.closest)
    yield _check("truncated", cut, n, 0.01, 0.05, _LONG)
    yield _check("tokens_p95", p95, n, made_with.max_tokens, None, _LONG)
    yield _check("synthetic_bad", decision.share, decision.n, most, most, _LEFT)
    yield _check("synthetic_share_of_train", machine, len(train), share, None, _MORE)


def _closest(pair: doubtful.Pair | None) -> Check:
    if pair is None:
        return _check("closest_intents", None, 0, 0.15, 0.3, "too few rows for a second opinion")
    names = " and ".join(pair.intents)
    remedy = f"{names} are taken for each other: say what decides, or merge them"
    return _check("closest_intents", pair.share, pair.n, 0.15, 0.3, remedy)


def _check(
    name: str, value: float | None, n: int, healthy: float, bearable: float | None, remedy: str
) -> Check:
    most = Range(most=bearable)
    return check(Stage.AUDIT, name, value, n, Range(most=healthy), bearable=most, remedy=remedy)


def _mean(flags: Flags | None) -> float | None:
    return float(flags.mean()) if flags is not None and len(flags) else None
