"""Kafka's one door: every client of ours is made here, or of the options made here; and one
sentence for each thing that can be wrong with INTENTWATCH_KAFKA and INTENTWATCH_KAFKA_*.
"""

import logging
import ssl
import time
from collections.abc import Mapping
from typing import Any, Final

import confluent_kafka as ck
from confluent_kafka import admin

from schemas import settings
from streams import refused
from streams.access import Access

log = logging.getLogger("intentwatch.kafka")

_PATIENCE_S: Final = 10.0
_STEP_S: Final = 0.5
_TELLING: Final[Mapping[str, Any]] = {"log_level": 6}


class Unreachable(RuntimeError):
    """Nobody gets in: no broker answers, or it does not let this client in. Cause; remedy."""


class Refused(RuntimeError):
    """Kafka does not do what it is asked, and will not: a right is missing, or a rule of the
    cluster stands against it. Cause; remedy.
    """


def of(loaded: settings.Settings) -> Access:
    """How the environment says that one gets in. Ends with exit 3 where that cannot be meant."""
    password = loaded.kafka_password
    access = Access(
        str(loaded.kafka),
        loaded.kafka_security,
        loaded.kafka_sasl,
        loaded.kafka_user,
        password.get_secret_value() if password else None,
        loaded.kafka_ca,
    )
    wrong = access.complaint(production=loaded.mode == "production") or _unreadable(access)
    if wrong:
        settings.refuse(wrong)
    return access


def _unreadable(access: Access) -> str | None:
    if access.ca is None:
        return None
    try:
        context(access)
    except ssl.SSLError:
        return f"INTENTWATCH_KAFKA_CA: {access.ca} holds no certificate (PEM)"
    except (OSError, ValueError) as error:
        return f"INTENTWATCH_KAFKA_CA: cannot read {access.ca}: {error}"
    return None


def context(access: Access) -> ssl.SSLContext | None:
    """What aiokafka checks certificates by; None without TLS."""
    return ssl.create_default_context(cafile=access.ca) if access.tls else None


def consumer(access: Access, options: Mapping[str, Any]) -> Any:
    """A consumer of librdkafka's with these options of its own."""
    return ck.Consumer({**access.librdkafka(), **options}, logger=log)


def control(access: Access, patience_s: float = _PATIENCE_S) -> Any:
    """librdkafka's admin client of a cluster that answers. Raises Unreachable, whose sentence says
    why it does not.
    """
    met = _Met()
    if not access.servers:
        raise Unreachable(refused.words(access, met.errors))
    options = {**access.librdkafka(), **_TELLING, "error_cb": met.hear}
    try:
        client = admin.AdminClient(options, logger=met.logger)
    except ck.KafkaException as error:
        raise Unreachable(refused.words(access, [plain(error.args[0])])) from None

    begun = time.monotonic()
    while True:
        try:
            client.list_topics(timeout=_STEP_S)
        except ck.KafkaException as error:
            client.poll(0)  # what was met is heard here
            if time.monotonic() - begun < refused.worth_s(met.errors, patience_s):
                continue
            met.hear(error.args[0])
            raise Unreachable(refused.words(access, met.errors)) from None
        return client


def asking(access: Access) -> Any:
    """librdkafka's admin client, whether anybody answers or not; its questions say so."""
    return admin.AdminClient({**access.librdkafka(), "log_level": 0}, logger=log)


class _Met:
    """What a client's attempts have met. Its log tells more than its errors: in what state a
    connection was closed.
    """

    def __init__(self) -> None:
        self.errors: list[refused.Error] = []
        self.logger = logging.Logger("attempts")
        self.logger.addHandler(_Handler(self.errors))

    def hear(self, error: ck.KafkaError) -> None:
        """One error."""
        self.errors.append(plain(error))


class _Handler(logging.Handler):
    def __init__(self, errors: list[refused.Error]) -> None:
        super().__init__()
        self._errors = errors

    def emit(self, record: logging.LogRecord) -> None:
        self._errors.append(refused.Error("LOG", record.getMessage()))


def trouble(access: Access, topic: str | None = None) -> str | None:
    """Why nobody gets in, or may see this topic; None where one does. For who goes on without
    Kafka, and for who ends.
    """
    try:
        client = control(access)
    except Unreachable as error:
        return str(error)
    if topic is None:
        return None
    (answer,) = client.describe_topics(ck.TopicCollection([topic])).values()
    unseen = answer.exception(_PATIENCE_S)
    if not isinstance(unseen, ck.KafkaException):
        return None
    why = plain(unseen.args[0])
    return refused.undone(access, f"read topic {topic}", why) if why.forbidden else None


def plain(error: ck.KafkaError) -> refused.Error:
    """An error of librdkafka's without it."""
    return refused.Error(error.name(), error.str())
