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

from retrain.intake import labels as files
from schemas import events, times
from services.labels import accept
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
            ts = start + _HOUR * (number + 0.5) / len(requests)
            self._send(part, ts)

    def _send(self, rows: Sequence[story.Row], ts: dt.datetime) -> None:
        messages = []
        for row in rows:
            messages.append(
                {
                    "text": row["text"],
                    "conversation": row.get("conversation"),
                }
            )
        body = json.dumps({"messages": messages}).encode()

        for row, result in zip(rows, self._answers(body, ts), strict=True):
            intent = row["intent"]
            model = result["model"]
            self.truth[result["req_id"]] = intent
            right_and_asked = self.right.setdefault((ts.date(), model), [0, 0])
            right_and_asked[0] += result["intent"] == intent
            right_and_asked[1] += 1
            if model not in self.models:
                self.models.append(model)

    def _answers(self, body: bytes, ts: dt.datetime) -> list[dict[str, Any]]:
        """What the gateway says; asked again, as clients do, while it is too busy to answer. Raises
        NotReady, TooSlow.
        """
        try:
            for _ in range(_TRIES):
                status, raw = self._post(body, ts)
                if status == 200:
                    results: list[dict[str, Any]] = json.loads(raw)["results"]
                    return results
                if status not in _BUSY:
                    break
                time.sleep(1)
        except TimeoutError:
            raise supervisor.TooSlow(
                f"the gateway did not answer {_A_REQUEST} messages in {_PATIENCE_S:.0f} s"
            ) from None
        except (OSError, http.client.HTTPException) as error:
            raise supervisor.NotReady(f"the gateway does not answer: {error}") from None
        text = raw[:200].decode(errors="replace")
        raise supervisor.NotReady(f"POST /classify answered {status}: {text}")

    def _post(self, body: bytes, ts: dt.datetime) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE_S)
        headers = {
            "Content-Type": "application/json",
            "X-Event-Time": times.rfc3339(ts),
        }
        connection.request("POST", "/classify", body, headers)
        answer = connection.getresponse()
        raw = answer.read()
        connection.close()
        return answer.status, raw


def annotate(
    engine: sa.Engine,
    customers: Customers,
    now: dt.datetime,
) -> int:
    """Label what has waited in the queue for LABEL_DELAY, as an annotator would; returns how
    many.
    """
    ripe = []
    with engine.begin() as connection:
        for row in labels_store.queue(connection, 5_000):
            if row["ts"] + LABEL_DELAY <= now and row["req_id"] in customers.truth:
                ripe.append(row)
        labels = list(_labels(ripe, customers, now))
        accept.labels(connection, labels)
    return len(ripe)


def _labels(
    rows: Sequence[Any],
    customers: Customers,
    now: dt.datetime,
) -> Iterator[files.Line]:
    for number, row in enumerate(rows, start=1):
        req_id = row["req_id"]
        intent: Any = customers.truth[req_id]
        label = events.HumanLabel(req_id, "demo", now, intent)
        yield files.Line(number, label)
