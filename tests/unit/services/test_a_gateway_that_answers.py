"""A gateway with a real model and no server: what a request may be, what its answer says, and what
leaves for the serving log.

The model knows one word for each intent, its name (tests/wordmodel.py).
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import asgi
import builders
import emitting
import ends
import pytest
import wordmodel
from fastapi import FastAPI, HTTPException, Request

from retrain.train.compile import session
from schemas import events, policy, present
from services.gateway import app, routing
from services.gateway.follow import Follower
from services.gateway.served import Message, served
from services.gateway.wanted import Wanted
from streams import database

K = len(present.INTENTS)


@pytest.fixture
def gateway(models: Path) -> Iterator[app.Gateway]:
    yield from gateway_of(wordmodel.follower(models, "v1"))


@pytest.fixture
def empty(models: Path) -> Iterator[app.Gateway]:
    """One that nobody has promoted a model for."""
    yield from gateway_of(wordmodel.follower(models, None))


def gateway_of(champion: Follower) -> Iterator[app.Gateway]:
    emitter = emitting.held()
    made = app.Gateway(champion, None, emitter, policy.Policy(), test_clock=True)
    yield made
    made.pool.shutdown()


def ask(
    asked: FastAPI,
    method: str,
    path: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> tuple[int, Mapping[str, str], Any]:
    """Status, headers and what the body says."""
    answer = asgi.ask(asked, method, f"http://127.0.0.1{path}", body, headers)
    is_json = answer.headers["content-type"] == "application/json"
    return answer.status, answer.headers, answer.json() if is_json else answer.text


def message(text: str) -> Message:
    return Message(text, None, "r1", builders.AT)


def classify(
    gateway: app.Gateway, body: object, headers: Mapping[str, str] | None = None
) -> tuple[int, Any]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    status, _, answer = ask(app.build(gateway), "POST", "/classify", raw, headers)
    return status, answer


def logs(gateway: app.Gateway) -> list[dict[str, Any]]:
    """What was emitted since the last look."""
    fresh = gateway.emitter._ledger.fresh
    return [json.loads(fresh.popleft()) for _ in range(len(fresh))]


# one answer


def test_a_word_the_model_knows_is_its_intent(gateway: app.Gateway) -> None:
    status, answer = classify(gateway, {"text": "Order_Tracking!!"}, {"x-request-id": "mine"})

    assert status == 200
    assert (answer["req_id"], answer["model"], answer["intent"]) == ("mine", "v1", "order_tracking")
    assert answer["confidence"] == pytest.approx(wordmodel.SURE, abs=1e-4)
    assert answer["fallback_rerank"] is False
    assert answer["latency_ms"] > 0


def test_two_words_are_undecided_between_two_and_reranked(gateway: app.Gateway) -> None:
    """e^4 / (2 e^4 + 8) = 54.598 / 117.196."""
    _, answer = classify(gateway, {"text": "faq promotion"})

    assert {answer["intent"], answer["second_intent"]} == {"faq", "promotion"}
    assert answer["confidence"] == pytest.approx(0.4659, abs=1e-4)
    assert answer["margin"] == pytest.approx(0.0, abs=1e-6)
    assert answer["fallback_rerank"] is True


@pytest.mark.parametrize(
    "text", ["", "   ", "?!", "\x00", "\u202e", "漫画", "🦊" * 200, "a" * 8192]
)
def test_whatever_a_customer_types_gets_an_answer_and_a_log_that_can_be_read(
    gateway: app.Gateway, text: str
) -> None:
    status, answer = classify(gateway, {"text": text})

    assert status == 200
    assert answer["confidence"] == pytest.approx(1 / K, abs=1e-6), "it knows none of it"
    (log,) = logs(gateway)
    assert isinstance(events.serving_log(json.dumps(log).encode()), events.ServingLog)
    assert log["chars"] == len(text)


def test_a_batch_is_answered_in_order_and_its_ids_count_on_from_the_requests(
    gateway: app.Gateway,
) -> None:
    words = ["faq", "chitchat", "faq"]

    status, answer = classify(
        gateway, {"messages": [{"text": word} for word in words]}, {"x-request-id": "r"}
    )

    assert status == 200
    assert [each["intent"] for each in answer["results"]] == words
    assert [each["req_id"] for each in answer["results"]] == ["r-0", "r-1", "r-2"]
    assert [log["req_id"] for log in logs(gateway)] == ["r-0", "r-1", "r-2"]


def test_a_batch_of_one_is_still_a_batch(gateway: app.Gateway) -> None:
    _, answer = classify(gateway, {"messages": [{"text": "faq"}]}, {"x-request-id": "r"})

    assert [each["req_id"] for each in answer["results"]] == ["r-0"]


def test_without_an_id_of_its_own_each_request_gets_another(gateway: app.Gateway) -> None:
    ids = {classify(gateway, {"text": "faq"})[1]["req_id"] for _ in range(3)}

    assert len(ids) == 3
    assert all(len(each) == 32 for each in ids)


def test_the_header_sets_event_time_where_time_is_simulated_and_nowhere_else(
    gateway: app.Gateway,
) -> None:
    noon = {"x-event-time": "2026-04-20T14:00:00+02:00"}

    classify(gateway, {"text": "faq"}, noon)
    gateway.test_clock = False
    classify(gateway, {"text": "faq"}, noon)

    simulated, real = logs(gateway)
    assert simulated["ts"] == "2026-04-20T12:00:00Z"
    assert real["ts"] != "2026-04-20T12:00:00Z"


def test_where_memory_is_full_the_oldest_log_goes_and_the_customer_is_answered(
    gateway: app.Gateway,
) -> None:
    gateway.emitter._ledger.most_memory = 1_200  # two logs of this model's, and not three

    statuses = [classify(gateway, {"text": "faq"})[0] for _ in range(5)]

    assert statuses == [200] * 5
    standing = gateway.emitter.standing()
    assert (standing.emitted, standing.held, standing.given_up) == (5, 2, 3)


@pytest.mark.parametrize(
    ("missing", "asked_more"), [({"faq"}, True), ({"promotion"}, True), ({"chitchat"}, False)]
)
def test_what_may_be_of_an_intent_of_which_labels_are_missing_is_asked_about_more_often(
    gateway: app.Gateway, missing: set[str], asked_more: bool
) -> None:
    """As the likeliest or as the second one."""
    answer = routing.Answer("faq", 0.5, "promotion", 0.1, fallback_rerank=True)
    assert not gateway._missing(answer), "it was told of none"
    gateway.wanted = Wanted(database.engine(ends.NOWHERE), policy.Signals())
    gateway.wanted.intents = frozenset(missing)

    gateway.wanted.look()  # an outage changes nothing

    assert gateway._missing(answer) is asked_more


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
    with pytest.raises(HTTPException) as refused:
        app._parsed(body)

    assert refused.value.status_code == 422
    detail: Any = refused.value.detail
    assert detail[0]["loc"] == place


@pytest.mark.parametrize(
    ("messages", "status"),
    [(1, 200), (64, 200), (65, 413)],
)
def test_a_batch_has_at_most_64_messages(gateway: app.Gateway, messages: int, status: int) -> None:
    asked = {"messages": [{"text": "faq"}] * messages}

    assert classify(gateway, asked)[0] == status


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
    gateway: app.Gateway, text: str, status: int
) -> None:
    assert classify(gateway, {"text": text})[0] == status


def test_the_message_that_is_too_long_is_named_by_its_place(gateway: app.Gateway) -> None:
    asked = {"messages": [{"text": "faq"}, {"text": "a" * 9000}]}

    assert classify(gateway, asked) == (413, {"detail": "messages.1.text: over 8192 bytes"})


def test_a_body_too_large_for_any_batch_is_refused_before_it_is_read() -> None:
    """64 messages of 8 KiB, each letter escaped at most once, and 1 KiB around each: 64 * 17,408.
    It would not even be JSON.
    """
    limit = 64 * 17_408
    gateway_app = FastAPI()

    @gateway_app.post("/")
    async def size(request: Request) -> int:
        return len(await app._limited(request))

    assert ask(gateway_app, "POST", "/", b"x" * limit)[::2] == (200, limit)
    status, _, answer = ask(gateway_app, "POST", "/", b"x" * (limit + 1))
    assert (status, answer["detail"]) == (413, f"the body is over {limit} bytes")


@pytest.mark.parametrize(
    ("headers", "place"),
    [
        ({"x-event-time": "yesterday"}, ["header", "X-Event-Time"]),
        ({"x-event-time": "1999-12-31T23:59:59Z"}, ["header", "X-Event-Time"]),
        ({"x-event-time": "2026-02-29T00:00:00Z"}, ["header", "X-Event-Time"]),
        ({"x-request-id": "x" * 101}, ["header", "x-request-id"]),
    ],
)
def test_a_header_that_cannot_be_is_named(
    gateway: app.Gateway, headers: Mapping[str, str], place: list[str]
) -> None:
    status, answer = classify(gateway, {"text": "faq"}, headers)

    assert (status, answer["detail"][0]["loc"]) == (422, place)
    assert logs(gateway) == []


# no champion, and too much at once


def test_without_a_champion_the_remedy_is_said_and_only_liveness_is_well(
    empty: app.Gateway,
) -> None:
    built = app.build(empty)

    status, answer = classify(empty, {"text": "faq"})
    assert status == 503
    assert "promote a model first" in answer["detail"]
    assert ask(built, "GET", "/livez")[::2] == (200, {"status": "ok"})
    assert ask(built, "GET", "/readyz")[::2] == (
        503,
        {"status": "waiting", "reason": "no champion yet"},
    )


def test_readiness_names_the_model_that_answers(gateway: app.Gateway) -> None:
    built = app.build(gateway)

    assert ask(built, "GET", "/readyz")[::2] == (200, {"status": "ok", "model": "v1"})


@pytest.mark.parametrize(("in_hand", "status"), [(31, 200), (32, 429), (33, 429)])
def test_a_gateway_with_32_requests_in_hand_says_to_come_again_in_a_second(
    gateway: app.Gateway, in_hand: int, status: int
) -> None:
    gateway.in_hand = in_hand

    answered, headers, _ = ask(app.build(gateway), "POST", "/classify", b'{"text": "faq"}')

    assert (answered, headers.get("retry-after")) == (status, None if status == 200 else "1")
    assert gateway.in_hand == in_hand, "it holds none of them when it has answered"


def test_a_request_that_fails_is_in_hand_no_more(gateway: app.Gateway, models: Path) -> None:
    gateway.champion.session = session.load(models / wordmodel.LOST)

    with pytest.raises(FloatingPointError):
        classify(gateway, {"text": "unheard of"})

    assert gateway.in_hand == 0
    assert logs(gateway) == [], "what was no answer is not logged as one"


def test_metrics_count_by_model_and_say_what_waits(gateway: app.Gateway) -> None:
    for word in ("faq", "chitchat"):
        classify(gateway, {"text": word})

    _, _, text = ask(app.build(gateway), "GET", "/metrics")

    assert 'intentwatch_serve_latency_seconds_count{model="v1"} 2.0' in text
    assert 'intentwatch_gateway_serving_logs_total{state="emitted"} 2.0' in text
    assert 'intentwatch_gateway_serving_logs_total{state="acknowledged"} 0.0' in text
    assert 'intentwatch_gateway_serving_logs_total{state="given_up"} 0.0' in text
    assert "intentwatch_gateway_serving_logs_held 2.0" in text
    assert "intentwatch_gateway_oldest_unacknowledged_seconds " in text
    assert "intentwatch_shadow_skipped 0.0" in text


def test_a_gateway_whose_logs_cannot_be_sent_is_not_ready(gateway: app.Gateway) -> None:
    asked = app.build(gateway)
    assert ask(asked, "GET", "/readyz")[0] == 200

    gateway.emitter._delivery.fatal = "no Kafka client can be made: no such file"

    status, _, answer = ask(asked, "GET", "/readyz")
    assert (status, answer["reason"]) == (503, "no Kafka client can be made: no such file")


def test_who_opens_the_address_is_told_what_there_is(gateway: app.Gateway) -> None:
    status, _, answer = ask(app.build(gateway), "GET", "/")

    assert status == 200
    assert all(word in answer["detail"] for word in ("POST /classify", "/readyz", "/docs"))


# beside a candidate


def test_a_dispute_is_logged_twice_and_counted_as_such(gateway: app.Gateway, models: Path) -> None:
    champion, candidate = session.load(models / "v1"), session.load(models / "v2")
    mine = served(message("faq"), champion, "champion")
    agrees = served(message("faq"), candidate, "shadow")
    differs = served(message("chitchat"), candidate, "shadow")

    for other in (agrees, differs, differs, None):
        gateway.tell(mine, other)

    assert [log["role"] for log in logs(gateway)] == ["champion", "shadow"] * 3 + ["champion"]
    _, _, text = ask(app.build(gateway), "GET", "/metrics")
    assert 'intentwatch_shadow_answers_total{agrees="true",model="v2"} 1.0' in text
    assert 'intentwatch_shadow_answers_total{agrees="false",model="v2"} 2.0' in text


def test_only_the_champions_log_carries_a_text_to_be_labelled(
    gateway: app.Gateway, models: Path
) -> None:
    """All messages of a day are asked about where the budget is larger than the day."""
    gateway.policy = policy.parse("[labels]\nbudget_per_day = 1000000\n")
    mine = served(message("faq"), session.load(models / "v1"), "champion")
    other = served(message("faq"), session.load(models / "v2"), "shadow")

    gateway.tell(mine, other)

    champion, candidate = logs(gateway)
    assert champion["sample"] == {"queue": "measure", "p": 1.0, "text": "faq"}
    assert candidate["sample"] is None
