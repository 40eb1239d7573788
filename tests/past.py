"""A stretch of the stream's past in Postgres, by the product's own counting and rolling up, without
Kafka and without waiting.
"""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
import traffic

from schemas import present
from streams import identity
from streams.count import chunks
from streams.rollup import tick
from streams.worker import counter

TOPIC = "intentwatch.serving_log.v1"
# What a reference.json holds: of faq alone, as the traffic of most tests, or of every intent alike.
REFERENCE_OF_FAQ = {
    "model": "v1",
    "n": 5000,
    "intent_counts": {"faq": 5000},
    "accuracy": 0.9,
    "accuracy_n": 800,
}
REFERENCE_OF_ALL = {
    "model": "v1",
    "n": 5000,
    "intent_counts": dict.fromkeys(present.INTENTS, 500),
    "accuracy": 0.93,
    "accuracy_n": 800,
    "recall": {},
}


def count(engine: sa.Engine, logs: Sequence[dict[str, Any]]) -> None:
    """Count and roll up, after what was counted before."""
    counting = counter.Counter(engine, topic=TOPIC, check_time=False)
    claim = counting.claim([0])[0]
    low, high = claim.next_offset, claim.next_offset + len(logs)
    values = [traffic.encode(each) for each in logs]
    counting.add(
        chunks.Chunk(
            TOPIC,
            0,
            claim.epoch,
            low,
            high,
            range(low, high),
            values,
            [False] * len(logs),
            [0] * len(logs),
        )
    )
    counting.release()
    tick.roll_up(engine, topic=TOPIC, owner="test", seen=identity.Topic("", {0: high}, {0: high}))


def champion(
    engine: sa.Engine, at: dt.datetime, reference: Mapping[str, Any] = REFERENCE_OF_FAQ
) -> None:
    """A promotion, with a reference as good as its traffic."""
    promotion = sa.text(
        "insert into promotion (model, kind, at, by) values (:model, 'promote', :at, 'test')"
    )
    known = sa.text(
        "insert into reference (model, at, source, body)"
        " values (:model, :at, 'held_out', cast(:body as jsonb))"
    )
    place = {"model": reference["model"], "at": at}
    with engine.begin() as connection:
        connection.execute(promotion, place)
        connection.execute(known, place | {"body": json.dumps(reference)})
