"""F1: workers are killed at random moments while logs flow; whoever comes next reads on from
Postgres.
"""

import random
import time

from faults import feed, invent, lab

SEED = 101


def test_kill_9_at_random(on_each: lab.Lab) -> None:
    site, rng = on_each, random.Random(SEED)
    kills, n = (6, 200_000) if site.short else (25, 500_000)
    records = invent.records(n, SEED)
    done = 0
    with feed.flowing(site.kafka, site.topic, records, seconds=3.0 * kills):
        for _ in range(kills):
            worker = site.crew.start("one")
            site.moves()
            time.sleep(rng.uniform(0, 0.8))
            if worker.process.poll() is None:
                site.crew.kill(worker)
                done += 1
        site.crew.start("one")
    site.conclude(
        "F1",
        injected=done,
        at_least=kills,
        more=f"transport={site.crew.environment['INTENTWATCH_TRANSPORT']} seed={SEED}",
    )
