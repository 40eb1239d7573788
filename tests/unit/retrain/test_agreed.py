"""How far annotators agree is a check of the audit, and is not known without two of them."""

import datetime as dt

import pytest

from retrain.labels import votes
from retrain.train import agreed
from schemas import checks

AT = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)


def said(*labels: tuple[str, str, str | None]) -> checks.Check:
    """Message, annotator, intent; one after the other."""
    entries = [
        votes.Entry(req_id, by, AT + dt.timedelta(minutes=i), str(i), intent)
        for i, (req_id, by, intent) in enumerate(labels)
    ]
    return agreed.checked(entries)


def twice(n: int, unlike: int) -> list[tuple[str, str, str | None]]:
    """n messages of two intents, all labelled by ana and ben, who differ on the first ones."""
    told: list[tuple[str, str, str | None]] = []
    for i in range(n):
        one, other = ("faq", "chitchat") if i % 2 else ("chitchat", "faq")
        told += [(f"r{i}", "ana", one), (f"r{i}", "ben", other if i < unlike else one)]
    return told


@pytest.mark.parametrize(
    ("unlike", "level"),
    [(0, checks.Level.OK), (4, checks.Level.OK), (60, checks.Level.ACT)],
)
def test_two_people_who_agree_are_in_order_and_two_who_guess_are_not(
    unlike: int, level: checks.Level
) -> None:
    check = said(*twice(100, unlike))

    assert (check.n, check.level) == (100, level)
    assert check.stage is checks.Stage.AUDIT


def test_alpha_of_four_messages_by_hand() -> None:
    """One of four differs; of eight labels five are faq: observed 2 of 8, expected 2 x 5 x 3 of
    56: 1 - 0.25 / 0.5357 = 0.533.
    """
    same = [(f"r{i}", by, "faq") for i in range(2) for by in ("ana", "ben")]
    other = [("r2", "ana", "chitchat"), ("r2", "ben", "chitchat")]

    check = said(*same, *other, ("r3", "ana", "faq"), ("r3", "ben", "chitchat"))

    assert check.value == pytest.approx(0.5333, abs=1e-4)


@pytest.mark.parametrize(
    "labels",
    [
        (),
        (("r1", "ana", "faq"),),
        (("r1", "ana", "faq"), ("r2", "ben", "faq")),  # nobody saw what another one saw
        (("r1", "ana", "faq"), ("r1", "ben", None)),  # taken back
    ],
)
def test_without_two_labels_of_a_message_it_is_not_known(
    labels: tuple[tuple[str, str, str | None], ...],
) -> None:
    check = said(*labels)

    assert (check.value, check.n, check.level) == (None, 0, checks.Level.WATCH)
