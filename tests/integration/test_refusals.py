"""What a process stands on and does not find: one line with cause and remedy, and the contract's
exit code. Never a traceback.
"""

import socket
from pathlib import Path

import processes
import pydantic
import pytest
import taxonomies

from services.local import processes as catalogue
from streams import database as postgres

NOWHERE = {
    "INTENTWATCH_KAFKA": "127.0.0.1:1",
    "INTENTWATCH_DATABASE_URL": "postgresql+psycopg://postgres@127.0.0.1:1/x",
}
LONG_RUNNING = {process.name: list(process.command) for process in catalogue.PROCESSES}
COMMANDS = {
    "show": ["-m", "services.show", "windows"],
    "labels": ["-m", "services.labels", "status"],
    "incident": ["-m", "services.scheduler", "incident", "open", "--kind", "complaints"],
    "run": ["retrain/run.py", "run"],
    "replay": ["retrain/run.py", "replay"],
}
EVERYTHING = LONG_RUNNING | COMMANDS
USE_KAFKA = {"provision", "streams"}  # the gateway goes on serving without it
READ_POLICY = ("gateway", "scheduler", "retrain", "dashboard", "run", "replay")
SLACK = {"INTENTWATCH_SLACK_BASE_URL": "http://127.0.0.1:1/api/"}


def refused(argv: list[str], environment: dict[str, str], code: int, *says: str) -> None:
    done = processes.run(argv, SLACK | environment)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert done.stderr.startswith("intentwatch: "), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    for words in says:
        assert words in done.stderr


@pytest.mark.parametrize("name", EVERYTHING)
def test_a_missing_address_is_a_matter_of_configuration(name: str) -> None:
    refused(
        EVERYTHING[name],
        {},
        3,
        "INTENTWATCH_KAFKA" if name in (*USE_KAFKA, "gateway") else "INTENTWATCH_DATABASE_URL",
    )


@pytest.mark.parametrize("name", EVERYTHING)
def test_an_unreachable_server_is_a_dependency_that_is_down(name: str, kafka: str) -> None:
    says = "no Kafka broker answers" if name in USE_KAFKA else "Postgres does not answer"
    refused(EVERYTHING[name], NOWHERE, 4, says, "make up")
    if name == "streams":
        refused(
            EVERYTHING[name],
            NOWHERE | {"INTENTWATCH_KAFKA": kafka},
            4,
            "Postgres does not answer",
            "make up",
        )


@pytest.mark.parametrize("name", ["streams", "gateway", "dashboard", "show", "run"])
def test_a_database_without_tables_says_how_to_get_them(
    name: str, kafka: str, empty_database: str
) -> None:
    refused(
        EVERYTHING[name],
        {"INTENTWATCH_KAFKA": kafka, "INTENTWATCH_DATABASE_URL": empty_database},
        4,
        "alembic upgrade head",
    )


def test_an_address_that_is_none_is_named() -> None:
    refused(
        COMMANDS["show"],
        {"INTENTWATCH_DATABASE_URL": "localhost"},
        3,
        "INTENTWATCH_DATABASE_URL is not an address",
    )


@pytest.mark.parametrize(
    "name", [name for name in EVERYTHING if name not in ("migrate", "provision")]
)
def test_a_database_of_another_taxonomy_is_refused_and_the_difference_named(
    name: str, kafka: str, database: str, tmp_path: Path
) -> None:
    opened(database)
    environment = {
        "INTENTWATCH_KAFKA": kafka,
        "INTENTWATCH_DATABASE_URL": database,
        "INTENTWATCH_MODELS": str(tmp_path),
    }
    other = taxonomies.written(tmp_path / "other.toml", ["a", "b"], version="other-1")
    refused(
        EVERYTHING[name],
        environment | other,
        3,
        "taxonomy is mangaassist-1, this process's other-1",
        "lacks product_discovery",
        "INTENTWATCH_TAXONOMY",
    )


def opened(url: str) -> None:
    """The database is ours from now on: MangaAssist's."""
    postgres.opened(pydantic.SecretStr(url)).dispose()


@pytest.mark.parametrize("name", EVERYTHING)
def test_a_taxonomy_that_cannot_be_used_ends_every_process_before_it_begins(
    name: str, tmp_path: Path
) -> None:
    environment = taxonomies.written(tmp_path / "broken.toml", ["a"])
    refused(EVERYTHING[name], NOWHERE | environment, 3, "broken.toml", "2 to 200 intents")


def test_a_policy_for_another_taxonomy_is_refused(database: str, tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text('taxonomy = "bank-1"\n')
    environment = {
        "INTENTWATCH_DATABASE_URL": database,
        "INTENTWATCH_POLICY": str(tmp_path / "policy.toml"),
    }
    refused(EVERYTHING["scheduler"], environment, 3, "is for taxonomy 'bank-1'", "mangaassist-1")


@pytest.mark.parametrize("name", READ_POLICY)
def test_a_broken_policy_is_named_with_the_nearest_key(
    name: str, kafka: str, database: str, tmp_path: Path
) -> None:
    (tmp_path / "policy.toml").write_text("[labels]\nbudget_per_dya = 3\n")
    environment = {
        "INTENTWATCH_KAFKA": kafka,
        "INTENTWATCH_DATABASE_URL": database,
        "INTENTWATCH_POLICY": str(tmp_path / "policy.toml"),
    }
    refused(
        EVERYTHING[name],
        environment,
        3,
        "unknown key labels.budget_per_dya",
        "labels.budget_per_day",
    )


@pytest.mark.parametrize(
    ("name", "variable"),
    [("gateway", "INTENTWATCH_GATEWAY_PORT"), ("dashboard", "INTENTWATCH_DASHBOARD_PORT")],
)
def test_a_port_in_use_is_named(name: str, variable: str, kafka: str, database: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused(
            EVERYTHING[name],
            {"INTENTWATCH_KAFKA": kafka, "INTENTWATCH_DATABASE_URL": database, variable: port},
            3,
            f"port {port} is in use",
            variable,
        )


@pytest.mark.parametrize("name", ["provision", "gateway", "notifier"])
def test_production_names_the_secret_that_is_missing(name: str, kafka: str, database: str) -> None:
    environment = {
        "INTENTWATCH_KAFKA": kafka,
        "INTENTWATCH_DATABASE_URL": database,
        "INTENTWATCH_MODE": "production",
    }
    refused(LONG_RUNNING[name], environment, 3, "INTENTWATCH_SLACK_TOKEN", "production")


def test_a_missing_encoder_is_named(database: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text('base_model = "an-encoder-nobody-has"\n')
    environment = {
        "INTENTWATCH_DATABASE_URL": database,
        "INTENTWATCH_RECIPE": str(tmp_path / "recipe.toml"),
        "INTENTWATCH_MODELS": str(tmp_path),
    }
    refused(COMMANDS["run"], environment, 3, "an-encoder-nobody-has")


def test_a_demo_without_its_tables_says_what_a_directory_holds(tmp_path: Path) -> None:
    done = processes.run(["-m", "services.local.demo", "--messages", str(tmp_path)], {})
    assert done.returncode == 2
    assert "base.jsonl.gz" in done.stderr
    assert done.stderr.count("\n") == 1
