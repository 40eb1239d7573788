"""Why Kafka does not let a client in, by librdkafka's own words: each cause its sentence, with its
remedy. What the broker really says is in tests/integration/test_secured_kafka.py.
"""

import pytest

from streams import refused
from streams.access import Access

OPEN = Access("a:9092")
SIGNED = Access("a:9092", "sasl_plaintext", "plain", "gateway", "geheim")
REFUSED = refused.Error("_TRANSPORT", "Connect to ipv4#127.0.0.1:1 failed: Connection refused")
DOWN = refused.Error("_ALL_BROKERS_DOWN", "1/1 brokers are down")


def test_without_any_word_nobody_answers() -> None:
    assert refused.words(OPEN, []) == (
        "no Kafka broker answers at a:9092; check INTENTWATCH_KAFKA or run `make up`"
    )


def test_a_name_that_nobody_knows_is_said_so() -> None:
    unknown = refused.Error("_RESOLVE", "Failed to resolve 'a:9092': Name or service not known")
    assert "that name is unknown here" in refused.words(OPEN, [DOWN, unknown])


def test_what_is_told_by_the_way_does_not_hide_the_cause() -> None:
    wrong = refused.Error("_AUTHENTICATION", "SASL authentication error: Authentication failed")
    said = refused.words(SIGNED, [DOWN, REFUSED, wrong])
    assert said == (
        "Kafka at a:9092 does not let user gateway in by PLAIN;"
        " check INTENTWATCH_KAFKA_USER and INTENTWATCH_KAFKA_PASSWORD"
    )


def test_the_mechanisms_that_a_broker_takes_are_named() -> None:
    text = "handshake failed: Broker: Unsupported SASL mechanism: broker's supported mechanisms: "
    other = refused.Error(
        "_AUTHENTICATION", f"SASL PLAIN mechanism {text}SCRAM-SHA-256 (after 1ms)"
    )
    assert "it takes SCRAM-SHA-256; set INTENTWATCH_KAFKA_SASL" in refused.words(SIGNED, [other])
    none = refused.Error("_AUTHENTICATION", f"SASL PLAIN mechanism {text} (after 1ms)")
    assert "signs nobody in" in refused.words(SIGNED, [none])


def test_a_connection_closed_later_is_no_hint_for_who_signs_in() -> None:
    """A broker that restarts closes connections too."""
    closed = refused.Error("LOG", "Disconnected: connection closed by peer (after 9ms in state UP)")
    assert "it may want one" in refused.words(OPEN, [closed])
    assert "no Kafka broker answers" in refused.words(SIGNED, [closed])


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (DOWN, 10.0),
        (REFUSED, 1.0),
        (refused.Error("_AUTHENTICATION", "x"), 0.0),
        (refused.Error("_SSL", "certificate verify failed"), 0.0),
    ],
)
def test_waiting_is_worth_it_only_where_it_may_pass(error: refused.Error, seconds: float) -> None:
    assert refused.worth_s([DOWN, error], 10.0) == seconds


def test_only_what_passes_is_told_to_be_tried_again() -> None:
    away = refused.Error("_TRANSPORT", "ssl://a:9092/1: Disconnected (after 5ms in state UP)")
    assert refused.undone(OPEN, "hand out topic t", away) == (
        "Kafka at a:9092 does not hand out topic t (Disconnected); try again"
    )
    broken = refused.Error("_BAD_MSG", "Local: Bad message format")
    said = refused.undone(OPEN, "hand out topic t", broken)
    assert "try again" not in said
    assert "does not pass by itself" in said


def test_a_missing_right_is_named_and_never_told_to_be_tried_again() -> None:
    error = refused.Error("TOPIC_AUTHORIZATION_FAILED", "Broker: Topic authorization failed")
    assert refused.undone(SIGNED, "create topic t", error) == (
        "Kafka at a:9092 does not let user gateway create topic t; grant it that right"
        " (docs/how-to/use-a-secured-kafka.md lists what each process needs)"
    )
    assert refused.undone(OPEN, "read topic t", error).startswith(
        "Kafka at a:9092 does not let a client without a user read topic t"
    )
