"""F9: Postgres is killed and comes back every few seconds, by SIGKILL and by its immediate stop;
the worker waits and is not restarted.
"""

import random
import signal
import time

from faults import feed, invent, lab, servers

SEED = 109
HOW = (signal.SIGKILL, signal.SIGQUIT)


def test_postgres_killed_every_few_seconds(on_each: lab.Lab) -> None:
    site, rng = on_each, random.Random(SEED)
    kills, n = (4, 200_000) if site.short else (12, 400_000)
    done = 0
    with feed.flowing(site.kafka, site.topic, invent.records(n, SEED), seconds=3.5 * kills):
        worker = site.crew.start("one")
        for number in range(kills):
            site.moves()
            time.sleep(rng.uniform(0.5, 1.5) if site.short else rng.uniform(0.5, 4))
            servers.killed(servers.named(site.owner, "postgres"), HOW[number % 2])
            done += 1
            time.sleep(rng.uniform(0, 1))
            servers.postgres_again(site.owner, site.database)
    assert worker.process.poll() is None, site.crew.said()
    site.conclude(
        "F9",
        injected=done,
        at_least=kills,
        more=f"transport={site.crew.environment['INTENTWATCH_TRANSPORT']} seed={SEED}",
    )
