"""Divide labelled rows into parts, as they are on record, and say what the split is worth."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from retrain.train import audit, covered, leaks, recipe, seen, split
from retrain.train.golden import apart
from retrain.train.golden import rows as sentences
from schemas.checks import Check

_MIN_HELD_OUT: Final = 30  # rows to validate on, and to test on
_PARTS: Final = ("train", "val", "test")


class TooFewLabelsError(RuntimeError):
    """There is not enough labelled text to train on."""


@dataclass(frozen=True, slots=True)
class Divided:
    """Rows with their parts (split.split), and what the encoder sees of them; the golden set, of
    which no row is in any part.
    """

    rows: pd.DataFrame
    seen: seen.Seen
    golden: tuple[sentences.Sentence, ...] = ()

    def part(self, name: str) -> pd.DataFrame:
        """The rows of a part."""
        return self.rows[self.rows["part"] == name]

    @property
    def sides(self) -> dict[str, str]:
        """The side of every anchor, to be kept on record."""
        return dict(zip(self.rows["anchor"], self.rows["side"], strict=True))

    @property
    def lacking(self) -> tuple[covered.Lack, ...]:
        """Parts, and the intents without a row in them."""
        return covered.lacking({name: list(self.part(name)["intent"]) for name in _PARTS})


def divided(
    rows: pd.DataFrame,
    known: Mapping[str, str],
    made_with: recipe.Recipe,
    min_to_train: int,
    golden: Sequence[sentences.Sentence] = (),
) -> Divided:
    """`known`: the sides that are on record; `golden`: whatever says the same is in no part. Raises
    TooFewLabelsError, model.EncoderMissing.
    """
    if rows.empty:
        raise TooFewLabelsError(
            "there is no labelled message; import some with `python -m services.labels corpus FILE`"
        )
    told = seen.of(made_with.base_model, list(rows["text"]), made_with.max_tokens)
    judging = [each.text for each in golden]
    judged = seen.of(made_with.base_model, judging, made_with.max_tokens)
    split_rows = split.split(rows, told.inputs, known)
    touched = apart.touched(rows, told.inputs, judging, judged.inputs)
    parts = Divided(apart.parted(split_rows, touched), told, tuple(golden))

    few = []
    for name, least in zip(_PARTS, (min_to_train, _MIN_HELD_OUT, _MIN_HELD_OUT), strict=True):
        n = len(parts.part(name))
        if n < least:
            few.append(f"{n} {name}")
    if few:
        raise TooFewLabelsError(
            f"too few labelled rows: {', '.join(few)}; "
            f"the policy's labels.min_to_train is {min_to_train}"
        )
    return parts


def lines(parts: Divided) -> Iterator[dict[str, Any]]:
    """The fields of each [DATA_AUDIT] line: of the rows, and of the split."""
    yield audit.audit(parts.rows, parts.seen.inputs)
    counts = {name: len(parts.part(name)) for name in (*_PARTS, "left_out")}
    leaked = leaks.counts(parts.rows, parts.seen.inputs)
    groups = parts.rows["group"].nunique()
    yield counts | {"groups": groups, "leaked": sum(leaked.values())}


def checks(parts: Divided) -> Iterator[Check]:
    """Of the rows, and of the split."""
    figures = audit.audit(parts.rows, parts.seen.inputs)
    yield from audit.checks(parts.rows, figures)
    yield from leaks.checks(parts.rows, parts.seen.inputs)
    yield from covered.checks(_PARTS, parts.lacking)
