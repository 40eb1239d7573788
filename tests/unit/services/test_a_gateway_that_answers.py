"""A gateway with a real model on a real socket: what a request may be, what its answer says, and
what leaves for the serving log.

The model knows one word for each intent, its name (tests/wordmodel.py).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import builders
import ends
import pytest
import serving
import wordmodel

from retrain.train.compile import session
from schemas import events, policy, present
from services.gateway import app, asked, routing
from services.gateway.served import Message, served
from services.gateway.wanted import Wanted
from streams import database

K = len(present.INTENTS)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wordmodel.shelf(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def served_once(shelf: Path) -> Iterator[serving.Served]:
    """One for all tests: starting it takes longer than they do."""
    with serving.serving(made(shelf, "v1")) as one:
        yield one


@pytest.fixture
def gateway(served_once: serving.Served, shelf: Path) -> serving.Served:
    """As if it had just begun."""
    kept(served_once).lines.clear()
    served_once.gateway.champion.session = session.load(shelf / "v1")
    served_once.gateway.classifier.test_clock = True
    return served_once


def made(models: Path, serves: str | None, **told: Any) -> app.Gateway:
    champion = wordmodel.follower(models, serves)
    return app.Gateway(champion, None, serving.Emitter(), policy.Policy(), test_clock=True, **told)


def kept(one: serving.Served) -> serving.Emitter:
    emitter: Any = one.gateway.emitter
    assert isinstance(emitter, serving.Emitter)
    return emitter


def logs(one: serving.Served) -> list[dict[str, Any]]:
    """What was emitted; each is a serving log."""
    for line in kept(one).lines:
        assert isinstance(events.serving_log(line), events.ServingLog)
    return kept(one).logs


def message(text: str) -> Message:
    return Message(text, None, "r1", builders.AT)


# one answer


def test_a_word_the_model_knows_is_its_intent(gateway: serving.Served) -> None:
    status, answer = gateway.classify({"text": "Order_Tracking!!"}, {"x-request-id": "mine"})

    assert status == 200
    assert (answer["model"], answer["intent"]) == ("v1", "order_tracking")
    assert answer["confidence"] == pytest.approx(wordmodel.SURE, abs=1e-4)
    assert answer["fallback_rerank"] is False
    assert answer["latency_ms"] > 0


def test_two_words_are_undecided_between_two_and_reranked(gateway: serving.Served) -> None:
    """e^4 / (2 e^4 + 8) = 54.598 / 117.196."""
    _, answer = gateway.classify({"text": "faq promotion"})

    assert {answer["intent"], answer["second_intent"]} == {"faq", "promotion"}
    assert answer["confidence"] == pytest.approx(0.4659, abs=1e-4)
    assert answer["margin"] == pytest.approx(0.0, abs=1e-6)
    assert answer["fallback_rerank"] is True


@pytest.mark.parametrize(
    "text", ["", "   ", "?!", "\x00", "\u202e", "漫画", "🦊" * 200, "a" * 8192]
)
def test_whatever_a_customer_types_gets_an_answer_and_a_log_that_can_be_read(
    gateway: serving.Served, text: str
) -> None:
    status, answer = gateway.classify({"text": text})

    assert status == 200
    assert answer["confidence"] == pytest.approx(1 / K, abs=1e-6), "it knows none of it"
    (log,) = logs(gateway)
    assert log["chars"] == len(text)


def test_a_batch_is_answered_in_order_and_its_ids_count_on_from_the_requests(
    gateway: serving.Served,
) -> None:
    words = ["faq", "chitchat", "faq"]

    status, answer = gateway.classify({"messages": [{"text": word} for word in words]})

    assert status == 200
    assert [each["intent"] for each in answer["results"]] == words
    ids = [each["req_id"] for each in answer["results"]]
    assert [each[32:] for each in ids] == ["-0", "-1", "-2"]
    assert len({each[:32] for each in ids}) == 1
    assert [log["req_id"] for log in logs(gateway)] == ids


def test_a_batch_of_one_is_still_a_batch(gateway: serving.Served) -> None:
    _, answer = gateway.classify({"messages": [{"text": "faq"}]})

    assert [each["req_id"][32:] for each in answer["results"]] == ["-0"]


def test_the_header_sets_event_time_where_time_is_simulated_and_nowhere_else(
    gateway: serving.Served,
) -> None:
    noon = {"x-event-time": "2026-04-20T14:00:00+02:00"}

    gateway.classify({"text": "faq"}, noon)
    gateway.gateway.classifier.test_clock = False
    gateway.classify({"text": "faq"}, noon)

    simulated, real = logs(gateway)
    assert simulated["ts"] == "2026-04-20T12:00:00Z"
    assert real["ts"] != "2026-04-20T12:00:00Z"


@pytest.mark.parametrize(
    ("missing", "asked_more"), [({"faq"}, True), ({"promotion"}, True), ({"chitchat"}, False)]
)
def test_what_may_be_of_an_intent_of_which_labels_are_missing_is_asked_about_more_often(
    shelf: Path, missing: set[str], asked_more: bool
) -> None:
    """As the likeliest or as the second one."""
    gateway = made(shelf, "v1")
    answer = routing.Answer("faq", 0.5, "promotion", 0.1, fallback_rerank=True)
    assert not gateway._missing(answer), "it was told of none"
    gateway.wanted = Wanted(database.engine(ends.NOWHERE), policy.Signals())
    gateway.wanted.intents = frozenset(missing)

    gateway.wanted.look()  # an outage changes nothing

    assert gateway._missing(answer) is asked_more


# ids


@pytest.mark.parametrize("header", ["mine", "x" * 100, "a b/c=%20"])
def test_a_callers_id_comes_back_beside_ours_and_stands_in_the_log(
    gateway: serving.Served, header: str
) -> None:
    _, answer = gateway.classify({"text": "faq"}, {"x-request-id": header})

    (log,) = logs(gateway)
    assert (answer["caller_id"], log["caller_id"]) == (header, header)
    assert answer["req_id"] == log["req_id"]
    assert len(answer["req_id"]) == 32


@pytest.mark.parametrize("headers", [{}, {"x-request-id": ""}])
def test_without_one_it_is_null_and_ours_is_another_each_time(
    gateway: serving.Served, headers: dict[str, str]
) -> None:
    answers = [gateway.classify({"text": "faq"}, headers)[1] for _ in range(3)]

    assert {each["caller_id"] for each in answers} == {None}
    assert len({each["req_id"] for each in answers}) == 3


def test_the_same_callers_id_twice_is_two_requests_to_the_sampler(gateway: serving.Served) -> None:
    for _ in range(2):
        gateway.classify({"text": "faq"}, {"x-request-id": "ground"})

    first, second = logs(gateway)
    assert first["req_id"] != second["req_id"]


def test_every_message_of_a_batch_has_the_callers_id(gateway: serving.Served) -> None:
    asked_two = {"messages": [{"text": "faq"}, {"text": "chitchat"}]}
    _, answer = gateway.classify(asked_two, {"x-request-id": "r"})

    assert [each["caller_id"] for each in answer["results"]] == ["r", "r"]
    assert [log["caller_id"] for log in logs(gateway)] == ["r", "r"]


# what is no request


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"", ["body"]),
        (b"\xff", ["body"]),
        (b"{", ["body"]),
        (b"[" * 10_000, ["body"]),
        (b'{"text": "a"} and more', ["body"]),
        (b'{"text": "\\ud800"}', ["body"]),  # half a character
        (b"null", ["body"]),
        (b'"faq"', ["body"]),
        (b'[{"text": "faq"}]', ["body"]),
        (b"{}", ["body", "text"]),
        (b'{"text": null}', ["body", "text"]),
        (b'{"text": 5}', ["body", "text"]),
        (b'{"text": ["faq"]}', ["body", "text"]),
        (b'{"text": NaN}', ["body", "text"]),
        (b'{"messages": []}', ["body", "messages"]),
        (b'{"messages": null}', ["body", "messages"]),
        (b'{"messages": {"text": "faq"}}', ["body", "messages"]),
        (b'{"messages": [{"text": "a"}, {"txt": "b"}]}', ["body", "messages", 1, "text"]),
        (b'{"text": "a", "conversation": 5}', ["body", "conversation"]),
        (b'{"text": "a", "conversation": "\\u0000"}', ["body", "conversation"]),
    ],
)
def test_a_body_that_cannot_be_is_refused_with_the_place_in_it(
    body: bytes, place: list[object]
) -> None:
    with pytest.raises(asked.Malformed) as refused:
        asked.parsed(body)

    assert refused.value.detail[0]["loc"] == place


@pytest.mark.parametrize(
    ("messages", "status"),
    [(1, 200), (64, 200), (65, 413)],
)
def test_a_batch_has_at_most_64_messages(
    gateway: serving.Served, messages: int, status: int
) -> None:
    many = {"messages": [{"text": "faq"}] * messages}

    assert gateway.classify(many)[0] == status


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("a" * 8192, 200),
        ("a" * 8193, 413),
        ("é" * 4096, 200),  # two bytes each
        ("é" * 4097, 413),
        ("漫" * 2731, 413),  # three: 8,193
    ],
)
def test_a_text_has_at_most_8_kib_however_few_its_letters(
    gateway: serving.Served, text: str, status: int
) -> None:
    assert gateway.classify({"text": text})[0] == status


def test_the_message_that_is_too_long_is_named_by_its_place(gateway: serving.Served) -> None:
    long = {"messages": [{"text": "faq"}, {"text": "a" * 9000}]}

    status, answer = gateway.classify(long)

    assert (status, answer["detail"]) == (413, "messages.1.text: over 8192 bytes")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_too_large_for_any_batch_is_refused_while_it_comes(
    gateway: serving.Served, chunked: bool
) -> None:
    """64 messages of 8 KiB, each letter escaped at most once, and 1 KiB around each: 64 * 17,408.
    It would not even be JSON.
    """
    limit = 64 * 17_408
    body: Any = [b"x" * limit, b"x"] if chunked else b"x" * (limit + 1)

    answer = gateway.ask("POST", "/classify", body)

    assert (answer.status, answer.json()["detail"]) == (413, f"the body is over {limit} bytes")
    assert gateway.ask("POST", "/classify", b"x" * limit).status == 422


@pytest.mark.parametrize(
    ("headers", "place"),
    [
        ({"x-event-time": "yesterday"}, ["header", "X-Event-Time"]),
        ({"x-event-time": "1999-12-31T23:59:59Z"}, ["header", "X-Event-Time"]),
        ({"x-event-time": "2026-02-29T00:00:00Z"}, ["header", "X-Event-Time"]),
        ({"x-request-id": "x" * 101}, ["header", "x-request-id"]),
        ({"x-request-id": "a\tb"}, ["header", "x-request-id"]),
        ({"x-request-id": "h\xe9"}, ["header", "x-request-id"]),
    ],
)
def test_a_header_that_cannot_be_is_named(
    gateway: serving.Served, headers: dict[str, str], place: list[str]
) -> None:
    status, answer = gateway.classify({"text": "faq"}, headers)

    assert (status, answer["detail"][0]["loc"]) == (422, place)
    assert [log["error"] for log in logs(gateway)] == ["malformed"]


# what those who run it ask


def test_readiness_names_the_model_that_answers(gateway: serving.Served) -> None:
    answer = gateway.ask("GET", "/readyz")

    assert (answer.status, answer.json()) == (200, {"status": "ok", "model": "v1"})


def test_without_a_champion_only_liveness_is_well(gateway: serving.Served) -> None:
    gateway.gateway.champion.session = None

    live, ready = gateway.ask("GET", "/livez"), gateway.ask("GET", "/readyz")

    assert (live.status, live.json()) == (200, {"status": "ok"})
    assert (ready.status, ready.json()) == (
        503,
        {"status": "waiting", "reason": "no champion yet"},
    )


def test_metrics_count_by_model_and_say_what_waits(gateway: serving.Served) -> None:
    before = gateway.metrics()

    for word in ("faq", "chitchat"):
        gateway.classify({"text": word})

    after = gateway.metrics()
    for name in (
        'intentwatch_serve_latency_seconds_count{model="v1"}',
        'intentwatch_gateway_model_seconds_count{model="v1"}',
        "intentwatch_gateway_queue_seconds_count",
        'intentwatch_gateway_requests_total{fate="ok"}',
    ):
        assert after[name] - before.get(name, 0) == 2, name
    assert after["intentwatch_gateway_in_hand"] == 0
    assert after["intentwatch_shadow_skipped"] == 0


def test_a_gateway_whose_logs_cannot_be_sent_is_not_ready(gateway: serving.Served) -> None:
    assert gateway.ask("GET", "/readyz").status == 200

    kept(gateway).fatal = "no Kafka client can be made: no such file"
    answer = gateway.ask("GET", "/readyz")
    kept(gateway).fatal = None

    assert (answer.status, answer.json()["reason"]) == (
        503,
        "no Kafka client can be made: no such file",
    )


def test_who_opens_the_address_is_told_what_there_is(gateway: serving.Served) -> None:
    answer = gateway.ask("GET", "/")

    assert answer.status == 200
    assert all(word in answer.json()["detail"] for word in ("POST /classify", "/readyz"))


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/classify/", "//", "/x"])
def test_there_is_nothing_else(gateway: serving.Served, path: str) -> None:
    assert gateway.ask("GET", path).status == 404


# beside a candidate


def test_a_dispute_is_logged_twice_and_counted_as_such(
    gateway: serving.Served, shelf: Path
) -> None:
    champion, candidate = session.load(shelf / "v1"), session.load(shelf / "v2")
    mine = served(message("faq"), champion, "champion")
    agrees = served(message("faq"), candidate, "shadow")
    differs = served(message("chitchat"), candidate, "shadow")

    for other in (agrees, differs, differs, None):
        gateway.gateway.tell(mine, other)

    assert [log["role"] for log in logs(gateway)] == ["champion", "shadow"] * 3 + ["champion"]
    counted = gateway.metrics()
    assert counted['intentwatch_shadow_answers_total{agrees="true",model="v2"}'] == 1
    assert counted['intentwatch_shadow_answers_total{agrees="false",model="v2"}'] == 2


def test_only_the_champions_log_carries_a_text_to_be_labelled(
    gateway: serving.Served, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All messages of a day are asked about where the budget is larger than the day."""
    every = policy.parse("[labels]\nbudget_per_day = 1000000\n")
    monkeypatch.setattr(gateway.gateway, "policy", every)
    mine = served(message("faq"), session.load(shelf / "v1"), "champion")
    other = served(message("faq"), session.load(shelf / "v2"), "shadow")

    gateway.gateway.tell(mine, other)

    champion, candidate = logs(gateway)
    assert champion["sample"] == {"queue": "measure", "p": 1.0, "text": "faq"}
    assert candidate["sample"] is None
