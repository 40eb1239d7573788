"""F26: the gateway is killed, or ended, with logs in hand; its spool is too small, or its
disk full.
"""

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import gateways
from faults import conftest, spooling


def test_the_spool_is_smaller_than_the_outage(place: conftest.NewSite) -> None:
    """A mebibyte: some two thousand logs. What goes is the oldest, and counted."""
    site = place("[gateway]\nspool_mib = 1\n")
    gateway = site.gateway
    with gateway.running():
        with site.without_kafka("killed"):
            for _ in range(120):
                gateway.ask(50)
            newest = gateway.answered[-500:]
        assert site.emptied(), gateway.said()
        emitted, acknowledged, _, given_up = gateway.ledger()
    assert given_up > 0
    assert emitted == len(gateway.answered)
    seen = gateways.arrived(site.kafka, site.topic)
    assert (seen.total(), len(seen)) == (acknowledged, acknowledged)
    assert set(newest) <= seen.keys()
    assert gateway.said().count("the spool is full") == 1
    site.conclude("F26", "spool_overflows", given_up=given_up)


LAST_S = 0.05  # before a kill, in which an answer may go out and its log not be written


def test_the_gateway_is_killed_under_load_and_started_again(place: conftest.NewSite) -> None:
    """Kafka away and there. What was asked and not answered yet may leave a log all the same."""
    site = place()
    gateway = site.gateway
    kills = 6
    with site.without_kafka("killed"):
        last = _killed(site, kills // 2)
    last += _killed(site, kills // 2)
    with gateway.running() as process:
        assert site.emptied(), gateway.said()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert not list(gateway.spool.glob("*/*/*.jsonl"))
    unheard = kills * spooling.MESSAGES
    fault = f"gateway_killed_{kills}_times"
    site.conclude("F26", fault, unheard=unheard, unsure=last)


def _killed(site: spooling.Site, times: int) -> list[str]:
    """The answers of the last instant of each life."""
    gateway, last = site.gateway, []
    for _ in range(times):
        asked = gateway.asked(spooling.A_SECOND, spooling.MESSAGES)
        with gateway.running() as process, asked:
            time.sleep(4)
            process.kill()
            process.wait(20)
            since = time.monotonic() - LAST_S
            pairs = zip(gateway.answered, gateway.answered_at, strict=True)
            last += [one for one, at in pairs if at > since]
    return last


def test_sigterm_without_kafka_is_bounded_and_the_next_one_sends(
    place: conftest.NewSite,
) -> None:
    site = place()
    gateway = site.gateway
    with gateway.running() as process:
        gateway.ask(50)
        with site.without_kafka("stopped"):
            for _ in range(20):
                gateway.ask(50)
            process.send_signal(signal.SIGTERM)
            assert process.wait(15) == 0
    with gateway.running():
        assert site.emptied(), gateway.said()
        assert gateway.ledger()[1] == gateway.ledger()[0]
    site.conclude("F26", "sigterm_without_kafka")


@contextlib.contextmanager
def small_disk() -> Iterator[Path]:
    """A real one of a mebibyte where one may mount."""
    path = Path(tempfile.mkdtemp())
    words = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(path)]
    mounted = os.geteuid() == 0 and subprocess.run(words, check=False).returncode == 0
    assert mounted, "a full disk needs one that may be mounted"
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)
        path.rmdir()


def test_the_disk_is_full(place: conftest.NewSite) -> None:
    """A mebibyte of disk, and the rest in memory: nothing is lost while the process lives."""
    with small_disk() as disk:
        site = place(SPOOL=str(disk))
        gateway = site.gateway
        with gateway.running():
            with site.without_kafka("killed"):
                for _ in range(120):
                    assert gateway.ask(50)
                shown = gateway.metrics()
            assert site.emptied(), gateway.said()
            assert gateway.ledger()[3] == 0
        assert shown["spool_bytes"] < 1 << 20
        assert gateway.said().count("the spool cannot be written") == 1
        assert "No space left on device" in gateway.said()
        site.conclude("F26", "disk_full")
