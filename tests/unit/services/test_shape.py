"""A topic against the contract's: each setting at its edge, several named at once."""

import pytest

from schemas import topics
from services import shape

TOPIC = topics.SERVING_LOG
WEEK_MS = 604_800_000
GOOD = shape.made_with(TOPIC) | {"max.message.bytes": "1048588"}


def departing(**settings: str) -> list[str]:
    """What of a topic departs that is the contract's but for these."""
    named = {name.replace("_", "."): value for name, value in settings.items()}
    return [str(each) for each in shape.departures(TOPIC, shape.Shape(12, GOOD | named))]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"retention_ms": str(WEEK_MS)},
        {"retention_ms": str(10 * WEEK_MS)},
        {"retention_ms": "-1"},
        {"max_message_bytes": "1048576"},
        {"min_insync_replicas": "2"},
    ],
)
def test_what_keeps_every_log_long_enough_departs_nowhere(settings: dict[str, str]) -> None:
    assert departing(**settings) == []


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"message_timestamp_type": "CreateTime"}, "=CreateTime, not LogAppendTime"),
        ({"retention_ms": str(WEEK_MS - 1)}, f"={WEEK_MS - 1}, not at least {WEEK_MS}"),
        ({"retention_ms": "0"}, f"=0, not at least {WEEK_MS}"),
        ({"retention_bytes": "1000000000"}, "=1000000000, not -1"),
        ({"cleanup_policy": "compact"}, "=compact, not delete"),
        ({"cleanup_policy": "compact,delete"}, "=compact,delete, not delete"),
        ({"max_message_bytes": "1048575"}, "=1048575, not at least 1048576"),
    ],
)
def test_what_breaks_the_contract_is_named_with_what_it_should_be(
    settings: dict[str, str], says: str
) -> None:
    (name,) = settings
    assert departing(**settings) == [name.replace("_", ".") + says]


def test_several_at_once_are_all_named() -> None:
    has = shape.Shape(3, GOOD | {"message.timestamp.type": "CreateTime", "retention.ms": "1"})
    assert shape.broken(TOPIC, has) == (
        "has 3 partitions, not 12, and message.timestamp.type=CreateTime, not LogAppendTime,"
        f" and retention.ms=1, not at least {WEEK_MS}"
    )
    assert shape.remedy(TOPIC, has) == "run `python -m services.provision --alter`"


def test_a_topic_so_made_breaks_nothing() -> None:
    assert shape.broken(TOPIC, shape.Shape(12, shape.made_with(TOPIC))) is None


def test_partitions_that_are_too_many_cannot_be_taken_away() -> None:
    said = shape.remedy(TOPIC, shape.Shape(13, GOOD))
    assert said.startswith("Kafka takes no partitions away")
    assert "`python -m services.provision`" in said
    both = shape.remedy(TOPIC, shape.Shape(13, GOOD | {"cleanup.policy": "compact"}))
    assert both.startswith("run `python -m services.provision --alter`; Kafka takes no")


def test_what_may_not_be_seen_breaks_nothing_and_is_said() -> None:
    hidden = shape.Shape(12, None)
    assert shape.broken(TOPIC, hidden) is None
    assert "grant it DESCRIBE_CONFIGS" in shape.unseen(TOPIC)
