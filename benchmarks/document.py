"""The tables of docs/benchmarks.md: each stands between two marks and is written by the benchmark
that made it.
"""

import datetime as dt

from services.local import topology

RESULTS = topology.ROOT / "benchmarks" / "results"
_DOCUMENT = topology.ROOT / "docs" / "benchmarks.md"


def put(benchmark: str, table: str) -> None:
    """Replace what stands between the marks of a benchmark, as `bench-stream`."""
    begin, end = f"<!-- {benchmark} begins -->", f"<!-- {benchmark} ends -->"
    before, _, rest = _DOCUMENT.read_text().partition(begin)
    _DOCUMENT.write_text(f"{before}{begin}\n\n{table}\n{end}{rest.partition(end)[2]}")


def now() -> str:
    """The date of a result."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
