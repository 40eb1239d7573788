"""The one list of processes: whoever starts it in its order finds everything a process comes after
already there.
"""

import importlib.util
from pathlib import Path

import pytest

from schemas import settings
from services.local import processes

ROOT = Path(__file__).parents[3]
EACH = pytest.mark.parametrize("process", processes.PROCESSES, ids=lambda process: process.name)


@EACH
def test_what_a_process_comes_after_stands_before_it_and_ends(process: processes.Process) -> None:
    before = processes.PROCESSES[: processes.PROCESSES.index(process)]
    for name in process.after:
        assert processes.named(name) in before
        assert processes.named(name).one_shot, "who waits for one that never ends never begins"


@EACH
def test_what_a_process_needs_and_its_port_are_variables_of_the_product(
    process: processes.Process,
) -> None:
    wanted = (*process.needs, *([process.port] if process.port else []))
    assert {name.lower() for name in wanted} <= set(settings.Settings.model_fields)


@EACH
def test_a_command_starts_something_that_is_there(process: processes.Process) -> None:
    first, name, *_ = (*process.command, "")
    if first == "-m":
        assert importlib.util.find_spec(name) is not None
    else:
        assert (ROOT / first).is_file()


def test_names_are_unique_and_an_unknown_one_is_no_process() -> None:
    assert len({process.name for process in processes.PROCESSES}) == len(processes.PROCESSES)
    with pytest.raises(StopIteration):
        processes.named("cook")


def test_only_the_retrain_worker_carries_torch() -> None:
    assert [process.name for process in processes.PROCESSES if process.torch] == ["retrain"]


def test_whoever_reads_the_database_waits_for_its_tables() -> None:
    for process in processes.PROCESSES:
        if "DATABASE_URL" in process.needs and process.name != "migrate":
            assert "migrate" in process.after, process.name
        if "KAFKA" in process.needs and process.name != "provision":
            assert "provision" in process.after, process.name
