"""Which labels the champion's figures wait for, and in what words people are told."""

from typing import Any

import pytest

from retrain.decide.missing import needs
from retrain.decide.missing.needs import Need
from schemas import present

ESCALATION = Need("intent_recall_lost", ("escalation",), 135, blind=True)
ANY = Need("live_accuracy", (), 60, blind=True)


def verdict(signal: str, labels_needed: int | None, level: str = "blind", **more: Any) -> Any:
    """A verdict as a decision's evidence has it."""
    about = {"signal": signal, "value": None, "n": 3}
    return {"signal": about, "verdict": level, "labels_needed": labels_needed, "intents": []} | more


def test_a_blind_figure_says_what_it_waits_for() -> None:
    missing = needs.needs([verdict("live_accuracy", 60)], {}, least=20)

    assert missing == (ANY,)


def test_rare_recall_is_of_the_rare_intents() -> None:
    (need,) = needs.needs([verdict("rare_recall", 135)], {}, least=20)

    assert need.intents == tuple(present.RARE)
    assert (need.labels, need.blind) == (135, True)


def test_a_verdict_that_names_its_intents_is_of_these() -> None:
    told = verdict("intent_recall_lost", 192, "watch", intents=["faq"])

    (need,) = needs.needs([told], {}, least=20)

    assert need == Need("intent_recall_lost", ("faq",), 192, blind=False)


def test_verdicts_that_wait_for_nothing_and_those_of_before_need_nothing() -> None:
    old = {
        "signal": {"signal": "live_accuracy"},
        "verdict": "ok",
    }  # from before labels were counted

    assert needs.needs([verdict("live_accuracy", None, "ok"), old], {}, least=20) == ()
    assert needs.needs([], {}, least=20) == ()


def test_each_intent_of_too_few_labels_is_named_with_what_it_lacks() -> None:
    missing = needs.needs([], {"faq": 19, "promotion": 0, "chitchat": 20}, least=20)

    told = [(need.intents, need.labels) for need in missing]
    assert told == [(("promotion",), 20), (("faq",), 1)]


def test_an_intent_whose_verdict_says_more_is_told_once() -> None:
    told = verdict("intent_recall_lost", 192, "watch", intents=["faq"])

    (need,) = needs.needs([told], {"faq": 4}, least=20)

    assert need.labels == 192


def test_what_names_intents_comes_first_and_what_is_blind_before_what_is_watched() -> None:
    watched = verdict("intent_recall_lost", 500, "watch", intents=["faq"])
    judged = [verdict("live_accuracy", 90), watched, verdict("rare_recall", 135)]

    missing = needs.needs(judged, {}, least=20)

    assert [need.signal for need in missing] == [
        "rare_recall",
        "intent_recall_lost",
        "live_accuracy",
    ]


def test_wanted_intents_come_once_in_the_taxonomys_order() -> None:
    both = Need("rare_recall", ("escalation", "promotion"), 5, blind=True)

    assert needs.wanted([both, ESCALATION, ANY]) == ["promotion", "escalation"]
    assert needs.wanted([ANY]) == []


@pytest.mark.parametrize(
    ("queue", "likely", "sentence"),
    [
        ("measure", ["escalation"], ESCALATION.sentence),
        # Which of the two was predicted does not show.
        ("measure", ["faq", "escalation"], ESCALATION.sentence),
        ("measure", ["faq"], ANY.sentence),
        ("train", ["escalation"], "drawn to train on: unsure, close or new"),
    ],
)
def test_why_a_message_is_asked_about(queue: str, likely: list[str], sentence: str) -> None:
    assert needs.why(queue, likely, [ESCALATION, ANY]) == sentence


def test_where_nothing_is_missing_it_says_what_the_queue_is_for() -> None:
    assert "measure" in needs.why("measure", ["faq"], [])
    assert needs.table([]) == ""


def test_several_intents_are_told_together() -> None:
    both = Need("rare_recall", ("promotion", "escalation"), 1_350, blind=True)

    assert both.sentence == (
        "1,350 more of promotion or escalation are needed to see whether they are still understood"
    )
    assert needs.table([both]).splitlines() == ["labels are missing:", f"  {both.sentence}"]


def test_in_json_a_need_names_its_figure_its_intents_and_the_verdict() -> None:
    assert ESCALATION.plain == {
        "signal": "intent_recall_lost",
        "intents": ["escalation"],
        "labels": 135,
        "verdict": "blind",
        "sentence": ESCALATION.sentence,
    }
