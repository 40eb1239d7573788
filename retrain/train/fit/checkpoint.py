"""How far a fine-tune has come, and the file from which it goes on as if nothing had happened:
weights, optimizer, both generators of random numbers, the place in the epoch, the best epoch so far
and the numbers told until then.
"""

import dataclasses
import hashlib
import importlib.metadata
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch

from retrain.train import recipe as recipes
from retrain.train.fit import telemetry
from schemas import normalise, runs

# A third of a gigabyte is written, in about a second.
_EVERY_S: Final = 60.0
_PREFIX: Final = "checkpoint-"
_CODE: Final = ("fit", "recipe.py", "signs.py", "split.py")


@dataclass(slots=True)
class State:
    """How far it has come. `sampler`: the generator before it drew this epoch's batches; `taken`:
    steps of this epoch; `total`, `plain`: the sums of their losses; `best`: weights of the best
    epoch.
    """

    epoch: int = 1
    taken: int = 0
    total: float = 0.0
    plain: float = 0.0
    best: dict[str, torch.Tensor] = field(default_factory=dict)
    sampler: dict[str, Any] = field(default_factory=dict)
    rows: list[runs.Metric] = field(default_factory=list)
    recent: telemetry.Recent = field(default_factory=telemetry.Recent)

    def begin_epoch(self, epoch: int, sampler: dict[str, Any]) -> None:
        """Nothing of this epoch has been done yet, and nothing drawn for it."""
        self.epoch, self.taken, self.sampler = epoch, 0, sampler
        self.total = self.plain = 0.0


def file(directory: Path, rows_sha256: str, recipe: recipes.Recipe) -> Path:
    """Where the checkpoint of these rows, this recipe and this code lies: any other is of another
    fine-tune.
    """
    parts = [rows_sha256, recipe.sha256, normalise.SHA256, *_code()]
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return directory / f"{_PREFIX}{digest[:16]}.pt"


def _code() -> Iterator[str]:
    yield from (f"{name} {importlib.metadata.version(name)}" for name in ("torch", "transformers"))
    train = Path(__file__).parents[1]
    for name in _CODE:
        place = train / name
        for source in sorted(place.glob("*.py")) if place.is_dir() else (place,):
            yield hashlib.sha256(source.read_bytes()).hexdigest()


@dataclass(slots=True)
class Keeper:
    """Keeps the checkpoint in its file, once a minute and at each epoch's end."""

    file: Path
    seconds: float = _EVERY_S
    clock: Callable[[], float] = time.monotonic
    _last: float = field(default=0.0)

    def __post_init__(self) -> None:
        self._last = self.clock()

    def keep(self, network: Any, optimizer: Any, state: State, *, now: bool = False) -> None:
        """Write it if that is due, or `now`. A process killed meanwhile leaves the one before."""
        if not now and self.clock() - self._last < self.seconds:
            return
        body = {
            "network": network.state_dict(),
            "optimizer": optimizer.state_dict(),
            "random": torch.get_rng_state(),
            "threads": torch.get_num_threads(),
            "state": _plain(state),
        }
        scratch = self.file.with_suffix(".new")
        torch.save(body, scratch)
        os.replace(scratch, self.file)
        self._last = self.clock()

    def restored(self, network: Any, optimizer: Any) -> State | None:
        """Bring network, optimizer and torch back to where the file says, on as many threads, for
        sums depend on them; None where there is no file.
        """
        if not self.file.exists():
            return None
        body = torch.load(self.file, weights_only=True, map_location="cpu")
        network.load_state_dict(body["network"])
        optimizer.load_state_dict(body["optimizer"])
        torch.set_rng_state(body["random"])
        torch.set_num_threads(body["threads"])
        return _state(body["state"])


def _plain(state: State) -> dict[str, Any]:
    """What torch reads back without running anything: numbers, texts, tensors."""
    recent = state.recent
    return {
        "epoch": state.epoch,
        "taken": state.taken,
        "total": state.total,
        "plain": state.plain,
        "best": state.best,
        "sampler": state.sampler,
        "rows": [dataclasses.astuple(row) for row in state.rows],
        "smoothed": recent.smoothed,
        "steps": [dataclasses.astuple(step) for step in recent.steps],
        "clipped": list(recent.clipped),
    }


def _state(plain: dict[str, Any]) -> State:
    recent = telemetry.Recent(plain.pop("smoothed"))
    recent.steps.extend(telemetry.Took(*step) for step in plain.pop("steps"))
    recent.clipped.extend(plain.pop("clipped"))
    rows = [runs.Metric(*row) for row in plain.pop("rows")]
    return State(rows=rows, recent=recent, **plain)
