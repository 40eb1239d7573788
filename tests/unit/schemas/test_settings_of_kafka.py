"""The variables of a secured Kafka, from the environment to the options: what production and
compose hand on, and each file that cannot be used, in one line.
"""

import os
from pathlib import Path

import pytest

from schemas import settings
from streams import brokers
from streams.access import Access

PASSWORD = "pa$s#w0rd"
SIGNED_IN = {
    "KAFKA": "a:9092",
    "KAFKA_SECURITY": "sasl_ssl",
    "KAFKA_SASL": "scram-sha-512",
    "KAFKA_USER": "gateway",
    "KAFKA_PASSWORD": PASSWORD,
}


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(settings.PREFIX):
            monkeypatch.delenv(name)


def tell(environment: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name, value in values.items():
        environment.setenv(settings.PREFIX + name, value)


def refusal(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as caught:
        brokers.of(settings.load("kafka"))
    said = capsys.readouterr().err
    assert (caught.value.code, said.count("\n")) == (settings.EXIT_CONFIGURATION, 1)
    assert PASSWORD not in said
    return said


def test_what_the_environment_says_becomes_an_access(monkeypatch: pytest.MonkeyPatch) -> None:
    tell(monkeypatch, SIGNED_IN)
    access = brokers.of(settings.load("kafka"))
    assert (access.security, access.mechanism) == ("sasl_ssl", "SCRAM-SHA-512")
    assert (access.user, access.password, access.ca) == ("gateway", PASSWORD, None)


def test_names_may_be_written_as_brokers_write_them(monkeypatch: pytest.MonkeyPatch) -> None:
    tell(monkeypatch, SIGNED_IN | {"KAFKA_SECURITY": "SASL_SSL", "KAFKA_SASL": "SCRAM-SHA-256"})
    access = brokers.of(settings.load("kafka"))
    assert (access.security, access.sasl) == ("sasl_ssl", "scram-sha-256")


def test_what_compose_hands_on_empty_is_not_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "password").touch()
    names = ("KAFKA_SECURITY", "KAFKA_SASL", "KAFKA_USER", "KAFKA_CA")
    tell(monkeypatch, {"KAFKA": "a:9092"} | dict.fromkeys(names, ""))
    tell(monkeypatch, {"KAFKA_PASSWORD_FILE": str(tmp_path / "password")})
    assert brokers.of(settings.load("kafka")) == Access("a:9092")


def test_the_password_may_lie_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    tell(monkeypatch, SIGNED_IN | {"KAFKA_PASSWORD_FILE": str(tmp_path / "password")})
    monkeypatch.delenv("INTENTWATCH_KAFKA_PASSWORD")
    assert brokers.of(settings.load("kafka")).password == PASSWORD


@pytest.mark.parametrize("name", ["KAFKA_SASL", "KAFKA_USER", "KAFKA_PASSWORD", "KAFKA_SECURITY"])
def test_what_is_incomplete_is_named(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(monkeypatch, {each: value for each, value in SIGNED_IN.items() if each != name})
    named = "KAFKA_SASL" if name == "KAFKA_SECURITY" else name  # the first that has no use then
    assert f"INTENTWATCH_{named} is " in refusal(capsys)


@pytest.mark.parametrize(
    ("name", "value"),
    [("KAFKA_SECURITY", "tls"), ("KAFKA_SASL", "gssapi"), ("KAFKA_SASL", "scram")],
)
def test_a_value_that_nobody_knows_is_refused_with_those_there_are(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(monkeypatch, SIGNED_IN | {name: value})
    said = refusal(capsys)
    assert said.startswith(f"intentwatch: INTENTWATCH_{name}: ")
    assert "sasl_ssl" in said or "scram-sha-512" in said


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


KEY = b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize("content", [b"", b"not a certificate", KEY, b"\x30\x82\x01\x00\xff"])
def test_a_file_without_a_certificate_is_named(
    content: bytes,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    ca = written(tmp_path / "ca.pem", content)
    tell(monkeypatch, SIGNED_IN | {"KAFKA_CA": str(ca)})
    assert f"INTENTWATCH_KAFKA_CA: {ca} holds no certificate (PEM)" in refusal(capsys)


def test_a_file_that_cannot_be_read_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    tell(monkeypatch, SIGNED_IN | {"KAFKA_CA": str(tmp_path / "none.pem")})
    assert f"cannot read {tmp_path}/none.pem: " in refusal(capsys)
    (tmp_path / "folder").mkdir()
    tell(monkeypatch, {"KAFKA_CA": str(tmp_path / "folder")})
    assert f"INTENTWATCH_KAFKA_CA: cannot read {tmp_path}/folder" in refusal(capsys)


@pytest.mark.parametrize("url", ["http://127.0.0.1:28082/api/", "HTTP://slack.example/api/", "x"])
def test_production_sends_no_token_in_clear(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    production = {
        "MODE": "production",
        "DATABASE_URL": "postgresql://db/x",
        "SLACK_TOKEN": "xoxb-1",
        "SLACK_SIGNING_SECRET": "s",
    }
    tell(monkeypatch, SIGNED_IN | production | {"SLACK_BASE_URL": url})
    assert refusal(capsys) == (
        "intentwatch: INTENTWATCH_SLACK_BASE_URL would send the token in clear text;"
        " INTENTWATCH_MODE=production needs https://\n"
    )
    tell(monkeypatch, {"SLACK_BASE_URL": "https://slack.com/api/"})
    assert brokers.of(settings.load("kafka")).user == "gateway"
