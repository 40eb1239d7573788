"""P1: behind a real PgBouncer in transaction mode, strict or not, whose connections to the server
are ended in between.
"""

import time
from pathlib import Path

import poolers
import pytest
import roles
from faults import conftest, feed, invent, lab

SEED = 125


@pytest.mark.parametrize("ignored", ["", "options"], ids=["strict", "ignores_options"])
def test_behind_a_pooler(
    new_lab: conftest.NewLab, database: str, tmp_path: Path, ignored: str
) -> None:
    with (
        poolers.before(database, tmp_path / "pooler", ignored=ignored) as pooled,
        new_lab() as site,
    ):
        site.crew.environment = {**site.crew.environment, "INTENTWATCH_DATABASE_URL": pooled}
        n, ends = (200_000, 10)
        if site.short:
            n, ends = (10_000, 1) if ignored else (40_000, 3)
        with feed.flowing(site.kafka, site.topic, invent.records(n, SEED), seconds=3.0 * ends):
            worker = site.crew.start("one")
            for _ in range(ends):
                site.moves()
                time.sleep(1)
                _end_servers_side(site)
            assert worker.process.poll() is None, site.crew.said()
        site.conclude(
            "P1",
            injected=ends,
            at_least=ends,
            more=f"pooler={'ignores_options' if ignored else 'strict'} seed={SEED}",
        )
        assert "prepared statement" not in site.crew.log.read_text()


def _end_servers_side(site: lab.Lab) -> None:
    roles.execute(
        site.database,
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()",
    )
