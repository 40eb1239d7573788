"""What an annotator sees, types and is told; what the guideline says of two intents; and what the
status makes of the labels.
"""

import datetime as dt
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import builders
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from retrain.labels import votes
from schemas import present
from services.labels import answer, ask, guideline, status

AT = builders.AT
HOUR = dt.timedelta(hours=1)
INTENTS = st.sampled_from(present.INTENTS)


def typing(*answers: str) -> Callable[[], str]:
    """An annotator who types these lines and then closes the terminal."""
    lines: Iterator[str] = iter(answers)

    def read() -> str:
        try:
            return next(lines)
        except StopIteration:
            raise EOFError from None

    return read


def row(text: str = "where is it", **of: object) -> dict[str, object]:
    return {"text": text, "intent": "order_tracking", "second_intent": "faq"} | of


# what is typed


@pytest.mark.parametrize("typed", ["", "   ", "\t", "s", " S ", ",", ",,"])
def test_nothing_or_s_passes_a_message_over(typed: str) -> None:
    assert answer.parse(typed) == "skip"


@pytest.mark.parametrize("typed", ["q", " Q\n", ",q,"])
def test_q_alone_stops(typed: str) -> None:
    assert answer.parse(typed) == "quit"


@pytest.mark.parametrize(
    ("typed", "intent", "also"),
    [
        ("4", "faq", []),
        ("04", "faq", []),
        ("004", "faq", []),
        ("FAQ", "faq", []),
        ("4,7", "faq", ["promotion"]),
        ("4 , 7 ,", "faq", ["promotion"]),
        ("7 4", "promotion", ["faq"]),
        ("faq 4 FAQ", "faq", []),  # one wish, however often it is named
        ("4 7 4 7", "faq", ["promotion"]),
        ("4\t7", "faq", ["promotion"]),
        ("4\u30007", "faq", ["promotion"]),  # the blank of a Japanese keyboard
    ],
)
def test_the_first_is_the_intent_and_the_others_are_further_wishes(
    typed: str, intent: str, also: list[str]
) -> None:
    assert answer.parse(typed) == answer.Choice(intent, also)


@given(st.lists(INTENTS, min_size=1, max_size=6))
def test_numbers_and_names_mean_the_same_and_each_wish_counts_once(names: list[str]) -> None:
    numbers = [str(present.INDEX[name] + 1) for name in names]

    by_name, by_number = answer.parse(" ".join(names)), answer.parse(", ".join(numbers))

    assert by_name == by_number
    assert isinstance(by_name, answer.Choice)
    assert [by_name.intent, *by_name.also] == list(dict.fromkeys(names))


@given(st.text(max_size=200))
@example("?")
def test_whatever_is_typed_is_an_answer_or_gets_a_sentence(typed: str) -> None:
    choice = answer.parse(typed)

    if isinstance(choice, answer.Choice):
        assert set(choice.also) <= set(present.INTENTS)
        # Nobody can tell, or it is an intent.
        assert choice.intent in present.INTENTS or (choice.intent, choice.also) == (None, [])
    else:
        assert choice in ("skip", "quit") or "type" in choice or " have " in choice


@pytest.mark.parametrize("typed", ["1000", "0000004", "9" * 100_000])
def test_a_number_of_more_digits_than_any_taxonomy_has_is_none(typed: str) -> None:
    """Python refuses to read numbers of thousands of digits, and would end the session."""
    sentence = answer.parse(typed)

    assert isinstance(sentence, str)
    assert "is no intent" in sentence
    assert len(sentence) < 150, "of what was typed only the beginning is shown again"


def test_of_many_intents_only_as_many_are_listed_as_one_takes_in() -> None:
    twice = [*present.INTENTS, *present.INTENTS, "faq"]

    shown = answer.numbered(twice)

    assert shown.startswith("1 product_discovery  2 product_question")
    assert shown.endswith("  and 1 more: type more of the name")
    assert answer.numbered(present.INTENTS).count("  ") == len(present.INTENTS) - 1
    assert answer.numbered([]) == ""


# what is shown, and what an annotator may do about it


def test_a_message_is_shown_with_the_rules_of_its_two_likeliest_intents() -> None:
    lines = ask._shown(row()).splitlines()

    assert lines[1] == "where is it"
    assert lines[2].startswith("  faq: ")
    assert lines[3].startswith("  order_tracking: ")
    assert lines[4] == "  In general: faq. An order of one's own: order_tracking."
    assert lines[-1].startswith("1 product_discovery  2 product_question")


def test_which_of_the_two_the_classifier_thought_likelier_does_not_show() -> None:
    """Who sees the answer agrees with it."""
    one = row(intent="faq", second_intent="chitchat")
    other = row(intent="chitchat", second_intent="faq")

    assert ask._shown(one) == ask._shown(other)


@pytest.mark.parametrize("second", [None, "faq"])
def test_one_likely_intent_alone_has_its_rule_and_no_pair(second: str | None) -> None:
    shown = ask._shown(row(intent="faq", second_intent=second))

    assert "  faq: " in shown
    assert "order_tracking: " not in shown


def test_a_customers_text_moves_no_cursor() -> None:
    shown = ask._shown(row("\x1b[2J\u202eowned\r"))

    assert r"\x1b[2J\u202eowned\r" in shown
    assert not set(shown) & set("\x1b\u202e\r")


@pytest.mark.parametrize(
    ("typed", "choice"),
    [
        (["4"], answer.Choice("faq", [])),
        (["s"], "skip"),
        ([""], "skip"),
        (["q"], None),
        ([], None),  # the terminal was closed
        (["weather", "orde", "4"], answer.Choice("faq", [])),
        (["weather"], None),
        (["11", "q", "4"], None),
    ],
)
def test_an_annotator_is_asked_until_there_is_an_answer(
    typed: list[str], choice: answer.Choice | str | None
) -> None:
    assert ask._choice(row(), typing(*typed)) == choice


def test_each_sentence_and_each_prompt_goes_where_messages_go(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """stdout is for data."""
    ask._choice(row(), typing("\x1b]0;owned", "4"))

    out, err = capsys.readouterr()
    assert out == ""
    assert err.count(ask._PROMPT) == 2
    assert "is no intent; type 1 to 10" in err
    assert "\x1b" not in err


# the guideline


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(present.INTENTS, 2)))
def test_what_decides_between_two_does_not_depend_on_their_order(one: str, other: str) -> None:
    assert guideline.between([one, other]) == guideline.between([other, one])


def test_one_intent_or_three_have_no_rule_between_them() -> None:
    assert guideline.between([]) is None
    assert guideline.between(["faq"]) is None
    assert guideline.between(["faq", "order_tracking", "chitchat"]) is None


@given(st.lists(st.one_of(st.none(), INTENTS), max_size=5))
def test_likely_intents_are_each_there_once_in_the_taxonomys_order(
    intents: list[str | None],
) -> None:
    likely = guideline.likely(*intents)

    assert set(likely) == set(intents) - {None}
    assert likely == sorted(likely, key=present.INTENTS.index)


def test_an_intent_of_another_time_has_no_place_and_no_rule() -> None:
    assert guideline.likely("unheard_of", "faq") == ["faq"]
    assert guideline.rules(["unheard_of"]) == {}


# the status


def held(*labels: tuple[str, str, str]) -> list[votes.Entry]:
    """One label for each (message, annotator, intent), a minute after another."""
    return [
        votes.Entry(req_id, annotator, AT + i * HOUR / 60, str(i), intent)
        for i, (req_id, annotator, intent) in enumerate(labels)
    ]


def figures(*labels: tuple[str, str, str], most: int = 100) -> dict[str, Any]:
    return status.figures(held(*labels), [], AT + HOUR, most)


def test_one_annotator_alone_agrees_with_nobody() -> None:
    alone = figures(("r1", "a1", "faq"), ("r2", "a1", "chitchat"))

    assert (alone["doubly_labelled"], alone["conflicts"], alone["confused"]) == (0, 0, [])
    assert "annotators agree" not in status.table(alone)


def test_three_annotators_of_one_message_are_one_doubly_labelled_message() -> None:
    three = figures(("r1", "a1", "faq"), ("r1", "a2", "faq"), ("r1", "a3", "chitchat"))

    assert (three["doubly_labelled"], three["conflicts"]) == (1, 1)
    assert [pair["annotators"] for pair in three["cohen"]] == [
        ("a1", "a2"),
        ("a1", "a3"),
        ("a2", "a3"),
    ]


def test_perfect_agreement_is_one() -> None:
    """Two annotators, two messages of different intents, no disagreement: alpha and kappa are 1."""
    same = figures(
        ("r1", "a1", "faq"), ("r1", "a2", "faq"), ("r2", "a1", "chitchat"), ("r2", "a2", "chitchat")
    )

    assert same["krippendorff"]["alpha"] == pytest.approx(1.0)
    assert [pair["kappa"] for pair in same["cohen"]] == [pytest.approx(1.0)]
    assert "kappa 1.00  equal 100.0 %" in status.table(same)


LABELS = st.lists(
    st.tuples(
        st.sampled_from(["r1", "r2", "r3"]),
        st.sampled_from(["a1", "a2", "a3"]),
        st.sampled_from(["faq", "chitchat", "promotion"]),
    ),
    unique_by=lambda label: label[:2],
    max_size=9,
)


@given(LABELS, st.data())
def test_the_order_in_which_labels_are_read_changes_no_figure(
    labels: list[tuple[str, str, str]], data: st.DataObject
) -> None:
    entries = held(*labels)
    shuffled = data.draw(st.permutations(entries))

    read = status.figures(entries, [], AT + HOUR, 2)
    other = status.figures(shuffled, [], AT + HOUR, 2)

    for name in ("doubly_labelled", "conflicts", "cohen", "confused", "over_cap"):
        assert read[name] == other[name], name
    assert read["krippendorff"] == pytest.approx(other["krippendorff"])


@given(LABELS)
def test_a_conflict_is_a_doubly_labelled_message_and_every_status_has_a_table(
    labels: list[tuple[str, str, str]],
) -> None:
    counted = figures(*labels)

    assert 0 <= counted["conflicts"] <= counted["doubly_labelled"] <= 3
    assert counted["doubly_labelled"] == 0 or "annotators agree" in status.table(counted)


def test_the_table_names_twenty_confused_pairs_and_counts_the_rest() -> None:
    """All 45 pairs of ten intents, one message each: 20 are listed, 25 are not."""
    pairs = list(itertools.combinations(present.INTENTS, 2))
    labels = []
    for i, (one, other) in enumerate(pairs):
        labels += [(f"r{i}", "a1", one), (f"r{i}", "a2", other)]

    lines = status.table(figures(*labels, most=1_000)).splitlines()

    begun = lines.index("labelled as both")
    assert sum(" / " in line for line in lines[begun:]) == 20
    assert "  and 25 more pairs" in lines


@pytest.mark.parametrize(("most", "over"), [(1, 2), (2, 1), (3, None)])
def test_what_exceeds_the_cap_is_told_by_annotator_and_day(most: int, over: int | None) -> None:
    three = figures(("r1", "a1", "faq"), ("r2", "a1", "faq"), ("r3", "a1", "faq"), most=most)

    assert [surplus["over"] for surplus in three["over_cap"]] == ([over] if over else [])
    assert (f"{over} of 3 do not train" in status.table(three)) is (over is not None)


def test_how_soon_labels_come_is_a_share_of_what_has_had_the_time() -> None:
    """Of two messages of four hours ago one was labelled after half an hour, the other never; a
    third one is half an hour old and has not had its hour.
    """
    waits = [(AT, AT + HOUR / 2), (AT, None), (AT + 3.5 * HOUR, None)]

    latency = status.figures([], waits, AT + 4 * HOUR, 10)["latency"]

    within_an_hour = next(point for point in latency if point["hours"] == 1)
    assert (within_an_hour["share"], within_an_hour["n"]) == (0.5, 2)
    assert within_an_hour["low"] < 0.5 < within_an_hour["high"]


def test_without_a_clock_nothing_is_said_of_how_soon() -> None:
    assert status.figures([], [(AT, None)], None, 10)["latency"] == []
