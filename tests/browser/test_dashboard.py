"""The production board in a real browser, on a real database that the product's own code has
filled: what it shows is what `services.show` prints.
"""

import dataclasses
import datetime as dt
import hashlib
import itertools
import json
import re
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import builders
import numpy as np
import processes
import pytest
import sqlalchemy as sa
import watching
from playwright import sync_api
from watching import Served, dashboard, watched

from retrain import store as retrain_store
from schemas import events, present, runs, tables, tallies, windows
from services import ports
from services.labels import store as labels_store
from services.local import topology
from streams import connect, identity
from streams import store as streams_store
from streams.panes import retention
from streams.panes import store as pane_store
from streams.rollup import tick
from streams.stats import histogram

BEGIN = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
HOSTILE = "<script>alert(1)</script>"
CALM = np.array([0.22, 0.14, 0.16, 0.1, 0.14, 0.06, 0.05, 0.04, 0.03, 0.06])
DRIFTED = np.array([0.12, 0.12, 0.1, 0.1, 0.12, 0.06, 0.05, 0.05, 0.04, 0.24])
REFERENCE = runs.Reference(
    "",
    5000,
    dict(zip(present.INTENTS, (CALM * 5000).astype(int).tolist(), strict=True)),
    accuracy=0.93,
    accuracy_n=800,
)
TEN = (
    "p95_latency_ms",
    "request_volume",
    "error_rate",
    "low_confidence_rate",
    "intent_distribution",
    "intent_mix_kl",
    "live_accuracy",
    "rare_recall",
    "fallback_rate",
    "rollback_status",
)


@dataclass
class Story:
    """Hours of champion traffic with labels, of which the last `drifted` are unsure, wrong and of
    another mix.
    """

    model: str = "v1"
    hours: int = 75
    drifted: int = 27
    per_hour: int = 400
    labels_per_hour: int = 12
    begin: dt.datetime = BEGIN
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))

    def write(self, url: str, tmp_path: Path) -> None:
        """Panes, roll-up, samples, labels, then the scheduler's own process: what production would
        have left.
        """
        engine = connect.engine(url, poolclass=sa.NullPool)
        end = self.begin + self.hours * HOUR
        with engine.begin() as connection:
            for model, before in (("v0", 40), (self.model, 30)):
                at = self.begin - before * 24 * HOUR
                retrain_store.promote(
                    connection, runs.Promotion(model, at, None, "anna", "promote")
                )
                retrain_store.put_reference(
                    connection,
                    dataclasses.replace(REFERENCE, model=model),
                    at=at,
                    source="held_out",
                )
            for number in range(self.hours):
                self._hour(connection, number)
            connection.execute(
                sa.insert(tables.stream_offset).values(
                    topic="t", part=0, next_offset=9, high_watermark=9, epoch=1, max_event_ts=end
                )
            )
        tick.roll_up(engine, topic="t", owner="story", seen=identity.Topic("", {0: 9}, {0: 9}))
        self._judge(engine, url, tmp_path)

    def _judge(self, engine: sa.Engine, url: str, tmp_path: Path) -> None:
        environment = {
            "INTENTWATCH_DATABASE_URL": url,
            "INTENTWATCH_POLICY": watching.policy_file(tmp_path),
        }

        def judged() -> bool:
            done = (tables.job_run.c.job == "hourly", tables.job_run.c.finished_at.is_not(None))
            with engine.connect() as connection:
                return (
                    connection.execute(sa.select(sa.func.count()).where(*done)).scalar()
                    == self.hours
                )

        with processes.running(["-m", "services.scheduler"], environment, tmp_path / "scheduler"):
            assert processes.eventually(judged, 120), (tmp_path / "scheduler").read_text()

    def _hour(self, connection: sa.Connection, number: int) -> None:
        start, drifted = self.begin + number * HOUR, number >= self.hours - self.drifted
        n = int(self.per_hour * (1 + 0.4 * np.sin(number / 24 * 2 * np.pi)))
        counts = self.rng.multinomial(n, DRIFTED if drifted else CALM)
        key = (start + HOUR / 2, self.model, "champion")
        pane_store.make_partitions(
            connection, "pane_minute", retention.slots("pane_minute", [key[0]])
        )
        pane_store.add_panes(connection, {0: ([key], tallies.of(self._tally(counts, n, drifted)))})
        sampled, labels = [], []
        for i in range(self.labels_per_hour):
            right, ts = (
                self.rng.random() < (0.62 if drifted else 0.93),
                start + i * HOUR / self.labels_per_hour,
            )
            intent, confidence = (
                present.INTENTS[self.rng.choice(10, p=CALM)],
                float(self.rng.uniform(0.6, 1)),
            )
            sample = events.Sample("measure", self.labels_per_hour / n, "an invented message")
            req_id = f"{number}-{i}"
            known: dict[str, Any] = {
                "intent": intent,
                "confidence": confidence,
                "margin": 0.3,
                "tokens": 9,
                "script": "latin",
                "sample": sample,
            }
            sampled.append(events.ServingLog(1, ts, self.model, req_id, 9.0, **known))
            meant = intent if right else present.INTENTS[(present.INDEX[intent] + 1) % 10]
            identity = hashlib.sha256(req_id.encode()).hexdigest()
            given = {
                "id": identity,
                "req_id": req_id,
                "annotator": "a1",
                "labelled_at": ts + HOUR / 2,
                "intent": meant,
                "also": [],
                "action": "label",
            }
            labels.append(given)
        streams_store.add_sampled(connection, sampled)
        labels_store.add_labels(connection, labels)

    def _tally(self, counts: Any, n: int, drifted: bool) -> windows.Tally:
        latency = self.rng.lognormal(np.log(8.4), 0.24, n)
        confidence = np.clip(self.rng.normal(0.72 if drifted else 0.86, 0.1, n), 0.05, 0.999)
        low = float((confidence < 0.6).mean())
        slow = histogram.latency_bins(latency)
        sure = (confidence * 100).astype(int)
        return windows.Tally(
            n=n,
            latency_sum_us=int(latency.sum() * 1000),
            confidence_sum_micro=int(confidence.sum() * 1e6),
            tokens_sum=11 * n,
            intent_count=counts,
            intent_low=self.rng.binomial(counts, low),
            intent_fallback=self.rng.binomial(counts, low / 2),
            script_count=np.array([n, 0, 0, 0]),
            latency_bins=np.bincount(slow, minlength=windows.LATENCY_BINS),
            confidence_bins=np.bincount(sure, minlength=windows.CONFIDENCE_BINS),
        )


def number(text: str) -> float:
    """The first number of a text, without thousands' commas."""
    match = re.search(r"-?[\d,]*\.?\d+", text)
    assert match, text
    return float(match[0].replace(",", ""))


@pytest.fixture(scope="module")
def filled(
    parts: topology.Addresses, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A dashboard over three days of traffic, of which the last went wrong; tests only read it."""
    import conftest  # the fixtures of this session are per test, this story is per module

    directory = tmp_path_factory.mktemp("filled")
    with conftest.database_of_its_own(parts, template) as url:
        Story().write(url, directory)
        with dashboard(url, directory) as served:
            yield served


def test_the_ten_panels_show_what_services_show_prints(
    filled: Served, browser: sync_api.Browser
) -> None:
    served = filled
    with watched(browser, served.url) as seen:
        panels = seen.page.locator("article.panel")
        assert [panels.nth(i).get_attribute("id") for i in range(panels.count())] == list(TEN)
        assert all(panels.nth(i).is_visible() for i in range(10))
        check_judged(seen.page, served)
        check_watched(seen.page, served)
        check_summary(seen.page, served)
        check_json(seen.page, served)
        assert seen.page.locator("article svg[role=img]").count() == 11, (
            "a history each, and the shares of the mix"
        )
        labels = [svg.get_attribute("aria-label") for svg in seen.page.locator("article svg").all()]
        assert all(labels)
        assert seen.complaints == []
        assert {url.split("/")[2] for url in seen.asked} == {served.url.split("/")[2]}


def check_judged(page: sync_api.Page, served: Served) -> None:
    newest = {
        row["signal"]: row
        for row in processes.show("signals", served.environment)
        if row["verdict"]
    }
    scale = {"p95_latency_ms": 1.0, "intent_mix_kl": 1.0}
    for name in builders.JUDGED_PANELS:
        row, panel = newest[name], page.locator(f"#{name}")
        text = panel.locator(".value").inner_text().removeprefix("p95")
        assert number(text) == pytest.approx(
            row["value"] * scale.get(name, 100), abs=0.0501 if name != "intent_mix_kl" else 0.00051
        )
        facts = panel.locator(".facts").inner_text()
        assert (
            f"{row['n']:,} {'labels' if name in ('live_accuracy', 'rare_recall') else 'logs'}"
            in facts
        )
        assert dt.datetime.fromisoformat(
            panel.locator(".facts time").get_attribute("datetime") or ""
        ) == dt.datetime.fromisoformat(row["end"])
        assert panel.locator(".badge").inner_text() == (
            "BREACH" if row["in_breach"] else row["verdict"].upper()
        )
        assert "Limit" in facts
        assert ("95 % interval" in facts) == (row["low"] is not None)
        assert ("Noise floor" in facts) == (row["noise_floor"] is not None)
    assert newest["live_accuracy"]["in_breach"]
    assert newest["intent_mix_kl"]["in_breach"]


def check_watched(page: sync_api.Page, served: Served) -> None:
    hour = processes.show("windows", served.environment, "--horizon", "1h")[-1]
    assert number(page.locator("#request_volume .value").inner_text()) == hour["n"]
    assert number(page.locator("#fallback_rate .value").inner_text()) == pytest.approx(
        100 * hour["fallback_rate"], abs=0.051
    )
    day = [
        row
        for row in processes.show("windows", served.environment, "--horizon", "1d")
        if row["complete"]
    ][-1]
    said = page.locator("#intent_distribution .value").inner_text()
    intent = said.split()[0]
    assert intent == "chitchat", "the intent that moved most"
    assert number(said) == pytest.approx(
        100 * day["intent_counts"][intent] / (day["n"] - day["errors"]), abs=0.051
    )
    page.locator("#intent_distribution summary").click()
    rows = page.locator("#intent_distribution table").first.locator("tbody tr")
    assert {
        row.locator("th").inner_text(): int(number(row.locator("td").last.inner_text()))
        for row in rows.all()
    } == day["intent_counts"]
    assert page.locator("#rollback_status .value").inner_text() == "v1"
    assert "OK" in page.locator("#rollback_status .badge").inner_text()


def check_summary(page: sync_api.Page, served: Served) -> None:
    now, decision = (
        page.locator(".now").inner_text(),
        processes.show("decisions", served.environment)[-1],
    )
    assert page.locator(".now h2 .badge").inner_text() == "BREACH"
    assert "Sampled accuracy" in page.locator(".now h2").inner_text()
    assert decision["hold_reason"] == "RUN_IN_PROGRESS"
    assert "hold: run in progress" in now
    assert "before that retrain at" in now
    (run,) = processes.show("runs", served.environment)
    assert f"{run['id']}: queued" in now
    page.locator(".now summary").click()
    assert page.locator(".now tbody tr").count() == len(decision["reasons"])
    assert page.title().startswith("BREACH")


def check_json(page: sync_api.Page, served: Served) -> None:
    status, body, headers = served.get("/api/production")
    board = json.loads(body, parse_constant=pytest.fail)
    assert (status, headers["content-type"]) == (200, "application/json")
    assert [panel["key"] for panel in board["panels"]] == list(TEN)
    for panel in board["panels"]:
        shown = page.locator(f"#{panel['key']}")
        assert shown.locator(".badge").inner_text() == panel["state"].upper()
        assert shown.locator(".verdict").inner_text() == panel["verdict"].replace("`", "")
    newest = {
        row["signal"]: row
        for row in processes.show("signals", served.environment)
        if row["verdict"]
    }
    for panel in board["panels"]:
        if panel["key"] in newest:
            row = newest[panel["key"]]
            names = ("value", "n", "low", "high", "noise_floor", "end")
            assert [panel[name] for name in names] == [row[name] for name in names]


def test_a_clock_that_leaps_by_months_turns_the_board_stale_not_green(
    database: str, browser: sync_api.Browser, tmp_path: Path
) -> None:
    Story().write(database, tmp_path)
    end = BEGIN + 75 * HOUR
    with connect.engine(database, poolclass=sa.NullPool).begin() as connection:
        connection.execute(sa.update(tables.stream_clock).values(watermark=end + 200 * 24 * HOUR))
    with dashboard(database, tmp_path) as served, watched(browser, served.url) as seen:
        said = seen.page.locator(".now h2").inner_text()
        assert said.startswith(
            "STALE Nothing is judged now; the last state known was BREACH at 23 Apr 03:00 UTC: "
        )
        assert "Sampled accuracy" in said
        assert seen.page.title().startswith("STALE")
        assert (
            "No hour has been complete since 2026-04-23 03:00:00 UTC"
            in seen.page.locator(".alarms").inner_text()
        )
        assert {seen.page.locator(f"#{key} .badge").inner_text() for key in TEN[:-1]} == {"STALE"}
        assert seen.page.locator("article svg[role=img]").count() == 11, (
            "what was known stays drawn"
        )
        assert seen.complaints == []
    done = processes.run(
        ["-m", "services.doctor", "scheduler"], served.environment | {"INTENTWATCH_TOPIC": "t"}
    )
    assert (
        "warn  judged      no hour has been complete since 2026-04-23 03:00:00 UTC" in done.stdout
    )


def test_hostile_text_is_text(database: str, browser: sync_api.Browser, tmp_path: Path) -> None:
    Story(model=HOSTILE, hours=26, drifted=0).write(database, tmp_path)
    engine = connect.engine(database, poolclass=sa.NullPool)
    with engine.begin() as connection:
        at = BEGIN + 10 * HOUR
        retrain_store.queue_run(
            connection, run_id='"><img src=x onerror=alert(2)>', decision_id=None, as_of=at
        )
        retrain_store.change_run(
            connection,
            '"><img src=x onerror=alert(2)>',
            state="failed",
            ended=at,
            error="{{ 7 * 7 }}<svg/onload=alert(3)>",
        )
        connection.execute(sa.update(tables.quality).values(maturity="<b>mature</b>"))
    with dashboard(database, tmp_path) as served, watched(browser, served.url) as seen:
        assert seen.page.locator("#rollback_status .value").inner_text() == HOSTILE
        assert HOSTILE in (
            seen.page.locator("#rollback_status svg").get_attribute("aria-label") or ""
        )
        assert "{{ 7 * 7 }}<svg/onload=alert(3)>" in seen.page.locator(".now").inner_text()
        assert seen.page.locator("script, img, b").count() == 0
        assert seen.page.locator("svg[onload]").count() == 0
        assert seen.complaints == []
        assert served.get("/metrics")[0] == 200


def test_an_empty_database_says_what_is_missing_and_what_to_do(
    database: str, browser: sync_api.Browser, tmp_path: Path
) -> None:
    with dashboard(database, tmp_path) as served, watched(browser, served.url, width=400) as seen:
        panels = seen.page.locator("article.panel")
        assert panels.count() == 10
        for i in range(10):
            assert panels.nth(i).locator(".badge").inner_text() == "NO DATA"
            said = panels.nth(i).locator(".missing").inner_text()
            assert "yet" in said
            assert panels.nth(i).locator(".missing code").count() >= 1, "a command to run"
        assert "no stream worker runs" in panels.first.inner_text()
        assert "python -m streams worker" in seen.page.locator(".alarms").inner_text()
        assert seen.complaints == []
        assert served.get("/readyz")[:2] == (200, '{"ready":true}')
        metrics = served.get("/metrics")[1]
        assert "intentwatch_database_up 1.0" in metrics
        assert "p95_latency" not in metrics, "no sample rather than 0"


@pytest.mark.parametrize("width", [400, 320])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overflows_and_the_page_reads_without_a_mouse(
    filled: Served, browser: sync_api.Browser, width: int, scheme: str
) -> None:
    with watched(browser, filled.url, width=width, scheme=scheme) as seen:
        seen.page.keyboard.press("Tab")
        assert seen.page.evaluate("document.activeElement.tagName") == "A"
        assert (
            seen.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        ), "focus can be seen"
        for summary in seen.page.locator("summary").all():
            summary.click()
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
        levels = [
            int(tag[1])
            for tag in seen.page.evaluate(
                "[...document.querySelectorAll('h1,h2,h3,h4')].map(h => h.tagName)"
            )
        ]
        assert levels[0] == 1
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
        assert seen.page.locator("html").get_attribute("lang") == "en"
        assert seen.page.locator("meta[http-equiv=refresh]").get_attribute("content") == "30"
        assert contrasts(seen.page) == []
        assert seen.complaints == []


@pytest.mark.parametrize("width", [1280, 390])
def test_no_picture_cuts_off_what_it_says(
    filled: Served, browser: sync_api.Browser, width: int
) -> None:
    with watched(browser, filled.url, width=width) as seen:
        assert seen.page.locator("#p95_latency_ms svg text", has_text="250 ms").count() == 1
        assert outside(seen.page) == []


def outside(page: sync_api.Page) -> list[str]:
    """Texts of pictures that reach beyond them."""
    texts: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('article svg text')].filter(t => {
        const inside = t.getBBox(), all = t.ownerSVGElement.viewBox.baseVal;
        const right = inside.x + inside.width, bottom = inside.y + inside.height;
        return inside.x < 0 || inside.y < 0 || right > all.width || bottom > all.height;
        }).map(t => t.textContent)"""
    )
    return texts


def contrasts(page: sync_api.Page) -> list[str]:
    """Texts whose contrast with what lies behind them is under WCAG's AA."""
    poor: list[str] = page.evaluate(
        """() => {
        const numbers = c => c.match(/[\\d.]+/g).map(Number);
        const linear = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
        const light = c => {
          const [r, g, b] = c.slice(0, 3).map(v => linear(v / 255));
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const behind = e => {
          for (; e; e = e.parentElement) {
            const c = numbers(getComputedStyle(e).backgroundColor);
            if (c[3] !== 0) return c;
          }
        };
        const poor = [];
        for (const e of document.querySelectorAll('body *')) {
          if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
          const style = getComputedStyle(e);
          const a = light(numbers(e instanceof SVGElement ? style.fill : style.color));
          const b = light(behind(e));
          const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
          if (contrast < 4.5) poor.push(e.className + ': ' + e.textContent.slice(0, 40));
        }
        return poor; }"""
    )
    return poor


def test_the_refresh_can_be_stopped(filled: Served, browser: sync_api.Browser) -> None:
    with watched(browser, filled.url) as seen:
        seen.page.get_by_role("link", name="stop").click()
        assert seen.page.locator("meta[http-equiv=refresh]").count() == 0
        assert seen.page.locator("article.panel").count() == 10


def test_probes_metrics_and_headers(filled: Served) -> None:
    assert filled.get("/livez")[0] == 200
    assert filled.get("/readyz")[:2] == (200, '{"ready":true}')
    for path in ("/", "/api/production", "/metrics", "/style.css", "/nowhere"):
        headers = filled.get(path)[2]
        policy = dict(
            part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";")
        )
        assert policy["default-src"] == "'none'"
        assert set(policy.values()) == {"'none'", "'self'"}, path
        assert headers["x-content-type-options"] == "nosniff"
    metrics = filled.get("/metrics")[1]
    newest = {
        row["signal"]: row
        for row in processes.show("signals", filled.environment)
        if row["verdict"]
    }
    for name in ("p95_latency_ms", "error_rate", "live_accuracy"):
        (gauge,) = re.findall(
            rf"^intentwatch_{name}\{{.*model=\"v1\".*\}} (.+)$", metrics, re.MULTILINE
        )
        assert float(gauge) == newest[name]["value"]
    assert "intentwatch_stream_lag_records 0.0" in metrics
    assert not {"torch", "faust", "kafka"} & set(imported()), "the slim image has none of them"


def imported() -> list[str]:
    """The top-level modules of the dashboard's process."""
    program = """
import sys, services.dashboard.__main__
print(*{name.partition('.')[0] for name in sys.modules})
"""
    done = processes.run(["-c", program], {})
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_tables_that_are_gone_are_said_and_found_again_without_a_restart(
    database: str, browser: sync_api.Browser, tmp_path: Path
) -> None:
    with dashboard(database, tmp_path) as served:
        administer(database, "alter schema public rename to aside")
        status, body, _ = served.get("/readyz")
        assert (status, json.loads(body)) == (
            503,
            {"ready": False, "reason": "the database has no tables; run `alembic upgrade head`"},
        )
        assert served.get("/livez")[0] == 200
        assert served.get("/api/production")[0] == 503
        assert "intentwatch_database_up 0.0" in served.get("/metrics")[1]
        with watched(browser, served.url) as seen:
            assert "alembic upgrade head" in seen.page.locator(".now code").inner_text()
        administer(database, "alter schema aside rename to public")
        assert served.get("/readyz")[0] == 200


def test_an_outage_is_said_and_ends_without_a_restart(
    parts: topology.Addresses, database: str, browser: sync_api.Browser, tmp_path: Path
) -> None:
    name = sa.make_url(database).database
    with dashboard(database, tmp_path) as served:
        assert served.get("/")[0] == 200
        administer(parts.database_url, f"alter database {name} allow_connections false")
        administer(
            parts.database_url,
            f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'",
        )
        assert served.get("/livez")[0] == 200
        status, body, _ = served.get("/readyz")
        assert status == 503
        assert json.loads(body)["reason"].startswith("Postgres does not answer")
        with watched(browser, served.url) as seen:
            assert "Postgres does not answer" in seen.page.locator(".now").inner_text()
            assert seen.page.locator("meta[http-equiv=refresh]").count() == 1, (
                "it comes back by itself"
            )
        administer(parts.database_url, f"alter database {name} allow_connections true")
        assert served.get("/readyz")[0] == 200


def administer(url: str, statement: str) -> None:
    with connect.engine(
        url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT"
    ).connect() as connection:
        connection.execute(sa.text(statement))


def test_it_ends_with_0_on_sigterm_and_says_where_it_is(database: str, tmp_path: Path) -> None:
    with dashboard(database, tmp_path) as served:
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(20) == 0
    assert (tmp_path / "log").read_text() == f"intentwatch: dashboard at {served.url}/\n"


def test_a_port_in_use_is_refused_in_one_line(database: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = processes.run(
            ["-m", "services.dashboard"],
            {"INTENTWATCH_DATABASE_URL": database, "INTENTWATCH_DASHBOARD_PORT": port},
        )
    assert (done.returncode, done.stdout) == (3, "")
    assert (
        done.stderr
        == f"intentwatch: port {port} is in use; set INTENTWATCH_DASHBOARD_PORT to a free one\n"
    )


def test_a_postgres_that_does_not_answer_is_refused_in_one_line() -> None:
    (port,) = ports.free(1)
    nowhere = {
        "INTENTWATCH_DATABASE_URL": "postgresql+psycopg://postgres@127.0.0.1:1/x",
        "INTENTWATCH_DASHBOARD_PORT": str(port),
    }
    done = processes.run(["-m", "services.dashboard"], nowhere)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == (
        "intentwatch: Postgres does not answer; check INTENTWATCH_DATABASE_URL or run `make up`\n"
    )
