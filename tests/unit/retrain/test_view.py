"""What is known of a model at an instant: half-open stretches of time, and what a repair upstream
makes worthless.
"""

import datetime as dt
from typing import Any

import builders
import pytest

from retrain.decide import view as views
from retrain.decide.view import View
from retrain.evaluation import live, samples
from schemas import verdicts

AT = builders.AT
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
INSTANT = dt.timedelta(microseconds=1)
DRIFT = ("intent_mix_kl", "low_confidence_rate")


def view(sampled: samples.Sample | None = None, **more: Any) -> View:
    fields: dict[str, Any] = {"windows": {}, "reference": None, "hours": {}} | more
    empty = samples.sample(())
    return View(
        model=builders.MODEL, at=AT, sampled=empty if sampled is None else sampled, **fields
    )


def asked_at(*instants: dt.datetime) -> samples.Sample:
    """One message at each of these instants, rightly answered."""
    return samples.sample((at, "faq", 0.9, 0.5, "faq") for at in instants)


@pytest.mark.parametrize(
    ("horizon", "length"), [("1h", HOUR), ("1d", DAY), ("7d", 7 * DAY), ("5m", HOUR / 12)]
)
def test_a_horizon_holds_its_first_instant_and_not_the_one_at_which_it_ends(
    horizon: str, length: dt.timedelta
) -> None:
    here = view(asked_at(AT - length - INSTANT, AT - length, AT - INSTANT, AT))

    recent = here.recent(horizon)

    begin, last = (AT - length, AT - INSTANT)
    assert (recent.ts_us - recent.ts_us[0]).tolist() == [0, (last - begin) // INSTANT]
    assert len(recent) == 2


def test_a_horizon_that_nobody_counts_is_refused_by_name() -> None:
    with pytest.raises(KeyError, match="2d"):
        view().recent("2d")


def test_a_day_without_a_sampled_message_is_an_empty_one() -> None:
    assert len(view().recent("1d")) == 0
    assert view().figures("1d").accuracy.estimate is None


def test_a_day_counts_the_answers_of_its_own_twenty_four_hours() -> None:
    """A hundred answers an hour, from an hour before the day to an hour after it: 2,400 are its
    own.
    """
    hours = {AT - DAY + back * HOUR: live.Hour(100, 90.0) for back in range(-1, 25)}

    figures = view(asked_at(AT - HOUR), hours=hours).figures("1d")

    assert figures.accuracy.n_predictions == 2_400
    assert figures.accuracy.n_labels == 1


def test_a_zone_changes_neither_a_message_nor_an_hour() -> None:
    """New York sets its clocks ahead on 8 March 2026 at 07:00 UTC: that hour is an hour of UTC as
    any other.
    """
    ahead = dt.datetime.fromisoformat("2026-03-08T03:30:00-04:00")
    before = dt.datetime.fromisoformat("2026-03-08T01:30:00-05:00")
    end = dt.datetime.fromisoformat("2026-03-08T08:00:00+00:00")

    hours = {end - 2 * HOUR: live.Hour(10, 9.0), end - HOUR: live.Hour(10, 9.0)}
    here = View(builders.MODEL, end, {}, None, asked_at(before, ahead), hours)

    assert len(here.recent("1h")) == 1
    assert here.figures("1d").accuracy.n_predictions == 20
    assert here.figures("1d").accuracy.n_labels == 2


def test_a_leap_day_is_a_day_of_the_week_before_it() -> None:
    end = dt.datetime(2028, 3, 1, tzinfo=dt.UTC)
    on_leap_day = dt.datetime(2028, 2, 29, 12, tzinfo=dt.UTC)

    here = View(builders.MODEL, end, {}, None, asked_at(on_leap_day), {})

    assert len(here.recent("1d")) == 1


# Something upstream was broken, and is mended

MENDED = AT - 12 * HOUR


def since(here: View) -> View:
    return views.since(here, MENDED, DRIFT)


def test_messages_and_hours_from_before_a_repair_are_gone_and_the_first_after_it_stays() -> None:
    hours = {at: live.Hour(10, 9.0) for at in (MENDED - HOUR, MENDED, MENDED + HOUR)}
    here = view(asked_at(MENDED - INSTANT, MENDED, AT - HOUR), hours=hours)

    after = since(here)

    assert list(after.hours) == [MENDED, MENDED + HOUR]
    assert len(after.sampled) == 2


def test_a_repair_touches_neither_the_windows_nor_what_earlier_weeks_were_like() -> None:
    earlier = builders.tally(50)
    here = view(windows={"1h": builders.window()}, earlier=earlier, earlier_hours=3)

    after = since(here)

    assert after.windows is here.windows
    assert (after.earlier, after.earlier_hours) == (earlier, 3)
    assert (after.model, after.at, after.reference) == (builders.MODEL, AT, None)


def stays(name: str, end: dt.datetime, horizon: str = "1d") -> bool:
    """Whether a verdict on that window is remembered over the repair."""
    one = builders.verdict(name, end=end, horizon=horizon)
    return since(view(history={name: [one]})).history[name] == [one]


def test_a_verdict_on_labels_stays_from_the_first_instant_after_the_repair() -> None:
    assert not stays("live_accuracy", MENDED, "7d")
    assert stays("live_accuracy", MENDED + INSTANT, "7d")


def test_a_verdict_on_drift_stays_where_its_whole_window_lies_behind_the_repair() -> None:
    assert not stays("low_confidence_rate", MENDED + DAY - INSTANT)
    assert stays("low_confidence_rate", MENDED + DAY)
    assert stays("intent_mix_kl", MENDED + HOUR, "1h")


def test_what_is_about_servers_is_remembered_whatever_was_mended() -> None:
    for name in ("p95_latency_ms", "error_rate", "tokens_lost"):
        assert stays(name, MENDED - 5 * DAY, "1h"), name


def test_which_signals_are_drift_is_the_policys_to_say() -> None:
    errors = builders.verdict("error_rate", end=MENDED, horizon="1h")
    here = view(history={"error_rate": [errors]})

    assert views.since(here, MENDED, ()).history["error_rate"] == [errors]
    assert views.since(here, MENDED, ("error_rate",)).history["error_rate"] == []


def test_a_signal_of_which_nothing_is_left_keeps_its_name_and_the_order_of_the_rest_stays() -> None:
    old, first, second = (
        builders.verdict("rare_recall", end=MENDED + hours * HOUR, horizon="7d")
        for hours in (-2, 1, 2)
    )

    history = since(view(history={"rare_recall": [old, first, second], "gone": []})).history

    assert history == {"rare_recall": [first, second], "gone": []}


def test_a_signal_of_another_version_that_nobody_knows_is_kept() -> None:
    assert stays("a_signal_of_next_year", MENDED - DAY)


def test_a_repair_twice_is_a_repair_once() -> None:
    levels = (verdicts.Level.OK, verdicts.Level.BREACH)
    history = {
        "live_accuracy": [
            builders.verdict("live_accuracy", level, end=MENDED + i * DAY)
            for i, level in enumerate(levels)
        ]
    }
    once = since(view(history=history, hours={MENDED: live.Hour(1, 0.9)}))

    twice = since(once)

    assert twice.history == once.history
    assert twice.hours == once.hours
