"""F10: connections to Postgres are cut and stalled, and after a failover a read-only server answers
first.
"""

import random
import time

import sqlalchemy as sa
from faults import conftest, feed, invent, lab, proxy, servers

SEED, CUTS = 110, 12


def test_connections_cut_and_a_read_only_primary(new_lab: conftest.NewLab, database: str) -> None:
    rng, url = random.Random(SEED), sa.make_url(database)
    with proxy.before(int(url.port or 0)) as way, new_lab() as site:
        site.crew.environment = {
            **site.crew.environment,
            "INTENTWATCH_DATABASE_URL": url.set(port=way.port).render_as_string(
                hide_password=False
            ),
        }
        with feed.flowing(site.kafka, site.topic, invent.records(200_000, SEED), seconds=45):
            worker = site.crew.start("one")
            site.moves()
            cuts = 0
            # Some moments find no connection open: the worker is between two attempts.
            for _ in range(60):
                time.sleep(rng.uniform(0.1, 1.2))
                cuts += way.cut() > 0
                if cuts == CUTS:
                    break
            way.stalled = True
            time.sleep(4)
            way.stalled = False
            site.moves()
            refused = sum(_read_only(site, way) for _ in range(3))
            site.moves()
            assert worker.process.poll() is None, site.crew.said()
        site.conclude(
            "F10",
            injected=cuts + refused,
            at_least=CUTS + 3,
            more=f"cuts={cuts} read_only={refused} seed={SEED}",
        )


def _read_only(site: lab.Lab, way: proxy.Proxy) -> bool:
    """For three seconds every new session of the database is read-only; whether nothing was flushed
    meanwhile.
    """
    name = sa.make_url(site.database).database
    elsewhere = (
        sa.make_url(site.database).set(database="postgres").render_as_string(hide_password=False)
    )
    servers.execute(elsewhere, f'alter database "{name}" set default_transaction_read_only = on')
    way.cut()
    try:
        time.sleep(0.5)
        before = site.progress()
        time.sleep(2.5)
        return site.progress() == before
    finally:
        servers.execute(elsewhere, f'alter database "{name}" reset default_transaction_read_only')
        way.cut()
