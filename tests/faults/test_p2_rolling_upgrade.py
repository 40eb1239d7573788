"""P2: a rolling upgrade. The worker of the release before counts, four migrations run at once, it
counts on beside today's worker, which then stays alone.
"""

import contextlib
import dataclasses
from pathlib import Path

import processes
import pytest
from faults import feed, invent, lab, releases

SEED = 126


def test_the_worker_of_the_release_before_beside_todays(site: lab.Lab, tmp_path: Path) -> None:
    try:
        home, revision = releases.before(tmp_path / "release")
    except releases.NoHistory as why:
        pytest.xfail(str(why))  # a source archive: no other release is there to run
    given = {"INTENTWATCH_DATABASE_URL": site.database}
    down = processes.run(["-m", "alembic", "downgrade", revision], given)
    assert down.returncode == 0, down.stderr
    old = dataclasses.replace(site.crew, home=home, running=[])
    n, seconds = (40_000, 20.0) if site.short else (200_000, 40.0)
    with feed.flowing(site.kafka, site.topic, invent.records(n, SEED), seconds=seconds):
        before = old.start("before")
        site.moves()
        with contextlib.ExitStack() as four:
            upgrade = ["-m", "alembic", "upgrade", "head"]
            started = [
                four.enter_context(processes.running(upgrade, given, tmp_path / "migrations"))
                for _ in range(4)
            ]
            statuses = [migration.wait(120) for migration in started]
        assert statuses == [0] * 4, (tmp_path / "migrations").read_text()
        site.moves()
        claimed = site.positions()
        site.crew.start("today")
        assert site.claimed(claimed, every=False), site.crew.said()
        site.moves()
        assert before.process.poll() is None, site.crew.said()
        assert old.stop(before) == 0, site.crew.said()
        site.moves()
    site.conclude("P2", injected=5, at_least=5, more=f"from={revision} seed={SEED}")
