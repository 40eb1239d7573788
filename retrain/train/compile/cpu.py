"""Which CPU this is, as far as it decides what a compiled model answers."""

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_LINUX: Final = Path("/proc/cpuinfo")
# How integers are multiplied: with one of the vnni (ARM: dot product) exactly, with avx2 alone the
# sums of two products are cut off at 16 bits.
_FEATURES: Final = (
    "avx2",
    "avx512f",
    "avx_vnni",
    "avx512_vnni",
    "amx_int8",
    "asimddp",
    "i8mm",
)


@dataclass(frozen=True, slots=True)
class Cpu:
    """Its name, and which of the instructions that matter here it has."""

    name: str
    features: tuple[str, ...]

    def __str__(self) -> str:
        listed = " ".join(self.features) or "no instructions known"
        return f"{self.name} ({listed})"


def told(text: str) -> Cpu:
    """The first CPU of a Linux /proc/cpuinfo, of x86 or ARM.

    >>> print(told("model name : Xeon\\nflags : fpu avx2 avx512_vnni\\n"))
    Xeon (avx2 avx512_vnni)
    """
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip().lower(), value.strip())
    flags = fields.get("flags") or fields.get("features") or ""
    has = set(flags.split())
    features = tuple(feature for feature in _FEATURES if feature in has)
    return Cpu(fields.get("model name") or platform.machine(), features)


def this() -> Cpu:
    """This machine's."""
    text = _LINUX.read_text() if _LINUX.exists() else ""
    return told(text)
