"""The ten intents of the seed, the same in every place that lists them."""

import typing

from schemas import events, taxonomy


def test_events_and_taxonomy_list_the_same_intents() -> None:
    assert typing.get_args(events.Intent) == taxonomy.INTENTS


def test_rare_and_critical() -> None:
    assert set(taxonomy.RARE) == {"escalation", "checkout_help", "promotion"}
    assert set(taxonomy.CRITICAL) == {*taxonomy.RARE, "order_tracking", "return_request"}


def test_every_confusion_has_a_severity() -> None:
    assert set(taxonomy.SEVERITY) == {(t, p) for t in taxonomy.INTENTS for p in taxonomy.INTENTS}
    assert all((s == 0) == (t == p) and 0 <= s <= 1 for (t, p), s in taxonomy.SEVERITY.items())
    assert taxonomy.SEVERITY["order_tracking", "product_discovery"] > taxonomy.SEVERITY["product_discovery", "recommendation"]
