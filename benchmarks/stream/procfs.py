"""What Linux says about a process: CPU time and memory."""

import os
from dataclasses import dataclass
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds so far (user and system), and the largest resident size."""

    cpu_s: float
    peak_mb: float


def usage(pid: int) -> Usage:
    """Of one process with all its threads, without its children."""
    user, system = _fields(pid)[11:13]
    return Usage((int(user) + int(system)) * _TICK_S, peak_mb(pid))


def peak_mb(pid: int) -> float:
    """The largest resident size so far."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def tree_cpu_s(pid: int) -> float:
    """Of a process and its children, those that have ended included: how PostgreSQL works."""
    total = sum(map(int, _fields(pid)[11:15])) * _TICK_S
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        try:
            total += sum(map(int, _fields(int(child))[11:13])) * _TICK_S
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total


def _fields(pid: int) -> list[str]:
    """/proc/PID/stat after the name, which may hold blanks."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def machine() -> str:
    """Processor, count and memory, in words."""
    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "unknown processor",
    )
    total_kb = int(Path("/proc/meminfo").read_text().split()[1])
    return f"{os.cpu_count()} x {model}, {total_kb / 2**20:.0f} GiB, Linux {os.uname().release}"
