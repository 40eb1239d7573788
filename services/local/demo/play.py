"""Play the story: train and promote the first champion, then day after day of traffic and labels, waiting at each midnight for the product."""

import contextlib
import dataclasses
import datetime as dt
import http.client
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tqdm import tqdm

from retrain import progress
from retrain import store as retrain_store
from services import store as read
from services.gateway import store as gateway_store
from services.labels import ingest
from services.labels import store as labels_store
from services.local import supervisor
from services.local.demo import report, stage, store, story, traffic

BEGIN = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)
_HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
_TAIL_HOURS = 8  # after the last day, so that its labels come in and its midnight passes


@dataclass(slots=True)
class Play:
    """What has happened so far."""

    on: stage.Stage
    told: story.Story
    customers: traffic.Customers
    days: list[report.Day] = field(default_factory=list)

    def first_champion(self) -> None:
        """Load the labelled messages of before the story and have the retrain worker train on them."""
        corpus = [row for row in (ingest.corpus_row(json.dumps(row).encode()) for row in self.told.corpus) if isinstance(row, dict)]
        with self.on.engine.begin() as connection:
            labels_store.add_corpus(connection, corpus)
            retrain_store.queue_run(connection, run_id="ft_first", decision_id=None, as_of=BEGIN)
        self._follow_run("training the first champion")
        (run,) = self.on.rows(read.runs)
        if not run["promoted"]:
            missed = ", ".join(f"{gate['gate']} {gate['verdict']}" for gate in run["gates"] or () if gate["verdict"] != "pass")
            raise supervisor.NotReady(f"the first model is {run['state']}, not champion: {missed or 'see ' + str(self.on.logs / 'retrain.log')}")

    def _follow_run(self, what: str, timeout_s: float = 600) -> None:
        """Wait for the run in hand, with a bar from its recorded progress."""
        with progress.bar(what, 100, "%") as bar:

            def ended() -> bool:
                run = self._open_run()
                if run is not None and run["progress"]:
                    bar.update(round(90 * run["progress"]["step"] / run["progress"]["steps"]) - bar.n)
                return run is None

            self.on.wait(ended, what, timeout_s)

    def _open_run(self) -> Any:
        with self.on.engine.connect() as connection:
            return store.open_run(connection)

    def all_days(self) -> None:
        """Every day, then a morning more."""
        print(report.LEGEND, report.heading(), sep="\n")
        with progress.bar("simulated days", len(self.told.kinds), "day") as bar:
            for number, rows in enumerate(self.told.days):
                self._day(rows, BEGIN + number * DAY, follow=number > 0)
                bar.update()
                if number:
                    tqdm.write(report.row(self.days[-1]), file=sys.stdout)
            self._hours(self.told.days[-1][: _TAIL_HOURS * 12], BEGIN + len(self.told.kinds) * DAY, _TAIL_HOURS, follow=True)
            tqdm.write(report.row(self.days[-1]), file=sys.stdout)

    def settle(self) -> None:
        """Wait until every message that was answered is counted and every notice is out; what never is, the summary will show."""
        with contextlib.suppress(supervisor.NotReady):
            self.on.wait(self._all_counted, "the last messages to be counted", timeout_s=30)

        with contextlib.suppress(supervisor.NotReady):
            self.on.wait(lambda: self.messages()[1] == 0, "the last messages to reach Slack", timeout_s=30)

    def messages(self) -> tuple[int, int]:
        """How many messages of the outbox are in Slack, and how many are not yet."""
        with self.on.engine.connect() as connection:
            return store.messages(connection)

    def _all_counted(self) -> bool:
        return sum(int(row["n"]) for row in self.on.rows(read.windows, horizon="1d")) >= len(self.customers.truth)

    def _day(self, rows: Sequence[story.Row], start: dt.datetime, *, follow: bool) -> None:
        self._hours(rows, start, 24, follow=follow)

    def _hours(self, rows: Sequence[story.Row], start: dt.datetime, hours: int, *, follow: bool) -> None:
        """Messages hour by hour, labels as they fall due. The first hour closes the day before: then the product is waited for."""
        for hour in range(hours):
            now = start + hour * _HOUR
            traffic.annotate(self.on.engine, self.customers, now)
            self.customers.hour(rows[hour * len(rows) // hours : (hour + 1) * len(rows) // hours], now)
            if hour == 0 and follow:
                self._midnight(start)

    def _midnight(self, midnight: dt.datetime) -> None:
        """The day that ends at `midnight` is judged, and a run that it started is done, before the next hour begins."""
        self.on.wait(lambda: self._judged(midnight), f"the daily monitor of {midnight:%Y-%m-%d}")
        if self._open_run() is not None:
            self._follow_run("retraining")
            self.on.wait(self.serving, "the gateway to follow the promotion")
        self.days.append(self._look(midnight))

    def _judged(self, midnight: dt.datetime) -> bool:
        with self.on.engine.connect() as connection:
            return store.judged(connection, midnight)

    def serving(self) -> bool:
        """Whether the gateway answers with the champion that Postgres names; there must be one."""
        connection = http.client.HTTPConnection("127.0.0.1", self.on.port("GATEWAY_PORT"), timeout=10)
        connection.request("GET", "/readyz")
        serving = json.loads(connection.getresponse().read()).get("model")
        connection.close()
        with self.on.engine.connect() as database:
            return serving is not None and serving == gateway_store.champion(database)

    def _look(self, midnight: dt.datetime) -> report.Day:
        """The day's row, from Postgres."""
        day = midnight - DAY
        windows = self.on.rows(read.windows, horizon="1d", since=midnight, until=midnight)
        window = max(windows, key=lambda row: int(row["n"]))
        model = window["model"]
        signals = {row["signal"]: row for row in self.on.rows(read.signals, model=model, since=midnight, until=midnight) if row["verdict"]}
        truth = self.customers.right.get((day.date(), model), [0, 0])
        before = self.days[-1].taken[-1].row if self.days else None
        with self.on.engine.connect() as database:
            taken = [report.Taken(row, store.verdicts(database, row["id"])) for row in report.changes(before, self._decisions(day, midnight))]
        return report.Day(day.date(), self.told.kinds[len(self.days)], window, signals, self._quality(model, day), (truth[0], truth[1]), taken)

    def _quality(self, model: str, day: dt.datetime) -> dict[str, Any] | None:
        rows = self.on.rows(read.quality, model=model, since=day + DAY, until=day + DAY)
        return next((row for row in rows if row["metric"] == "live_accuracy" and row["start"] == day), None)

    def _decisions(self, start: dt.datetime, end: dt.datetime) -> list[dict[str, Any]]:
        return [row for row in self.on.rows(read.decisions, since=start, until=end) if row["at"] > start]

    def settled(self) -> list[report.Day]:
        """The days with their label figures as they stand at the end, labels that came later included."""
        found = []
        for day in self.days:
            quality = self._quality(day.window["model"], dt.datetime.combine(day.date, dt.time(), dt.UTC))
            found.append(dataclasses.replace(day, quality=quality))
        return found
