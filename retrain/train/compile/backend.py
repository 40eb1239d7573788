"""What a compiler is to the rest: it builds an artefact, opens it, and says whether it can be used
here. Each is a module of backends/.
"""

import importlib
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

# From the tokens of one message to its logits, shape (outputs,).
Run = Callable[[Sequence[int]], npt.NDArray[np.float32]]
COMPILED: Final = Path("compiled")


class Unavailable(RuntimeError):
    """A backend that cannot be used on this machine; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Built:
    """What parity asks of a build: the graph before its numbers were made smaller, and how far that
    moved the weights. None and 0 where there is no such step.
    """

    exported: Run | None
    weight_error: float


class Backend(Protocol):
    """`TARGET`: what is compiled for. `MODES`: how an artefact can be opened, the fastest first and
    the most exact last.
    """

    @property
    def TARGET(self) -> str: ...  # noqa: N802, D102

    @property
    def MODES(self) -> tuple[str, ...]: ...  # noqa: N802, D102

    def probe(self) -> str | None:
        """Why it cannot be used here, or None where it can."""

    def build(self, network: Any, directory: Path, workshop: Path, max_tokens: int) -> Built:
        """Write the artefact of a network, which is saved in `directory` already, under
        compiled/NAME; `workshop` is for what is needed on the way.
        """

    def open(self, directory: Path, mode: str) -> Run:
        """The artefact, ready to answer, one thread."""


Named = Callable[[str], Backend]


def named(name: str) -> Backend:
    """The backend of this name, which is not loaded before: the gateway has no torch. Raises
    Unavailable.
    """
    try:
        module = importlib.import_module(f"retrain.train.compile.backends.{name}")
    except ImportError as error:
        raise Unavailable(f"backend {name} is unavailable: {error}") from error
    return typing.cast(Backend, module)


def usable(name: str) -> Backend:
    """The same, if this machine has what it needs. Raises Unavailable."""
    chosen = named(name)
    why = chosen.probe()
    if why is not None:
        raise Unavailable(f"backend {name} is unavailable: {why}")
    return chosen


def of(directory: Path) -> str:
    """The name of the backend that a model directory's artefact is of: its folder says so. Raises
    Unavailable where there is not one.
    """
    folders = sorted(path.name for path in (directory / COMPILED).glob("*"))
    if len(folders) != 1:
        listed = ", ".join(folders) or "none"
        raise Unavailable(f"{directory / COMPILED} must hold one backend's artefact: {listed}")
    return folders[0]
