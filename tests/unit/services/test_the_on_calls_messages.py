"""Every kind of message as the on-call reads it, in one file: tests/golden/slack_messages.txt."""

import dataclasses
import datetime as dt
from collections.abc import Callable
from pathlib import Path

import alerting
import builders
import pytest
from alerting import CALM, Level, Shop, breach, slow

from schemas import alerts, decisions, messages, runs
from services.local.slack_sandbox import blocks
from services.notifier import compose, story

GOLDEN = Path(__file__).parents[2] / "golden" / "slack_messages.txt"
RUNNING = decisions.Past(run_in_progress=True)
LOST = (
    breach("live_accuracy", 0.77, hours=30, reference=0.92, n=4_621, low=0.75, high=0.79),
    breach("intent_mix_kl", 0.2, hours=26, limit=0.028),
    builders.verdict("low_confidence_rate", value=0.05, limit=0.08, n=5_000),
)


def slow_answers() -> Shop:
    shop = Shop()
    shop.hours(slow(), 4)
    return shop


def slow_answers_over() -> Shop:
    shop = slow_answers()
    shop.hours(CALM, 7)
    return shop


def retrain() -> Shop:
    shop = Shop()
    shop.hour(LOST)
    return shop


def retrain_running() -> Shop:
    shop = retrain()
    worse = breach("live_accuracy", 0.64, hours=30, reference=0.92, n=4_800)
    shop.hours((worse, *LOST[1:]), 5, past=RUNNING)
    (alert,) = shop.known
    training = messages.RunChanged(
        run_id="ft_20_00",
        state=runs.State.TRAINING,
        decision_id="d_1",
        base_model="minilm",
        candidate=None,
        champion="v1",
        gates=(),
        promoted=False,
        error=None,
        alert_id=alert,
    )
    shop.tell(training)
    return shop


def retrain_over() -> Shop:
    shop = retrain()
    shop.hours(LOST, 5, past=RUNNING)
    shop.model = "v2"
    shop.hour(CALM)
    return shop


def rollback() -> Shop:
    shop = Shop()
    past = decisions.Past(promoted_at=builders.AT, well_before=("error_rate",))
    shop.hour((breach("error_rate", 0.1, limit=0.005, n=4_000),), past)
    return shop


def upstream() -> Shop:
    shop = Shop()
    shop.hour((breach("tokenizer_mismatch", 0.4, limit=0.01),))
    return shop


def mix_moved() -> Shop:
    shop = Shop()
    shop.hour((builders.verdict("live_accuracy"), breach("intent_mix_kl", 0.2, hours=25)))
    return shop


def reweight() -> Shop:
    lasting = breach("intent_mix_kl", 0.2, limit=0.028, hours=80)
    shop = Shop()
    shop.hour((builders.verdict("live_accuracy"), lasting))
    return shop


def labels_biased() -> Shop:
    strata = ("confidence 0.4 to 0.6", "predicted faq")
    worst = breach("worst_case_accuracy", 0.84, hours=30, reference=0.93, n=900)
    worst = dataclasses.replace(worst, strata=strata)
    unknown = builders.verdict("live_accuracy", Level.BLIND, value=0.9)
    shop = Shop()
    shop.hours((dataclasses.replace(unknown, strata=strata), worst, *CALM[1:]), 73)
    return shop


def intent_lost() -> Shop:
    lost = dataclasses.replace(
        breach("intent_recall_lost", 0.28, hours=24, limit=0.1, n=144, reference=0.9),
        intents=("returns",),
    )
    shop = Shop()
    shop.hour((*CALM, lost))
    return shop


def blind() -> Shop:
    accuracy = builders.verdict("live_accuracy", Level.BLIND, value=None, n=12)
    shop = Shop()
    shop.hours((dataclasses.replace(accuracy, labels_needed=88), CALM[1]), 73)
    return shop


def starved() -> Shop:
    shop = Shop()
    shop.hours((*CALM, breach("label_starved", 0.7, limit=0.5)), 73)
    return shop


def logs_missing() -> Shop:
    shop = Shop()
    shop.hour((*CALM, breach("data_missing", 0.6, limit=0.5, hours=24)))
    return shop


def never_met() -> Shop:
    unsure = breach("low_confidence_rate", 0.136, hours=30, limit=0.08, reference=0.136, n=6_000)
    shop = Shop()
    shop.hour((*CALM, unsure))
    return shop


def paused() -> Shop:
    shop = Shop()
    shop.hour(LOST, decisions.Past(paused=True))
    return shop


def not_worth_it() -> Shop:
    cheap = builders.verdict("low_confidence_rate", value=0.05, limit=0.08, n=10)
    shop = Shop()
    shop.hour((*LOST[:2], cheap))
    return shop


def alarm_over() -> Shop:
    shop = Shop()
    raised = messages.AlarmRaised("t/3:stuck:50", "t/3 stands still at offset 50", "restart it")
    shop.tell(raised)
    shop.tell(messages.AlarmOver(raised.key, raised.cause, 14 * 60.0))
    return shop


KINDS: tuple[Callable[[], Shop], ...] = (
    slow_answers,
    slow_answers_over,
    retrain,
    retrain_running,
    retrain_over,
    rollback,
    upstream,
    mix_moved,
    reweight,
    labels_biased,
    intent_lost,
    blind,
    starved,
    logs_missing,
    never_met,
    paused,
    not_worth_it,
    alarm_over,
)


def shown(kind: Callable[[], Shop]) -> str:
    """The root of the one thread of it."""
    (rows,) = kind().threads.values()
    return alerting.text(compose.root(rows))


def test_the_messages_an_on_call_reads() -> None:
    """To renew after a change of wording: write `told` to the file and read it."""
    parts = [f"==== {kind.__name__.replace('_', ' ')} ====\n{shown(kind)}" for kind in KINDS]
    told = "\n\n\n".join(parts) + "\n"
    assert told == GOLDEN.read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_slack_takes_it_and_the_number_stands_before_the_cut(kind: Callable[[], Shop]) -> None:
    (rows,) = kind().threads.values()
    message = compose.root(rows)
    assert blocks.problems(message.blocks) == []
    assert not blocks.too_long(message.text, message.blocks)
    assert "… (cut)" not in message.text


def test_an_alarm_that_is_over_says_so_in_its_place_and_in_its_thread() -> None:
    (rows,) = alarm_over().threads.values()
    ended = "OVER after 14 min: t/3 stands still at offset 50"
    line = compose.reply(rows[1])
    assert compose.root(rows[:1]).text == "ALARM t/3 stands still at offset 50"
    assert compose.root(rows).text == ended
    assert line is not None
    assert line.text == ended


def test_what_is_only_shown_anew_adds_no_line() -> None:
    shop = retrain()
    shop.hours(LOST, 6, past=RUNNING)
    (rows,) = shop.threads.values()
    assert [compose.reply(row) is None for row in rows] == [False, True]


def test_a_thread_whose_first_row_was_parked_is_told_by_what_is_left() -> None:
    (rows,) = retrain_running().threads.values()
    assert compose.root(rows[1:2]).text.startswith("RETRAIN DECIDED v1: live accuracy 64.0 %")


def test_dates_are_the_readers_own() -> None:
    (rows,) = slow_answers().threads.values()
    began = int((builders.AT - dt.timedelta(0)).timestamp())
    assert f"<!date^{began}^" in str(compose.root(rows).blocks)


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"subject": "p95_latency_ms"}, "SLOW"),
        ({"subject": "labels"}, "BLIND"),
        ({"subject": "data_missing"}, "IN BREACH"),
        ({"subject": "low_confidence_rate", "never": True}, "NEVER MET"),
        ({"subject": "language", "hold": decisions.HoldReason.PAUSED}, "PAUSED"),
        ({"subject": "language", "hold": decisions.HoldReason.WATCHING}, "IN BREACH"),
        ({"subject": "language"}, "IN BREACH"),
        ({"subject": "mix", "asked": decisions.Kind.REWEIGHT}, "REWEIGHT"),
    ],
)
def test_every_alert_has_its_word(changed: dict[str, object], word: str) -> None:
    plain = alerts.Alert("a_1", "v1", "x", builders.AT, builders.AT, (), "d_1")
    alert = dataclasses.replace(plain, **changed)  # type: ignore[arg-type]
    assert story.word(alert) == word
    assert story.over(alert) == f"OVER after under a minute: {word} v1"


def test_an_alert_in_which_nothing_is_known_is_a_message_too() -> None:
    alert = alerts.Alert("a_1", "v1", "data_missing", builders.AT, builders.AT, (), "d_1")
    told = alerting.row(messages.AlertChanged(alert, messages.News.OPENED))
    assert compose.root([told]).text == "IN BREACH v1 for under a minute"
