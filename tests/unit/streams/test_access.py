"""How one gets in to Kafka: the options of each client, and every contradiction in one line."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from streams.access import Access

PLAINTEXT = Access("a:9092")
SSL = Access("a:9092", "ssl")
SIGNED_IN = Access("a:9092", "sasl_ssl", "scram-sha-512", "gateway", "geheim", Path("/ca.pem"))
IN_CLEAR = Access("a:9092", "sasl_plaintext", "plain", "gateway", "geheim")


def test_librdkafka_is_told_all_of_it() -> None:
    assert SIGNED_IN.librdkafka() == {
        "bootstrap.servers": "a:9092",
        "security.protocol": "sasl_ssl",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "gateway",
        "sasl.password": "geheim",
        "ssl.ca.location": "/ca.pem",
    }


def test_kafka_python_is_told_all_of_it() -> None:
    assert SIGNED_IN.kafka_python() == {
        "bootstrap_servers": ["a:9092"],
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "gateway",
        "sasl_plain_password": "geheim",
        "ssl_cafile": "/ca.pem",
    }


def test_aiokafka_is_told_all_of_it() -> None:
    assert SIGNED_IN.aiokafka("the context") == {
        "bootstrap_servers": ["a:9092"],
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "gateway",
        "sasl_plain_password": "geheim",
        "ssl_context": "the context",
    }


def test_without_a_user_nobody_is_told_of_one() -> None:
    for access in (PLAINTEXT, SSL):
        said = access.librdkafka() | access.kafka_python() | access.aiokafka(None)
        assert not [name for name in said if "sasl" in name]


def test_addresses_are_taken_apart_however_they_are_written() -> None:
    assert Access("a:1, b:2,,c:3 ").servers == ["a:1", "b:2", "c:3"]
    assert Access("").servers == []


def test_the_password_is_not_in_what_is_printed() -> None:
    assert "geheim" not in repr(SIGNED_IN)


@pytest.mark.parametrize("access", [PLAINTEXT, SSL, SIGNED_IN, IN_CLEAR])
def test_what_goes_together_is_no_complaint(access: Access) -> None:
    assert access.complaint(production=False) is None


@pytest.mark.parametrize("given", [PLAINTEXT, SSL])
@pytest.mark.parametrize("name", ["sasl", "user", "password"])
def test_who_one_is_has_no_use_where_nobody_signs_in(given: Access, name: str) -> None:
    other: dict[str, Any] = {name: "plain"}
    said = dataclasses.replace(given, **other).complaint(production=False)
    assert said == (
        f"INTENTWATCH_KAFKA_{name.upper()} is set; INTENTWATCH_KAFKA_SECURITY={given.security}"
        " uses none, sasl_plaintext and sasl_ssl do"
    )


@pytest.mark.parametrize("name", ["sasl", "user", "password"])
@pytest.mark.parametrize("given", [SIGNED_IN, IN_CLEAR])
@pytest.mark.parametrize("nothing", [None, ""])
def test_whoever_signs_in_needs_all_three(name: str, given: Access, nothing: str | None) -> None:
    other: dict[str, Any] = {name: nothing}
    said = dataclasses.replace(given, **other).complaint(production=False)
    needs = f"INTENTWATCH_KAFKA_SECURITY={given.security} needs it"
    assert said == f"INTENTWATCH_KAFKA_{name.upper()} is not set; {needs}"


@pytest.mark.parametrize("given", [PLAINTEXT, IN_CLEAR])
def test_a_certificate_has_no_use_without_tls(given: Access) -> None:
    said = dataclasses.replace(given, ca=Path("/ca.pem")).complaint(production=False)
    assert said is not None
    assert said.startswith("INTENTWATCH_KAFKA_CA is set; ")


def test_certificates_are_no_name_of_a_file() -> None:
    pem = Path("-----BEGIN CERTIFICATE-----\nMIIB\n")
    said = dataclasses.replace(SSL, ca=pem).complaint(production=False)
    assert said == (
        "INTENTWATCH_KAFKA_CA is certificates; it has to be the name of the file that holds them"
    )


def test_a_protocol_before_an_address_is_named() -> None:
    said = Access("SASL_SSL://a:9092").complaint(production=False)
    assert said is not None
    assert "INTENTWATCH_KAFKA_SECURITY says which" in said


def test_production_sends_no_password_in_clear() -> None:
    said = IN_CLEAR.complaint(production=True)
    assert said is not None
    assert "clear text" in said
    for other in (
        PLAINTEXT,
        SIGNED_IN,
        dataclasses.replace(SIGNED_IN, sasl="plain"),
        dataclasses.replace(IN_CLEAR, sasl="scram-sha-256"),
    ):
        assert other.complaint(production=True) is None
