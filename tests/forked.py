"""Commands that end by themselves, forked from an interpreter that has loaded the libraries:
loading those takes longer than what most commands do.

The product's own modules are loaded by the command, in an environment of its own and as `python -m`
would. Run as a script this file is that interpreter: it takes an order a line, `{"argv": [...],
"env": {...}, "out": FILE, "err": FILE}`, and says the process' id, then its exit status.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[1]
LIBRARIES = (
    "alembic.command",
    "apscheduler.schedulers.blocking",
    "fastapi",
    "kafka",
    "msgspec",
    "numpy",
    "prometheus_client",
    "psycopg",
    "pydantic_settings",
    "scipy.optimize",
    "scipy.special",
    "slack_sdk",
    "sqlalchemy.dialects.postgresql.psycopg",
    "tqdm",
    "uvicorn",
)
_free: "list[subprocess.Popen[str]]" = []


def run(
    argv: list[str], environment: dict[str, str], timeout_s: float
) -> "subprocess.CompletedProcess[str]":
    """What `subprocess.run([python, *argv])` gives; `argv` is `-m MODULE ...` or `FILE ...`. Raises
    subprocess.TimeoutExpired.
    """
    with tempfile.TemporaryDirectory() as place, _taker() as (orders, answers):
        out, err = Path(place, "out"), Path(place, "err")
        print(
            json.dumps({"argv": argv, "env": environment, "out": str(out), "err": str(err)}),
            file=orders,
            flush=True,
        )
        child = int(answers.readline())
        late = threading.Timer(timeout_s, os.kill, (child, signal.SIGKILL))
        late.start()
        try:
            status = int(answers.readline())
        finally:
            # Also when there is no answer: by then the id may be another process'.
            killed = late.finished.is_set()
            late.cancel()
        said = out.read_text(), err.read_text()
    if killed:
        raise subprocess.TimeoutExpired(argv, timeout_s, *said)
    return subprocess.CompletedProcess(argv, status, *said)


@contextlib.contextmanager
def _taker() -> Iterator[tuple[IO[str], IO[str]]]:
    """An interpreter that takes orders and has none in hand: where it reads them and where it
    answers. Commands may run at once.
    """
    try:
        process = _free.pop()
    except IndexError:
        process = subprocess.Popen(
            [sys.executable, __file__],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    yield process.stdin, process.stdout
    _free.append(process)


@atexit.register
def _end() -> None:
    for process in _free:
        process.communicate()  # it ends when its input does


def _next_child() -> dict[str, Any] | None:
    """Fork for every order: the order, in its child; None in the parent, at the input's end."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            order: dict[str, Any] = json.loads(line)
            return order
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    return None


def _become(order: dict[str, Any]) -> None:
    """What the interpreter does before it runs a command."""
    for descriptor, path in enumerate((os.devnull, order["out"], order["err"])):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT if descriptor else os.O_RDONLY), descriptor)
    os.environ.clear()
    os.environ.update(order["env"])
    time.tzset()
    argv: list[str] = order["argv"]
    if argv[0] == "-m":
        sys.argv, sys.path[0] = argv[1:], str(ROOT)
        runpy.run_module(argv[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv, sys.path[0] = argv, str((ROOT / argv[0]).parent)
        runpy.run_path(argv[0], run_name="__main__")


if __name__ == "__main__":
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.freeze()  # what is loaded stays: no child need look through it
    taken = _next_child()
    if taken is not None:
        _become(taken)
