"""The floor: what one core could do at best if a tuned librdkafka fetched and our decoding and
binning counted, and nothing else had to be done.
"""

import time

from benchmarks.stream import aggregator, dataset, loads, peer, results, world

_LOGS = 300_000
# Records handed over together: 5,000 logs, or 20,000 in envelopes.
_CHUNKS = {1: 5_000, dataset.ENVELOPE: 100}


def measured(servers: world.World, load: loads.Load, *, envelope: int) -> results.Run:
    """CPU of a fetch that only counts, plus CPU of counting bytes that are in memory already. Both
    on one core, so CPU time is wall time.
    """
    fetch = peer.python(
        servers, load, "clients", "bare_client", "count_envelopes" if envelope > 1 else "count"
    )
    count_us = count_cpu_us(envelope)
    cpu_us = fetch.cpu_us_per_log + count_us
    cpu_s = cpu_us * load.n / 1e6
    note = (
        f"fetch {fetch.cpu_us_per_log:.2f} us + decode and bins {count_us:.2f} us; "
        f"fetch alone {fetch.logs_per_s:,.0f}/s"
    )
    return results.Run(
        load.n,
        cpu_s,
        cpu_s,
        fetch.rss_mb,
        exact=True,
        missing=note,
        broker_cpu_s=fetch.broker_cpu_s,
    )


def count_cpu_us(envelope: int) -> float:
    """CPU of our decoding and binning for one log, on bytes in memory."""
    plan = dataset.Plan(_LOGS)
    records = [value for columns in dataset.blocks(plan) for value in _records(columns, envelope)]
    size = _CHUNKS[envelope]
    chunks = [
        aggregator.chunk(0, begin, records[begin : begin + size], batch=envelope > 1)
        for begin in range(0, len(records), size)
    ]
    begun = time.process_time()
    for chunk in chunks:
        aggregator.observed(chunk)
    return (time.process_time() - begun) / _LOGS * 1e6


def _records(columns: dataset.Columns, envelope: int) -> list[bytes]:
    rows = dataset.text(columns)
    return dataset.envelopes(rows) if envelope > 1 else dataset.values(rows)
