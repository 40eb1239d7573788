"""The calendar of a policy: what may stand in it, and what an event is near to."""

import datetime as dt

import pytest

from schemas import policy, seasons

UTC = dt.UTC
SALE = '[[calendar]]\nname = "sale"\nstart = {start}\nend = {end}\n'


def event(start: str, end: str) -> seasons.Event:
    (parsed,) = policy.parse(SALE.format(start=start, end=end)).calendar
    return parsed


def test_without_a_calendar_nothing_is_expected() -> None:
    assert policy.Policy().calendar == policy.parse("").calendar == ()


def test_a_date_is_its_midnight_in_utc_and_any_zone_becomes_utc() -> None:
    sale = event("2026-06-05", "2026-06-07T02:00:00+02:00")
    assert sale.start == dt.datetime(2026, 6, 5, tzinfo=UTC)
    assert sale.end == dt.datetime(2026, 6, 7, tzinfo=UTC)
    assert sale.end.tzinfo is UTC


def test_the_calendar_is_part_of_what_a_policy_is() -> None:
    plain = policy.Policy()
    first = policy.parse(SALE.format(start="2026-06-05", end="2026-06-06"))
    again = policy.parse(SALE.format(start="2026-06-05T00:00:00Z", end="2026-06-06"))
    assert plain.sha256 != first.sha256 == again.sha256


def test_events_stand_in_the_order_of_time() -> None:
    text = SALE.format(start="2026-12-24", end="2026-12-27")
    text += SALE.format(start="2026-06-05", end="2026-06-06")
    assert [each.start.month for each in policy.parse(text).calendar] == [6, 12]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('calendar = "sale"', "list of tables"),
        ("calendar = [1]", "entry 1 must have name, start, end"),
        ('[[calendar]]\nname = "sale"\nstart = 2026-06-05', "must have name, start, end"),
        (SALE.format(start="2026-06-05", end="2026-06-06") + "kind = 1", "nothing else"),
        (SALE.format(start="2026-06-06", end="2026-06-06"), "ends before it starts"),
        (SALE.format(start="2026-06-05T00:00:00", end="2026-06-06"), "with its offset"),
        (SALE.format(start='"soon"', end="2026-06-06"), "start cannot be 'soon'"),
        (SALE.format(start="1726-06-05", end="2026-06-06"), "between 2000 and 2200"),
        ('[[calendar]]\nname = " "\nstart = 2026-06-05\nend = 2026-06-06', "name cannot be ' '"),
    ],
)
def test_what_is_no_event_is_refused_by_its_place(text: str, says: str) -> None:
    with pytest.raises(policy.PolicyError, match=says):
        policy.parse(text)


def test_an_event_is_near_as_long_as_it_shares_some_time() -> None:
    sale = event("2026-06-05", "2026-06-07")
    hour = dt.timedelta(hours=1)
    assert seasons.during([sale], sale.start - hour, sale.start) == ()
    assert seasons.during([sale], sale.end - hour, sale.end + hour) == ("sale",)
    assert seasons.during([sale], sale.end, sale.end + hour) == ()


def test_what_began_in_an_event_counts_from_its_end() -> None:
    sale = event("2026-06-05", "2026-06-07")
    day = dt.timedelta(days=1)
    assert seasons.after([sale], sale.start + day, sale.end + day) == sale.end
    assert seasons.after([sale], sale.end, sale.end + day) == sale.end
    assert seasons.after([sale], sale.start - 2 * day, sale.start) == sale.start - 2 * day
