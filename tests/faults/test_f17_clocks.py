"""F17: producers whose clocks are wrong. What lies too far ahead or behind is a dead letter; the
stream's clock never runs ahead.
"""

import datetime as dt
import random
from collections import Counter

import processes
from faults import conftest, feed, invent

SEED = 117
N = 40_000
FAR = 12  # of each kind in every thousand


def test_clock_skew(new_lab: conftest.NewLab) -> None:
    with new_lab(TEST_CLOCK="") as site:
        now = dt.datetime.now(dt.UTC)
        kinds = Counter[str]()
        feed.send(site.kafka, site.topic, list(_records(now, kinds)))
        site.crew.start("one")
        assert site.settled(), site.crew.said()
        dead = Counter(
            row["reason"] for row in processes.show("deadletters", dict(site.crew.environment))
        )
        clock = site.rows("select watermark from stream_clock")[0].watermark
        counted = site.conclude(
            "F17",
            injected=dead.total(),
            at_least=2 * FAR * N // 1000,
            all_valid=False,
            check_time=True,
            more=f"dead={dict(dead)} seed={SEED}",
        )
        assert dead == kinds
        assert len(counted.bad) == kinds.total()
        assert clock <= now + dt.timedelta(minutes=6)


def _records(now: dt.datetime, kinds: Counter[str]) -> list[invent.Record]:
    """Clocks wrong by up to four minutes ahead or three hours behind count; wrong by six minutes
    ahead, or by more than eight days behind, do not.
    """
    rng = random.Random(SEED)
    groups = {
        "": invent.logs(N, SEED, begin=now - dt.timedelta(hours=3), span_s=3 * 3600 + 240),
        "old": invent.logs(
            N // 1000 * FAR, SEED + 1, begin=now - dt.timedelta(days=7, hours=22), span_s=3600
        ),
        "future": invent.logs(
            N // 1000 * FAR, SEED + 2, begin=now + dt.timedelta(minutes=70), span_s=3600
        ),
        "too_late": invent.logs(
            N // 1000 * FAR, SEED + 3, begin=now - dt.timedelta(days=9), span_s=3600
        ),
    }
    kinds.update({kind: len(groups[kind]) for kind in ("future", "too_late")})
    every = [value for values in groups.values() for value in values]
    rng.shuffle(every)
    return invent.mixed(every, SEED)
