"""F7: the broker is killed and comes back; the way to it is cut, stalled and slowed; the leader of
three is killed.
"""

import functools
import random
import signal
import time
from pathlib import Path

from faults import brokers, conftest, crew, feed, invent, kafka_log, lab, proxy, servers

from services import ports
from services.local import kafka, supervisor

SEED = 107


def test_broker_killed_and_restarted(site: lab.Lab) -> None:
    kills, live = 3, []
    with feed.flowing(site.kafka, site.topic, invent.records(200_000, SEED), seconds=50):
        worker = site.crew.start("one")
        for number in range(kills):
            site.moves()
            time.sleep(1 + number)
            servers.killed(servers.named(site.owner, "kafka"))
            time.sleep(2)
            servers.kafka_again(site.owner, site.kafka)
            live.append(site.moves(90))
    status = worker.process.poll()
    assert status is None, f"the worker ended with {status}: {site.crew.said()}"
    site.conclude(
        "F7",
        injected=kills,
        at_least=kills,
        more=f"fault=broker_killed live_again_s={','.join(f'{s:.1f}' for s in live)} seed={SEED}",
    )


def test_the_way_to_the_broker_cut_stalled_and_slowed(
    new_lab: conftest.NewLab, tmp_path: Path
) -> None:
    rng = random.Random(SEED)
    with supervisor.Supervisor() as owner, proxy.before(*ports.free(2)) as way:
        (node,) = brokers.start(owner, tmp_path, 1, proxied=(way.target, way.port))
        with new_lab(owner=owner, kafka=node.address) as site:
            site.crew.environment = {
                **site.crew.environment,
                "INTENTWATCH_KAFKA": f"127.0.0.1:{way.port}",
            }
            cuts = _through(site, way, rng)
            assert way.passed > 0
            site.conclude(
                "F7",
                injected=cuts + 4,
                at_least=14,
                timeout_s=180,
                more=f"fault=proxy connections={way.connections} seed={SEED}",
            )


def _through(site: lab.Lab, way: proxy.Proxy, rng: random.Random) -> int:
    """Cut ten times; stall twice, once past the session; slow twice. How many were cut."""
    cuts = 0
    with feed.flowing(site.kafka, site.topic, invent.records(200_000, SEED), seconds=60):
        worker = site.crew.start("one")
        site.moves()
        for number in range(10):
            time.sleep(rng.uniform(0.5, 2))
            cuts += way.cut() > 0
            if number in (2, 6):
                way.stalled = True
                time.sleep((3, 9)[number == 6])
                way.stalled = False
                site.moves(90)
            if number in (4, 8):
                way.bytes_per_s = 200_000.0
                time.sleep(4)
                way.bytes_per_s = None
        site.moves(90)
        assert worker.process.poll() is None, site.crew.said()
    return cuts


def test_leader_of_three_killed(new_lab: conftest.NewLab, tmp_path: Path) -> None:
    kills = 2
    with supervisor.Supervisor() as owner:
        nodes = brokers.start(owner, tmp_path, 3)
        everyone = ",".join(node.address for node in nodes)
        with new_lab(owner=owner, kafka=everyone) as site:
            with feed.flowing(everyone, site.topic, invent.records(200_000, SEED), seconds=40):
                site.crew.start("one")
                site.crew.start("two")
                site.moves()
                for _ in range(kills):
                    leader = _leader(nodes, site.topic)
                    servers.killed(leader.child, signal.SIGKILL)
                    site.moves(90)
                    time.sleep(5)
                    back = servers.again(
                        owner, leader.child, functools.partial(kafka.answers, leader.address)
                    )
                    nodes[leader.id - 1] = brokers.Node(leader.id, leader.address, back)
                    site.moves(90)
            site.conclude(
                "F7",
                injected=kills,
                at_least=kills,
                timeout_s=180,
                more=f"fault=leader_of_three_killed seed={SEED}",
            )


def _leader(nodes: list[brokers.Node], topic: str) -> brokers.Node:
    """Who leads most partitions once every partition has all its replicas."""
    everyone = ",".join(node.address for node in nodes)
    for _ in crew.until(60, 0.5):
        leaders, whole = kafka_log.leaders(everyone, topic)
        if whole:
            break
    return nodes[max(leaders, key=leaders.count) - 1]
