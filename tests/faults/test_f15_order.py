"""F15: the same logs in another order: shuffled within ten minutes, one partition half an hour
behind. Twenty seeds, identical rows.
"""

import random
from collections.abc import Callable, Iterator
from typing import Any

import conftest as servers_of_a_test
import processes
from faults import conftest, feed, invent

from schemas import tables
from services.local import topology

SEED = 115
SEEDS = 20
N = 3_000
SPAN_S = 1800.0
PARTS = 4
# Whether a log was late, and how often a window was written again, tells of the order; nothing else
# may.
TELLS_OF_ORDER = {"late", "revision", "amended"}


def test_order_leaves_no_trace(
    new_lab: conftest.NewLab,
    parts: topology.Addresses,
    template: str,
    say: Callable[[str], None],
) -> None:
    served = invent.logs(N, SEED, span_s=SPAN_S, models=("v14",))
    rows, lost, duplicated = [], 0, 0
    for seed in range(SEEDS):
        with (
            servers_of_a_test.database_of_its_own(parts, template) as database,
            new_lab(database=database, partitions=PARTS) as site,
        ):
            feed.send(site.kafka, site.topic, shuffled(served, seed))
            site.crew.start()
            assert site.settled(), site.crew.said()
            assert site.crew.finish() == [0]
            verdict, counted = site.recounted(ignored=("late",))
            assert counted.n == N
            lost, duplicated = lost + verdict.lost, duplicated + verdict.duplicated
            rows.append((_panes(site), _windows(site)))
    different = sum(row != rows[0] for row in rows)
    counts = f"lost={lost} dup={duplicated} n={N} injected={SEEDS}"
    say(f"F15 {counts} different={different} seeds=0..{SEEDS - 1}")
    assert (lost, duplicated, different) == (0, 0, 0)
    assert len(rows[0][0]) > 0


def shuffled(served: list[bytes], seed: int) -> Iterator[invent.Record]:
    """A log stays in its partition; its place in it moves by up to ten minutes, and one partition
    comes half an hour behind the others.
    """
    rng = random.Random(seed)
    behind = rng.randrange(PARTS)
    arrival = [
        (i * SPAN_S / N + rng.uniform(0, 600) + (1800 if i % PARTS == behind else 0), i)
        for i in range(N)
    ]
    for _, i in sorted(arrival):
        yield invent.Record(served[i], batch=False, part=i % PARTS)


def _panes(site: Any) -> list[tuple[Any, ...]]:
    names = ", ".join(
        f'"{column.name}"' for column in tables.pane_minute.c if column.name not in TELLS_OF_ORDER
    )
    return sorted(tuple(map(str, row)) for row in site.rows(f"select {names} from pane_minute"))


def _windows(site: Any) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in row.items() if name not in TELLS_OF_ORDER}
        for row in processes.show("windows", dict(site.crew.environment))
    ]
