"""The environment: one line and exit 3 for whatever is missing; secrets from files; production
refuses half a configuration.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from schemas import settings


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith(settings.PREFIX):
            monkeypatch.delenv(name)


def test_a_secret_is_read_from_its_file_and_never_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("xoxb-1\n")
    monkeypatch.setenv("INTENTWATCH_SLACK_TOKEN_FILE", str(tmp_path / "token"))
    loaded = settings.load()
    assert loaded.slack_token is not None
    assert loaded.slack_token.get_secret_value() == "xoxb-1"
    assert "xoxb-1" not in repr(loaded)


def test_a_secret_of_a_file_is_the_files_of_now_and_what_is_no_secret_is_read_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("SLACK_TOKEN", "DATABASE_URL", "SLACK_CHANNEL"):
        (tmp_path / name).write_text("old")
        monkeypatch.setenv(f"INTENTWATCH_{name}_FILE", str(tmp_path / name))
    loaded = settings.load()
    for path in tmp_path.iterdir():
        path.write_text("new\n")
    assert loaded.slack_token is not None
    assert loaded.database_url is not None
    assert loaded.slack_token.get_secret_value() == "new"
    assert loaded.database_url.get_secret_value() == "new"
    assert loaded.slack_channel == "old"
    # Whoever writes it anew may be half way.
    for path in tmp_path.iterdir():
        path.unlink()
    assert loaded.slack_token.get_secret_value() == "new"
    (tmp_path / "SLACK_TOKEN").write_text("\n")
    assert loaded.slack_token.get_secret_value() == "new"
    assert "new" not in f"{loaded!r} {loaded.slack_token}"


def exit_line(capsys: pytest.CaptureFixture[str], *needs: str) -> str:
    with pytest.raises(SystemExit) as caught:
        settings.load(*needs)
    assert caught.value.code == settings.EXIT_CONFIGURATION
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    return err


def test_a_missing_variable_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "INTENTWATCH_KAFKA is not set" in exit_line(capsys, "kafka")


def test_a_missing_secret_file_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTENTWATCH_SLACK_TOKEN_FILE", "/nowhere/token")
    assert "/nowhere/token" in exit_line(capsys)


def test_a_secret_file_that_is_no_text_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "token"
    path.write_bytes(b"xoxb-\xff")
    monkeypatch.setenv("INTENTWATCH_SLACK_TOKEN_FILE", str(path))
    assert "token is not UTF-8 text" in exit_line(capsys)


def test_a_bad_value_names_its_variable(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTENTWATCH_GATEWAY_PORT", "many")
    assert "INTENTWATCH_GATEWAY_PORT" in exit_line(capsys)


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("INTENTWATCH_POLICYY", "INTENTWATCH_POLICY"),
        ("INTENTWATCH_SLACK_TOKEN_FIL", "INTENTWATCH_SLACK_TOKEN_FILE"),
        ("INTENTWATCH_DATBASE_URL", "INTENTWATCH_DATABASE_URL"),
    ],
)
def test_a_misspelt_variable_is_named_with_the_nearest_known_one(
    misspelt: str, meant: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(misspelt, "x")
    expected = f"intentwatch: unknown variable {misspelt}; the nearest known one is {meant}\n"
    assert exit_line(capsys) == expected


def test_every_setting_and_the_file_of_each_is_known() -> None:
    names = [f"{settings.PREFIX}{field.upper()}" for field in settings.Settings.model_fields]
    assert settings.misspelt([*names, *(f"{name}_FILE" for name in names)]) is None


def test_what_only_begins_like_ours_is_let_be() -> None:
    """Kubernetes adds variables of its own for a service of our name."""
    assert (
        settings.misspelt(["INTENTWATCH_GATEWAY_SERVICE_HOST", "INTENTWATCH_PORT_8000_TCP"]) is None
    )


def test_production_names_what_it_lacks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTENTWATCH_MODE", "production")
    assert "INTENTWATCH_KAFKA is not set" in exit_line(capsys)


@pytest.mark.parametrize("lines", [1, 100_000])
def test_whoever_reads_may_stop_at_any_line(lines: int) -> None:
    program = f"""
from schemas import settings
with settings.readable_in_part():
    for i in range({lines}): print(i)
raise SystemExit(7)
"""
    done = subprocess.run(
        ["bash", "-c", '"$0" -c "$1" | head -1; exit ${PIPESTATUS[0]}', sys.executable, program],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("0\n", "")
    assert done.returncode in ((7,) if lines == 1 else (0,)), (
        "what it found is told to whoever read it all"
    )
