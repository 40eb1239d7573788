"""F6: a rebalance storm: next to one steady worker others come and go every three seconds, most by
SIGTERM, some by SIGKILL.
"""

import signal
import time

from faults import feed, invent, lab

from services.local import supervisor

SEED = 106
COMERS = 20
EVERY_S = 3.0
AT_ONCE = 3  # so that each lives long enough to join


def test_rebalance_storm(site: lab.Lab) -> None:
    with feed.flowing(
        site.kafka, site.topic, invent.records(300_000, SEED), seconds=EVERY_S * COMERS
    ):
        steady = site.crew.start()
        site.moves()
        comers: list[supervisor.Child] = []
        for number in range(COMERS):
            comers.append(site.crew.start())
            time.sleep(EVERY_S)
            if len(comers) == AT_ONCE:
                _leaves(site, comers.pop(0), number)
        for number, comer in enumerate(comers):
            _leaves(site, comer, number)
        assert steady.process.poll() is None, site.crew.said()
    claims = max(epoch for epoch, _ in site.positions().values())
    assert claims >= 3, f"{claims} claims: the storm was none"
    site.conclude("F6", injected=COMERS, at_least=COMERS, more=f"claims={claims} seed={SEED}")


def _leaves(site: lab.Lab, comer: supervisor.Child, number: int) -> None:
    if number % 4 == 3:  # a dead one holds the group up until its session ends
        site.crew.kill(comer)
    else:  # one that had not begun yet ends by the signal itself
        assert site.crew.stop(comer) in (0, -signal.SIGTERM), site.crew.said()
