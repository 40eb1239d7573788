"""One fine-tune shared by several processes, as torchrun starts them: each takes its part of every
batch, and after every step all have the same weights. The first one tells, keeps and goes on with
the run; the others only follow it.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import distributed

from retrain.train.fit import rows


@dataclass(frozen=True, slots=True)
class Ranks:
    """Which process of how many this is."""

    rank: int = 0
    size: int = 1

    def share(self, batch: rows.Numbers) -> rows.Numbers:
        """This process's rows of a batch: every `size`-th. There may be none.

        >>> import numpy as np
        >>> [Ranks(rank, 2).share(np.array([7, 3, 9])).tolist() for rank in (0, 1)]
        [[7, 9], [3]]
        """
        return batch[self.rank :: self.size]

    def summed(self, *values: torch.Tensor) -> list[torch.Tensor]:
        """Scalars, each added up over all processes."""
        if self.size == 1:
            return [value.detach() for value in values]
        together = torch.stack([value.detach().float() for value in values])
        distributed.all_reduce(together)
        return list(together)

    def shared(self, network: Any) -> Any:
        """The network, which averages its gradients over all processes when it goes backward."""
        if self.size == 1:
            return network
        return torch.nn.parallel.DistributedDataParallel(network)

    def told(self, what: Any) -> Any:
        """What the first process says, in every process."""
        if self.size == 1:
            return what
        said = [what]
        distributed.broadcast_object_list(said, src=0)
        return said[0]


def started() -> Ranks:
    """As torchrun has started this process; alone otherwise."""
    return Ranks(int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")))


@contextlib.contextmanager
def joined(device: str) -> Iterator[Ranks]:
    """The processes together, until the block ends. `device`: cuda takes nccl, each process the GPU
    of its LOCAL_RANK; cpu takes gloo.
    """
    mine = started()
    if mine.size == 1:
        yield mine
        return
    if device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if device == "cuda" else "gloo")
    try:
        yield mine
    finally:
        distributed.destroy_process_group()
