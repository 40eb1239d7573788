"""F31: the topic is deleted and made anew, shorter, then longer, under the running worker: it says
so, counts nothing of the new one, and all of it once a person has said that it is meant.
"""

import kafkas
from faults import conftest, feed, invent, lab, recount

SEED = 131
LIVES = (3_000, 40_000)  # logs of each topic after the first, which has 20,000


def test_a_topic_made_anew_under_the_worker(site: lab.Lab) -> None:
    feed.send(site.kafka, site.topic, invent.records(20_000, SEED))
    worker = site.crew.start("one")
    assert site.settled(), site.crew.said()
    counted = recount.count(site.kafka, site.topic)

    for number, n in enumerate(LIVES, start=1):
        kafkas.remake(site.kafka, site.topic, conftest.PARTITIONS)
        feed.send(site.kafka, site.topic, invent.records(n, SEED + number))
        assert site.crew.ended(worker, 90) == 5, site.crew.said()
        verdict = site.judged(counted)
        assert (verdict.lost, verdict.duplicated) == (0, 0), verdict.places[:12]

        site.crew.command("services.redrive", "anew", site.topic)
        worker = site.crew.start("one")
        if number < len(LIVES):
            assert site.settled(), site.crew.said()
            counted = recount.count(site.kafka, site.topic, before=counted)

    site.conclude(
        "F31", injected=len(LIVES), at_least=len(LIVES), before=counted, more=f"seed={SEED}"
    )
    causes = [row.cause for row in site.rows("select payload ->> 'cause' as cause from outbox")]
    told = [cause for cause in causes if "is another topic than the one that was read" in cause]
    assert len(told) == len(LIVES), causes
