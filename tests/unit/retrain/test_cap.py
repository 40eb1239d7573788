"""Which labels count, and how long they took."""

import datetime as dt

from retrain.labels import cap, latency

DAY = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def given(number: int, annotator: str, at: dt.datetime, intent: str = "faq", req_id: str | None = None) -> cap.Held:
    return cap.Held(f"{annotator}{number:03}", req_id or f"r{number}", annotator, at, intent)


def test_a_flood_takes_no_ones_place() -> None:
    """A thousand labels of a script: the colleague's all count, of the script's the first ten do, and none is lost."""
    honest = [given(i, "a1", DAY + i * HOUR) for i in range(8)]
    flood = [given(i, "bot", DAY + i * HOUR / 100) for i in range(1000)]
    counted, over = cap.split([*reversed(flood), *honest], 10)
    assert [label for label in counted if label.annotator == "a1"] == honest
    assert [label for label in counted if label.annotator == "bot"] == flood[:10]
    assert {label.id for label in counted} | {label.id for label in over} == {label.id for label in [*honest, *flood]}
    assert cap.surplus([*honest, *flood], 10) == (cap.Surplus("bot", DAY.date(), 1000, 990),)


def test_what_counted_once_goes_on_counting() -> None:
    labels = [given(i, "a1", DAY + i * HOUR / 10) for i in range(50)]
    for size in (5, 20, 50):
        counted, _ = cap.split(labels[:size], 10)
        assert counted == labels[: min(size, 10)]


def test_the_day_is_utcs() -> None:
    tokyo = dt.timezone(9 * HOUR)
    labels = [given(1, "a1", DAY - HOUR), given(2, "a1", dt.datetime(2026, 4, 20, 8, 30, tzinfo=tokyo)), given(3, "a1", DAY)]
    counted, over = cap.split(labels, 1)
    assert ([label.req_id for label in counted], [label.req_id for label in over]) == (["r1", "r3"], ["r2"])


def test_the_newest_of_all_annotators_holds() -> None:
    labels = [
        given(1, "b", DAY, "faq", "r1"),
        given(2, "a", DAY, "chitchat", "r1"),
        given(3, "a", DAY, "faq", "r2"),
        given(4, "b", DAY + HOUR, "promotion", "r2"),
    ]
    assert cap.newest(labels) == {"r1": "chitchat", "r2": "promotion"}
    assert cap.newest(reversed(labels)) == cap.newest(labels)


def test_a_point_of_the_curve_is_over_messages_old_enough_for_it() -> None:
    as_of = DAY + 200 * HOUR
    messages = [
        (DAY, DAY + HOUR),  # exactly at the limit is within
        (DAY, DAY + 60 * HOUR),
        (DAY, None),
        (as_of - 30 * HOUR, as_of - 25 * HOUR),
        (as_of - HOUR / 2, as_of),  # too young for any point
        (as_of - 5 * HOUR, as_of - 6 * HOUR),  # labelled before its message came
    ]
    found = {point.hours: (point.n, point.labelled) for point in latency.curve(messages, as_of)}
    assert found == {1: (5, 2), 4: (5, 2), 24: (4, 2), 48: (3, 1), 72: (3, 2), 168: (3, 2)}
