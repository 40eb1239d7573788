"""F3: two workers are restarted one after the other by SIGTERM, over and over: each ends with 0,
nothing is lost or doubled.
"""

from faults import feed, invent, lab

from services.local import supervisor

SEED = 103
RESTARTS = 12


def test_rolling_restart_of_two_workers(site: lab.Lab) -> None:
    longest, statuses = 0.0, []
    with feed.flowing(
        site.kafka, site.topic, invent.records(300_000, SEED), seconds=4.0 * RESTARTS
    ):
        workers = {"one": _joined(site, "one"), "two": _joined(site, "two")}
        for number in range(RESTARTS):
            name = ("one", "two")[number % 2]
            statuses.append(site.crew.stop(workers[name]))
            longest = max(longest, site.moves())
            workers[name] = _joined(site, name)
    assert statuses == [0] * RESTARTS, site.crew.said()
    site.conclude(
        "F3",
        injected=len(statuses),
        at_least=RESTARTS,
        more=f"longest_stall_s={longest:.1f} seed={SEED}",
    )


def _joined(site: lab.Lab, name: str) -> supervisor.Child:
    before = site.positions()
    worker = site.crew.start(name)
    assert site.claimed(before, every=False), site.crew.said()
    return worker
