"""A window as `services.show windows --json` tells it: contract.md's keys, and figures one can
count.
"""

import datetime as dt
import re
from pathlib import Path

import builders
import numpy as np
import pytest

from schemas import present, windows
from streams.signals import describe

ROOT = Path(__file__).parents[3]


def test_rates_are_over_what_they_speak_of() -> None:
    """200 answers, 50 errors: the error rate is over logs, everything else over answers."""
    tally = builders.tally(
        [150, 50] + [0] * 8,
        low=[10, 20] + [0] * 8,
        fallback=[4, 6] + [0] * 8,
        errors=50,
        late=7,
        tokens_sum=1_800,
        confidence_sum_micro=160 * windows.MICRO,
        script_count=np.array([180, 15, 5, 50]),
    )
    shown = describe.window(builders.window(tally))
    assert (shown["n"], shown["errors"], shown["late"]) == (250, 50, 7)
    assert shown["error_rate"] == 50 / 250
    assert shown["low_confidence_rate"] == 30 / 200
    assert shown["fallback_rate"] == 10 / 200
    assert shown["mean_confidence"] == pytest.approx(160 / 200)
    assert shown["mean_tokens"] == 9.0
    assert shown["script_counts"] == {"latin": 180, "japanese": 15, "mixed": 5, "other": 50}
    assert (shown["intent_counts"]["product_discovery"], shown["intent_counts"]["chitchat"]) == (
        150,
        0,
    )
    assert list(shown["intent_counts"]) == list(present.INTENTS)


def test_percentiles_are_of_all_logs_and_within_half_a_percent() -> None:
    """Ten times 1, 2 ... 100 ms: ranks 500, 950 and 990 of a thousand."""
    shown = describe.window(
        builders.window(builders.tally(latency_ms=np.repeat(np.arange(1.0, 101.0), 10)))
    )
    latencies = [shown[f"p{percent}_latency_ms"] for percent in (50, 95, 99)]
    assert latencies == pytest.approx([50, 95, 99], rel=windows.ALPHA)


def test_an_empty_window_has_no_figure_and_still_every_key() -> None:
    empty, full = (describe.window(builders.window(each)) for each in (0, 100))
    assert empty.keys() == full.keys()
    known = {key for key, value in empty.items() if value is not None}
    unknown = {
        "p50_latency_ms",
        "p95_latency_ms",
        "p99_latency_ms",
        "error_rate",
        "low_confidence_rate",
        "fallback_rate",
        "mean_confidence",
        "mean_tokens",
    }
    assert empty.keys() - known == unknown
    assert (empty["n"], set(empty["intent_counts"].values())) == (0, {0})


def test_a_window_of_errors_alone_has_latencies_and_an_error_rate_of_one() -> None:
    shown = describe.window(
        builders.window(builders.tally(0, errors=4, latency_ms=[1.0, 2.0, 3.0, 4.0]))
    )
    assert (shown["n"], shown["errors"], shown["error_rate"], shown["low_confidence_rate"]) == (
        4,
        4,
        1.0,
        None,
    )
    assert shown["p50_latency_ms"] == pytest.approx(2.0, rel=windows.ALPHA)


def test_where_it_stands_and_how_often_it_changed_is_told_as_it_is() -> None:
    shown = describe.window(
        builders.window(
            horizon="7d", role="shadow", model="v9", revision=3, amended=True, complete=False
        )
    )
    assert (shown["model"], shown["role"], shown["horizon"]) == ("v9", "shadow", "7d")
    assert (shown["start"], shown["end"]) == (builders.AT - dt.timedelta(days=7), builders.AT)
    assert (shown["revision"], shown["amended"], shown["complete"]) == (3, True, False)


def test_the_contract_names_every_key() -> None:
    text = (ROOT / "docs/contract.md").read_text()
    assert [
        key for key in describe.window(builders.window()) if not re.search(rf"\b{key}\b", text)
    ] == []
