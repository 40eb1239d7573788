"""What the design avoids: a plain Faust app that counts logs into Postgres, as its guide shows.
`python stock_faust.py worker -l error --without-web`.

STOCK_FAILS_AT: the running number of a log on which the agent raises, once. Every event is
acknowledged when the agent is done with it or raises.
"""

import json
import os
import tempfile

import faust
import psycopg

app = faust.App(
    "stock." + os.environ["STOCK_TOPIC"],
    broker=f"kafka://{os.environ['STOCK_KAFKA']}",
    datadir=tempfile.mkdtemp(),
    topic_allow_declare=False,
    topic_disable_leader=True,
    consumer_auto_offset_reset="earliest",
    broker_session_timeout=6.0,
    broker_heartbeat_interval=2.0,
    stream_wait_empty=False,
)
topic = app.topic(
    os.environ["STOCK_TOPIC"], value_type=bytes, value_serializer="raw", key_serializer="raw"
)
fails_at = int(os.environ.get("STOCK_FAILS_AT", "-1"))
database = psycopg.connect(os.environ["STOCK_DATABASE"], autocommit=True)
seen = 0


@app.agent(topic)
async def count(stream):  # type: ignore[no-untyped-def]
    global seen
    async for value in stream:
        seen += 1
        if seen == fails_at:
            raise RuntimeError("the agent fails once")
        database.execute(
            "insert into counted (req_id, n) values (%s, 1)"
            " on conflict (req_id) do update set n = counted.n + 1",
            [json.loads(value)["req_id"]],
        )


if __name__ == "__main__":
    app.main()
