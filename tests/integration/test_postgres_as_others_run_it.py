"""Postgres as others run it: behind PgBouncer, with limits, TLS and roles of their own. Every
process works there, or says in one line what is wrong.
"""

import contextlib
import json
import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import poolers
import processes
import pytest
import roles
import sqlalchemy as sa
import traffic
from kafka import KafkaProducer

from schemas import topics
from services import ports
from services.local import processes as catalogue

DOWN = 4
LONG_RUNNING = {p.name: list(p.command) for p in catalogue.PROCESSES if not p.one_shot}
COMMANDS = {
    "migrate": ["-m", "alembic", "upgrade", "head"],
    "doctor": ["-m", "services.doctor", "scheduler"],
    "show": ["-m", "services.show", "offsets"],
    "labels": ["-m", "services.labels", "status"],
    "redrive": ["-m", "services.redrive", "ls"],
    "incident": ["-m", "services.scheduler", "incident", "list"],
    "open": ["-m", "services.scheduler", "incident", "open", "--kind", "complaints"],
    "taxonomy": ["-m", "services.provision", "taxonomy"],
    "runs": ["retrain/run.py", "show", "ft_1"],
}
EVERYTHING = LONG_RUNNING | COMMANDS
SLACK = {"INTENTWATCH_SLACK_BASE_URL": "http://127.0.0.1:1/api/"}
NOT_ADDRESSES = (
    "mysql://ada:s3cret@127.0.0.1/shop",
    "postgresql+psycopg2://ada:s3cret@127.0.0.1/shop",
    "postgresql+psycopg://ada:s3cret@127.0.0.1:notaport/shop",
    "postgresql+psycopg://ada:s3cret@127.0.0.1/shop?colour=red",
)


def environment(kafka: str, database: str) -> dict[str, str]:
    return SLACK | {"INTENTWATCH_KAFKA": kafka, "INTENTWATCH_DATABASE_URL": database}


def line(name: str, given: dict[str, str], code: int) -> str:
    """What a command that is refused says: one line, on stderr; of the doctor the line of its
    finding.
    """
    done = processes.run(EVERYTHING[name], given)
    assert done.returncode == code, (name, done)
    assert "s3cret" not in done.stdout + done.stderr
    if name == "doctor" and code == DOWN:
        (said,) = (text for text in done.stdout.splitlines() if text.startswith("fail  database"))
        return said
    assert done.stdout == "", (name, done)
    assert done.stderr.startswith("intentwatch: "), (name, done)
    assert done.stderr.count("\n") == 1, (name, done)
    return done.stderr


@pytest.fixture
def role(database: str) -> Iterator[str]:
    """A role of its own that may read and write everything."""
    with roles.made(database) as name:
        yield name


@pytest.mark.parametrize("name", EVERYTHING)
def test_what_is_no_address_is_configuration_and_its_password_is_not_shown(
    name: str, kafka: str
) -> None:
    # All of them where they once ended in a traceback.
    most = None if name in ("migrate", "doctor", "show", "streams", "labels") else 1
    for address in NOT_ADDRESSES[:most]:
        said = line(name, environment(kafka, address), 3)
        assert "INTENTWATCH_DATABASE_URL" in said


@pytest.mark.parametrize("name", EVERYTHING)
def test_a_role_at_its_limit_is_told_by_every_process(
    name: str, kafka: str, database: str, role: str
) -> None:
    roles.execute(database, f"alter role {role} connection limit 0")
    said = line(
        name, environment(kafka, roles.at(database, username=role, password="s3cret")), DOWN
    )
    assert f'no connection is free ("127.0.0.1", port {sa.make_url(database).port}: ' in said
    assert f'too many connections for role "{role}"' in said


def refusals(database: str, role: str) -> dict[str, tuple[str, str]]:
    """An address for each trouble that needs nothing but an address, and what is said of it."""
    return {
        "database": (roles.at(database, database="nowhere"), "there is no such database"),
        "role": (roles.at(database, username="nobody_here"), "Postgres does not let this role in"),
        "host": (roles.at(database, host="db.invalid"), "there is no such host"),
        "port": (roles.at(database, port=1), "Postgres does not answer"),
        "tls": (roles.asking(database, sslmode="require"), "the server offers no TLS"),
        "address": (roles.asking(database, sslmode="perhaps"), "cannot be used"),
        "standby": (
            roles.asking(database, options="-c default_transaction_read_only=on"),
            "this Postgres is read-only",
        ),
    }


@pytest.mark.parametrize("name", ["streams", "scheduler", "doctor", "show"])
def test_each_trouble_has_a_sentence_of_its_own(
    name: str, kafka: str, database: str, role: str
) -> None:
    for trouble, (address, words) in refusals(database, role).items():
        if trouble == "standby" and name in ("doctor", "show"):
            continue  # these read
        assert words in line(name, environment(kafka, address), 3 if trouble == "address" else DOWN)


def test_a_standby_is_read_by_those_who_only_read(kafka: str, database: str) -> None:
    processes.run(COMMANDS["show"], environment(kafka, database))  # the database becomes ours
    address = roles.asking(database, options="-c default_transaction_read_only=on")
    assert processes.run(COMMANDS["show"], environment(kafka, address)).returncode == 0
    said = line("open", environment(kafka, address), DOWN)
    assert "this Postgres is read-only" in said


@pytest.mark.parametrize("name", ["show", "labels", "doctor", "taxonomy"])
def test_a_right_that_lacks_is_named(name: str, kafka: str, database: str, role: str) -> None:
    roles.execute(database, f"revoke pg_read_all_data, pg_write_all_data from {role}")
    given = environment(kafka, roles.at(database, username=role, password="s3cret"))
    said = line(name, given, DOWN)
    assert "the role lacks a right (permission denied for table " in said


def test_tables_of_another_product_are_no_place_for_ours(kafka: str, empty_database: str) -> None:
    engine = roles.unpooled(empty_database)
    given = environment(kafka, empty_database)
    with engine.begin() as connection:
        connection.exec_driver_sql("create table customers (id int)")
    assert "the database has no tables; run" in line("show", given, DOWN)
    with engine.begin() as connection:
        connection.exec_driver_sql("create table alembic_version (version_num text)")
        connection.exec_driver_sql("insert into alembic_version values ('ae1027a6acf')")
    for name in ("show", "streams", "migrate"):
        said = line(name, given, DOWN)
        assert "the database's tables are another product's (alembic_version ae1027a6acf)" in said


def test_four_migrations_at_once_are_one(empty_database: str) -> None:
    given = {"INTENTWATCH_DATABASE_URL": empty_database}
    with contextlib.ExitStack() as four:
        started = [
            four.enter_context(processes.running(COMMANDS["migrate"], given, Path("/dev/null")))
            for _ in range(4)
        ]
        assert [process.wait(90) for process in started] == [0] * 4
    checked = processes.run(["-m", "alembic", "check"], given)
    assert checked.returncode == 0, checked.stderr


def test_a_reader_in_the_way_of_a_migration_is_waited_for_another_time(
    empty_database: str,
) -> None:
    given = {"INTENTWATCH_DATABASE_URL": empty_database}
    for way in (["upgrade", "head"], ["downgrade", "-1"]):
        assert processes.run(["-m", "alembic", *way], given).returncode == 0
    with roles.unpooled(empty_database).connect() as reader:
        reader.exec_driver_sql("select * from alembic_version")
        reader.exec_driver_sql("lock table alembic_version in share mode")
        said = line("migrate", given, 75)
    assert "another session holds a lock" in said
    assert processes.run(COMMANDS["migrate"], given).returncode == 0


def test_a_database_of_a_newer_version_is_left_as_it_is(database: str) -> None:
    """An old release that starts again in the middle of a rolling upgrade."""
    with roles.unpooled(database).begin() as connection:
        connection.exec_driver_sql("update alembic_version set version_num = '9000'")
    done = processes.run(COMMANDS["migrate"], {"INTENTWATCH_DATABASE_URL": database})
    assert (done.returncode, done.stderr) == (
        0,
        "intentwatch: the database is at 9000, a newer version's: nothing was changed\n",
    )


# behind PgBouncer


def test_the_poolers_own_refusals_are_told(kafka: str, database: str, tmp_path: Path) -> None:
    with poolers.before(database, tmp_path / "pooler") as pooled:
        for address, words in (
            (roles.at(pooled, database="nowhere"), "there is no such database"),
            (roles.at(pooled, username="nobody_here"), "Postgres does not let this role in"),
            (
                roles.asking(pooled, options="-c search_path=x"),
                "refuses a parameter of the address",
            ),
        ):
            for name in ("show", "doctor"):
                assert words in line(name, environment(kafka, address), DOWN)


def test_tls_that_is_demanded_and_a_certificate_that_nobody_trusts_are_told(
    kafka: str, database: str, tmp_path: Path
) -> None:
    folder = tmp_path / "pooler"
    folder.mkdir()
    for name in ("server", "other"):
        made = (
            "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=db.test"
            f" -addext subjectAltName=IP:127.0.0.1 -keyout {name}.key -out {name}.pem"
        )
        subprocess.run(
            made.split(),
            cwd=folder,
            check=True,
            capture_output=True,
        )
    tls = (
        "client_tls_sslmode = require\n"
        f"client_tls_key_file = {folder}/server.key\nclient_tls_cert_file = {folder}/server.pem"
    )
    with poolers.before(database, folder, more=tls) as pooled:
        trusted = roles.asking(pooled, sslmode="verify-full", sslrootcert=f"{folder}/server.pem")
        assert processes.run(COMMANDS["show"], environment(kafka, trusted)).returncode == 0
        for address, words, code in (
            (roles.asking(pooled, sslmode="disable"), "lets this role in over TLS alone", DOWN),
            (
                roles.asking(pooled, sslmode="verify-full", sslrootcert=f"{folder}/other.pem"),
                "no authority that is trusted here",
                DOWN,
            ),
            (
                roles.asking(roles.at(pooled, host="localhost"), sslmode="verify-full")
                + f"&sslrootcert={folder}/server.pem",
                "certificate is another host's",
                DOWN,
            ),
            (roles.asking(pooled, sslmode="verify-full", sslrootcert="/none.pem"), "/none.pem", 3),
        ):
            assert words in line("show", environment(kafka, address), code)


def test_every_process_works_behind_a_pooler_that_hands_out_transactions(
    kafka: str,
    empty_database: str,
    new_topic: Callable[..., topics.Topic],
    tmp_path: Path,
) -> None:
    """Strict: it refuses what it does not know of a session's beginning."""
    database = empty_database
    topic = new_topic().name
    gateway, dashboard = ports.free(2)
    rng = random.Random(8)
    logs = [traffic.log(number, rng) for number in range(600)]
    with poolers.before(database, tmp_path / "pooler") as pooled, contextlib.ExitStack() as stack:
        given = environment(kafka, pooled) | {
            "INTENTWATCH_TOPIC": topic,
            "INTENTWATCH_TEST_CLOCK": "1",
            "INTENTWATCH_MODELS": str(tmp_path),
            "INTENTWATCH_GATEWAY_PORT": str(gateway),
            "INTENTWATCH_DASHBOARD_PORT": str(dashboard),
        }
        assert processes.run(COMMANDS["migrate"], given).returncode == 0
        running = {
            name: stack.enter_context(processes.running(command, given, tmp_path / name))
            for name, command in LONG_RUNNING.items()
            if name != "retrain"
        }
        send(kafka, topic, logs)
        settled = processes.eventually(lambda: counted(database) == len(logs))
        assert traffic.differences(processes.show("windows", given), logs) == []
        said = {name: (tmp_path / name).read_text() for name in running}
        assert settled, said
        assert {name: process.poll() for name, process in running.items()} == dict.fromkeys(running)
        assert ports.listening(gateway)
        assert ports.listening(dashboard)
        checks = processes.run(["-m", "services.doctor", "scheduler", "--json"], given)
        assert {json.loads(text)["status"] for text in checks.stdout.splitlines()} <= {"ok", "warn"}
        for name in ("show", "labels", "redrive", "incident", "taxonomy"):
            done = processes.run(COMMANDS[name], given)
            assert done.returncode == 0, (name, done.stderr)
        assert not [text for text in said.values() if "prepared statement" in text]


def send(kafka: str, topic: str, logs: list[dict[str, Any]]) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka, acks="all")
    for log in logs:
        producer.send(topic, traffic.encode(log), key=log["req_id"].encode())
    producer.flush()
    producer.close()


def counted(database: str) -> int:
    """Logs in the panes, when nothing waits to be rolled up."""
    engine = roles.unpooled(database)
    with engine.connect() as connection:
        panes = "select coalesce(sum(n), 0) from pane_minute"
        dirty = "select count(*) from pane_dirty"
        waits = connection.exec_driver_sql(dirty).scalar_one()
        return -1 if waits else int(connection.exec_driver_sql(panes).scalar_one())


# a password that changes


def test_a_password_that_is_changed_is_read_again_by_every_process(
    kafka: str,
    engine: sa.Engine,
    database: str,
    role: str,
    new_topic: Callable[..., topics.Topic],
    tmp_path: Path,
) -> None:
    file = tmp_path / "url"
    file.write_text(roles.at(database, username=role, password="s3cret"))
    gateway, dashboard = ports.free(2)
    given = SLACK | {
        "INTENTWATCH_KAFKA": kafka,
        "INTENTWATCH_DATABASE_URL_FILE": str(file),
        "INTENTWATCH_TOPIC": new_topic().name,
        "INTENTWATCH_MODELS": str(tmp_path),
        "INTENTWATCH_GATEWAY_PORT": str(gateway),
        "INTENTWATCH_DASHBOARD_PORT": str(dashboard),
    }
    names = {"streams", "gateway", "scheduler", "notifier", "dashboard"}
    connected = f"select distinct application_name from pg_stat_activity where usename = '{role}'"

    def at_work() -> bool:
        with engine.connect() as connection:
            return names <= set(connection.exec_driver_sql(connected).scalars())

    with roles.passwords_asked_for(database, role), contextlib.ExitStack() as stack:
        wrong = roles.at(database, username=role, password="wr0ng")
        said = line("show", environment(kafka, wrong), DOWN)
        assert "Postgres refuses the password" in said
        assert "wr0ng" not in said
        running = [
            stack.enter_context(
                processes.running(
                    LONG_RUNNING[name], given | {"PGAPPNAME": name}, tmp_path / f"{name}.log"
                )
            )
            for name in names
        ]
        assert processes.eventually(at_work)
        roles.execute(database, f"alter role {role} password 'n3w'")
        file.write_text(roles.at(database, username=role, password="n3w"))
        roles.disconnect(database, role)
        assert processes.eventually(at_work), [
            (tmp_path / f"{name}.log").read_text()[-500:] for name in names
        ]
        assert [process.poll() for process in running] == [None] * len(names)
