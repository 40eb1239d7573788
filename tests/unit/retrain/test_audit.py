"""The figures of [DATA_AUDIT], on rows small enough to count by hand."""

from typing import Any

import pytest

from retrain.train import audit, snapshot
from schemas import loglines, taxonomy


def row(text: str, intent: str = "faq", kind: str = "human") -> dict[str, Any]:
    return {"id": text, "text": text, "intent": intent, "kind": kind}


ROWS = [
    row("where is my parcel", "order_tracking"),
    row("where is my parcel", "order_tracking"),
    row("naruto みたいな manga"),
    row("㐂 vol 3"),  # a rare character
    row("ナルト"),
    row("track my order please and also give me a coupon", "promotion"),
    row("buy {title}", "checkout_help", kind="machine"),
    row("show me some more books", "product_discovery", kind="machine"),
]


def test_what_is_counted() -> None:
    figures = audit.audit(snapshot.frame(ROWS))
    counts = [figures[key] for key in ("total_examples", "production", "synthetic")]
    assert counts == [8, 6, 2]
    assert figures["duplicate_rate"] == pytest.approx(1 / 8)
    assert figures["jp_en_mixed"] == pytest.approx(2 / 8)
    assert figures["multi_intent_estimate"] == pytest.approx(1 / 8)
    assert figures["synthetic_low_quality_estimate"] == pytest.approx(1 / 2)
    assert figures["label_distribution"]["faq"] == pytest.approx(3 / 8)
    assert set(figures["label_distribution"]) == set(taxonomy.INTENTS)


def test_its_fields_are_those_of_the_line_and_no_row_is_no_error() -> None:
    figures = audit.audit(snapshot.frame([]))
    assert figures["jp_en_mixed"] == 0
    assert loglines.parse(loglines.encode("DATA_AUDIT", figures))[0] == "DATA_AUDIT"
