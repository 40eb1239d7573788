"""The topics that contestants read: the same generator, as many logs as keep a contestant busy for
about ten seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.stream import dataset, oracle, world


@dataclass(frozen=True, slots=True)
class Size:
    """How many logs, in what shape: single, keyed or envelope. `quick`: for development."""

    n: int
    quick: int
    shape: str = "single"


SIZES: Mapping[str, Size] = {
    "tiny": Size(20_000, 3_000),
    "small": Size(150_000, 20_000),
    "keyed": Size(400_000, 20_000, "keyed"),
    "medium": Size(1_000_000, 100_000),
    "large": Size(4_000_000, 200_000),
    "envelopes": Size(12_000_000, 400_000, "envelope"),
}


@dataclass(frozen=True, slots=True)
class Load:
    """A topic that is ready to be read: `records` in Kafka, `n` logs in them, and what they must
    count to.
    """

    topic: str
    n: int
    records: int
    truth: oracle.Truth


@dataclass(slots=True)
class Loads:
    """Topics by name, made when first asked for."""

    servers: world.World
    quick: bool
    ready: dict[str, Load] = field(default_factory=dict)

    def get(self, name: str) -> Load:
        """The topic of that size."""
        if name not in self.ready:
            size = SIZES[name]
            n = size.quick if self.quick else size.n
            records = self.servers.preload(f"bench.{name}", n, size.shape)
            self.ready[name] = Load(
                f"bench.{name}", n, records, oracle.truth(dataset.blocks(dataset.Plan(n)))
            )
        return self.ready[name]
