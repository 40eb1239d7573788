"""The one topic keeps what contract.md promises of it."""

from pathlib import Path

from schemas import events, topics

CONTRACT = (Path(__file__).parents[3] / "docs/contract.md").read_text()


def test_the_contract_names_every_topic_and_its_key() -> None:
    for topic in topics.TOPICS:
        assert topic.name in CONTRACT
        assert topic.key in events.ServingLog.__struct_fields__


def test_a_record_outlives_the_lateness_that_is_still_counted() -> None:
    """Retention is a week; whoever was down for it reads on from the first record kept, and says
    what is gone.
    """
    (only,) = topics.TOPICS
    assert only is topics.SERVING_LOG
    assert only.retention_ms == 604_800_000
    assert only.retention_ms < events.PAST_LIMIT.total_seconds() * 1000, (
        "no record that Kafka still holds is too late to count"
    )


def test_partitions_divide_evenly_among_the_usual_numbers_of_workers() -> None:
    assert {
        workers: topics.SERVING_LOG.partitions % workers for workers in (1, 2, 3, 4, 6)
    } == dict.fromkeys((1, 2, 3, 4, 6), 0)
