"""What a process may be told by its environment: which names are ours, which values fit, and what
production insists on, each refusal one line that names the variable.
"""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import policy, settings

FIELDS = sorted(settings.Settings.model_fields)
NAMES = [settings.PREFIX + field.upper() for field in FIELDS]
PRODUCTION = {
    "MODE": "production",
    "KAFKA": "kafka:9092",
    "DATABASE_URL": "postgresql://db/x",
    "SLACK_TOKEN": "xoxb-1",
    "SLACK_SIGNING_SECRET": "s",
}


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(settings.PREFIX):
            monkeypatch.delenv(name)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    return monkeypatch


def tell(environment: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        environment.setenv(settings.PREFIX + name, value)


def refusal(capsys: pytest.CaptureFixture[str], *needs: str) -> str:
    """The one line with which a process ends, without the product's name before it."""
    with pytest.raises(SystemExit) as caught:
        settings.load(*needs)
    assert caught.value.code == settings.EXIT_CONFIGURATION

    line = capsys.readouterr().err
    assert line.endswith("\n")
    assert line.count("\n") == 1
    return line.removeprefix("intentwatch: ").rstrip()


def test_without_a_variable_a_process_listens_to_its_own_host_alone() -> None:
    loaded = settings.load()

    assert (loaded.mode, loaded.bind) == ("dev", "127.0.0.1")
    assert (loaded.gateway_port, loaded.dashboard_port) == (8080, 8081)
    assert (loaded.kafka, loaded.database_url, loaded.slack_token) == (None, None, None)
    assert not loaded.test_clock


@pytest.mark.parametrize("port", ["1", "8080", "65535"])
def test_a_port_may_be_any_there_is(port: str, environment: pytest.MonkeyPatch) -> None:
    tell(environment, GATEWAY_PORT=port)

    assert settings.load().gateway_port == int(port)


@pytest.mark.parametrize("port", ["0", "-1", "65536", "80.5", "", "eighty"])
def test_what_is_no_port_is_refused_by_name(
    port: str, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(environment, DASHBOARD_PORT=port)

    assert refusal(capsys).startswith("INTENTWATCH_DASHBOARD_PORT: ")


@pytest.mark.parametrize(
    ("name", "value"), [("MODE", "prod"), ("LOG_FORMAT", "xml"), ("TRANSPORT", "fast")]
)
def test_a_word_that_is_none_of_the_choices_is_refused(
    name: str, value: str, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(environment, **{name: value})

    assert refusal(capsys).startswith(f"INTENTWATCH_{name}: ")


def test_a_variable_wins_over_its_file(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "kafka").write_text("of-the-file:9092\n")
    tell(environment, KAFKA="of-the-variable:9092", KAFKA_FILE=str(tmp_path / "kafka"))

    assert settings.load().kafka == "of-the-variable:9092"


def test_space_around_what_a_file_holds_is_no_part_of_it(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "kafka").write_text("\n  kafka:9092 \n\n")
    tell(environment, KAFKA_FILE=str(tmp_path / "kafka"))

    assert settings.load("kafka").kafka == "kafka:9092"


def test_production_starts_with_all_it_needs(environment: pytest.MonkeyPatch) -> None:
    tell(environment, **PRODUCTION)

    assert settings.load("kafka").mode == "production"


@pytest.mark.parametrize("name", [name for name in PRODUCTION if name != "MODE"])
@pytest.mark.parametrize("value", [None, ""], ids=["missing", "empty"])
def test_production_refuses_to_start_without_one_of_them(
    name: str,
    value: str | None,
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tell(environment, **PRODUCTION)
    if value is None:
        environment.delenv(settings.PREFIX + name)
    else:
        tell(environment, **{name: value})

    says = f"INTENTWATCH_{name} is not set; INTENTWATCH_MODE=production needs it"
    assert refusal(capsys) == says


@pytest.mark.parametrize(("name", "value"), [("TEST_CLOCK", "true"), ("TEST_FAILPOINT", "flush")])
def test_production_refuses_what_is_for_tests_alone(
    name: str, value: str, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(environment, **PRODUCTION, **{name: value})

    assert refusal(capsys) == f"INTENTWATCH_{name} is refused with INTENTWATCH_MODE=production"


def test_a_refusal_never_quotes_a_secret(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(environment, SLACK_TOKEN="xoxb-hunter2", DATABASE_URL="postgresql://u:hunter2@db/x")

    assert "hunter2" not in refusal(capsys, "kafka")
    assert "hunter2" not in repr(settings.Settings())


def test_a_policy_that_cannot_be_used_ends_the_process_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("[labels]\nbudget = 1\n")

    with pytest.raises(SystemExit) as caught:
        settings.rules(settings.Settings(policy=file))

    assert caught.value.code == settings.EXIT_CONFIGURATION
    assert capsys.readouterr().err == (
        f"intentwatch: {file}: unknown key labels.budget;"
        " the nearest known one is labels.budget_per_day\n"
    )


def test_without_a_file_the_policy_is_the_default() -> None:
    assert settings.rules(settings.Settings()) == policy.Policy()


@pytest.mark.parametrize("name", NAMES)
def test_one_letter_too_many_is_told_with_the_name_that_was_meant(name: str) -> None:
    says = f"unknown variable {name}X; the nearest known one is {name}"

    assert settings.misspelt([f"{name}X"]) == says


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["PATH", "HOME", "POLICYY"],
        ["intentwatch_policy"],
        ["INTENTWATCH_"],
        ["INTENTWATCH_SOMETHING_QUITE_DIFFERENT"],
    ],
    ids=["none", "others", "in small letters", "the prefix alone", "of somebody else"],
)
def test_what_is_no_misspelt_name_of_ours_is_let_be(names: list[str]) -> None:
    assert settings.misspelt(names) is None


@given(st.permutations(["INTENTWATCH_KAFKAA", "INTENTWATCH_BINDD", "PATH", "INTENTWATCH_MODE"]))
def test_of_two_misspelt_names_the_first_by_letters_is_told(names: list[str]) -> None:
    """So that whoever mends one sees the other next, and never the two by turns."""
    says = settings.misspelt(names)

    assert says is not None
    assert says.startswith("unknown variable INTENTWATCH_BINDD; ")
