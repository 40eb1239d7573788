"""[DATA_AUDIT] of rows one can count by eye."""

import pandas as pd
import pytest

from retrain.train import audit
from schemas import loglines, present


def rows(*given: tuple[str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(list(given), columns=["text", "intent", "kind"])


def test_each_share_counts_what_it_says() -> None:
    shares = audit.audit(
        rows(
            ("Where is my parcel?", "order_tracking", "human"),
            ("where is  my PARCEL", "order_tracking", "live"),  # the same to the normaliser
            ("Naruto の新刊はありますか", "product_discovery", "human"),  # both scripts
            ("show me new books and also cancel my order", "return_request", "human"),  # two wishes
            ("show {thing}", "product_discovery", "machine"),  # an unfilled slot
            ("too short", "faq", "machine"),
            ("which countries do you ship to", "faq", "machine"),
            ("bread and butter", "faq", "machine"),  # a joining word, but no second wish
        )
    )
    assert (shares["total_examples"], shares["production"], shares["synthetic"]) == (8, 4, 4)
    assert shares["duplicate_rate"] == 1 / 8
    assert shares["jp_en_mixed"] == 1 / 8
    assert shares["multi_intent_estimate"] == 1 / 8
    assert shares["synthetic_low_quality_estimate"] == 2 / 4


def test_the_distribution_names_every_intent_also_those_without_a_row() -> None:
    shares = audit.audit(
        rows(("a b c", "faq", "human"), ("d e f", "faq", "human"), ("g h i", "chitchat", "human"))
    )["label_distribution"]
    assert list(shares) == list(present.INTENTS)
    assert (shares["faq"], shares["chitchat"], shares["escalation"]) == (
        pytest.approx(2 / 3),
        pytest.approx(1 / 3),
        0.0,
    )


def test_of_no_rows_every_share_is_zero_and_none_is_missing() -> None:
    shares = audit.audit(rows())
    assert (shares["total_examples"], shares["production"], shares["synthetic"]) == (0, 0, 0)
    assert {
        shares[name]
        for name in (
            "duplicate_rate",
            "jp_en_mixed",
            "multi_intent_estimate",
            "synthetic_low_quality_estimate",
        )
    } == {0.0}
    assert set(shares["label_distribution"].values()) == {0.0}


def test_rows_of_people_alone_have_no_synthetic_quality_to_tell() -> None:
    shares = audit.audit(rows(("hi", "chitchat", "human"), ("{", "chitchat", "live")))
    assert (shares["synthetic"], shares["synthetic_low_quality_estimate"]) == (0, 0.0)


def test_a_long_hostile_text_is_read_in_its_length() -> None:
    """Every pair of words could begin a second wish; the pattern looks at each once."""
    shares = audit.audit(rows(("and " * 2_000, "faq", "human"), ("a b " * 2_000, "faq", "human")))
    assert shares["multi_intent_estimate"] == 0.5


def test_its_fields_are_those_of_the_line() -> None:
    assert loglines.parse(loglines.encode("DATA_AUDIT", audit.audit(rows())))[0] == "DATA_AUDIT"


def test_a_duplicate_is_what_is_equal_to_the_model() -> None:
    """An emoji more or less is one token that it does not know."""
    some = rows(("good 😡", "faq", "human"), ("good 😂", "faq", "human"), ("ok", "faq", "human"))

    assert audit.audit(some)["duplicate_rate"] == 0
    assert audit.audit(some, ["7 100", "7 100", "8"])["duplicate_rate"] == pytest.approx(1 / 3)
