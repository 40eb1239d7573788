"""F6: a rebalance storm: next to one steady worker others come and go every three seconds, by SIGTERM and by SIGKILL."""

import signal
import time

from faults import feed, invent, lab

SEED = 106
COMERS = 20
EVERY_S = 3.0


def test_rebalance_storm(site: lab.Lab) -> None:
    with feed.flowing(site.kafka, site.topic, invent.records(300_000, SEED), seconds=EVERY_S * COMERS):
        steady = site.crew.start()
        site.moves()
        for number in range(COMERS):
            comer = site.crew.start()
            time.sleep(EVERY_S)
            if number % 2:
                site.crew.kill(comer)
            else:  # one that had not begun yet ends by the signal itself
                assert site.crew.stop(comer) in (0, -signal.SIGTERM), site.crew.said()
        assert steady.process.poll() is None, site.crew.said()
    claims = max(epoch for epoch, _ in site.positions().values())
    assert claims > COMERS / 2, f"{claims} claims: the storm was none"
    site.conclude("F6", injected=COMERS, at_least=COMERS, more=f"claims={claims} seed={SEED}")
