"""Gateway and dashboard over TLS: with a certificate and its key they speak nothing else; with
files that are neither they do not start, and say which.
"""

import contextlib
import ssl
from pathlib import Path

import certificates
import pytest
import serving
import wordmodel

from schemas import policy, settings
from services import tls
from services.gateway import app


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> certificates.Files:
    return certificates.written(tmp_path_factory.mktemp("tls"))


def loaded(cert: Path | None, key: Path | None) -> settings.Settings:
    return settings.Settings(tls_cert=cert, tls_key=key)


def test_without_a_certificate_there_is_none() -> None:
    assert tls.context(loaded(None, None)) is None


def test_the_gateway_answers_over_it_and_not_without(
    files: certificates.Files, tmp_path: Path
) -> None:
    models = wordmodel.shelf(tmp_path)
    champion = wordmodel.follower(models, "v1")
    gateway = app.Gateway(champion, None, serving.Emitter(), policy.Policy(), test_clock=False)
    spoken = tls.context(loaded(files.cert, files.key))
    with serving.serving(gateway, spoken, files.trusted()) as one:
        assert one.classify({"text": "faq"})[0] == 200
        assert one.ask("POST", "/classify", b"x" * 2_000_000).status == 413
        assert one.ask("HEAD", "/livez").status == 200
        assert not one.said(b"GET /livez HTTP/1.1\r\n\r\n").startswith(b"HTTP")
        half = ssl.create_default_context(cafile=str(files.cert))
        with half.wrap_socket(one.connected(), server_hostname="localhost") as client:
            client.sendall(b"POST /classify HTTP/1.1\r\nContent-Length: 5\r\n\r\n{")
            one.stop.set()
            with contextlib.suppress(OSError):
                client.recv(100)


@pytest.mark.parametrize("case", ["no file", "no PEM", "another key", "no key", "key alone"])
def test_files_that_cannot_be_are_refused_in_one_line_that_names_them(
    case: str,
    files: certificates.Files,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "text").write_text("no certificate")
    other = certificates.written(tmp_path, "other")
    pairs = {
        "no file": (tmp_path / "nowhere", files.key),
        "no PEM": (tmp_path / "text", files.key),
        "another key": (files.cert, other.key),
        "no key": (files.cert, None),
        "key alone": (None, files.key),
    }

    with pytest.raises(SystemExit) as ended:
        tls.context(loaded(*pairs[case]))

    assert ended.value.code == settings.EXIT_CONFIGURATION
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "INTENTWATCH_TLS_CERT" in line


@pytest.mark.parametrize("name", ["GATEWAY_TOKEN", "DASHBOARD_TOKEN"])
@pytest.mark.parametrize("value", ["", "  "])
def test_an_empty_token_is_no_open_door(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(f"INTENTWATCH_{name}", value)

    with pytest.raises(SystemExit) as ended:
        settings.load()

    assert ended.value.code == settings.EXIT_CONFIGURATION
    assert f"INTENTWATCH_{name} is empty" in capsys.readouterr().err


def test_a_token_may_come_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    monkeypatch.setenv("INTENTWATCH_GATEWAY_TOKEN_FILE", str(tmp_path / "token"))

    token = settings.load().gateway_token

    assert token is not None
    assert token.get_secret_value() == "s3cret"
