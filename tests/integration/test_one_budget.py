"""However many gateways answer, people are asked for one budget of labels; and how much of a day's
evidence is one conversation's.
"""

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa

from schemas import tables
from services.gateway import store, volume
from services.gateway.replicas import Replicas
from services.scheduler import store as scheduler_store
from streams import connect, sample

NIGHT = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
ANSWERS = 20_000
BUDGET = 500


def asked(engine: sa.Engine, gateways: int) -> int:
    """Of 20,000 equal sure answers of a day, round robin, how many are asked about."""
    replicas = [Replicas(engine, "t", volume.Volume(), f"gateway {i}") for i in range(gateways)]
    for one in replicas:
        one.look()
    chosen = 0
    for number in range(ANSWERS):
        if number % 1000 == 0:
            for one in replicas:
                one.look()
        one = replicas[number % gateways]
        pace = one.own.add(NIGHT + number * DAY / ANSWERS)
        choice = sample.choice(
            f"r{number}",
            "faq",
            0.97,
            0.94,
            0.0,
            volume_per_day=volume.whole(pace, one.others),
            budget_per_day=BUDGET,
            min_p=0.002,
        )
        chosen += choice is not None
    return chosen


def test_eight_gateways_ask_for_as_many_labels_as_one(engine: sa.Engine) -> None:
    alone = asked(engine, 1)
    with engine.begin() as connection:
        connection.execute(sa.text("delete from gateway_pace"))
    together = asked(engine, 8)

    assert 0 < alone <= BUDGET
    assert together == pytest.approx(alone, rel=0.35)


def test_a_gateway_that_has_ended_counts_for_nobody(engine: sa.Engine) -> None:
    one = Replicas(engine, "t", volume.Volume(), "one")
    with engine.begin() as connection:
        store.tell_pace(connection, "gone", "t", volume.Pace(1e6, NIGHT))
        connection.execute(sa.text("update gateway_pace set told_at = now() - interval '1 minute'"))
        store.tell_pace(connection, "another topic's", "u", volume.Pace(7.0, NIGHT))
        store.tell_pace(connection, "lives", "t", volume.Pace(100.0, NIGHT))
    one.look()

    assert one.others == (volume.Pace(100.0, NIGHT),)


def test_a_gateway_that_ends_in_order_counts_no_more_at_once(engine: sa.Engine) -> None:
    first, second = (Replicas(engine, "t", volume.Volume(), name) for name in ("first", "second"))
    first.look()
    first.stop()
    second.look()

    assert second.others == ()


def test_without_postgres_what_was_known_of_the_others_stays() -> None:
    nowhere = connect.engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    one = Replicas(nowhere, "t", volume.Volume(), "one")
    one.others = (volume.Pace(100.0, NIGHT),)
    one.look()

    assert one.others == (volume.Pace(100.0, NIGHT),)


def put(connection: sa.Connection, number: int, conversation: str | None, **more: Any) -> None:
    message = {
        "req_id": f"m{number}",
        "model": "v1",
        "role": "champion",
        "ts": NIGHT + dt.timedelta(hours=1),
        "conversation": conversation,
        "intent": "faq",
        "confidence": 0.9,
        "script": "latin",
        "queue": "measure",
        "p": 0.5,
        "text": "hello",
    }
    connection.execute(sa.insert(tables.sampled_prediction).values(message | more))


def loudest(engine: sa.Engine, *messages: tuple[str | None, dict[str, Any]]) -> Any:
    with engine.connect() as connection:
        for number, (conversation, more) in enumerate(messages):
            put(connection, number, conversation, **more)
        return scheduler_store.loudest(connection, "v1", NIGHT, NIGHT + DAY)


def test_a_conversation_counts_by_what_its_messages_stand_for(engine: sa.Engine) -> None:
    """2 + 2 of conversation a, 10 of b, 2 and 2 of two without one: b has 10 of 18."""
    told = loudest(engine, ("a", {}), ("a", {}), ("b", {"p": 0.1}), (None, {}), (None, {}))

    assert told == (pytest.approx(10 / 18), 5)


def test_a_day_without_a_message_has_no_share(engine: sa.Engine) -> None:
    assert loudest(engine) == (None, 0)


def test_only_the_days_messages_of_the_champion_that_measure_count(engine: sa.Engine) -> None:
    others: list[dict[str, Any]] = [
        {"queue": "train"},
        {"role": "shadow"},
        {"model": "v2"},
        {"ts": NIGHT + DAY},
        {"ts": NIGHT - dt.timedelta(seconds=1)},
    ]
    told = loudest(engine, ("a", {}), *(("b", more) for more in others))

    assert told == (1.0, 1)
