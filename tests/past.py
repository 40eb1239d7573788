"""A stretch of the stream's past in Postgres, by the product's own counting and rolling up, without
Kafka and without waiting.
"""

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
import traffic

from streams.count import chunks
from streams.rollup import tick
from streams.worker import counter

TOPIC = "intentwatch.serving_log.v1"


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
    tick.roll_up(engine, topic=TOPIC, owner="test", high_watermarks={0: high})


def champion(engine: sa.Engine, at: dt.datetime, model: str = "v1") -> None:
    """A promotion, with a reference as good as its traffic."""
    with engine.begin() as connection:
        place = {"model": model, "at": at}
        promotion = sa.text(
            "insert into promotion (model, kind, at, by) values (:model, 'promote', :at, 'test')"
        )
        connection.execute(promotion, place)
        body = {
            "model": model,
            "n": 5000,
            "intent_counts": {"faq": 5000},
            "accuracy": 0.9,
            "accuracy_n": 800,
        }
        reference = sa.text(
            "insert into reference (model, at, source, body)"
            " values (:model, :at, 'held_out', cast(:body as jsonb))"
        )
        connection.execute(reference, place | {"body": json.dumps(body)})
