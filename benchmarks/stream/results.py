"""Pure. What is measured of a contestant, and what follows from several runs: medians and the
ratios between contestants.
"""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

# Ours against the fastest of the others named.
RATIOS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "ours_single/faust_tuned": ("ours_single", ("faust_event_tuned", "faust_take_tuned")),
    "ours_single/quix_tumbling": ("ours_single", ("quix_tumbling",)),
    "ours_single/bytewax_tumbling": ("ours_single", ("bytewax_tumbling",)),
    "ours_single/kafka_streams_dsl": ("ours_single", ("kafka_streams_dsl_1",)),
    "ours_single/kafka_streams_papi": ("ours_single", ("kafka_streams_papi_1",)),
    "ours_single/floor": ("ours_single", ("floor_single",)),
    "ours_envelope/floor": ("ours_envelope", ("floor_envelope",)),
}


@dataclass(frozen=True, slots=True)
class Run:
    """One run. `wall_s` and CPU cover the logs from the first to the last; `with_start_s` also the
    start of the process.
    """

    n: int
    wall_s: float
    cpu_s: float
    rss_mb: float
    exact: bool
    missing: str = ""
    with_start_s: float | None = None
    broker_cpu_s: float | None = None
    postgres_cpu_s: float | None = None

    @property
    def logs_per_s(self) -> float:
        """Logs by wall time."""
        return self.n / self.wall_s

    @property
    def cpu_us_per_log(self) -> float:
        """The contestant's own CPU."""
        return self.cpu_s / self.n * 1e6


@dataclass(slots=True)
class Row:
    """A contestant with its runs; or with `absent`, why it has none."""

    who: str
    note: str
    runs: list[Run] = field(default_factory=list)
    absent: str = ""

    def as_json(self) -> dict[str, Any]:
        """Medians, then every run."""
        head: dict[str, Any] = {"who": self.who, "note": self.note} | (
            {"absent": self.absent} if self.absent else {}
        )
        if not self.runs:
            return head | {
                "n": None,
                "logs_per_s": None,
                "cpu_us_per_log": None,
                "rss_mb": None,
                "exact": None,
                "runs": [],
            }
        return head | {
            "n": self.runs[0].n,
            "logs_per_s": round(median(run.logs_per_s for run in self.runs)),
            "cpu_us_per_log": round(median(run.cpu_us_per_log for run in self.runs), 3),
            "rss_mb": round(max(run.rss_mb for run in self.runs)),
            "exact": all(run.exact for run in self.runs),
            "missing": next((run.missing for run in self.runs if run.missing), ""),
            "broker_cpu_us_per_log": _per_log(
                [run.broker_cpu_s for run in self.runs], self.runs[0].n
            ),
            "postgres_cpu_us_per_log": _per_log(
                [run.postgres_cpu_s for run in self.runs], self.runs[0].n
            ),
            "runs": [
                asdict(run)
                | {
                    "logs_per_s": round(run.logs_per_s),
                    "cpu_us_per_log": round(run.cpu_us_per_log, 3),
                }
                for run in self.runs
            ],
        }


def median(values: Iterable[float]) -> float:
    """The middle one."""
    return float(statistics.median(values))


def _per_log(seconds: Sequence[float | None], n: int) -> float | None:
    known = [value for value in seconds if value is not None]
    return round(median(known) / n * 1e6, 3) if known else None


def ratios(logs_per_s: Mapping[str, float | None]) -> dict[str, float | None]:
    """How many times as fast; None where one of both was not measured."""
    times: dict[str, float | None] = {}
    for name, (ours, others) in RATIOS.items():
        above, below = (
            logs_per_s.get(ours),
            max((logs_per_s.get(other) or 0.0 for other in others), default=0.0),
        )
        times[name] = round(above / below, 2) if above and below else None
    return times


def floor(fetch_cpu_us: float, count_cpu_us: float) -> float:
    """Logs a second that one core could do at best: a tuned librdkafka fetch, then decoding and
    binning alone.
    """
    return 1e6 / (fetch_cpu_us + count_cpu_us)
