"""The dashboard's own process beside a test, and its pages in a browser that tells of everything it
complains of and asks for.
"""

import contextlib
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import processes
from playwright import sync_api

from services import ports

POLICY = """
[signals.p95_latency_ms]
enter = 250
leave = 225
[signals.live_accuracy]
horizon = "1d"
[signals.rare_recall]
horizon = "1d"
min_n = 20
[trigger]
collapse_margin = 0.5
"""


@dataclass
class Served:
    """A running dashboard."""

    url: str
    environment: dict[str, str]
    process: Any

    def get(self, path: str) -> tuple[int, str, dict[str, str]]:
        try:
            with urllib.request.urlopen(self.url + path, timeout=20) as answer:
                return answer.status, answer.read().decode(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), dict(error.headers)


def policy_file(tmp_path: Path) -> str:
    """The tests' policy: labels speak within a day."""
    (tmp_path / "policy.toml").write_text(POLICY)
    return str(tmp_path / "policy.toml")


@contextlib.contextmanager
def dashboard(url: str, tmp_path: Path) -> Iterator[Served]:
    """The dashboard's own process on a free port."""
    (port,) = ports.free(1)
    named = {
        "DATABASE_URL": url,
        "DASHBOARD_PORT": str(port),
        "TEST_CLOCK": "1",
        "POLICY": policy_file(tmp_path),
    }
    environment = {f"INTENTWATCH_{name}": value for name, value in named.items()}
    with processes.running(["-m", "services.dashboard"], environment, tmp_path / "log") as process:
        assert processes.eventually(lambda: ports.listening(port) or process.poll() is not None, 60)
        assert process.poll() is None, (tmp_path / "log").read_text()
        yield Served(f"http://127.0.0.1:{port}", environment, process)


@dataclass
class Watched:
    """A page with everything it complained of and asked for."""

    page: sync_api.Page
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def refuse(self, dialog: sync_api.Dialog) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()


@contextlib.contextmanager
def watched(
    browser: sync_api.Browser, url: str, *, width: int = 1280, scheme: Any = "light"
) -> Iterator[Watched]:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    context.set_default_timeout(15_000)
    seen = Watched(context.new_page())
    seen.page.on(
        "console",
        lambda message: (
            seen.complaints.append(message.text) if message.type in ("error", "warning") else None
        ),
    )
    seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    seen.page.on("dialog", seen.refuse)
    seen.page.on("request", lambda request: seen.asked.append(request.url))
    try:
        seen.page.goto(url)
        yield seen
    finally:
        context.close()
