"""Pure. What the training rows look like before anything is trained on them: the seed's [DATA_AUDIT]."""

import re
from typing import Any

import pandas as pd

from schemas import normalise, present

_JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
_LATIN = re.compile(r"[a-z]", re.IGNORECASE)
# Two clauses joined, each long enough to carry a wish of its own; a rough estimate, and named so.
_TWO_WISHES = re.compile(r"\S+ \S+ .*\b(?:and also|and|also|but|plus)\b \S+ \S+")


def audit(rows: pd.DataFrame) -> dict[str, Any]:
    """Fields of [DATA_AUDIT], shares as ratios. Low quality of synthetic rows: under three words, or an unfilled {slot}."""
    texts = rows["text"].map(normalise.text)
    machine = texts[rows["kind"] == "machine"]
    shares = rows["intent"].value_counts(normalize=True)
    return {
        "total_examples": len(rows),
        "production": int((rows["kind"] != "machine").sum()),
        "synthetic": len(machine),
        "label_distribution": {intent: float(shares.get(intent, 0.0)) for intent in present.INTENTS},
        "duplicate_rate": float(texts.duplicated().mean()) if len(rows) else 0.0,
        "jp_en_mixed": _share(texts.map(lambda text: bool(_JAPANESE.search(text) and _LATIN.search(text)))),
        "multi_intent_estimate": _share(texts.map(lambda text: bool(_TWO_WISHES.search(text)))),
        "synthetic_low_quality_estimate": _share(machine.map(lambda text: len(text.split()) < 3 or "{" in text)),
    }


def _share(flags: "pd.Series[bool]") -> float:
    return float(flags.mean()) if len(flags) else 0.0
