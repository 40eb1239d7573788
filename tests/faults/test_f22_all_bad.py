"""F22: a deploy that makes every log bad. The worker stops before the topic is drained into dead
letters, and says so once.
"""

import processes
from faults import feed, invent, lab, recount, servers

SEED = 122
BAD = 5_000
INTEGRITY = 5


def test_all_bad_stops_the_worker(site: lab.Lab) -> None:
    good = invent.logs(30_000, SEED)
    feed.send(site.kafka, site.topic, invent.mixed(good, SEED))
    worker = site.crew.start("one")
    assert site.settled(), site.crew.said()
    stands = {part: offset for part, (_, offset) in site.positions().items()}
    feed.send(
        site.kafka,
        site.topic,
        [
            invent.Record(value.replace(b'"v":1', b'"v":2'), batch=False, part=i % 6)
            for i, value in enumerate(good[:BAD])
        ],
    )
    statuses = [site.crew.ended(worker, 60)]
    for _ in range(2):  # a supervisor starts it again: it stops again, and nobody is told twice
        statuses.append(site.crew.ended(site.crew.start("one"), 60))
    said = [
        line
        for line in site.crew.log.read_text(errors="replace").splitlines()
        if line.startswith("intentwatch: ") and "starting" not in line
    ]
    alarms = [
        row.dedupe_key for row in site.rows("select dedupe_key from outbox where kind = 'alarm'")
    ]
    dead = servers.scalar(site.database, "select count(*) from dead_letter")
    counted = recount.count(
        site.kafka, site.topic, kept=lambda line: line.offset < stands[line.part]
    )
    verdict = site.judged(counted)
    counts = f"lost={verdict.lost} dup={verdict.duplicated} n={verdict.n}"
    site.say(f"F22 {counts} injected={BAD} dead={dead} alarms={len(alarms)} seed={SEED}")
    assert statuses == [INTEGRITY] * 3, site.crew.said()
    assert (verdict.lost, verdict.duplicated) == (0, 0), verdict.places[:12]
    assert len(alarms) == 1, alarms
    assert dead < BAD / 10
    assert len(said) == 3, said
    assert processes.show("offsets", dict(site.crew.environment))
