"""From what annotators ever said to the labels that count: one order, a cap a day, doubts about a
source, and how long labels took.
"""

import datetime as dt
import math
from typing import Any

import builders
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.evaluation import samples, wishes
from retrain.labels import cap, distrust, labelled, latency, votes
from schemas import events, policy, present, times

AT = builders.AT
HOUR = dt.timedelta(hours=1)
DAY = 24 * HOUR


def said(
    req_id: str = "r0", intent: str | None = "faq", by: str = "ana", after: float = 0, key: str = ""
) -> votes.Entry:
    """What ana says, so many hours after AT."""
    at = AT + after * HOUR
    return votes.Entry(req_id, by, at, key or f"{req_id}{by}{after}", intent)


def read(req_ids: list[str], *entries: votes.Entry) -> votes.Votes:
    """Everything that was ever said of these messages."""
    return votes.said(req_ids, entries)


def holds(req_ids: list[str], *entries: votes.Entry) -> dict[str, str | None]:
    """The intent that holds of each message that has one."""
    held = votes.holding(votes.latest(read(req_ids, *entries)))
    return {entry.req_id: entry.intent for entry in votes.told(held, req_ids)}


# From a label that travels to an entry.


def human(**more: Any) -> events.HumanLabel:
    known: dict[str, Any] = {"req_id": "r0", "annotator": "ana", "labelled_at": AT}
    return events.HumanLabel(**(known | {"intent": "faq"} | more))


def test_a_label_says_its_intent_and_a_retraction_says_none() -> None:
    assert votes.entry(human()).intent == "faq"
    assert votes.entry(human(action="retract")).intent is None
    assert votes.entry(human(intent=None)).intent is None


def test_an_id_is_the_hash_of_the_label_and_only_worked_out_where_it_is_asked_for() -> None:
    label = human(also=["chitchat"])

    entry = votes.entry(label)

    assert entry.source is label
    assert entry.id == events.label_id(label)
    assert entry.also == ["chitchat"]


# Order.


def test_entries_stand_by_request_then_annotator_then_time() -> None:
    entries = [said("r1"), said("r0", by="bob"), said("r0", after=2), said("r0", after=1)]

    ordered = votes.ordered(entries)

    assert [(e.req_id, e.annotator) for e in ordered] == [
        ("r0", "ana"),
        ("r0", "ana"),
        ("r0", "bob"),
        ("r1", "ana"),
    ]
    assert ordered[0].labelled_at < ordered[1].labelled_at


def test_of_one_instant_the_smaller_id_is_the_newer() -> None:
    one, other = said(intent="faq", key="aa"), said(intent="chitchat", key="bb")

    assert votes.ordered([one, other]) == votes.ordered([other, one]) == [other, one]
    assert holds(["r0"], one, other) == holds(["r0"], other, one) == {"r0": "faq"}


def test_half_past_one_comes_twice_on_the_night_the_clocks_go_back() -> None:
    """New York, 2026-11-01: the second half past one is an hour after the first, and wins."""
    first = times.instant("2026-11-01T01:30:00-04:00")
    second = times.instant("2026-11-01T01:30:00-05:00")

    late = votes.Entry("r0", "ana", second, "1", "chitchat")
    early = votes.Entry("r0", "ana", first, "2", "faq")

    assert holds(["r0"], late, early) == {"r0": "chitchat"}


# What holds.


def test_a_label_taken_back_leaves_what_somebody_else_said() -> None:
    assert holds(["r0"], said(intent="chitchat", by="bob"), said(after=1)) == {"r0": "faq"}
    taken_back = said(intent=None, after=2)
    assert holds(["r0"], said(intent="chitchat", by="bob"), said(after=1), taken_back) == {
        "r0": "chitchat"
    }


def test_a_label_taken_back_and_given_again_holds() -> None:
    assert holds(["r0"], said(), said(intent=None, after=1), said(after=2)) == {"r0": "faq"}


def test_taking_back_what_was_never_said_says_nothing() -> None:
    assert holds(["r0"], said(intent=None)) == {}


def test_of_equally_new_votes_the_first_name_holds() -> None:
    assert holds(["r0"], said(by="bob", intent="chitchat"), said(by="ana")) == {"r0": "faq"}


def test_messages_nobody_asked_about_and_messages_without_a_label_are_left_out() -> None:
    assert holds(["r0", "r1"], said("r1"), said("somebody else's")) == {"r1": "faq"}


def test_nothing_said_is_no_votes() -> None:
    nothing = read(["r0"])

    assert len(nothing) == len(votes.latest(nothing)) == len(votes.holding(nothing)) == 0
    assert votes.told(nothing, ["r0"]) == []
    assert votes.conflicts(nothing).tolist() == []


def test_names_with_quotes_markup_and_marks_are_names() -> None:
    names = ['o"neil', "<b>ana</b>", "\u202eana", "ana\nbob", "アナ"]

    everything = read(["r0"], *[said(by=name) for name in names])

    assert list(everything.names) == sorted(names)
    assert [e.annotator for e in votes.told(everything, ["r0"])] == sorted(names)


def test_further_wishes_come_back_in_the_taxonomys_order_and_once() -> None:
    first, second, third = present.INTENTS[:3]
    entry = votes.Entry("r0", "ana", AT, "1", first, (third, second, third))

    (again,) = votes.told(read(["r0"], entry), ["r0"])

    assert again.also == (second, third)


def test_bits_are_one_an_intent_however_often_it_is_named() -> None:
    first, second = present.INTENTS[:2]

    assert votes.bits([]) == 0
    assert votes.bits([first]) == 0b1
    assert votes.bits([second, first, second]) == 0b11


def test_an_intent_the_taxonomy_does_not_have_is_no_label() -> None:
    with pytest.raises(KeyError):
        read(["r0"], said(intent="unheard_of"))


# A stretch of a history, as it was known then.


def test_rows_of_a_stretch_are_counted_from_its_begin() -> None:
    req_ids = ["r0", "r1", "r2", "r3"]
    ever = read(req_ids, *[said(req_id) for req_id in req_ids])

    stretch = votes.standing(ever, 1, 3, times.micros(AT))

    assert stretch.row.tolist() == [0, 1]
    assert [e.req_id for e in votes.told(stretch, req_ids[1:3])] == ["r1", "r2"]


@pytest.mark.parametrize(
    ("hours", "intent"),
    [(-1, None), (0, "faq"), (0.5, "faq"), (1, "chitchat"), (2, None), (3, None)],
)
def test_what_was_said_is_known_from_its_instant_on(hours: float, intent: str | None) -> None:
    ever = read(["r0"], said(), said(intent="chitchat", after=1), said(intent=None, after=2))

    then = votes.standing(ever, 0, 1, times.micros(AT + hours * HOUR))

    assert [e.intent for e in votes.told(then, ["r0"])] == ([intent] if intent else [])


# The cap of a day.

moments = st.lists(
    st.tuples(st.sampled_from(["ana", "bob"]), st.integers(0, 71)), max_size=30, unique=True
)


def cast(moments: list[tuple[str, int]]) -> votes.Votes:
    """A vote of each moment, an annotator and an hour; every one on a message of its own."""
    req_ids = [f"r{i}" for i in range(len(moments))]
    entries = [said(req_ids[i], by=by, after=hour) for i, (by, hour) in enumerate(moments)]
    return votes.latest(read(req_ids, *entries))


@given(moments, st.integers(1, 10))
def test_of_every_annotators_day_the_cap_or_all_count(
    moments: list[tuple[str, int]], most: int
) -> None:
    counted = cap.within(cast(moments), most)

    days = [(by, hour // 24) for by, hour in moments]
    expected = sum(min(days.count(day), most) for day in set(days))
    assert len(counted) == expected


@given(moments, st.integers(1, 10))
def test_capping_twice_is_capping_once_and_a_higher_cap_never_counts_less(
    moments: list[tuple[str, int]], most: int
) -> None:
    everything = cast(moments)

    once = cap.within(everything, most)

    assert cap.within(once, most).row.tolist() == once.row.tolist()
    assert set(once.row.tolist()) <= set(cap.within(everything, most + 1).row.tolist())


@given(moments, st.integers(1, 10))
def test_what_is_named_as_surplus_is_what_does_not_count(
    moments: list[tuple[str, int]], most: int
) -> None:
    entries = [said(f"r{i}", by=by, after=hour) for i, (by, hour) in enumerate(moments)]

    named = cap.surplus(entries, most)

    left_out = len(entries) - len(cap.within(cast(moments), most))
    assert sum(day.over for day in named) == left_out
    assert all(day.labels == most + day.over and day.over > 0 for day in named)
    assert [(day.day, day.annotator) for day in named] == sorted(
        (day.day, day.annotator) for day in named
    )


def test_a_second_before_midnight_is_another_day_also_on_a_leap_day() -> None:
    leap = dt.datetime(2028, 2, 29, 23, 59, 59, tzinfo=dt.UTC)
    entries = [
        votes.Entry("r0", "ana", leap, "0", "faq"),
        votes.Entry("r1", "ana", leap + dt.timedelta(seconds=1), "1", "faq"),
    ]

    assert cap.surplus(entries, 1) == ()
    assert len(cap.within(votes.latest(read(["r0", "r1"], *entries)), 1)) == 2


# Doubts about a source.


def doubted(*doubts: distrust.Doubt) -> list[str]:
    """Which of four labels are believed: ana's and bob's of a message at 0 h and of one at 1 h."""
    req_ids = ["r0", "r1"]
    entries = [said(req_id, by=by, after=9) for req_id in req_ids for by in ("ana", "bob")]
    ts_us = np.array([times.micros(AT), times.micros(AT + HOUR)])
    believed = distrust.without(votes.latest(read(req_ids, *entries)), ts_us, doubts)
    return [f"{e.annotator} {e.req_id}" for e in votes.told(believed, req_ids)]


EVERYTHING = ["ana r0", "bob r0", "ana r1", "bob r1"]


def test_without_a_doubt_everybody_is_believed() -> None:
    assert doubted() == EVERYTHING


def test_a_doubt_is_about_one_source_and_the_messages_of_some_hours() -> None:
    """By when the message came: labels of all of them were given nine hours later."""
    assert doubted(distrust.Doubt("ana", AT, AT + HOUR)) == ["bob r0", "ana r1", "bob r1"]
    assert doubted(distrust.Doubt("ana", AT, AT + 2 * HOUR)) == ["bob r0", "bob r1"]


def test_a_doubts_first_instant_is_in_it_and_its_last_is_not() -> None:
    tick = dt.timedelta(microseconds=1)

    assert "bob r1" not in doubted(distrust.Doubt("bob", AT + HOUR, AT + HOUR + tick))
    assert doubted(distrust.Doubt("bob", AT + tick, AT + HOUR)) == EVERYTHING


def test_a_doubt_about_nobody_here_or_of_no_length_changes_nothing() -> None:
    assert doubted(distrust.Doubt("carl", AT, AT + DAY)) == EVERYTHING
    assert doubted(distrust.Doubt("ana", AT, AT)) == EVERYTHING
    assert doubted(distrust.Doubt("ana", AT + HOUR, AT)) == EVERYTHING


def test_doubts_that_overlap_are_one_and_come_in_any_order() -> None:
    one, other = distrust.Doubt("ana", AT, AT + HOUR), distrust.Doubt("ana", AT, AT + DAY)

    assert doubted(one, other) == doubted(other, one) == doubted(other) == ["bob r0", "bob r1"]


# A source that differs from all others.


def asked(n: int) -> samples.Sample:
    """n messages within an hour, all answered with faq."""
    return builders.sample([None] * n, step=HOUR / n)


def against(n: int, ana_right: int, bob_right: int) -> tuple[distrust.Aside, ...]:
    """ana and bob label n messages each of the same hour; so many times they say faq, too."""
    req_ids = [f"r{i}" for i in range(2 * n)]
    entries = []
    for i in range(n):
        entries.append(said(req_ids[i], "faq" if i < ana_right else "chitchat", "ana"))
        entries.append(said(req_ids[n + i], "faq" if i < bob_right else "chitchat", "bob", 1))
    return distrust.aside(asked(2 * n), votes.latest(read(req_ids, *entries)), gap=0.3)


def test_a_source_is_set_aside_with_its_labels_its_share_its_gap_and_how_sure() -> None:
    """90 of 100 and 20 of 100. The gap is -0.7. Of the 200 labels 110 agree, so bob's 20 differ
    from the 55 to expect by 35, with a variance of 100 * 100 * 110 * 90 / (200^2 * 199) = 12.44:
    z = -35 / 3.527 = -9.92.
    """
    (bob,) = against(100, ana_right=90, bob_right=20)

    assert (bob.annotator, bob.n, bob.right) == ("bob", 100, 0.20)
    assert bob.gap == pytest.approx(-0.7)
    assert bob.z == pytest.approx(-9.92, abs=0.005)


def test_a_large_gap_that_may_be_chance_sets_nobody_aside() -> None:
    """Of six labels each, five and two agree: a gap of a half, but z is only 1.7."""
    assert against(6, ana_right=5, bob_right=2) == ()


def test_a_sure_gap_that_is_small_sets_nobody_aside() -> None:
    """0.9 and 0.65 of 500: surely different, but by less than 0.3."""
    assert against(500, ana_right=450, bob_right=325) == ()


def test_where_all_say_the_same_there_is_no_spread_to_divide_by() -> None:
    assert against(50, ana_right=50, bob_right=50) == ()
    assert against(50, ana_right=0, bob_right=0) == ()


def test_labels_of_hours_nobody_else_labelled_cannot_be_compared() -> None:
    """ana labels the first hour, bob one six hours later: between them may lie a drift."""
    req_ids = [f"r{i}" for i in range(200)]
    sampled = builders.sample([None] * 200, step=HOUR / 100)
    apart = samples.Sample(
        sampled.ts_us + np.repeat([0, 6 * 3_600_000_000], 100),
        *[getattr(sampled, name) for name in samples.Sample.__slots__[1:]],
    )
    entries = [
        said(req_ids[i], "faq" if i < 100 else "chitchat", "ab"[i // 100]) for i in range(200)
    ]

    assert distrust.aside(apart, votes.latest(read(req_ids, *entries)), gap=0.3) == ()


def test_no_votes_set_nobody_aside() -> None:
    assert distrust.aside(asked(3), votes.latest(read([])), gap=0.3) == ()


# The sample with the labels that hold.


def test_a_sample_keeps_its_messages_and_gets_labels_and_further_wishes() -> None:
    first, second = present.INTENTS[:2]
    sampled = asked(3)
    entry = votes.Entry("r1", "ana", AT, "1", first, (second,))

    with_labels = labelled.labelled(
        sampled, votes.latest(read(["r0", "r1", "r2"], entry)), policy.Labels()
    )

    assert with_labels.label.tolist() == [
        samples.UNLABELLED,
        present.INDEX[first],
        samples.UNLABELLED,
    ]
    assert wishes.places(with_labels.also) == [[], [present.INDEX[second]], []]
    assert with_labels.ts_us is sampled.ts_us
    assert sampled.label.tolist() == [samples.UNLABELLED] * 3, "the sample itself stays as it was"


# How long labels took.


def test_a_curve_of_no_messages_has_every_point_and_no_share() -> None:
    points = latency.curve([], AT)

    assert tuple(point.hours for point in points) == latency.HOURS
    assert {(point.n, point.labelled, point.share, point.low, point.high) for point in points} == {
        (0, 0, None, None, None)
    }


def test_a_message_of_exactly_an_hour_is_old_enough_and_a_younger_is_not() -> None:
    tick = dt.timedelta(microseconds=1)

    assert latency.curve([(AT, None)], AT + HOUR)[0].n == 1
    assert latency.curve([(AT, None)], AT + HOUR - tick)[0].n == 0
    assert latency.curve([(AT, None)], AT - HOUR)[0].n == 0, "a clock that is behind"


def test_a_point_is_a_share_with_wilsons_interval() -> None:
    """One of four labelled within an hour: 0.25, and 0.046 to 0.699 by Wilson."""
    messages = [(AT, AT + HOUR / 2)] + [(AT, None)] * 3

    point = latency.curve(messages, AT + 2 * HOUR)[0]

    assert (point.hours, point.n, point.labelled, point.share) == (1, 4, 1, 0.25)
    assert (point.low, point.high) == (
        pytest.approx(0.0456, abs=5e-4),
        pytest.approx(0.699, abs=5e-4),
    )


@given(
    st.lists(st.tuples(st.integers(0, 400), st.none() | st.integers(-5, 400)), max_size=20),
    st.randoms(),
)
def test_a_curve_does_not_depend_on_order_and_every_share_lies_in_its_interval(
    waits: list[tuple[int, int | None]], random: Any
) -> None:
    as_of = AT + 400 * HOUR
    messages = []
    for age, delay in waits:
        came = as_of - age * HOUR
        messages.append((came, None if delay is None else came + delay * HOUR))

    points = latency.curve(messages, as_of)

    assert latency.curve(random.sample(messages, len(messages)), as_of) == points
    for point in points:
        assert 0 <= point.labelled <= point.n <= len(messages)
        if point.share is not None and point.low is not None and point.high is not None:
            assert point.low - 1e-12 <= point.share <= point.high + 1e-12
            assert math.isclose(point.share * point.n, point.labelled)
    # Older messages alone can tell of longer waits.
    assert [point.n for point in points] == sorted((p.n for p in points), reverse=True)


def test_that_nobody_can_tell_is_an_answer_without_a_label() -> None:
    """The newest holds: ana's intent over her own doubt, ben's doubt over ana's intent."""
    said = events.human_label(
        b'{"req_id":"r0","annotator":"ana","labelled_at":"2026-04-20T09:00:00Z",'
        b'"action":"cannot_tell"}'
    )
    assert isinstance(said, events.HumanLabel)
    doubt = votes.entry(said)
    assert (doubt.intent, doubt.cannot_tell) == (None, True)

    at = said.labelled_at
    named = votes.Entry("r0", "ana", at + HOUR, "1", present.INTENTS[0])
    again = votes.Entry("r0", "ben", at + 2 * HOUR, "2", None, (), cannot_tell=True)
    sampled, rules = asked(2), policy.Labels()
    label_of = []
    for entries in ([doubt], [doubt, named], [doubt, named, again]):
        newest = votes.latest(votes.said(["r0", "r1"], entries))
        label_of.append(labelled.labelled(sampled, newest, rules).label.tolist())
    assert label_of == [
        [samples.CANNOT_TELL, samples.UNLABELLED],
        [present.INDEX[present.INTENTS[0]], samples.UNLABELLED],
        [samples.CANNOT_TELL, samples.UNLABELLED],
    ]


def test_what_nobody_can_tell_is_no_disagreement_and_discredits_nobody() -> None:
    """A colleague who cannot tell finds the classifier neither right nor wrong."""
    ids = [f"r{i}" for i in range(200)]
    intents = [votes.Entry(i, "ana", AT, f"a{i}", present.INTENTS[0]) for i in ids]
    doubts = [votes.Entry(i, "ben", AT, f"b{i}", None, (), cannot_tell=True) for i in ids]
    newest = votes.latest(votes.said(ids, [*intents, *doubts]))

    assert votes.conflicts(newest).tolist() == []
    assert distrust.aside(asked(200), newest, gap=0.3) == ()
    assert len(votes.named(newest)) == 200
