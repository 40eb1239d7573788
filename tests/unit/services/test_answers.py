"""What the gateway says of probabilities, the log it leaves of an answer, and how many messages a
day it takes there to be.
"""

import datetime as dt
import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from schemas import events, present
from services.gateway import routing, served, volume
from streams import sample

NOON = dt.datetime(2026, 4, 20, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def probabilities(**of: float) -> Any:
    """The intents named, and nothing for the others."""
    values = np.zeros(len(present.INTENTS))
    for intent, value in of.items():
        values[present.INDEX[intent]] = value
    return values


def test_an_answer_is_the_likeliest_intent_with_its_distance_to_the_second() -> None:
    answer = routing.answer(probabilities(faq=0.7, chitchat=0.2, escalation=0.1))
    assert (answer.intent, answer.second_intent) == ("faq", "chitchat")
    assert (answer.confidence, answer.margin, answer.fallback_rerank) == (
        0.7,
        pytest.approx(0.5),
        False,
    )


@pytest.mark.parametrize(
    ("first", "second", "rerank"),
    [
        (0.59, 0.41, False),
        (0.55, 0.41, True),
        (0.55, 0.30, False),
        (0.6, 0.4, False),
        (0.3, 0.3, True),
    ],
    ids=["unsure, not undecided", "both", "wide enough", "sure enough", "a tie"],
)
def test_reranked_is_what_is_unsure_and_undecided(
    first: float, second: float, rerank: bool
) -> None:
    assert routing.answer(probabilities(faq=first, chitchat=second)).fallback_rerank is rerank


def test_rounding_never_makes_an_answer_surer_than_certain_or_a_margin_negative() -> None:
    answer = routing.answer(probabilities(faq=1.0000000002, chitchat=1.0000000001))
    assert (answer.confidence, answer.margin) == (1.0, 0.0)


def test_the_body_is_what_the_contract_promises() -> None:
    message = served.Message("x", None, "r1", NOON, "theirs")
    body = routing.body(message, "v1", routing.answer(probabilities(faq=0.7, chitchat=0.3)), 4.2)
    assert body == {
        "req_id": "r1",
        "caller_id": "theirs",
        "model": "v1",
        "intent": "faq",
        "confidence": 0.7,
        "second_intent": "chitchat",
        "margin": pytest.approx(0.4),
        "fallback_rerank": False,
        "also": [],
        "latency_ms": 4.2,
    }


def one(text: str = "where is my parcel", role: Any = "champion") -> served.Served:
    model: Any = SimpleNamespace(model="v1", tokenizer_hash="9b2a1")
    message = served.Message(text, "c1", "r1", NOON)
    return served.Served(
        message,
        model,
        role,
        routing.answer(probabilities(order_tracking=0.8, faq=0.2)),
        [101, 7, 102],
        4.23456,
    )


@pytest.mark.parametrize("chosen", [None, sample.Choice("measure", 0.25)])
@pytest.mark.parametrize("role", ["champion", "shadow"])
def test_the_log_of_an_answer_is_a_serving_log_and_its_text_leaves_only_when_it_was_chosen(
    chosen: sample.Choice | None, role: str
) -> None:
    written = served.log(one("where is my parcel", role), chosen)
    log = events.serving_log(written)
    assert isinstance(log, events.ServingLog)
    assert (log.ts, log.model, log.role, log.req_id, log.conversation) == (
        NOON,
        "v1",
        role,
        "r1",
        "c1",
    )
    assert (log.intent, log.confidence, log.tokens, log.chars, log.latency_ms) == (
        "order_tracking",
        0.8,
        3,
        18,
        4.235,
    )
    assert (b"parcel" in written) == (chosen is not None)
    assert log.sample == (events.Sample("measure", 0.25, "where is my parcel") if chosen else None)


@pytest.mark.parametrize(
    ("text", "script"),
    [("ナルト", "japanese"), ("Naruto みたいな", "mixed"), ("?!", "other"), ("", "other")],
)
def test_the_log_tells_the_script_of_whatever_was_asked(text: str, script: str) -> None:
    line = json.loads(served.log(one(text), None))
    assert (line["script"], line["chars"]) == (script, len(text))


def test_the_first_hour_is_taken_for_every_hour_of_the_day() -> None:
    counted = volume.Volume()
    assert counted.add(NOON).per_day == 24
    assert counted.add(NOON + HOUR / 2).per_day == 48, (
        "an hour that is half over still counts as one"
    )


def test_a_pace_is_over_the_time_there_is_and_at_most_a_day() -> None:
    counted = volume.Volume()
    for minute in range(0, 600, 6):
        pace = counted.add(NOON + minute * HOUR / 60).per_day
    assert pace == pytest.approx(100 / 9.9 * 24)
    for hour in range(10, 60):
        pace = counted.add(NOON + hour * HOUR).per_day
    assert pace == pytest.approx(24 / 23 * 24), (
        "ten messages an hour of the day before are forgotten"
    )


def test_messages_out_of_order_are_counted_and_stop_nothing() -> None:
    counted = volume.Volume()
    counted.add(NOON)
    assert counted.add(NOON - 3 * HOUR).per_day > 0
    assert counted.add(NOON + HOUR).per_day == pytest.approx(3 / 4 * 24)
