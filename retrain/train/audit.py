"""Pure. What the training rows look like before anything is trained on them: the seed's
[DATA_AUDIT].
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pandas as pd

from schemas import normalise, present, slices
from schemas.checks import Check, Range, Stage, check

# Two clauses joined, each long enough for an intent of its own: an estimate from the text alone,
# since corpus rows do not say what else they mean. Where labels do: TWO_WISHES of
# schemas/slices.py.
_JOINED = re.compile(r"\S+ \S+ .*\b(?:and also|and|also|but|plus)\b \S+ \S+")

_MANY_ROWS, _FEW_ROWS = 100, 20  # of an intent, by people
# Name, healthy, bearable, remedy.
_WATCHED: Final = (
    (
        "duplicate_rate",
        Range(most=0.05),
        Range(most=0.2),
        "equal messages count once: look for a source that repeats itself",
    ),
    ("jp_en_mixed", Range(most=0.25), Range(), "train with more messages of mixed script"),
    (
        "multi_intent_estimate",
        Range(most=0.2),
        Range(),
        "say in the guideline which of two wishes is the label",
    ),
    (
        "synthetic_low_quality_estimate",
        Range(most=0.05),
        Range(most=0.05),
        "filter machine rows: noise above the 5 % threshold",
    ),
)


def audit(rows: pd.DataFrame, inputs: Sequence[str] | None = None) -> dict[str, Any]:
    """Fields of [DATA_AUDIT], shares as ratios. Low quality of synthetic rows: under three words,
    or an unfilled {slot}. `inputs`: what the model sees of each row, where that is known: two rows
    are one message if it is equal.
    """
    texts = rows["text"].map(normalise.text)
    same = texts if inputs is None else pd.Series(inputs)
    by_machine = rows["kind"] == "machine"
    machine = texts[by_machine]
    shares = rows["intent"].value_counts(normalize=True)
    distribution = {intent: float(shares.get(intent, 0.0)) for intent in present.INTENTS}
    mixed = texts.map(slices.script) == "mixed"
    return {
        "total_examples": len(rows),
        "production": int((~by_machine).sum()),
        "synthetic": len(machine),
        "label_distribution": distribution,
        "duplicate_rate": _share(same.duplicated()),
        "jp_en_mixed": _share(mixed),
        "multi_intent_estimate": _share(texts.map(_joined)),
        "synthetic_low_quality_estimate": _share(machine.map(_low_quality)),
    }


def checks(rows: pd.DataFrame, seen: Mapping[str, Any]) -> Iterator[Check]:
    """The same figures against their healthy ranges, and those of the intents' sizes. `seen`: what
    audit() says of the rows.
    """
    n = len(rows)
    for name, healthy, bearable, remedy in _WATCHED:
        of = seen["synthetic"] if name.startswith("synthetic_low") else n
        yield check(Stage.AUDIT, name, seen[name], of, healthy, bearable=bearable, remedy=remedy)

    share = seen["synthetic"] / n if n else None
    most = Range(most=0.3)
    yield check(
        Stage.AUDIT, "synthetic_share", share, n, most, remedy="label messages of production"
    )
    sizes = rows[rows["kind"] != "machine"]["intent"].value_counts()
    smallest = min(present.INTENTS, key=lambda intent: int(sizes.get(intent, 0)))
    yield check(
        Stage.AUDIT,
        "smallest_intent",
        int(sizes.get(smallest, 0)),
        n,
        Range(least=_MANY_ROWS),
        bearable=Range(least=_FEW_ROWS),
        remedy=f"label more messages of {smallest}: `python -m services.labels next`",
    )


def _joined(text: str) -> bool:
    return bool(_JOINED.search(text))


def _low_quality(text: str) -> bool:
    return len(text.split()) < 3 or "{" in text


def _share(flags: "pd.Series[bool]") -> float:
    return float(flags.mean()) if len(flags) else 0.0
