"""Which model a gateway answers with: what is refused and when it is tried again, the candidate in
the shadow, and what may be said of any probabilities.

The models are real ones of one word an intent (tests/wordmodel.py).
"""

import json
import subprocess
import sys
from pathlib import Path

import builders
import numpy as np
import numpy.typing as npt
import pytest
import wordmodel
from hypothesis import given
from hypothesis import strategies as st

from retrain.train.compile import session
from schemas import present, windows
from services.gateway import routing, serving_log
from services.gateway.follow import Follower, Refused
from services.gateway.served import Message, Served, served
from services.gateway.shadow import Shadow
from streams.access import Access

K = len(present.INTENTS)
Floats = npt.NDArray[np.float64]


# what is loaded, and what is refused


def test_the_newest_that_is_named_and_whole_is_loaded(models: Path) -> None:
    one = wordmodel.follower(models, None)

    assert one._loaded(wordmodel.version("v2"), now=0.0).model == "v2"


@pytest.mark.parametrize(
    ("model", "why"),
    [
        ("v9", "No such file or directory"),
        (wordmodel.UNSIGNED, "MANIFEST.json"),
        (wordmodel.LOST, "the model's probabilities are no numbers"),
    ],
)
def test_a_model_that_cannot_serve_is_refused_with_its_name_and_why(
    models: Path, model: str, why: str
) -> None:
    with pytest.raises(Refused, match=f"champion {model} is refused: .*{why}"):
        wordmodel.follower(models, None)._loaded(wordmodel.version(model), now=0.0)


def test_a_refused_model_is_tried_again_later_each_time_and_every_minute_at_last(
    models: Path,
) -> None:
    """After 1, 2, 4, 8, 16, 32, 60 and 60 seconds: its directory may still be on its way."""
    one = wordmodel.follower(models, None)
    tries, now = [], 0.0
    for _ in range(9):
        with pytest.raises(Refused):
            one._loaded(wordmodel.version("v9"), now)
        assert one._refusal is not None
        tries.append(one._refusal.again_at - now)
        now = one._refusal.again_at

    assert tries == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_between_two_tries_nothing_is_verified_and_the_reason_stays(
    models: Path, tmp_path: Path
) -> None:
    """Verifying takes CPU from the answers; the model that has arrived meanwhile waits its turn."""
    one = wordmodel.follower(tmp_path, None)
    with pytest.raises(Refused) as first:
        one._loaded(wordmodel.version("v1"), now=100.0)
    wordmodel.written(tmp_path / "v1")

    with pytest.raises(Refused) as second:
        one._loaded(wordmodel.version("v1"), now=100.9)

    assert str(second.value) == str(first.value)
    assert one._loaded(wordmodel.version("v1"), now=101.0).model == "v1"


def test_another_model_does_not_wait_for_the_refused_one(models: Path) -> None:
    one = wordmodel.follower(models, None)
    with pytest.raises(Refused):
        one._loaded(wordmodel.version("v9"), now=0.0)

    assert one._loaded(wordmodel.version("v1"), now=0.0).model == "v1"


# the candidate in the shadow


def message(text: str = "faq", req_id: str = "r1") -> Message:
    return Message(text, None, req_id, builders.AT)


Heard = list[tuple[Served, Served | None]]


def shadow(candidate: Follower | None) -> tuple[Shadow, Heard]:
    heard: Heard = []
    return Shadow(candidate, lambda mine, other: heard.append((mine, other))), heard


def test_without_a_candidate_an_answer_is_handed_on_at_once(models: Path) -> None:
    one, heard = shadow(None)
    answer = served(message(), session.load(models / "v1"), "champion")

    one.hear(answer)

    assert heard == [(answer, None)]


def test_a_candidate_that_serves_already_has_no_shadow(models: Path) -> None:
    one, heard = shadow(wordmodel.follower(models, "v1", "shadow"))
    answer = served(message(), session.load(models / "v1"), "champion")

    one.hear(answer)

    assert heard == [(answer, None)]


def test_what_the_candidate_has_no_time_for_goes_without_it_and_is_counted(models: Path) -> None:
    """64 messages may wait; the two that come after them do not."""
    one, heard = shadow(wordmodel.follower(models, "v2", "shadow"))
    champion = session.load(models / "v1")
    answers = [served(message(req_id=f"r{i}"), champion, "champion") for i in range(66)]

    for answer in answers:
        one.hear(answer)

    assert heard == [(answers[64], None), (answers[65], None)]
    assert one.skipped == 2


def test_a_candidate_answers_the_same_message_in_its_own_role(models: Path) -> None:
    one, _ = shadow(wordmodel.follower(models, "v2", "shadow"))
    mine = served(message("chitchat"), session.load(models / "v1"), "champion")

    other = one._own(mine)

    assert other is not None
    assert (other.model.model, other.role, other.answer.intent) == ("v2", "shadow", "chitchat")
    assert other.message is mine.message


def test_a_candidate_that_answers_with_no_number_fails_and_the_champions_log_goes_out(
    models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one, _ = shadow(wordmodel.follower(models, wordmodel.LOST, "shadow"))
    mine = served(message("unheard of"), session.load(models / "v1"), "champion")

    others = [one._own(mine), one._own(mine)]

    assert (others, one.failed) == ([None, None], 2)
    assert caplog.text.count("v7 cannot answer in the shadow") == 1, "said once"


# the buffer of logs on their way


def test_an_envelope_holds_at_most_256_logs_in_the_order_they_came() -> None:
    emitter = serving_log.Emitter(Access("127.0.0.1:1"), "t")
    for number in range(300):
        emitter.emit(json.dumps(builders.log(number)).encode())

    first, second, third = emitter._take(), emitter._take(), emitter._take()

    assert [json.loads(log)["req_id"] for log in first] == [f"r{i}" for i in range(256)]
    assert [json.loads(log)["req_id"] for log in second] == [f"r{i}" for i in range(256, 300)]
    assert third == []
    assert emitter.waiting == 0


def test_a_full_buffer_drops_and_counts() -> None:
    emitter = serving_log.Emitter(Access("127.0.0.1:1"), "t", capacity=2)

    for number in range(5):
        emitter.emit(json.dumps(builders.log(number)).encode())

    assert (emitter.waiting, emitter.dropped) == (2, 3)


# probabilities and what is said of them


@st.composite
def distributions(draw: st.DrawFn) -> Floats:
    raw = draw(st.lists(st.floats(0, 1e6), min_size=K, max_size=K).filter(any))
    return np.array(raw) / sum(raw)


@given(distributions())
def test_an_answer_is_bounded_and_names_two_different_intents(
    probabilities: Floats,
) -> None:
    answer = routing.answer(probabilities)

    assert answer.intent != answer.second_intent
    assert 1 / K - 1e-9 <= answer.confidence <= 1.0
    assert 0.0 <= answer.margin <= answer.confidence
    assert probabilities[present.INDEX[answer.intent]] == probabilities.max()
    if answer.fallback_rerank:
        assert answer.confidence < windows.LOW_CONFIDENCE, "fallbacks are low confidences, too"


@given(distributions(), st.permutations(range(K)))
def test_the_order_of_the_intents_changes_no_figure(
    probabilities: Floats, order: list[int]
) -> None:
    one, other = routing.answer(probabilities), routing.answer(probabilities[order])

    assert (one.confidence, one.margin) == (other.confidence, other.margin)
    assert one.fallback_rerank is other.fallback_rerank


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, K - 1])
def test_a_number_that_is_none_is_never_taken_for_a_sure_answer(value: float, place: int) -> None:
    """A NaN sorts last, as the largest; one in a thousand weights makes every answer of it."""
    probabilities = np.full(K, 1 / K)
    probabilities[place] = value

    with pytest.raises(FloatingPointError, match="no numbers"):
        routing.answer(probabilities)


# how it starts


def test_the_gateway_loads_nothing_that_it_does_not_need_to_answer() -> None:
    """Each of these takes a tenth of its start, or more."""
    heavy = ("scipy", "pandas", "fastapi", "uvicorn", "sklearn", "torch")
    told = f"import sys, services.gateway.__main__; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
