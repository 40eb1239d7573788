"""The producer: librdkafka, idempotent, one envelope a batch. What becomes of an envelope is said
by its delivery report and by nothing else.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any, Final

import confluent_kafka as ck

from services.gateway.ledger import envelopes

log = logging.getLogger("intentwatch.gateway")

_HEADERS: Final = [("content", b"batch")]
_SETTINGS: Final[Mapping[str, Any]] = {
    "enable.idempotence": True,
    "acks": "all",
    "compression.type": "zstd",
    # Nothing expires: a deadline would leave it open whether the broker has what has expired.
    "message.timeout.ms": 0,
    # The ledger makes the batches. A batch of several envelopes could be too large where each of
    # them is not.
    "linger.ms": 0,
    "batch.num.messages": 1,
    # Of several in flight one that fails makes the next ones come out of order, and librdkafka
    # then begins a new epoch: what was taken before is taken again.
    "max.in.flight.requests.per.connection": 1,
    "reconnect.backoff.ms": 250,
    "reconnect.backoff.max.ms": 1_000,
    "retry.backoff.max.ms": 1_000,
    # A broker that hangs: the connection is given up, and what was on it sent again as the same.
    "request.timeout.ms": 10_000,
    "socket.timeout.ms": 15_000,
    "log_level": 2,
}
_Error = ck.KafkaError
_TOO_LARGE: Final = (_Error.MSG_SIZE_TOO_LARGE, _Error.RECORD_LIST_TOO_LARGE)
# Where the broker, or the client before it, has said no: it has not been taken.
_NOT_TAKEN: Final = (
    _Error._UNKNOWN_TOPIC,
    _Error._UNKNOWN_PARTITION,
    _Error._QUEUE_FULL,
    _Error.UNKNOWN_TOPIC_OR_PART,
    _Error.TOPIC_AUTHORIZATION_FAILED,
    _Error.CLUSTER_AUTHORIZATION_FAILED,
    _Error.INVALID_MSG,
    _Error.INVALID_TIMESTAMP,
    _Error.INVALID_RECORD,
    _Error.POLICY_VIOLATION,
)


class Fate(Enum):
    """What a delivery report says."""

    TAKEN = "taken"
    TOO_LARGE = "too large"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Report:
    """Of the envelope `name`."""

    name: str
    fate: Fate
    why: str = ""


class Client:
    """One producer. Used by one thread. `fatal`: why it can send nothing any more; `away`: why no
    broker answers. Raises confluent_kafka.KafkaException for options that cannot be used.
    """

    def __init__(self, options: Mapping[str, Any], topic: str) -> None:
        self._topic = topic
        self._reports: list[Report] = []
        self.fatal: str | None = None
        self.away: str | None = None
        self._producer = ck.Producer(
            {**options, **_SETTINGS, "error_cb": self.on_error},
            logger=log,
        )

    def on_error(self, error: Any) -> None:
        """What librdkafka says of itself, and not of an envelope."""
        if error.fatal() or error.code() == _Error._FATAL:
            self.fatal = error.str()
        elif error.code() in (_Error._ALL_BROKERS_DOWN, _Error._AUTHENTICATION, _Error._SSL):
            self.away = error.str()

    def hand(self, name: str, lines: Sequence[bytes], key: bytes) -> None:
        """Give an envelope to librdkafka. It reports every one."""
        try:
            self._producer.produce(
                self._topic,
                envelopes.value(lines),
                key=key,
                headers=_HEADERS,
                on_delivery=partial(self._delivered, name),
            )
        except ck.KafkaException as error:
            self._delivered(name, error.args[0], None)
        except BufferError:
            self._reports.append(Report(name, Fate.REFUSED, "the client's queue is full"))

    def _delivered(self, name: str, error: Any, _: Any) -> None:
        if error is None:
            self.away = None
            self._reports.append(Report(name, Fate.TAKEN))
            return
        code, why = error.code(), error.str()
        if error.fatal() or code == _Error._FATAL:
            self.fatal = why
        fate = Fate.UNKNOWN
        if code in _TOO_LARGE:
            fate = Fate.TOO_LARGE
        elif code in _NOT_TAKEN:
            fate = Fate.REFUSED
        self._reports.append(Report(name, fate, why))

    def reports(self, wait_s: float = 0.0) -> list[Report]:
        """What has been reported since the last call."""
        self._producer.poll(wait_s)
        reports, self._reports = self._reports, []
        return reports

    def end(self) -> list[Report]:
        """Take back whatever it has in hand; a report for each."""
        self._producer.purge()
        self._producer.flush(1.0)
        return self.reports()
