"""Each request has one fate, as its caller sees it: in the reply, in /metrics and in its serving
logs, whose windows then speak of what customers got.
"""

import collections
import dataclasses
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import builders
import pytest
import serving
import wordmodel

from retrain.train.compile import session
from schemas import events, policy, present
from services.gateway import app, fates
from services.gateway.fates import Fate
from streams.count import observe
from streams.signals import judge, measure


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wordmodel.shelf(tmp_path_factory.mktemp("models"))


@pytest.fixture
def one(models: Path) -> Iterator[serving.Served]:
    champion = wordmodel.follower(models, "v1")
    gateway = app.Gateway(champion, None, serving.Emitter(), policy.Policy(), test_clock=True)
    with serving.serving(gateway) as served:
        yield served


def emitted(one: serving.Served) -> list[dict[str, Any]]:
    emitter: Any = one.gateway.emitter
    logs: list[dict[str, Any]] = emitter.logs
    return logs


def counted(one: serving.Served, of: str = "requests") -> dict[str, int]:
    """The fates that occurred, and how often."""
    figures = one.metrics()
    series = {fate: f'intentwatch_gateway_{of}_total{{fate="{fate}"}}' for fate in Fate}
    return {str(fate): int(figures[name]) for fate, name in series.items() if figures[name]}


class Held:
    """A model that answers when it is let."""

    def __init__(self, model: session.Session) -> None:
        self.go = threading.Event()
        self._run = model._run
        self.session = dataclasses.replace(model, _run=self.answer)

    def answer(self, ids: Sequence[int]) -> Any:
        assert self.go.wait(30)
        return self._run(ids)


@pytest.fixture
def held(one: serving.Served, models: Path) -> Iterator[Held]:
    model = Held(session.load(models / "v1"))
    one.gateway.champion.session = model.session
    yield model
    model.go.set()


def in_hand(one: serving.Served, count: int) -> None:
    """Wait until so many messages are."""
    while one.gateway.classifier.workers.in_hand < count:
        time.sleep(0.005)


Asking = Callable[[object], "Future[tuple[int, Any]]"]


@pytest.fixture
def asking(one: serving.Served) -> Iterator[Asking]:
    """Ask without waiting for the answer."""
    with ThreadPoolExecutor(32) as pool:
        yield lambda body: pool.submit(one.classify, body)


# one fate each


def test_an_answer_is_ok_and_its_log_has_no_error(one: serving.Served) -> None:
    one.classify({"text": "faq"})
    one.classify({"messages": [{"text": "faq"}] * 3})

    assert counted(one) == {"ok": 2}
    assert counted(one, "messages") == {"ok": 4}
    assert [log["error"] for log in emitted(one)] == [None] * 4


def test_a_champion_that_raises_on_a_message_fails_it_and_no_other(
    one: serving.Served, models: Path
) -> None:
    """Its table of words has one row too few: it passed verification and warm-up."""
    one.gateway.champion.session = session.load(models / wordmodel.SHORT)

    answers = [one.classify({"text": word, "conversation": "c"}) for word in ("faq", "chitchat")]

    assert [status for status, _ in answers] == [200, 500]
    assert "failed" in answers[1][1]["detail"]
    assert counted(one) == {"ok": 1, "failed": 1}
    well, ill = emitted(one)
    assert (well["error"], ill["error"]) == (None, "failed")
    assert (ill["model"], ill["conversation"], ill["req_id"]) == (
        wordmodel.SHORT,
        "c",
        answers[1][1]["req_id"],
    )
    none = ("intent", "confidence", "second_intent", "margin", "tokens", "sample")
    assert [ill[key] for key in none] == [None] * len(none)
    assert ill["latency_ms"] >= ill["queue_ms"] >= 0


def test_an_answer_that_is_no_number_is_none(one: serving.Served, models: Path) -> None:
    one.gateway.champion.session = session.load(models / wordmodel.LOST)

    assert one.classify({"text": "unheard of"})[0] == 500
    assert [log["error"] for log in emitted(one)] == ["failed"]


def test_a_batch_in_which_one_message_fails_is_no_answer_to_any(
    one: serving.Served, models: Path
) -> None:
    one.gateway.champion.session = session.load(models / wordmodel.SHORT)
    words = ["faq", "chitchat", "faq", "chitchat"]

    status, _ = one.classify({"messages": [{"text": word} for word in words]})

    assert status == 500
    assert [log["error"] for log in emitted(one)] == ["failed"] * 4
    assert counted(one) == {"failed": 1}
    assert counted(one, "messages") == {"failed": 4}
    assert one.classify({"text": "faq"})[0] == 200, "its rest holds nobody up"


def test_without_a_champion_the_remedy_is_said_and_the_log_names_no_model(
    one: serving.Served,
) -> None:
    one.gateway.champion.session = None

    status, answer = one.classify({"messages": [{"text": "faq"}] * 2})

    assert status == 503
    assert "promote a model first" in answer["detail"]
    assert [(log["error"], log["model"]) for log in emitted(one)] == [("no_model", "none")] * 2
    assert counted(one) == {"no_model": 1}


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{", {}, 422, "malformed"),
        ({"txt": "x"}, {}, 422, "malformed"),
        ({"text": "x"}, {"x-request-id": "x" * 101}, 422, "malformed"),
        ({"text": "x"}, {"x-event-time": "then"}, 422, "malformed"),
        ({"text": "a" * 8193, "conversation": "c"}, {}, 413, "too_large"),
        ({"messages": [{"text": "x", "conversation": "c"}] * 65}, {}, 413, "too_large"),
        (b" " * (64 * 17_408 + 1), {}, 413, "too_large"),
    ],
)
def test_what_is_no_message_is_logged_without_a_word_of_it(
    one: serving.Served, body: object, headers: dict[str, str], status: int, code: str
) -> None:
    told, answer = one.classify(body, headers)

    (log,) = emitted(one)
    assert (told, log["error"]) == (status, code)
    assert (log["req_id"], log["model"]) == (answer["req_id"], "v1")
    assert (log["conversation"], log["sample"], log["intent"]) == (None, None, None)
    assert counted(one) == {code: 1}


def test_the_callers_id_stands_in_the_log_of_what_went_wrong(one: serving.Served) -> None:
    for body in (b"{", b" " * (64 * 17_408 + 1)):
        _, answer = one.classify(body, {"x-request-id": "mine"})
        assert answer["caller_id"] == "mine"

    assert [log["caller_id"] for log in emitted(one)] == ["mine", "mine"]


@pytest.mark.usefixtures("held")
def test_who_would_wait_too_long_is_told_at_once(
    one: serving.Served, asking: Asking, held: Held
) -> None:
    """Two messages are being answered, and one takes a second: the third would wait half of it."""
    waiting = [asking({"text": "faq"}) for _ in range(2)]
    in_hand(one, 2)
    one.gateway.classifier.workers._line.mean_s = 1.0

    answer = one.ask("POST", "/classify", b'{"text": "faq", "conversation": "c"}')

    assert (answer.status, answer.headers["retry-after"]) == (429, "1")
    assert answer.json()["detail"] == "saturated"
    (log,) = emitted(one)
    assert (log["error"], log["conversation"], log["model"]) == ("shed", "c", "v1")
    held.go.set()
    assert {each.result()[0] for each in waiting} == {200}
    assert counted(one) == {"ok": 2, "shed": 1}


def test_who_has_waited_too_long_is_not_worked_for(
    one: serving.Served, asking: Asking, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fates, "DEADLINE_S", 0.05)
    begun = [asking({"text": "faq"}) for _ in range(2)]
    in_hand(one, 2)
    late = [asking({"text": "faq"}), asking({"messages": [{"text": "faq"}] * 3})]
    in_hand(one, 6)

    time.sleep(0.1)
    held.go.set()

    assert {each.result()[0] for each in begun} == {200}
    assert {each.result()[0] for each in late} == {503}
    assert counted(one) == {"ok": 2, "deadline": 2}
    errors = collections.Counter(log["error"] for log in emitted(one))
    assert errors == {None: 2, "deadline": 4}
    assert min(log["queue_ms"] for log in emitted(one) if log["error"]) >= 100


def test_refusals_of_no_request_to_classify_are_counted_apart(one: serving.Served) -> None:
    one.ask("GET", "/nowhere")
    one.ask("GET", "/classify")
    one.said(b"nonsense\r\n\r\n")

    figures = one.metrics()
    unheard = {
        status: figures[f'intentwatch_gateway_unheard_total{{status="{status}"}}']
        for status in (400, 404, 405)
    }
    assert unheard == {400: 1, 404: 1, 405: 1}
    assert (counted(one), emitted(one)) == ({}, [])


def test_fates_add_up_to_the_requests_and_messages_to_the_logs(
    one: serving.Served, models: Path
) -> None:
    bodies: list[object] = [{"text": "faq"}, b"{", {"messages": [{"text": "faq"}] * 5}, {}]
    for model in (session.load(models / wordmodel.SHORT), None):
        one.gateway.champion.session = model
        for body in [*bodies, {"text": "chitchat"}]:
            one.classify(body)

    assert sum(counted(one).values()) == 10
    assert sum(counted(one, "messages").values()) == len(emitted(one))
    by_code = collections.Counter(log["error"] or "ok" for log in emitted(one))
    assert by_code == counted(one, "messages")


# latency, as the caller sees it


def test_latency_begins_before_the_queue_and_says_how_much_of_it_was_the_queue(
    one: serving.Served, asking: Asking, held: Held
) -> None:
    """Two messages are held; a third waits for its turn for 200 ms at least."""
    first = [asking({"text": "faq"}) for _ in range(2)]
    in_hand(one, 2)
    begun = time.perf_counter()
    third = asking({"text": "faq"})
    in_hand(one, 3)
    time.sleep(0.2)
    held.go.set()
    _, answer = third.result()
    client_ms = (time.perf_counter() - begun) * 1000

    for each in first:
        each.result()
    log = next(each for each in emitted(one) if each["req_id"] == answer["req_id"])
    assert 200 <= log["queue_ms"] <= log["latency_ms"] <= client_ms
    assert log["latency_ms"] == pytest.approx(answer["latency_ms"], abs=0.001)
    queue = one.metrics()
    assert queue["intentwatch_gateway_queue_seconds_sum"] >= 0.2
    assert queue['intentwatch_serve_latency_seconds_sum{model="v1"}'] >= 0.2


def test_a_single_message_goes_before_batches_that_came_first(
    one: serving.Served, asking: Asking, held: Held
) -> None:
    """Eight batches of 64 are in hand; one message is let in, for its own wait is short."""
    batches = [asking({"messages": [{"text": "faq"}] * 64}) for _ in range(8)]
    in_hand(one, 512)

    single = asking({"text": "faq"})
    in_hand(one, 513)
    held.go.set()

    _, answer = single.result()
    assert [each.result()[0] for each in batches] == [200] * 8
    logged = [log["req_id"] for log in emitted(one)]
    assert logged[0] == answer["req_id"], "it was answered first"


def test_latency_begins_with_the_first_byte(one: serving.Served) -> None:
    body = b'{"text": "faq"}'
    with one.connected() as client:
        client.sendall(b"P")
        time.sleep(0.1)
        client.sendall(b"OST /classify HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body))
        time.sleep(0.1)
        client.sendall(body)
        assert client.recv(100).startswith(b"HTTP/1.1 200")

    (log,) = emitted(one)
    assert log["latency_ms"] >= 200
    assert log["queue_ms"] < log["latency_ms"] - 199, "none of that was our queue"


# what the windows say


def test_a_release_that_fails_shows_as_errors_not_as_less_traffic(
    one: serving.Served, models: Path
) -> None:
    """400 messages, one of four about the word that the champion cannot read."""
    one.gateway.champion.session = session.load(models / wordmodel.SHORT)
    words = [word for word in present.INTENTS if word != "chitchat"]
    for i in range(400):
        one.classify({"text": "chitchat" if i % 4 == 0 else words[i % len(words)]})

    emitter: Any = one.gateway.emitter
    logs = [events.serving_log(line) for line in emitter.lines]
    counts = observe.tally(log for log in logs if isinstance(log, events.ServingLog))
    window = builders.window(counts, "1h")
    signals = {each.signal: each for each in measure.signals(window, None)}

    assert (counts.n, counts.errors) == (400, 100)
    assert signals["error_rate"].value == 0.25
    assert signals["p95_latency_ms"].n == 400
    rule = policy.Policy().signals.error_rate
    assert judge.glaring(signals["error_rate"], rule)


def test_every_code_is_one_of_the_contract(one: serving.Served) -> None:
    assert set(Fate) - {Fate.OK} == {
        "failed",
        "shed",
        "no_model",
        "deadline",
        "too_large",
        "malformed",
    }
    assert set(fates.STATUS) == set(Fate) - {Fate.OK}
