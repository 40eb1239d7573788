"""Customers and annotators: messages through POST /classify with their event time, and labels some
hours later. Writes nothing else.
"""

import datetime as dt
import http.client
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from schemas import events, times
from services.labels import accept, ingest
from services.labels import store as labels_store
from services.local import supervisor
from services.local.demo import story

_A_REQUEST = 32
_BUSY = (429, 503)
_TRIES = 60
_PATIENCE_S = 240.0
LABEL_DELAY = dt.timedelta(hours=1)
_HOUR = dt.timedelta(hours=1)


@dataclass(slots=True)
class Customers:
    """Sends messages and remembers what each meant; `right` counts by day and model what the demo
    alone can know.
    """

    port: int
    truth: dict[str, str] = field(default_factory=dict)
    right: dict[tuple[dt.date, str], list[int]] = field(default_factory=dict)
    models: list[str] = field(default_factory=list)

    def hour(self, rows: Sequence[story.Row], start: dt.datetime) -> None:
        """Spread the messages over the hour that begins at `start`."""
        requests = [rows[i : i + _A_REQUEST] for i in range(0, len(rows), _A_REQUEST)]
        for number, part in enumerate(requests):
            self._send(part, start + _HOUR * (number + 0.5) / len(requests))

    def _send(self, rows: Sequence[story.Row], ts: dt.datetime) -> None:
        body = json.dumps(
            {
                "messages": [
                    {"text": row["text"], "conversation": row.get("conversation")} for row in rows
                ]
            }
        )
        for row, result in zip(rows, self._answers(body.encode(), ts), strict=True):
            self.truth[result["req_id"]] = row["intent"]
            seen = self.right.setdefault((ts.date(), result["model"]), [0, 0])
            seen[0] += result["intent"] == row["intent"]
            seen[1] += 1
            if result["model"] not in self.models:
                self.models.append(result["model"])

    def _answers(self, body: bytes, ts: dt.datetime) -> list[dict[str, Any]]:
        """What the gateway says; asked again, as clients do, while it is too busy to answer. Raises
        NotReady, TooSlow.
        """
        try:
            for _ in range(_TRIES):
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE_S)
                connection.request(
                    "POST",
                    "/classify",
                    body,
                    {"Content-Type": "application/json", "X-Event-Time": times.rfc3339(ts)},
                )
                answer = connection.getresponse()
                raw = answer.read()
                connection.close()
                if answer.status == 200:
                    found: list[dict[str, Any]] = json.loads(raw)["results"]
                    return found
                if answer.status not in _BUSY:
                    break
                time.sleep(1)
        except TimeoutError:
            raise supervisor.TooSlow(
                f"the gateway did not answer {_A_REQUEST} messages in {_PATIENCE_S:.0f} s"
            ) from None
        except (OSError, http.client.HTTPException) as error:
            raise supervisor.NotReady(f"the gateway does not answer: {error}") from None
        raise supervisor.NotReady(
            f"POST /classify answered {answer.status}: {raw[:200].decode(errors='replace')}"
        )


def annotate(engine: sa.Engine, customers: Customers, now: dt.datetime) -> int:
    """Label what has waited in the queue for LABEL_DELAY, as an annotator would; returns how many."""
    with engine.begin() as connection:
        waiting = labels_store.queue(connection, 5_000)
        ripe = [
            row
            for row in waiting
            if row["ts"] + LABEL_DELAY <= now and row["req_id"] in customers.truth
        ]
        accept.labels(connection, list(_labels(ripe, customers, now)))
    return len(ripe)


def _labels(rows: Sequence[Any], customers: Customers, now: dt.datetime) -> Iterator[ingest.Line]:
    for number, row in enumerate(rows, start=1):
        intent: Any = customers.truth[row["req_id"]]
        yield ingest.Line(number, events.HumanLabel(row["req_id"], "demo", now, intent))
