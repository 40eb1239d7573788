"""The four panels that are only watched, and which of several models' windows they show: in an hour
of errors alone, before a reference, around a promotion, after a rollback.
"""

import datetime as dt
from typing import Any

import builders
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import policy, present, runs
from services.dashboard import board, champions, facts, panels, summary

AT = builders.AT
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
ROLLED_BACK = "rollback"
EVEN = dict.fromkeys(present.INTENTS, 100)
NONE = dict.fromkeys(present.INTENTS, 0)
Row = dict[str, Any]


def promoted(model: str = builders.MODEL, at: dt.datetime = AT - 30 * DAY, **more: Any) -> Row:
    row = {"model": model, "at": at, "kind": "promote", "by": "anna", "run_id": None}
    return row | more


def window(end: dt.datetime = AT, **more: Any) -> Row:
    """A complete hour of the champion: a hundred answers to each intent."""
    place = {
        "model": builders.MODEL,
        "role": "champion",
        "horizon": "1h",
        "end": end,
        "complete": True,
    }
    figures = {"n": 1000, "errors": 0, "late": 0, "fallback_rate": 0.02, "intent_counts": EVEN}
    return place | figures | more


def snapshot(*rows: Row, **more: Any) -> facts.Facts:
    base: Row = {
        "stream": facts.Stream(now=AT, watermark=AT, newest_end=AT),
        "windows": rows,
        "promotions": [promoted()],
    }
    return facts.Facts(**(base | more))


# Of a day in which no request was answered.
OUTAGE = window(horizon="1d", errors=1000, fallback_rate=None, intent_counts=NONE)


def mix(*rows: Row, **more: Any) -> board.Panel:
    return panels.mix(snapshot(*rows, **more), "1d")


def test_a_mix_of_no_answers_is_none_at_all() -> None:
    """Else the board would say that the most frequent intent moved to nothing."""
    even = builders.reference(100)

    for references in ([], [(AT - 2 * DAY, even)]):
        shown = mix(OUTAGE, references=references)

        assert (shown.value, shown.n, shown.low, shown.high) == (None, 0, None, None)
        assert (shown.lead, shown.notes, shown.lines, shown.shares) == ("", (), (), ())
        assert shown.end == AT


def test_a_day_without_answers_leaves_a_gap_in_the_history_of_the_next() -> None:
    rows = [window(AT - 2 * DAY, horizon="1d"), OUTAGE | {"end": AT - DAY}, window(horizon="1d")]

    shown = mix(*rows)

    assert [point.end for point in shown.series[0].points] == [AT - 2 * DAY, AT]


def test_before_the_first_day_the_mix_is_that_of_the_hour() -> None:
    shown = mix(window(intent_counts=NONE | {"faq": 30, "chitchat": 10}))

    assert (shown.horizon, shown.lead, shown.value, shown.n) == ("1h", "faq", 0.75, 40)
    assert shown.notes == (
        "Most frequent: faq. No reference to compare with: it comes with the first promotion.",
    )


def test_what_moved_most_may_have_become_rarer() -> None:
    reference = builders.reference(100)  # a tenth each
    live = dict.fromkeys(present.INTENTS, 110) | {"faq": 10}

    shown = mix(window(horizon="1d", intent_counts=live), references=[(AT - 2 * DAY, reference)])

    assert shown.lead == "faq"
    assert shown.notes == ("Moved most: faq, -9.0 points from 10.0 %",)
    assert [(line.name, line.value) for line in shown.lines] == [("reference", 0.1)]


def test_a_reference_without_any_prediction_is_none() -> None:
    shown = mix(window(horizon="1d"), references=[(AT - 2 * DAY, builders.reference(0))])

    assert {share.reference for share in shown.shares} == {None}
    assert "No reference to compare with" in shown.notes[0]


@given(st.lists(st.integers(0, 10_000), min_size=10, max_size=10).filter(any))
def test_the_shares_of_a_mix_are_parts_of_one(counts: list[int]) -> None:
    live = dict(zip(present.INTENTS, counts, strict=True))

    parts = panels.shares(window(intent_counts=live), snapshot())

    assert sum(part.share for part in parts) == pytest.approx(1.0)
    assert [part.n for part in parts] == counts
    assert [part.intent for part in parts] == list(present.INTENTS)


def test_an_hour_of_errors_alone_has_no_fallback_rate_and_not_that_of_the_hour_before() -> None:
    shown = panels.fallback(snapshot(window(AT - HOUR), window(n=5, errors=5, fallback_rate=None)))

    assert (shown.value, shown.n) == (None, 0)
    assert [point.end for point in shown.series[0].points] == [AT - HOUR]


def test_a_fallback_rate_is_of_the_answers_and_has_wilsons_interval() -> None:
    # 2 % of 450 answers are 9: Wilson's interval is 1.06 % to 3.76 %.
    shown = panels.fallback(snapshot(window(n=500, errors=50, fallback_rate=0.02)))

    assert (shown.value, shown.n) == (0.02, 450)
    assert shown.low == pytest.approx(0.0106, abs=5e-5)
    assert shown.high == pytest.approx(0.0376, abs=5e-5)


@pytest.mark.parametrize(
    ("earlier", "notes"),
    [
        ((), ()),
        ((1,), ("The same hour a day before: 1 logs",)),
        ((7,), ("The same hour a week before: 7 logs",)),
        ((7, 1), ("The same hour a week before: 7 logs",)),
        ((2, 3), ()),
    ],
)
def test_a_volume_is_compared_with_the_same_hour_of_a_week_or_a_day_before(
    earlier: tuple[int, ...], notes: tuple[str, ...]
) -> None:
    rows = [window(AT - days * DAY, n=days) for days in earlier]

    assert panels.volume(snapshot(*rows, window())).notes == notes


def test_a_volume_counts_errors_too() -> None:
    assert panels.volume(snapshot(window(n=12, errors=12))).value == 12.0


def test_a_figure_two_hours_behind_the_stream_still_stands_and_later_it_is_stale() -> None:
    def at(clock: dt.datetime) -> board.Panel:
        return panels.volume(snapshot(window(), stream=facts.Stream(now=clock, watermark=clock)))

    assert at(AT + 2 * HOUR).state is board.State.NO_LIMIT
    late = at(AT + 2 * HOUR + dt.timedelta(seconds=1))
    assert late.state is board.State.STALE
    assert late.verdict == "2.0 h behind the stream: no champion traffic since"


@pytest.mark.parametrize(
    "other",
    [
        {"role": "shadow"},
        {"complete": False},
        {"horizon": "5m"},
    ],
)
def test_only_complete_windows_of_the_champion_are_shown(other: Row) -> None:
    assert snapshot(window(), window(AT + HOUR, **other)).served("1h") == [window()]


def test_of_two_models_in_one_hour_the_champion_of_its_beginning_serves() -> None:
    """A promotion at the very end of a window is not before it."""
    old, new = window(n=5), window(model="v2", n=900)

    def serves(at: dt.datetime) -> str:
        history = [promoted(), promoted("v2", at)]
        (row,) = snapshot(old, new, promotions=history).served("1h")
        return str(row["model"])

    assert serves(AT) == "v1"
    assert serves(AT - dt.timedelta(seconds=1)) == "v2"


def test_before_any_promotion_the_model_with_the_most_logs_serves() -> None:
    rows = [window(n=5), window(model="v2", n=900)]

    assert snapshot(*rows, promotions=[]).served("1h") == [rows[1]]


@given(st.permutations([window(AT - back * HOUR, n=back + 1) for back in range(5)]))
def test_in_whatever_order_windows_come_they_are_shown_oldest_first(rows: list[Row]) -> None:
    ends = [row["end"] for row in snapshot(*rows).served("1h")]

    assert ends == sorted(ends)
    assert len(ends) == 5


def test_the_reference_is_the_models_newest_from_before_the_window_ended() -> None:
    first, second, other = (
        builders.reference(n, model=model) for n, model in ((1, "v1"), (2, "v1"), (3, "v2"))
    )
    history = snapshot(references=[(AT - DAY, first), (AT - 2 * HOUR, second), (AT - HOUR, other)])

    def of(end: dt.datetime) -> runs.Reference | None:
        return history.reference("v1", end)

    assert of(AT) is second
    assert of(AT - 2 * HOUR) is first, "one of that very instant is not before it"
    assert of(AT - 2 * DAY) is None
    assert history.reference("v3", AT) is None


def rollback(*history: Row, action: Row | None = None) -> board.Panel:
    return champions.panel(snapshot(promotions=list(history), action=action))


def test_a_first_champion_has_nothing_to_go_back_to() -> None:
    shown = rollback(promoted())

    assert shown.notes == ("There is no earlier champion to go back to",)
    assert (shown.model, shown.n, shown.levels) == ("v1", 1, ("v1",))


def test_before_the_champion_served_the_last_other_model() -> None:
    shown = rollback(promoted("v1"), promoted("v2"), promoted("v3"), promoted("v3"))

    assert shown.notes == ("Before it: v2",)


def test_a_model_that_came_back_is_one_level_of_the_history() -> None:
    shown = rollback(
        promoted("v1", AT - 3 * DAY),
        promoted("v2", AT - 2 * DAY),
        promoted("v1", AT - DAY, kind=ROLLED_BACK),
    )

    assert shown.levels == ("v1", "v2")
    assert [(point.end, point.value) for point in shown.series[0].points] == [
        (AT - 3 * DAY, 0.0),
        (AT - 2 * DAY, 1.0),
        (AT - DAY, 0.0),
        (AT, 0.0),  # until now
    ]
    assert (shown.state, shown.verdict) == (board.State.WATCH, "rolled back to v1 by anna")


def test_of_the_champions_from_before_the_history_the_last_begins_it() -> None:
    shown = rollback(promoted("v1", AT - 90 * DAY), promoted("v2", AT - 60 * DAY))

    points = [(point.end, shown.levels[int(point.value)]) for point in shown.series[0].points]
    assert points == [(AT - 14 * DAY, "v2"), (AT, "v2")]


@pytest.mark.parametrize(("days", "says"), [(13, "last one at 7 Apr"), (15, "none in 14 days")])
def test_a_rollback_is_remembered_as_long_as_the_history_reaches(days: int, says: str) -> None:
    shown = rollback(promoted("v1", AT - days * DAY, kind=ROLLED_BACK), promoted("v2", AT - DAY))

    assert (shown.state, shown.verdict.startswith(says)) == (board.State.OK, True)


def test_a_rollback_that_was_decided_stands_until_another_promotion() -> None:
    decided = {"decision": "rollback", "at": AT - DAY}

    assert rollback(promoted(at=AT - DAY), action=decided).state is board.State.BREACH
    done = promoted("v0", AT - DAY + HOUR, kind=ROLLED_BACK)
    assert rollback(promoted(), done, action=decided).state is board.State.WATCH


@pytest.mark.parametrize(
    ("run", "says"),
    [
        (None, "No champion yet: `python retrain/run.py run` trains"),
        (
            {"id": "ft_1", "state": "rejected"},
            "No champion yet: `python retrain/run.py run` trains",
        ),
        ({"id": "ft_1", "state": "gated"}, "No champion yet: the run ft_1 is gated."),
    ],
)
def test_without_a_champion_the_way_to_one_is_named(run: Row | None, says: str) -> None:
    shown = champions.panel(snapshot(promotions=[], run=run))

    assert (shown.missing or "").startswith(says)


def test_no_panel_of_a_board_is_well_while_a_rollback_waits() -> None:
    shown = summary.of(
        snapshot(action={"id": "d_1", "decision": "rollback", "at": AT}),
        policy.Policy(),
    )

    assert (shown.state, shown.headline) == (board.State.BREACH, "Rollback status")
