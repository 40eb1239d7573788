"""The Slack sandbox over HTTP: how a call's arguments are read, what a fault does to the next call,
and the page that shows what was said.
"""

import json
import urllib.parse
from typing import Any

import asgi
import pydantic
import pytest

from services.local.slack_sandbox import app, faults, workspace

TOKEN = "xoxb-of-a-workspace"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
JSON = {"Content-Type": "application/json; charset=utf-8"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
POST = "/api/chat.postMessage"


@pytest.fixture
def layer() -> faults.Faults:
    return app.build(workspace.Workspace(lambda: 1_776_643_200.0))


def get(layer: faults.Faults, path: str) -> asgi.Answer:
    return asgi.ask(layer, "GET", f"http://127.0.0.1{path}")


def post(layer: faults.Faults, path: str, raw: bytes, headers: dict[str, str]) -> asgi.Answer:
    return asgi.ask(layer, "POST", f"http://127.0.0.1{path}", raw, headers)


def call(layer: faults.Faults, method: str, **arguments: Any) -> dict[str, Any]:
    answer = post(layer, f"/api/{method}", json.dumps(arguments).encode(), JSON | BEARER)
    assert answer.status == 200
    body: dict[str, Any] = answer.json()
    return body


def test_a_call_says_its_arguments_as_json(layer: faults.Faults) -> None:
    answer = call(layer, "chat.postMessage", channel="#on-call", text="ナルト")

    assert (answer["ok"], answer["ts"]) == (True, "1776643200.000000")
    assert answer["message"]["text"] == "ナルト"


def test_or_as_a_form_whose_nested_values_are_json(layer: faults.Faults) -> None:
    blocks = [{"type": "divider"}]
    metadata = {"event_type": "seen", "event_payload": {"key": "k & 1"}}
    body = {
        "channel": "#on-call",
        "text": "a & b = c",
        "blocks": json.dumps(blocks),
        "metadata": json.dumps(metadata),
    }

    answer = post(layer, POST, urllib.parse.urlencode(body).encode(), FORM | BEARER).json()

    assert answer["ok"]
    assert answer["message"]["text"] == "a & b = c"
    assert answer["message"]["blocks"] == blocks
    assert answer["message"]["metadata"] == metadata


def test_a_token_may_stand_among_the_arguments_and_the_header_wins(layer: faults.Faults) -> None:
    in_form = post(layer, "/api/auth.test", f"token={TOKEN}".encode(), FORM)
    both = post(layer, "/api/auth.test", b"token=nonsense", FORM | BEARER)
    neither = post(layer, "/api/auth.test", b"", FORM)

    assert in_form.json()["ok"]
    assert both.json()["ok"]
    assert neither.json() == {"ok": False, "error": "not_authed"}


@pytest.mark.parametrize(
    "raw",
    [b"{", b"[]", b"null", b'"text"', b"7", b"\xff\xfe", b'{"text": NaN'],
)
def test_json_that_is_no_object_is_refused(layer: faults.Faults, raw: bytes) -> None:
    answer = post(layer, POST, raw, JSON | BEARER)

    assert (answer.status, answer.json()) == (200, {"ok": False, "error": "invalid_json"})


@pytest.mark.parametrize("raw", [b"blocks=%5B", b"metadata=", b"text=\xff"])
def test_a_form_with_broken_parts_is_refused(layer: faults.Faults, raw: bytes) -> None:
    answer = post(layer, POST, raw, FORM | BEARER)

    assert answer.json() == {"ok": False, "error": "invalid_json"}


def test_nothing_at_all_is_a_call_without_arguments(layer: faults.Faults) -> None:
    assert post(layer, "/api/auth.test", b"", JSON | BEARER).json()["ok"]


def test_a_body_of_over_a_million_bytes_is_not_read_to_its_end(layer: faults.Faults) -> None:
    just, over = (b'{"text": "' + b"x" * letters + b'"}' for letters in (999_988, 999_989))

    # 999,988 letters and twelve around them are a million bytes.
    assert post(layer, POST, just, JSON | BEARER).status == 200
    assert post(layer, POST, over, JSON | BEARER).status == 413


def test_a_fault_befalls_the_next_call_of_its_method_and_no_other(layer: faults.Faults) -> None:
    fault = faults.Fault(method="auth.test", kind="ratelimited", retry_after=7)
    layer.queues["auth.test"].append(fault)

    assert call(layer, "chat.postMessage", channel="#on-call", text="x")["ok"]
    limited = post(layer, "/api/auth.test", b"", BEARER)
    assert limited.status == 429
    assert limited.headers["retry-after"] == "7"
    assert limited.json() == {"ok": False, "error": "ratelimited"}
    assert call(layer, "auth.test")["ok"], "one fault befalls one call"


def test_faults_befall_in_the_order_in_which_they_were_asked_for(layer: faults.Faults) -> None:
    for status in (500, 503):
        layer.queues["auth.test"].append(
            faults.Fault(method="auth.test", kind="error", status=status)
        )

    answers = [post(layer, "/api/auth.test", b"", BEARER) for _ in range(3)]

    assert [answer.status for answer in answers] == [500, 503, 200]
    assert answers[0].text == "<html>upstream failed</html>"


def test_a_call_that_fails_that_way_has_posted_nothing(layer: faults.Faults) -> None:
    channel = call(layer, "chat.postMessage", channel="#on-call", text="first")["channel"]
    layer.queues["chat.postMessage"].append(faults.Fault(method="chat.postMessage", kind="error"))

    post(layer, POST, b'{"channel": "#on-call", "text": "second"}', JSON | BEARER)

    history = call(layer, "conversations.history", channel=channel)["messages"]
    assert [message["text"] for message in history] == ["first"]


def test_a_slow_answer_is_the_whole_answer(layer: faults.Faults) -> None:
    layer.queues["auth.test"].append(faults.Fault(method="auth.test", kind="slow", seconds=0))

    assert call(layer, "auth.test")["user_id"] == workspace.USER


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_who_is_on_this_machine_asks_for_faults(layer: faults.Faults, host: str) -> None:
    name = f"[{host}]" if ":" in host else host
    wanted = b'[{"method": "auth.test", "kind": "error"}, {"method": "auth.test", "kind": "slow"}]'

    answer = asgi.ask(layer, "POST", f"http://{name}/test/faults", wanted, JSON, client=host)

    assert answer.json() == {"queued": 2}
    assert [fault.kind for fault in layer.queues["auth.test"]] == ["error", "slow"]


@pytest.mark.parametrize(
    ("url", "client"),
    [
        ("http://127.0.0.1", "10.0.0.7"),
        # A page of another site that calls itself by a name of this machine's address.
        ("http://rebound.example", "127.0.0.1"),
        ("http://10.0.0.7", "127.0.0.1"),
    ],
)
def test_nobody_else_does(layer: faults.Faults, url: str, client: str) -> None:
    wanted = b'[{"method": "auth.test", "kind": "error"}]'

    answer = asgi.ask(layer, "POST", f"{url}/test/faults", wanted, JSON, client=client)

    assert answer.status == 403
    assert not any(layer.queues.values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "explode"},
        {"kind": "ratelimited", "retry_after": -1},
        {"kind": "ratelimited", "retry_after": 3601},
        {"kind": "error", "status": 404},
        {"kind": "error", "status": 600},
        {"kind": "slow", "seconds": -0.1},
        {"kind": "slow", "seconds": 61},
        {"kind": "slow", "seconds": float("nan")},
        {},
    ],
)
def test_a_fault_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(pydantic.ValidationError):
        faults.Fault.model_validate({"method": "auth.test"} | wrong)


def test_the_page_shows_a_thread_under_its_message_and_hostile_text_as_text(
    layer: faults.Faults,
) -> None:
    root = call(layer, "chat.postMessage", channel="#on-call", text="*root* <script>")
    call(layer, "chat.postMessage", channel="#on-call", text="the other")
    call(layer, "chat.postMessage", channel="#on-call", text="a reply", thread_ts=root["ts"])

    page = get(layer, "/").text

    assert "on-call" in page
    assert "<script" not in page
    assert "<strong>root</strong> &lt;script&gt;" in page
    assert page.count("a reply") == 1
    # A reply stands with its message, before what was said later in the channel.
    assert page.index("a reply") < page.index("the other")
    assert "2026-04-20 00:00:00 UTC" in page


def test_a_page_of_nothing_is_a_page(layer: faults.Faults) -> None:
    answer = get(layer, "/")

    assert answer.status == 200
    assert "</html>" in answer.text


@pytest.mark.parametrize(("path", "kind"), [("/", "text/html"), ("/style.css", "text/css")])
def test_a_page_runs_no_script_and_stands_in_no_frame(
    layer: faults.Faults, path: str, kind: str
) -> None:
    answer = get(layer, path)

    assert answer.headers["content-type"].startswith(kind)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
