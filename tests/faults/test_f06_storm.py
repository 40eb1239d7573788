"""F6: a rebalance storm: next to one steady worker others come and go every three seconds, by SIGTERM and by SIGKILL."""

import time

from faults import feed, invent, lab

SEED = 106
COMERS = 20
EVERY_S = 3.0


def test_rebalance_storm(site: lab.Lab) -> None:
    with feed.flowing(site.kafka, site.topic, invent.records(300_000, SEED), seconds=EVERY_S * COMERS):
        site.crew.start()
        site.moves()
        gone = 0
        for number in range(COMERS):
            comer = site.crew.start()
            time.sleep(EVERY_S)
            if number % 2:
                site.crew.kill(comer)
                gone += 1
            else:
                gone += site.crew.stop(comer) == 0
    site.conclude("F6", injected=gone, at_least=COMERS, more=f"seed={SEED}")
