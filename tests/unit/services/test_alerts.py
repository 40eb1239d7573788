"""What stands in breach reaches a person: once it has lasted for as long as the policy says, shown
anew as it goes on, and over when it is. Nothing is told twice, and one trouble stays one thread.
"""

import dataclasses
import datetime as dt

import builders
import pytest
from alerting import CALM, HOUR, LOST, RULES, Level, Shop, breach, slow
from hypothesis import given
from hypothesis import strategies as st

from schemas import alerts, decisions, messages, policy, signals
from services.alerts import lifecycle, standing

Kind, News = decisions.Kind, messages.News


def test_a_calm_shop_tells_nothing() -> None:
    shop = Shop()
    shop.hours(CALM, 48)
    assert (shop.said, shop.known) == ([], {})


def test_the_first_hour_without_any_verdict_tells_nothing() -> None:
    shop = Shop()
    shop.hours((), 48)
    assert shop.said == []


# Slow answers


def test_slow_answers_are_told_after_two_hours_once_and_end_with_their_duration() -> None:
    shop = Shop()
    shop.hours(slow(), 2)
    assert shop.said == []

    shop.hours(slow(), 6)
    shop.hour(slow(51.0))
    assert shop.said == [
        "SLOW v1: p95 latency 51.0 ms for 8 h (limit 15.0 ms, n = 220)",
    ]
    assert len(shop.called) == 1, "it is shown anew in its place, and calls nobody"

    shop.hours(CALM, 7)
    assert shop.said == ["OVER after 8 h: SLOW v1; worst p95 latency 51.0 ms"]
    assert [line.partition(":")[0] for line in shop.called] == ["SLOW v1", "OVER after 8 h"]


def test_an_hour_of_a_deployment_is_told_to_nobody() -> None:
    shop = Shop()
    for _ in range(5):
        shop.hour(slow(at=shop.at))
        shop.hours(CALM, 3)
    assert shop.said == []


def test_a_breach_that_has_lasted_since_before_is_told_at_once() -> None:
    """As after an update: the verdict remembers since when."""
    shop = Shop()
    shop.hour(slow(since=70))
    assert shop.said == ["SLOW v1: p95 latency 42.9 ms for 2 d 22 h (limit 15.0 ms, n = 220)"]


def test_what_comes_back_within_hours_is_the_same_incident_and_later_another() -> None:
    shop = Shop()
    for calm in (5, 7, 1):
        shop.hours(slow(), 4)
        shop.hours(CALM, calm)
    first, second = shop.said
    assert first.startswith("OVER after 12 h")
    assert second.startswith("SLOW v1")


def test_hours_without_traffic_end_nothing() -> None:
    shop = Shop()
    shop.hours(slow(), 4)
    shop.at += 30 * HOUR
    shop.hour(slow())
    (only,) = shop.said
    assert only.startswith("SLOW v1: p95 latency 42.9 ms for 34 h")


def test_after_a_jump_of_the_clock_it_ended_when_it_was_seen_last() -> None:
    shop = Shop()
    shop.hours(slow(), 4)
    shop.at += dt.timedelta(days=400)
    shop.hour(CALM)
    assert shop.said == ["OVER after 3 h: SLOW v1; worst p95 latency 42.9 ms"]


def test_the_policy_says_how_long_is_long() -> None:
    shop = Shop(policy.parse("[telling]\nslow_after_hours = 0\nover_after_hours = 1"))
    shop.hour(slow())
    shop.hours(CALM, 1)
    assert [line.split(":")[0] for line in shop.called] == ["SLOW v1", "OVER after under a minute"]


# Everything that may stand


@pytest.mark.parametrize("name", [signal.name for signal in signals.ALL])
def test_every_sustained_breach_reaches_a_person_and_its_end_does(name: str) -> None:
    bad = 0.5 if signals.of(name).unit is signals.Unit.RATIO else 90.0
    stands = breach(name, bad, reference=None, limit=0.9 if signals.of(name).falls else 0.1)
    shop = Shop()
    shop.hours((stands,), 80)
    assert shop.said, name
    assert all("OVER" not in text for text in shop.said)

    well = builders.verdict(name, value=0.95 if signals.of(name).falls else 0.0)
    calm = (well,) if name == "live_accuracy" else (*CALM[:1], well)
    shop.hours(calm, 8)
    assert all(text.startswith("OVER after") for text in shop.said)
    assert all(alert.ended for alert in shop.known.values())


@given(st.lists(st.sampled_from([CALM, slow(), LOST, LOST[1:], ()]), max_size=60))
def test_whatever_comes_each_alert_opens_once_and_ends_once(weeks: list[object]) -> None:
    shop = Shop()
    for judged in weeks:
        shop.hour(judged)  # type: ignore[arg-type]
    shop.hours(CALM, 8)
    keys = [message.dedupe_key for message in shop.heard]
    assert len(keys) == len(set(keys))
    told = [alert for alert in shop.known.values() if alert.told]
    opened = {message.thread_key for message in shop.heard}
    assert opened == {f"alert:{alert.id}" for alert in told}
    over = [key for key in keys if key.endswith(":over")]
    assert sorted(over) == sorted(f"alert:{alert.id}:over" for alert in told)


def test_a_missed_service_level_is_said_once_with_since_when() -> None:
    shop = Shop()
    unsure = breach("low_confidence_rate", 0.136, hours=30, limit=0.08, reference=0.05, n=6_000)
    shop.hours((*CALM, unsure), 200)
    (only,) = shop.called
    assert only == ("IN BREACH v1: low-confidence rate 13.6 % for 30 h (limit 8.0 %, n = 6,000)")


def test_a_version_that_was_never_better_is_said_to_be_so() -> None:
    unsure = breach("low_confidence_rate", 0.136, hours=30, limit=0.08, reference=0.136)
    blind = builders.verdict("low_confidence_rate", Level.BLIND)
    well = builders.verdict("low_confidence_rate", value=0.07)
    always, once_well = Shop(), Shop()
    always.hour((*CALM, unsure), history={"low_confidence_rate": [blind, unsure]})
    once_well.hour((*CALM, unsure), history={"low_confidence_rate": [well, unsure]})
    assert always.said[0].startswith("NEVER MET v1: low-confidence rate 13.6 %")
    assert once_well.said[0].startswith("IN BREACH v1")


def test_blind_accuracy_is_told_when_labels_could_have_come_with_how_many_are_needed() -> None:
    blind = dataclasses.replace(
        builders.verdict("live_accuracy", Level.BLIND, value=None, n=12), labels_needed=88
    )
    traffic = builders.verdict("p95_latency_ms", value=8.0)
    shop = Shop()
    shop.hours((blind, traffic), 72)
    assert shop.said == []
    shop.hour((blind, traffic))
    assert shop.said == [
        "BLIND v1: accuracy cannot be judged, n = 12 labels, 88 more labels would tell, for 3 d"
    ]


def test_missing_labels_are_one_trouble_also_while_something_else_decides() -> None:
    blind = builders.verdict("live_accuracy", Level.BLIND, n=300)
    silent = breach("unanswered_share", 0.18, reference=0.1, limit=0.12)
    lost = dataclasses.replace(breach("intent_recall_lost", 0.3), level="grave")
    shop = Shop()
    shop.hours((blind, silent), 50)
    assert shop.hour((blind, silent, lost)).decision is Kind.RETRAIN
    shop.hours((blind, silent, lost), 50)
    assert sorted(alert.subject for alert in shop.known.values()) == ["labels", "language"]


def test_a_closed_shop_is_not_asked_for_labels() -> None:
    blind = [builders.verdict(name, Level.BLIND, n=0) for name in ("live_accuracy", "error_rate")]
    shop = Shop()
    shop.hours(blind, 100)
    assert shop.said == []


def test_a_lost_intent_is_told_by_its_name() -> None:
    lost = dataclasses.replace(
        breach("intent_recall_lost", 0.28, hours=24, limit=0.1), intents=("returns",)
    )
    shop = Shop()
    shop.hour((*CALM, lost))
    (only,) = shop.said
    assert only.startswith("INTENT LOST v1: recall lost by one intent (returns) 28.0 %")


@pytest.mark.parametrize(
    ("past", "word"),
    [
        (decisions.Past(paused=True), "PAUSED"),
        (decisions.Past(run_in_progress=True), "RUN IN PROGRESS"),
        (decisions.Past(last_retrain=builders.AT), "COOLING DOWN"),
    ],
)
def test_a_retrain_that_is_called_for_and_held_is_told(past: decisions.Past, word: str) -> None:
    shop = Shop()
    shop.hour(LOST, past)
    assert shop.said[0].startswith(f"{word} v1: live accuracy 77.0 %")


# One trouble, one thread


def test_a_retrain_is_told_at_once_and_its_root_shows_the_newest_and_the_worst() -> None:
    shop = Shop()
    shop.hour(LOST)
    assert shop.said[0].startswith("RETRAIN DECIDED v1: live accuracy 77.0 %")

    worse = (breach("live_accuracy", 0.64, hours=30, reference=0.92), LOST[1])
    better = (breach("live_accuracy", 0.8, hours=30, reference=0.92), LOST[1])
    running = decisions.Past(run_in_progress=True)
    shop.hour(worse, running)
    shop.hours(better, 3, past=running)
    (only,) = shop.said
    assert only.startswith("RETRAIN DECIDED v1: live accuracy 80.0 %")
    (alert,) = shop.known.values()
    by_name = {each.reason.signal: each for each in alert.figures}
    assert (by_name["live_accuracy"].reason.value, by_name["live_accuracy"].worst) == (0.8, 0.64)
    assert len(shop.called) == 1


def test_what_nobody_could_read_refreshes_nothing_and_small_steps_add_up() -> None:
    shop = Shop()
    shop.hour(LOST)
    refreshed = []
    for hour in range(5):
        step = breach("live_accuracy", 0.77 + 0.001 * hour, hours=30, reference=0.92)
        shop.hour((step, LOST[1]), decisions.Past(run_in_progress=True))
        (alert,) = shop.known.values()
        refreshed.append(alert.figures[0].reason.value)
    assert refreshed == [0.77, 0.77, 0.77, 0.77, 0.77]
    shop.hour((breach("live_accuracy", 0.776, hours=30, reference=0.92), LOST[1]))
    (alert,) = shop.known.values()
    assert alert.figures[0].reason.value == 0.776


def test_a_second_retrain_of_the_same_cause_stays_in_the_thread() -> None:
    shop = Shop()
    shop.hour(LOST)
    shop.hours(LOST, 71, past=decisions.Past(last_retrain=builders.AT))
    shop.hour(LOST)
    (only,) = shop.threads
    begun = [message for message in shop.heard if isinstance(message, messages.DecisionTaken)]
    assert [message.run_id for message in begun] == ["ft_20_00", "ft_23_00"]
    assert {message.thread_key for message in begun} == {only}


def test_a_cause_that_becomes_known_is_the_same_trouble() -> None:
    lost = breach("live_accuracy", 0.6, hours=2, reference=0.92, low=0.58, high=0.62)
    shop = Shop()
    new = decisions.Past(promoted_at=builders.AT - 80 * HOUR)
    assert shop.hour((lost,), new).cause is decisions.Cause.UNKNOWN
    old = decisions.Past(last_retrain=builders.AT, well=("live_accuracy",))
    assert shop.hour((lost,), old).cause is decisions.Cause.LANGUAGE
    assert len(shop.threads) == 1


def test_what_was_told_before_a_retrain_goes_on_in_the_same_thread() -> None:
    """Accuracy alone stood in breach for days; then the mix moves, too."""
    shop = Shop()
    accuracy = breach("live_accuracy", 0.89, hours=30, reference=0.92, high=0.91)
    shop.hours((accuracy,), 3)
    shop.hour((accuracy, LOST[1]))
    (only,) = shop.said
    assert only.startswith("RETRAIN DECIDED v1")


def test_a_rollback_that_is_asked_for_every_hour_is_told_once() -> None:
    bad = (breach("error_rate", 0.1, limit=0.005),)
    past = decisions.Past(promoted_at=builders.AT, well_before=("error_rate",))
    shop = Shop()
    assert shop.hour(bad, past).decision is Kind.ROLLBACK
    shop.hours(bad, 40, past=past)
    assert len(shop.called) == 1


def test_a_mix_that_is_held_and_then_asked_about_is_one_thread() -> None:
    moved = (builders.verdict("live_accuracy"), breach("intent_mix_kl", 0.2, limit=0.028, hours=25))
    lasting = (
        *moved[:1],
        breach("intent_mix_kl", 0.2, limit=0.028, hours=80, end=builders.AT + HOUR),
    )
    shop = Shop()
    shop.hour(moved)
    assert shop.said[0].startswith("MIX MOVED v1")
    assert shop.hour(lasting).decision is Kind.REWEIGHT
    assert [text.split(" v1")[0] for text in shop.said] == ["REWEIGHT"]
    assert len(shop.called) == 2


def test_slow_answers_during_a_retrain_are_a_trouble_of_their_own() -> None:
    shop = Shop()
    shop.hours((*LOST, slow()[1]), 4)
    assert sorted(text.split(" v1")[0] for text in shop.said) == ["RETRAIN DECIDED", "SLOW"]


def test_an_incident_is_over_when_none_of_its_witnesses_is_in_breach() -> None:
    shop = Shop()
    shop.hours(LOST, 10, past=decisions.Past(run_in_progress=True))
    shop.hour(LOST)
    half = (builders.verdict("live_accuracy", value=0.91), LOST[1])
    shop.hours(half, 3)
    assert not shop.said[0].startswith("OVER")
    shop.hours(CALM, 7)
    assert all(text.startswith("OVER after") for text in shop.said)


def test_a_new_champion_ends_what_its_predecessor_left() -> None:
    shop = Shop()
    shop.hours((*LOST, slow()[1]), 4)
    shop.model = "v2"
    shop.hour(CALM)
    assert len(shop.said) == 2
    assert all(": v2 serves; was " in text for text in shop.said)


def test_a_trouble_nobody_was_told_of_ends_without_a_word() -> None:
    shop = Shop()
    shop.hour(slow())
    shop.model = "v2"
    shop.hour(CALM)
    assert shop.heard == []
    assert all(alert.ended for alert in shop.known.values())


# Restarts, catch-ups


def test_the_same_hour_again_makes_the_same_rows() -> None:
    one, other = Shop(), Shop()
    for shop in (one, other):
        shop.hours(LOST, 3)
    assert (one.known, one.outbox) == (other.known, other.outbox)
    for message in list(one.outbox.values()):
        one.tell(message)
    assert one.outbox == other.outbox


def test_of_a_catch_up_of_three_hundred_hours_one_refresh_is_left() -> None:
    shop = Shop()
    for hour in range(300):
        shop.hour(slow(20.0 + hour / 3))
    assert [message.kind for message in shop.outbox.values()] == ["alert", "alert"]
    assert [key.split(":")[2] for key in shop.outbox] == ["opened", "refreshed"]


# The pure parts


@pytest.mark.parametrize(
    ("name", "one", "other", "worst"),
    [
        ("live_accuracy", 0.8, 0.7, 0.7),
        ("p95_latency_ms", 20.0, 30.0, 30.0),
        ("error_rate", None, 0.1, 0.1),
        ("error_rate", None, None, None),
    ],
)
def test_the_worst_is_on_the_bad_side(
    name: str, one: float | None, other: float | None, worst: float | None
) -> None:
    assert alerts.worse(name, one, other) == worst


def test_a_release_case_owns_nothing_but_its_witnesses() -> None:
    taken = builders.decision(Kind.ROLLBACK, cause=decisions.Cause.BAD_RELEASE)
    hour = standing.Hour(taken, (), RULES)
    assert hour.belongs("recent_accuracy", "bad_release", {"live_accuracy"})
    assert not hour.belongs("p95_latency_ms", "bad_release", {"live_accuracy"})
    assert hour.belongs("rare_recall", "language", {"intent_mix_kl"})
    assert not hour.belongs("p95_latency_ms", "language", {"live_accuracy"})


def test_how_long_each_kind_waits() -> None:
    assert lifecycle.waits(alerts.LATENCY, RULES) == 2
    assert lifecycle.waits(alerts.LABELS, RULES) == 24 + 48
    assert lifecycle.waits("language", RULES) == 24
