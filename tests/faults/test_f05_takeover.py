"""F5: one of two workers is killed and not restarted: its partitions are read on by the other."""

import time

from faults import crew, feed, invent, lab

SEED = 105
KILLS = 3
SESSION_S = 6.0


def test_partitions_of_a_dead_worker_live_again(site: lab.Lab) -> None:
    seconds = []
    with feed.flowing(
        site.kafka, site.topic, invent.records(200_000, SEED, singles=1.0), seconds=60
    ):
        survivor = site.crew.start()
        site.moves()
        for _ in range(KILLS):
            before = site.positions()
            victim = site.crew.start()
            assert site.claimed(before, every=True), site.crew.said()
            time.sleep(3)
            site.crew.kill(victim)
            seconds.append(_live_again(site))
            assert survivor.process.poll() is None, site.crew.said()
    assert max(seconds) <= 3 * SESSION_S, seconds
    site.conclude(
        "F5",
        injected=len(seconds),
        at_least=KILLS,
        more=f"live_again_s={','.join(f'{s:.1f}' for s in seconds)} seed={SEED}",
    )


def _live_again(site: lab.Lab) -> float:
    """Seconds until every partition has a new owner and has moved on under it."""
    before, died = site.positions(), time.monotonic()
    for _ in crew.until(60, 0.05):
        now = site.positions()
        if all(
            now[part][0] > epoch and now[part][1] > offset
            for part, (epoch, offset) in before.items()
        ):
            break
    return time.monotonic() - died
