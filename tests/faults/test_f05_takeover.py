"""F5: one of two workers is killed and not restarted: its partitions are read on by the other."""

import time

import sqlalchemy as sa
from faults import crew, feed, invent, lab

SEED = 105
KILLS = 3
SESSION_S = 6.0


def positions(site: lab.Lab) -> dict[int, tuple[int, int]]:
    engine = sa.create_engine(site.database, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return {row.part: (row.epoch, row.next_offset) for row in connection.execute(sa.text("select part, epoch, next_offset from stream_offset"))}


def test_partitions_of_a_dead_worker_live_again(site: lab.Lab) -> None:
    seconds = []
    with feed.flowing(site.kafka, site.topic, invent.records(200_000, SEED, singles=1.0), seconds=60):
        survivor = site.crew.start()
        site.moves()
        for _ in range(KILLS):
            victim = site.crew.start()
            before = positions(site)
            joined = any(all(at[0] > before[part][0] for part, at in positions(site).items()) for _ in crew.until(30))
            assert joined, site.crew.said()
            time.sleep(3)
            site.crew.kill(victim)
            before, died = positions(site), time.monotonic()
            for _ in crew.until(60, 0.05):
                if all(at[0] > before[part][0] and at[1] > before[part][1] for part, at in positions(site).items()):
                    seconds.append(time.monotonic() - died)
                    break
            assert survivor.process.poll() is None, site.crew.said()
    assert len(seconds) == KILLS, site.crew.said()
    assert max(seconds) <= 3 * SESSION_S
    site.conclude("F5", injected=len(seconds), at_least=KILLS, more=f"live_again_s={','.join(f'{s:.1f}' for s in seconds)} seed={SEED}")
