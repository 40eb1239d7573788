"""The Slack sandbox as a process, and what its channel shows."""

import contextlib
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import processes

from services import ports


@contextlib.contextmanager
def sandbox_at(port: int, log: Path) -> Iterator[None]:
    with processes.running(["-m", "services.local.slack_sandbox", "--port", str(port)], {}, log):
        assert processes.eventually(lambda: ports.listening(port)), log.read_text()
        yield


def ask(port: int, path: str, body: Any) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(
        "POST",
        path,
        json.dumps(body),
        {"Content-Type": "application/json", "Authorization": "Bearer xoxb-test"},
    )
    answer = connection.getresponse()
    assert answer.status == 200
    content = json.loads(answer.read())
    connection.close()
    return content


def said(port: int) -> list[tuple[str, list[str]]]:
    """Every message of the channel with the texts of its thread, oldest first."""
    channels = ask(port, "/api/conversations.list", {})["channels"]
    if not channels:
        return []
    where = {"channel": channels[0]["id"], "limit": 200}
    roots = ask(port, "/api/conversations.history", where)["messages"][::-1]
    threads = [
        ask(port, "/api/conversations.replies", where | {"ts": root["ts"]})["messages"]
        for root in roots
    ]
    return [
        (root["text"], [reply["text"] for reply in thread[1:]])
        for root, thread in zip(roots, threads, strict=True)
    ]
