"""F13: somebody holds a lock for half a minute, longer than the worker's lock_timeout: it gives up,
waits, tries again.
"""

import re
import time

import sqlalchemy as sa
from faults import feed, invent, lab, servers

SEED = 113
HELD_S = 30.0


def test_a_held_lock(site: lab.Lab) -> None:
    log = servers.named(site.owner, "postgres").log
    seen = log.stat().st_size
    engine = sa.create_engine(site.database, poolclass=sa.NullPool)
    with feed.flowing(site.kafka, site.topic, invent.records(200_000, SEED), seconds=HELD_S + 10):
        worker = site.crew.start("one")
        site.moves()
        with engine.connect() as connection:
            connection.execute(sa.text("lock table pane_minute in access exclusive mode"))
            before = site.progress()
            time.sleep(HELD_S)
            assert site.progress() == before
            connection.rollback()
        site.moves()
        assert worker.process.poll() is None, site.crew.said()
    # Both are ten seconds: either may be first.
    given_up = len(
        re.findall("due to (?:lock|transaction) timeout", log.read_text(errors="replace")[seen:])
    )
    site.conclude("F13", injected=given_up, at_least=1, more=f"held_s={HELD_S:.0f} seed={SEED}")
