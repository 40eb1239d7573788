"""Pure. What the training rows look like before anything is trained on them: the seed's
[DATA_AUDIT].
"""

import re
from typing import Any

import pandas as pd

from schemas import normalise, present, slices

# Two clauses joined, each long enough for an intent of its own: an estimate from the text alone,
# since corpus rows do not say what else they mean. Where labels do: TWO_WISHES of
# schemas/slices.py.
_JOINED = re.compile(r"\S+ \S+ .*\b(?:and also|and|also|but|plus)\b \S+ \S+")


def audit(rows: pd.DataFrame) -> dict[str, Any]:
    """Fields of [DATA_AUDIT], shares as ratios. Low quality of synthetic rows: under three words,
    or an unfilled {slot}.
    """
    texts = rows["text"].map(normalise.text)
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
        "duplicate_rate": _share(texts.duplicated()),
        "jp_en_mixed": _share(mixed),
        "multi_intent_estimate": _share(texts.map(_joined)),
        "synthetic_low_quality_estimate": _share(machine.map(_low_quality)),
    }


def _joined(text: str) -> bool:
    return bool(_JOINED.search(text))


def _low_quality(text: str) -> bool:
    return len(text.split()) < 3 or "{" in text


def _share(flags: "pd.Series[bool]") -> float:
    return float(flags.mean()) if len(flags) else 0.0
