"""F4: a worker is stopped past its session, another takes its partitions, then it wakes: it may write nothing under its old epoch."""

import signal
import time

import sqlalchemy as sa
from faults import crew, feed, invent, lab

SEED = 104
ZOMBIES = 4
STOPPED_S = 9.0  # the session lasts 6 s
FENCED = 7


def epochs(site: lab.Lab) -> dict[int, int]:
    engine = sa.create_engine(site.database, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return {row.part: row.epoch for row in connection.execute(sa.text("select part, epoch from stream_offset"))}


def test_a_zombie_writes_nothing(site: lab.Lab) -> None:
    fenced = taken = 0
    with feed.flowing(site.kafka, site.topic, invent.records(300_000, SEED), seconds=80):
        first, second = site.crew.start(), site.crew.start()
        site.moves()
        time.sleep(4)  # both have joined
        for number in range(ZOMBIES):
            zombie = (first, second)[number % 2]
            before = epochs(site)
            zombie.process.send_signal(signal.SIGSTOP)
            site.moves()
            taken += _taken_over(site, before)
            zombie.process.send_signal(signal.SIGCONT)
            site.moves()
            fenced += _wakes(site, zombie)
            if zombie not in site.crew.running:
                fresh = site.crew.start()
                first, second = (fresh, second) if number % 2 == 0 else (first, fresh)
            time.sleep(5)
    site.conclude("F4", injected=taken, at_least=ZOMBIES, more=f"fenced={fenced} rejoined={taken - fenced} seed={SEED}")


def _taken_over(site: lab.Lab, before: dict[int, int]) -> bool:
    """Whether, while it was stopped, every partition got a new owner."""
    began = time.monotonic()
    all_new = any(all(epoch > before.get(part, 0) for part, epoch in epochs(site).items()) for _ in crew.until(3 * STOPPED_S, 0.3))
    time.sleep(max(0.0, STOPPED_S - (time.monotonic() - began)))
    return all_new


def _wakes(site: lab.Lab, zombie: object) -> bool:
    """Fenced (it ended with 7) or, within bounds, still there because it has joined again."""
    for _ in crew.until(6, 0.2):
        if zombie.process.poll() is not None:
            assert site.crew.ended(zombie, 1) == FENCED, site.crew.said()
            return True
    return False
