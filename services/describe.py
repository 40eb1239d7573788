"""Ask Kafka what its topics are like; make one, change one. Every question raises
brokers.Unreachable, or brokers.Refused.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, Final

from confluent_kafka import KafkaException, TopicCollection, admin

from schemas import topics
from services.shape import Departure, Shape
from streams import brokers, refused
from streams.access import Access

_ANSWER_S: Final = 10.0
_AGAIN_S: Final = 0.05


class Topics:
    """The topics of a cluster that answers; raises brokers.Unreachable where none does."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._client = brokers.control(access)

    def shapes(self, names: Iterable[str]) -> dict[str, Shape]:
        """Those of these topics that are there."""
        shapes = {}
        for name in names:
            partitions = self._partitions(name)
            if partitions is not None:
                shapes[name] = Shape(partitions, self._settings(name))
        return shapes

    def _partitions(self, name: str) -> int | None:
        """None: there is no such topic."""
        asked = self._client.describe_topics(TopicCollection([name]), request_timeout=_ANSWER_S)
        topic = self._result(asked, f"describe topic {name}", unless="UNKNOWN_TOPIC_OR_PART")
        return None if topic is None else len(topic.partitions)

    def _settings(self, name: str) -> dict[str, str] | None:
        """None: this client may not see them."""
        asked = self._client.describe_configs([_named(name)], request_timeout=_ANSWER_S)
        entries = self._result(
            asked,
            f"describe the settings of topic {name}",
            unless="TOPIC_AUTHORIZATION_FAILED",
        )
        if entries is None:
            return None
        return {entry.name: entry.value for entry in entries.values() if entry.value is not None}

    def create(self, topic: topics.Topic, settings: Mapping[str, str]) -> None:
        """Make a topic, unless somebody else is faster; returns when it can be described."""
        new = admin.NewTopic(topic.name, topic.partitions, -1, config=dict(settings))
        asked = self._client.create_topics([new], request_timeout=_ANSWER_S)
        self._result(asked, f"create topic {topic.name}", unless="TOPIC_ALREADY_EXISTS")
        _until(lambda: self._partitions(topic.name) is not None)

    def alter(self, name: str, departures: Iterable[Departure]) -> None:
        """Give a topic these settings; returns when they can be described."""
        entries = []
        wanted = {}
        for each in departures:
            operation = admin.AlterConfigOpType.SET
            entry = admin.ConfigEntry(each.name, each.value, incremental_operation=operation)
            entries.append(entry)
            wanted[each.name] = each.value
        asked = self._client.incremental_alter_configs(
            [_named(name, entries)], request_timeout=_ANSWER_S
        )
        self._result(asked, f"alter the settings of topic {name}")
        _until(lambda: wanted.items() <= (self._settings(name) or wanted).items())

    def extend(self, name: str, partitions: int) -> None:
        """Give a topic so many partitions; returns when they can be described."""
        more = admin.NewPartitions(name, partitions)
        asked = self._client.create_partitions([more], request_timeout=_ANSWER_S)
        self._result(asked, f"add partitions to topic {name}")
        _until(lambda: self._partitions(name) == partitions)

    def _result(self, asked: Mapping[Any, Future[Any]], what: str, unless: str = "") -> Any:
        """The answer to a question about one topic; None where it is the error `unless`."""
        (answer,) = asked.values()
        try:
            return answer.result()
        except KafkaException as error:
            why = brokers.plain(error.args[0])
        if why.name == unless:
            return None
        if why.passes:
            raise brokers.Unreachable(refused.words(self._access, [why]))
        raise brokers.Refused(refused.undone(self._access, what, why))


def _until(holds: Callable[[], bool]) -> None:
    """Wait for what was changed: brokers learn of it one by one."""
    deadline = time.monotonic() + _ANSWER_S
    while not holds() and time.monotonic() < deadline:
        time.sleep(_AGAIN_S)


def _named(name: str, entries: list[admin.ConfigEntry] | None = None) -> admin.ConfigResource:
    return admin.ConfigResource(admin.ResourceType.TOPIC, name, incremental_configs=entries)
