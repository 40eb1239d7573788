"""Which labels count, and how long they took."""

import datetime as dt

from retrain.labels import cap, latency, votes

DAY = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def given(
    number: int, annotator: str, at: dt.datetime, intent: str = "faq", req_id: str | None = None
) -> votes.Entry:
    return votes.Entry(req_id or f"r{number}", annotator, at, f"{annotator}{number:03}", intent)


def counted(said: list[votes.Entry], most: int) -> list[votes.Entry]:
    """The entries that count, in the order of their ids."""
    names = sorted({entry.req_id for entry in said})
    kept = votes.told(cap.within(votes.latest(votes.said(names, said)), most), names)
    place = {(entry.req_id, entry.annotator): entry for entry in said}
    places = [place[vote.req_id, vote.annotator] for vote in kept]
    return sorted(places, key=lambda entry: (entry.annotator, entry.labelled_at))


def test_a_flood_takes_no_ones_place() -> None:
    """A thousand labels of a script: a colleague's all count, the first ten of the script's do."""
    honest = [given(i, "a1", DAY + i * HOUR) for i in range(8)]
    flood = [given(i, "bot", DAY + i * HOUR / 100) for i in range(1000)]
    assert counted([*reversed(flood), *honest], 10) == [*honest, *flood[:10]]
    assert cap.surplus([*honest, *flood], 10) == (cap.Surplus("bot", DAY.date(), 1000, 990),)


def test_what_counted_once_goes_on_counting() -> None:
    labels = [given(i, "a1", DAY + i * HOUR / 10) for i in range(50)]
    for size in (5, 20, 50):
        assert counted(labels[:size], 10) == labels[: min(size, 10)]


def test_the_day_is_utcs() -> None:
    tokyo = dt.timezone(9 * HOUR)
    before = dt.datetime(2026, 4, 20, 8, 30, tzinfo=tokyo)
    labels = [given(1, "a1", DAY - HOUR), given(2, "a1", before), given(3, "a1", DAY)]
    assert [label.req_id for label in counted(labels, 1)] == ["r1", "r3"]


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
    curve = {point.hours: (point.n, point.labelled) for point in latency.curve(messages, as_of)}
    assert curve == {1: (5, 2), 4: (5, 2), 24: (4, 2), 48: (3, 1), 72: (3, 2), 168: (3, 2)}
