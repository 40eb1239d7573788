"""F32: producers write in transactions, and abort some, while the worker is killed: what was
committed is counted, and what ends a partition leaves no lag.
"""

import kafkas
from faults import crew, feed, invent, lab

SEED = 132
SIZE = 60  # records of a transaction
ABORTED = 4  # every fourth


def test_transactions_while_the_worker_is_killed(site: lab.Lab) -> None:
    records = invent.records(30_000, SEED)
    parts = len(site.positions()) or 6
    kills = 0
    with kafkas.transactional(site.kafka) as sender:
        worker = site.crew.start("one")
        for number, at in enumerate(range(0, len(records), SIZE)):
            sender.begin_transaction()
            spread = [
                invent.Record(record.value, batch=record.batch, part=(at + i) % parts)
                for i, record in enumerate(records[at : at + SIZE])
            ]
            feed.put(sender, site.topic, spread)
            feed.drained(sender)
            if number % ABORTED == 3:
                sender.abort_transaction(60)
            else:
                sender.commit_transaction(60)
            if number in (10, 40):
                site.moves()
                site.crew.kill(worker)
                worker = site.crew.start("one")
                kills += 1
        for part in range(parts):
            kafkas.transaction(sender, site.topic, [b"never"], part, end="abort")
    site.conclude("F32", injected=kills, at_least=2, more=f"seed={SEED}")
    lags = "select high_watermark - next_offset as lag from stream_offset"
    assert [row.lag for row in site.rows(lags)] == [0] * parts
    assert any(_at_the_newest(site) for _ in crew.until(20))
    assert site.rows("select payload from outbox where kind = 'alarm'") == []


def _at_the_newest(site: lab.Lab) -> bool:
    clock = "select watermark = (select max(max_event_ts) from stream_offset) as at_end"
    return [row.at_end for row in site.rows(f"{clock} from stream_clock")] == [True]
