"""F4: a worker is stopped past its session, another takes its partitions, then it wakes: it may
write nothing under its old epoch.
"""

import signal
import time

from faults import crew, feed, invent, lab

from services.local import supervisor

SEED = 104
ZOMBIES = 4
STOPPED_S = 9.0  # the session lasts 6 s
FENCED = 7


def test_a_zombie_writes_nothing(site: lab.Lab) -> None:
    fenced = taken = 0
    with feed.flowing(site.kafka, site.topic, invent.records(300_000, SEED), seconds=80):
        workers: list[supervisor.Child] = []
        for number in range(ZOMBIES):
            while len(workers) < 2:
                before = site.positions()
                workers.append(site.crew.start())
                assert site.claimed(before, every=bool(before)), site.crew.said()
            zombie = workers[number % 2]
            time.sleep(0.37 * number)
            taken += _taken_over(site, zombie)
            zombie.process.send_signal(signal.SIGCONT)
            if _ended(zombie):
                assert site.crew.ended(zombie, 1) == FENCED, site.crew.said()
                workers.remove(zombie)
                fenced += 1
            site.moves()
    site.conclude(
        "F4",
        injected=taken,
        at_least=ZOMBIES,
        more=f"fenced={fenced} rejoined={taken - fenced} seed={SEED}",
    )


def _taken_over(site: lab.Lab, zombie: supervisor.Child) -> bool:
    """Stop it; whether meanwhile every partition got a new owner. Stopped inside a flush, it holds
    its rows until Postgres drops its session.
    """
    began, before = time.monotonic(), site.positions()
    zombie.process.send_signal(signal.SIGSTOP)
    claimed = site.claimed(before, every=True, timeout_s=3 * STOPPED_S)
    time.sleep(max(0.0, STOPPED_S - (time.monotonic() - began)))
    return claimed


def _ended(zombie: supervisor.Child) -> bool:
    return any(zombie.process.poll() is not None for _ in crew.until(6, 0.2))
