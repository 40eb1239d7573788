"""P4: the role is at its connection limit for a while, and all its connections are ended."""

import time

import roles
from faults import conftest, feed, invent

SEED, LIMITS = 128, 2


def test_a_role_at_its_limit(new_lab: conftest.NewLab, database: str) -> None:
    with roles.made(database) as role:
        mine = roles.at(database, username=role, password=roles.PASSWORD)
        for table in ("pane_minute", "pane_hour"):
            roles.execute(database, f"alter table {table} owner to {role}")
        with new_lab() as site:
            site.crew.environment = {**site.crew.environment, "INTENTWATCH_DATABASE_URL": mine}
            with feed.flowing(site.kafka, site.topic, invent.records(100_000, SEED), seconds=50):
                worker = site.crew.start("one")
                for _ in range(LIMITS):
                    site.moves()
                    roles.execute(database, f"alter role {role} connection limit 0")
                    roles.disconnect(database, role)
                    time.sleep(10)
                    assert worker.process.poll() is None, site.crew.said()
                    roles.execute(database, f"alter role {role} connection limit -1")
                site.moves()
            site.conclude("P4", injected=LIMITS, at_least=LIMITS, more=f"seed={SEED}")
            assert "too many connections for role" in site.crew.log.read_text()
