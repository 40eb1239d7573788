"""F25: the gateway answers and Kafka is away, for 15, 60, 150 and 600 s, killed or stopped."""

import time

import pytest
from faults import conftest, spooling

BEFORE_S, AFTER_S = 3.0, 5.0
_OUTAGES = [
    (150, "killed"),
    (15, "killed"),
    (15, "stopped"),
    (60, "killed"),
    (60, "stopped"),
    (150, "stopped"),
    (600, "killed"),
]


@pytest.mark.parametrize(("seconds", "how"), _OUTAGES[:1] if conftest.SHORT else _OUTAGES)
def test_kafka_is_away(seconds: int, how: str, place: conftest.NewSite) -> None:
    site = place()
    gateway = site.gateway
    with gateway.running():
        with gateway.asked(spooling.A_SECOND, spooling.MESSAGES):
            time.sleep(BEFORE_S)
            with site.without_kafka(how):
                time.sleep(seconds)
                shown = gateway.metrics()
            time.sleep(AFTER_S)
        assert site.emptied(), gateway.said()
        emitted, acknowledged, _, given_up = gateway.ledger()
        assert (emitted, acknowledged, given_up) == (len(gateway.answered),) * 2 + (0,)
    assert shown["serving_logs_held"] > seconds * 2
    assert seconds * 0.8 < shown["oldest_unacknowledged_seconds"] < seconds + 10
    site.conclude("F25", f"kafka_{how}_{seconds}s")
