"""Start the product's own processes in a test, as an operator would, and end them by their id."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import forked

from services.local import topology

ROOT = Path(__file__).parents[1]


def eventually(holds: Callable[[], bool], timeout_s: float = 60) -> bool:
    """Poll until it holds; its last word when the time is up."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.1)
    return holds()


@contextlib.contextmanager
def running(
    argv: list[str], environment: dict[str, str], log: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process of ours, output to `log`; killed at the end if it still runs."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *argv],
            cwd=ROOT,
            env=topology.inherited() | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def run(
    argv: list[str], environment: dict[str, str], timeout_s: float = 120
) -> "subprocess.CompletedProcess[str]":
    """Run a command of ours to its end."""
    env = topology.inherited() | environment
    if argv[0] != "-c":
        return forked.run(argv, env, timeout_s)
    return subprocess.run(
        [sys.executable, *argv],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def show(what: str, environment: dict[str, str], *more: str) -> list[dict[str, Any]]:
    """`services.show WHAT --json`."""
    done = run(["-m", "services.show", what, "--json", *more], environment)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
