"""How long still, whatever a machine does: a promise falls as time goes, never below nothing, and
rises only with a word why; and messages that are filled, misspelt and said in words.
"""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import runs
from services.local.demo import invent, pace, telling

SECONDS = st.floats(0, 10_000)
ESTIMATES = st.lists(SECONDS, min_size=1, max_size=20)


@given(ESTIMATES)
def test_what_is_told_rises_only_with_a_word_why(estimates: list[float]) -> None:
    promise, now = None, 0.0
    for estimate in estimates:
        rest = None if promise is None else promise.rest(now)
        promise = pace.promised(promise, estimate, now)
        if rest is not None and promise.left > rest:
            assert promise.longer(now)
        assert 0 <= promise.rest(now) <= max(estimate, rest or 0.0)
        now += 10.0


@given(SECONDS, SECONDS)
def test_what_is_left_falls_with_the_clock_and_not_below_nothing(left: float, now: float) -> None:
    assert pace.Promise(0.0, left).rest(now) == max(0.0, left - now)


def test_a_rise_is_explained_for_a_minute() -> None:
    risen = pace.promised(pace.Promise(0.0, 100.0), 500.0, 10.0)

    assert risen.longer(70.0)
    assert not risen.longer(70.1)
    # What is told afterwards keeps the word for what is left of that minute.
    later = pace.promised(risen, 400.0, 40.0)
    assert (later.longer(70.0), later.longer(70.1)) == (True, False)


@pytest.mark.parametrize(
    ("estimate", "left"),
    [
        # 80 seconds are still promised: a quarter of them and 20 s may be added unsaid.
        (120.0, 80.0),
        (120.1, 120.1),
        (79.0, 79.0),
    ],
)
def test_a_little_more_is_not_worth_a_word(estimate: float, left: float) -> None:
    assert pace.promised(pace.Promise(0.0, 100.0), estimate, 20.0).left == left


@given(st.sampled_from(pace.Kind), SECONDS, SECONDS)
def test_no_more_is_behind_than_there_is_and_nothing_is_undone(
    kind: pace.Kind, first: float, second: float
) -> None:
    work = pace.of(1000, 0.0)

    work.advance(kind, first, 1.0)
    before = work.done[kind]
    work.advance(kind, second, 2.0)

    assert before <= work.done[kind] <= work.total[kind]
    assert work.left() >= 0


@given(st.lists(st.tuples(st.sampled_from(pace.Kind), SECONDS), max_size=10))
def test_every_second_that_passed_went_into_some_work(
    steps: list[tuple[pace.Kind, float]],
) -> None:
    work, now = pace.of(1000, 100.0), 100.0

    for kind, took in steps:
        now += took
        work.advance(kind, 1.0, now)

    assert sum(work.took.values()) == pytest.approx(now - 100.0)


@pytest.mark.parametrize(("messages", "seconds"), [(0, 0.0), (1000, 10.0), (16_800, 168.0)])
def test_a_thousand_messages_take_ten_seconds_of_a_free_machine(
    messages: int, seconds: float
) -> None:
    assert pace.traffic(messages) == seconds


@given(st.floats(0, 1))
def test_a_run_never_goes_back_as_it_goes_on(within: float) -> None:
    steps = [*pace.SHARES, runs.State.REGISTERED]

    behind = [pace.fraction(pace.SHARES, state, within) for state in steps]

    assert behind == sorted(behind)
    assert all(0 <= part <= 1 for part in behind)


@pytest.mark.parametrize("ended", [10.0, 5.0])
def test_a_training_that_ends_as_it_begins_tells_no_shares(ended: float) -> None:
    assert pace.shares({runs.State.TRAINING: 10.0}, ended) is pace.SHARES


@given(st.lists(st.floats(0.1, 1000), min_size=4, max_size=4))
def test_the_shares_of_a_run_are_parts_of_one(took: list[float]) -> None:
    began, now = {}, 50.0
    for step, seconds in zip(pace.SHARES, took, strict=True):
        began[step] = now
        now += seconds

    parts = pace.shares(began, now)

    assert list(parts) == list(pace.SHARES)
    assert sum(parts.values()) == pytest.approx(1.0)
    assert parts[runs.State.TRAINING] == pytest.approx(took[0] / sum(took))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "a few seconds left"),
        (19.9, "a few seconds left"),
        (20.0, "about 20 s left"),
        (90.0, "about 90 s left"),
        (90.1, "about 2 min left"),
        (3600.0, "about 60 min left"),
    ],
)
def test_time_left_is_said_no_finer_than_it_is_known(seconds: float, words: str) -> None:
    assert telling.left(seconds) == words


@given(st.text(max_size=400), st.integers(20, 200))
def test_a_wrapped_sentence_keeps_its_words_and_the_width(text: str, width: int) -> None:
    lines = telling.wrapped(text, width, "  ")

    assert lines, "nothing is a line, too"
    assert all(len(line) <= min(width, telling.WIDEST) for line in lines)
    assert re.sub(r"\s", "", "".join(lines)) == re.sub(r"\s", "", text)


@pytest.mark.parametrize(
    ("estimate", "low", "high", "words"),
    [
        (0.0, 0.0, 0.004, "0 % [0, 0]"),
        (1.0, 0.996, 1.0, "100 % [100, 100]"),
        (0.5, None, 0.6, "50 %"),
        (0.5, 0.4, None, "50 %"),
        (None, 0.4, 0.6, "-"),
    ],
)
def test_an_accuracy_without_both_ends_has_no_interval(
    estimate: float | None, low: float | None, high: float | None, words: str
) -> None:
    assert telling.accuracy(estimate, low, high) == words


WORDS: invent.Words = {"thing": ["vol {n}", "a {colour} box"], "n": [1, 3], "colour": ["red"]}


@given(st.integers(0, 10_000))
def test_a_pattern_is_filled_to_the_last_word(seed: int) -> None:
    text = invent.filled("where is {thing}", WORDS, random.Random(seed))

    assert text in {"where is vol 1", "where is vol 2", "where is vol 3", "where is a red box"}


def test_a_pattern_without_a_word_stays_and_an_unknown_word_is_named() -> None:
    assert invent.filled("hello {there", WORDS, random.Random(1)) == "hello {there"
    with pytest.raises(KeyError, match="nothing"):
        invent.filled("where is {nothing}", WORDS, random.Random(1))


@given(st.lists(st.text("abcz", min_size=1, max_size=9), max_size=6), st.integers(0, 99))
def test_a_slip_touches_one_longer_word_and_not_its_first_letter(
    typed: list[str], seed: int
) -> None:
    text = " ".join(typed)

    slipped = invent.misspelt(text, random.Random(seed)).split()

    assert len(slipped) == len(typed)
    changed = [(a, b) for a, b in zip(typed, slipped, strict=True) if a != b]
    assert len(changed) <= 1
    for before, after in changed:
        assert len(before) >= 5
        assert abs(len(before) - len(after)) <= 1
        assert before[0] == after[0]


def test_whatever_the_slip_the_first_letter_stays() -> None:
    slips = {invent.misspelt("volume", random.Random(seed)) for seed in range(300)}

    assert {"vlume", "voolume", "vloume"} <= slips
    assert {slip[0] for slip in slips} == {"v"}


@pytest.mark.parametrize("text", ["", "a b c", "ナルトの新刊はどこ", "VOLUME TWELVE", "1234567"])
def test_a_text_without_a_longer_word_of_small_letters_is_typed_rightly(text: str) -> None:
    assert invent.misspelt(text, random.Random(3)) == text
