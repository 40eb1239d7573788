"""What stands beside a judged value: tonight's hour, the reference and chance, what labels stand
for, and of many rare intents the worst; and as Prometheus reads a model of any name.
"""

import re
from typing import Any

import builders
import pytest

from schemas import policy, present, signals
from services.dashboard import board, evidence, facts, gauges
from services.dashboard import words as board_words

AT = builders.AT
DAY = 24 * 3600 * builders.SECOND
HOUR = 3600 * builders.SECOND
RULES = policy.Policy().signals
Row = dict[str, Any]


def judged(horizon: str = "7d", **more: Any) -> Row:
    base = {"model": builders.MODEL, "end": AT, "horizon": horizon}
    return base | {"p_value": None, "reference_n": None} | more


def estimate(metric: str = "live_accuracy", **more: Any) -> Row:
    """A week's label figure."""
    window = {"model": builders.MODEL, "start": AT - 7 * DAY, "end": AT}
    figures = {"estimate": 0.9, "n_labels": 40, "n_predictions": 9000, "reference": None}
    rest = {"intent": None, "maturity": "mature", "labels_needed": None, "verdict": "ok"}
    return window | figures | rest | {"metric": metric} | more


def hour(end: Any = AT, **more: Any) -> Row:
    base = {"model": builders.MODEL, "role": "champion", "horizon": "1h", "end": end}
    figures = {"complete": True, "n": 50, "low_confidence_rate": 0.2, "p50_latency_ms": 4.0}
    rest = {"p99_latency_ms": 12.0, "intent_counts": dict.fromkeys(present.INTENTS, 5)}
    return base | figures | rest | more


def snapshot(**more: Any) -> facts.Facts:
    return facts.Facts(facts.Stream(now=AT, watermark=AT), **more)


def notes(signal: signals.Signal, row: Row, **more: Any) -> tuple[str, ...]:
    return evidence.notes(signal, row, snapshot(**more))


@pytest.mark.parametrize(
    ("row", "note"),
    [
        ({}, "Reference n = 0. Levels count above the noise floor."),
        (
            {"reference_n": 12_000},
            "Reference n = 12,000. Levels count above the noise floor.",
        ),
        (
            {"reference_n": 900, "p_value": 0.0},
            "Reference n = 900, p < 0.0001. Levels count above the noise floor.",
        ),
        (
            {"reference_n": 900, "p_value": 1.0},
            "Reference n = 900, p = 1. Levels count above the noise floor.",
        ),
    ],
)
def test_a_divergence_tells_its_reference_and_how_likely_chance_shows_as_much(
    row: Row, note: str
) -> None:
    assert notes(signals.INTENT_MIX_KL, judged("1d", **row)) == (note,)


def test_percentiles_are_those_of_the_judged_window_or_none() -> None:
    rows = [hour(AT - HOUR, p50_latency_ms=3.0), hour()]

    earlier = judged("1h", end=AT - HOUR)
    assert notes(signals.P95_LATENCY_MS, earlier, windows=rows) == ("p50 3.0 ms, p99 12.0 ms",)
    forgotten = judged("1h", end=AT - 9 * HOUR)
    assert notes(signals.P95_LATENCY_MS, forgotten, windows=rows) == ()
    stranger = judged("1h", model="v0")
    assert notes(signals.P95_LATENCY_MS, stranger, windows=rows) == ()


def test_what_needs_no_word_beside_it_has_none() -> None:
    assert notes(signals.ERROR_RATE, judged("1h")) == ()
    assert notes(signals.LIVE_ACCURACY, judged(), quality=[]) == ()


@pytest.mark.parametrize(
    ("more", "sentences"),
    [
        ({}, ("Stands for 9,000 answers, labels complete",)),
        ({"maturity": "immature"}, ("Stands for 9,000 answers, labels still coming in",)),
        ({"maturity": "odd"}, ("Stands for 9,000 answers, odd",)),
        (
            {"reference": 0.93},
            ("Stands for 9,000 answers, labels complete; reference 93.0 %",),
        ),
        # A reference of nothing is one.
        ({"reference": 0.0}, ("Stands for 9,000 answers, labels complete; reference 0.0 %",)),
        ({"labels_needed": 0}, ("Stands for 9,000 answers, labels complete",)),
        (
            {"labels_needed": 1200},
            (
                "Stands for 9,000 answers, labels complete",
                "1,200 more labels needed: `python -m services.labels next`",
            ),
        ),
    ],
)
def test_a_label_figure_says_what_it_stands_for(more: Row, sentences: tuple[str, ...]) -> None:
    assert notes(signals.LIVE_ACCURACY, judged(), quality=[estimate(**more)]) == sentences


def test_beside_live_accuracy_stands_how_much_of_a_day_is_one_conversation() -> None:
    row = {"value": 0.234, "n": 120, "end": AT}

    *_, note = notes(signals.LIVE_ACCURACY, judged(), loudest=row)

    assert note.startswith("Most of one conversation, day to ")
    assert note.endswith(": 23.4 % of the messages to label (n = 120)")
    assert notes(signals.RARE_RECALL, judged(), loudest=row) == ()


def rare(intent: str, recall: float | None, **more: Any) -> Row:
    return estimate("recall", intent=intent, estimate=recall, **more)


def test_the_recall_of_each_rare_intent_stands_beside_the_rare_recall_alone() -> None:
    rows = [rare(intent, 0.8) for intent in present.RARE]

    shown = notes(signals.RARE_RECALL, judged(), quality=rows)

    assert shown == (", ".join(f"{intent} 80.0 % (n = 40)" for intent in present.RARE),)
    assert notes(signals.LIVE_ACCURACY, judged(), quality=rows) == ()


def test_an_intent_that_is_not_rare_is_left_out_and_no_recall_is_said() -> None:
    common = next(intent for intent in present.INTENTS if intent not in present.RARE)
    first = present.RARE[0]

    shown = notes(
        signals.RARE_RECALL,
        judged(),
        quality=[rare(common, 0.1), rare(first, None, n_labels=0)],
    )

    assert shown == (f"{first} no value (n = 0)",)


def test_of_two_hundred_rare_intents_the_six_worst_are_named_in_their_order() -> None:
    first = present.RARE[0]
    recalls = [0.9] * 100 + [0.3, None, 0.1, 0.2, 0.6, 0.4, 0.5] + [0.8] * 93

    (note,) = notes(signals.RARE_RECALL, judged(), quality=[rare(first, each) for each in recalls])

    assert re.findall(r"[\d.]+ %", note) == [
        "30.0 %",
        "10.0 %",
        "20.0 %",
        "60.0 %",
        "40.0 %",
        "50.0 %",
    ]
    assert note.endswith("; 194 more have a better one")


@pytest.mark.parametrize(
    "other",
    [{"model": "v0"}, {"start": AT - DAY}, {"end": AT - DAY}],
)
def test_the_labels_of_another_window_say_nothing_of_this_one(other: Row) -> None:
    assert notes(signals.RARE_RECALL, judged(), quality=[rare(present.RARE[0], 0.1, **other)]) == ()


def test_this_nights_hour_stands_beside_what_is_judged_by_the_day() -> None:
    rows = snapshot(windows=[hour(AT - HOUR), hour(n=1200)])

    def latest(signal: signals.Signal, rule: policy.Level) -> tuple[str, ...]:
        return evidence.latest_hour(signal, rows, rule)

    assert latest(signals.LOW_CONFIDENCE_RATE, RULES.low_confidence_rate) == (
        "Latest hour, to 20 Apr 00:00 UTC: 20.0 % (n = 1,200)",
    )
    assert latest(signals.ERROR_RATE, RULES.error_rate) == (), "judged by the hour itself"
    assert latest(signals.LIVE_ACCURACY, RULES.live_accuracy) == (), "labels come later"
    assert latest(signals.INTENT_MIX_KL, RULES.intent_mix_kl) == (), "nothing to compare with"


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_an_hour_without_a_figure_is_no_note(value: float | None) -> None:
    rows = snapshot(windows=[hour(low_confidence_rate=value)])

    note = evidence.latest_hour(signals.LOW_CONFIDENCE_RATE, rows, RULES.low_confidence_rate)
    assert note == ()


def test_the_hours_divergence_is_told_with_what_chance_alone_would_show() -> None:
    rows = snapshot(windows=[hour()], references=[(AT - DAY, builders.reference(100))])

    (note,) = evidence.latest_hour(signals.INTENT_MIX_KL, rows, RULES.intent_mix_kl)

    # Both mixes are even. Chance: 9 / (2 x 50) of the hour and 9 / (2 x 1,000) of the reference.
    chance = board_words.amount(board.Unit.NATS, 9 / 100 + 9 / 2000)
    assert note == (f"Latest hour, to 20 Apr 00:00 UTC: 0.000 nats (n = 50, chance alone {chance})")


@pytest.mark.parametrize(
    ("model", "label"),
    [
        ('v"1"', r"v\"1\""),
        ("v\\1", r"v\\1"),
        ("v\n1", r"v\n1"),
        ("モデル", "モデル"),
    ],
)
def test_a_model_of_any_name_is_one_label_of_a_scrape(model: str, label: str) -> None:
    panel = board.Panel(
        "error_rate",
        "Error rate",
        board.Unit.RATIO,
        model=model,
        horizon="1h",
        end=AT,
        value=0.25,
    )
    shown = board.Board(board.State.OK, "", (), (), (), (panel,), model, None, AT - DAY, AT, AT)

    lines = gauges.text(shown, None).decode().splitlines()

    assert f'intentwatch_error_rate{{horizon="1h",model="{label}"}} 0.25' in lines
