"""Own child processes: start them, wait until they are ready, stop them in reverse order. Leaves
none behind, not even when killed itself.

Every child asks the kernel to be signalled when its parent dies (PR_SET_PDEATHSIG), so a supervisor
ended by SIGKILL takes its children along.
"""

import contextlib
import ctypes
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from schemas import escaping
from services.local import ending

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class NotReady(RuntimeError):
    """A child ended or did not get ready in time; the message holds the last lines of its log."""


class TooSlow(NotReady):
    """Nothing has failed, but nothing came of it in the time that a machine three or four times
    slower than a free one would take.
    """


@dataclass(frozen=True, slots=True)
class Child:
    """A running child and where its output goes."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path
    stop_signal: signal.Signals


@dataclass(slots=True)
class Supervisor:
    """Use as a context manager from the main thread: a child's death signal is bound to the thread
    that started it.
    """

    children: list[Child] = field(default_factory=list)
    patience_s: float = 15.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(
        self,
        name: str,
        argv: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        cwd: Path | None = None,
    ) -> Child:
        """Start one child, output to `log`, in a session of its own so that Ctrl-C reaches it
        through us and in order.
        """

        def die_with_parent() -> None:  # runs after the change of user, which would clear it
            _libc.prctl(_PR_SET_PDEATHSIG, int(stop_signal))

        log.parent.mkdir(parents=True, exist_ok=True)
        with ending.undisturbed(), log.open("ab") as output:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(os.environ if env is None else env),
                **identity(user),
                start_new_session=True,
                preexec_fn=die_with_parent,
                cwd=cwd,
            )
            child = Child(name, process, log, stop_signal)
            self.children.append(child)
        return child

    def stop(self) -> None:
        """Stop every child, the last started first. Raises NotReady if one does not even end when
        it is killed.
        """
        left = []
        with ending.undisturbed(ending=True):
            while self.children:
                child = self.children[-1]
                if stop(child, self.patience_s) is None:
                    left.append(f"{child.name} (process {child.process.pid})")
                self.children.pop()
        if left:
            raise NotReady(f"{', '.join(left)} does not end, though killed")


def identity(user: str | None) -> Any:
    """The arguments that make subprocess run as `user` with that user's group and no other; none of
    them for None.
    """
    return (
        {}
        if user is None
        else {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
    )


def stop(child: Child, patience_s: float = 15.0) -> int | None:
    """Ask, wait, then kill; returns the exit status, or None if it has none yet. Also fine on a
    child that has ended.
    """
    if child.process.poll() is None:
        child.process.send_signal(child.stop_signal)
        deadline = time.monotonic() + patience_s
        while child.process.poll() is None and time.monotonic() < deadline and not ending.again():
            time.sleep(0.02)
    if child.process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            # It leads a session: whatever it has started there goes with it.
            os.killpg(child.process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.process.wait(patience_s)
    return child.process.poll()


def finish(
    what: str,
    argv: Sequence[str],
    *,
    user: str | None = None,
    cwd: str | None = None,
    timeout_s: float = 240.0,
) -> None:
    """Run a command that ends by itself. Raises NotReady with its last words if it fails, TooSlow
    if the time is up.
    """
    try:
        done = subprocess.run(
            argv,
            **identity(user),
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired:
        raise TooSlow(f"{what} took over {timeout_s:.0f} s") from None
    if done.returncode:
        raise NotReady(f"{what} failed: {(done.stderr or done.stdout).strip()[-300:]}")


def wait_ready(child: Child, ready: Callable[[], bool], timeout_s: float) -> None:
    """Poll `ready` until it holds. Raises NotReady if the child ends first, TooSlow if the time is
    up.
    """
    deadline = time.monotonic() + timeout_s
    while not ready():
        status = child.process.poll()
        if status is not None:
            raise NotReady(f"{child.name} ended with status {status}: {tail(child.log)}")
        if time.monotonic() > deadline:
            raise TooSlow(f"{child.name} was not ready after {timeout_s:.0f} s: {tail(child.log)}")
        time.sleep(0.05)


def tail(log: Path, lines: int = 5) -> str:
    """The end of a log on one line, for an error message."""
    text = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return " | ".join(map(escaping.printable, text[-lines:])) or f"nothing in {log}"
