"""Play the story: train and promote the first champion, then day after day of traffic and labels,
waiting at each midnight for the product.
"""

import contextlib
import dataclasses
import datetime as dt
import http.client
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from retrain import store as retrain_store
from retrain.train import snapshot, split
from retrain.train.golden import rows as golden
from retrain.train.golden import store as golden_store
from schemas import loglines, runs
from services import store as read
from services.gateway import store as gateway_store
from services.labels import ingest
from services.labels import store as labels_store
from services.local import supervisor
from services.local.demo import (
    closing,
    grid,
    pace,
    paper,
    report,
    screen,
    stage,
    store,
    story,
    telling,
    traffic,
)

FIRST_RUN = "ft_first"
BEGIN = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)
_HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
_EVENING = 23  # the hour at whose half the annotators hand in: what they said counts at midnight
_TAIL_HOURS = 2  # after the last day, so that its midnight passes


@dataclass(slots=True)
class Play:
    """What has happened so far."""

    on: stage.Stage
    plan: story.Story
    customers: traffic.Customers
    screen: screen.Screen
    pace: pace.Pace
    gateway: int  # its process
    days: list[report.Day] = field(default_factory=list)
    # Of a run's time, that each of its steps takes.
    _shares: Mapping[str, float] = field(default_factory=lambda: pace.SHARES)
    _ended: list[str] = field(default_factory=list)
    _read: int = 0  # of the retrain worker's log

    def first_champion(self) -> None:
        """Load the labelled messages of before the story; the retrain worker trains on them."""
        corpus = []
        for message in self.plan.corpus:
            row = ingest.corpus_row(json.dumps(message).encode())
            if isinstance(row, dict):
                corpus.append(row)

        with self.on.engine.begin() as connection:
            labels_store.add_corpus(connection, corpus)
            golden_store.add(connection, golden.own(), "the demo", BEGIN)
            retrain_store.queue_run(
                connection,
                run_id=FIRST_RUN,
                decision_id=None,
                as_of=BEGIN,
            )
        self._follow_run("the first model", pace.FIRST_RUN)
        (run,) = self.on.rows(read.runs)
        if not run["promoted"]:
            why = self.error(run["id"])
            raise closing.refused(run, str(self.screen.log), why)
        self.on.wait(self.serving, "the gateway to serve the first champion")

    def error(self, run_id: str) -> str | None:
        """Why a run failed."""
        with self.on.engine.connect() as connection:
            return store.error(connection, run_id)

    def _follow_run(self, model: str, seconds: float) -> None:
        """Wait for the run in hand: its steps and its recorded progress move the bar, its epochs
        are told.
        """
        before = self.pace.done[pace.Kind.RUN]
        began: dict[str, float] = {}  # when each step was seen first

        def ended() -> bool:
            run = self._open_run()
            if run is None:
                return True
            state = run["state"]
            now = time.monotonic()
            elapsed = now - began.setdefault(state, now)
            within = self._within(run, elapsed, seconds)
            fraction = pace.fraction(self._shares, state, within)
            self.pace.advance(pace.Kind.RUN, before + seconds * fraction, now)

            progress = run["progress"] or {"epoch": 1}
            self.screen.doing(telling.step(state, model, progress["epoch"]))
            self._learnt(run)
            return False

        self.on.wait(ended, f"the training of {model}")
        self.pace.advance(pace.Kind.RUN, before + seconds, time.monotonic())
        self._shares = pace.shares(began, self.pace.now)
        self._runs()

    def _within(
        self,
        run: Any,
        elapsed: float,
        seconds: float,
    ) -> float:
        """How much of the step that a run is in is behind: by its recorded progress, or by how long
        the step should take here.
        """
        if run["state"] == runs.State.TRAINING:
            steps = run["progress"] or {"step": 0, "steps": 1}
            return float(steps["step"] / steps["steps"])

        share = self._shares.get(run["state"], 0.0)
        slowness = self.pace.slowness(pace.Kind.RUN)
        expected = share * seconds * slowness
        return elapsed / expected if expected else 0.0

    def _learnt(self, run: Any) -> None:
        """A training's [VAL] lines, as they come: how good a model is that nobody has seen yet."""
        log = self.on.logs / "retrain.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        for line in lines[self._read :]:
            if line.startswith("[VAL]"):
                _, validation = loglines.parse(line)
                self._tell(telling.learnt(validation, self._held_out(run)))
        self._read = max(self._read, len(lines))

    def _tell(self, *sentences: telling.Said) -> None:
        """Between the rows of the table, once there are any."""
        if self.days:
            self.screen.event(*sentences)
        else:
            self.screen.say(*sentences)

    def _held_out(self, run: Any) -> int:
        """How many rows a training validates on: the split is a function of the rows, which the run
        has frozen.
        """
        folder = self.on.addresses.models / "snapshots"
        frozen = snapshot.read(folder, run["snapshot_sha256"])
        parts = split.split(frozen)["part"]
        return int((parts == "val").sum())

    def _runs(self) -> None:
        """Tell of the runs that have ended since."""
        for run in self.on.rows(read.runs):
            if run["ended"] and run["id"] not in self._ended:
                self._ended.append(run["id"])
                paper.write(self.on.engine, run["id"], self.screen.log)
                outcome = telling.gated(
                    run,
                    restarted=not self.same_process(),
                    first=len(self._ended) == 1,
                )
                self._tell(*outcome)
                self.screen.detail(report.run_line(run))

    def same_process(self) -> bool:
        """Whether the gateway is the process that was started."""
        for child in self.on.owner.children:
            if child.process.pid == self.gateway and child.process.poll() is None:
                return True
        return False

    def _open_run(self) -> Any:
        with self.on.engine.connect() as connection:
            return store.open_run(connection)

    def all_days(self) -> None:
        """Every day, then the first hours of one more."""
        self.screen.detail(f"{report.LEGEND}\n{report.heading()}")
        self.screen.row(grid.heading(self.screen.width))
        self.screen.event(grid.LEGEND)
        for number, rows in enumerate(self.plan.days):
            start = BEGIN + number * DAY
            self.screen.doing(f"{start:%-d %b}: {len(rows):,} messages")
            self._hours(rows, start, 24, begins=number)

        tail = self.plan.days[-1][: _TAIL_HOURS * 12]
        end = BEGIN + len(self.plan.kinds) * DAY
        self._hours(tail, end, _TAIL_HOURS)
        self.screen.doing("counting everything again")

    def settle(self) -> None:
        """Wait until every message that was answered is counted and every notice is out; what never
        is, the summary will show.
        """
        with contextlib.suppress(supervisor.TooSlow):
            self.on.wait(self._all_counted, "the last messages to be counted")
            self.on.wait(lambda: self._messages()[1] == 0, "the last messages to reach Slack")

    def delivered(self) -> tuple[int, int]:
        """How many messages of the outbox are in Slack, and how many never are: the hour that is
        judged last may have something to tell after all the others are out.
        """
        with contextlib.suppress(supervisor.TooSlow):
            self.on.wait(lambda: self._messages()[1] == 0, "the last message to reach Slack")
        return self._messages()

    def _messages(self) -> tuple[int, int]:
        """How many messages of the outbox are in Slack, and how many are not yet."""
        with self.on.engine.connect() as connection:
            return store.messages(connection)

    def _all_counted(self) -> bool:
        days = self.on.rows(read.windows, horizon="1d")
        counted = sum(int(window["n"]) for window in days)
        return counted >= len(self.customers.truth)

    def _hours(
        self,
        rows: Sequence[story.Row],
        start: dt.datetime,
        hours: int,
        *,
        begins: int | None = None,
    ) -> None:
        """Messages hour by hour, labels in the evening. The first hour closes the day before: then
        the product is waited for.
        """
        for hour in range(hours):
            now = start + hour * _HOUR
            first = hour * len(rows) // hours
            end = (hour + 1) * len(rows) // hours
            self.customers.hour(rows[first:end], now)

            done = pace.traffic(len(self.customers.truth))
            self.pace.advance(pace.Kind.TRAFFIC, done, time.monotonic())
            if hour == 0:
                self._first_hour(start, begins)
            if hour == _EVENING:
                traffic.annotate(self.on.engine, self.customers, now + _HOUR / 2)

    def _first_hour(self, start: dt.datetime, begins: int | None) -> None:
        if begins != 0:
            self._midnight(start)
        if begins is None:
            return

        kind = self.plan.kinds[begins]
        before = self.plan.kinds[max(0, begins - 1)]
        change = telling.begins(kind, start.date())
        if kind != before and change is not None:
            self.screen.event(change)

    def _midnight(self, midnight: dt.datetime) -> None:
        """The day that ends at `midnight` is judged, and a run that it started is done, before the
        next hour begins.
        """
        self.on.wait(lambda: self._judged(midnight), f"the monitors of {midnight:%-d %b}")
        before = self.days[-1] if self.days else None
        day = self._look(midnight)
        self.days.append(day)

        self.screen.detail(report.row(day))
        self.screen.row(grid.row(day, self.screen.width))
        self.screen.event(*telling.events(before, day))
        for note in self.on.notes:
            self.screen.event(telling.Said(note, "yellow"))
        self.on.notes.clear()

        if self._open_run() is not None:
            self._follow_run("the next model", pace.NEXT_RUN)
            self.on.wait(self.serving, "the gateway to follow the promotion")
        self._runs()

    def _judged(self, midnight: dt.datetime) -> bool:
        with self.on.engine.connect() as connection:
            return store.judged(connection, midnight)

    def serving(self) -> bool:
        """Whether the gateway answers with the champion that Postgres names; there must be one."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.on.port("GATEWAY_PORT"), timeout=10
        )
        try:
            connection.request("GET", "/readyz")
            body = connection.getresponse().read()
            serving = json.loads(body).get("model")
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        if serving is None:
            return False
        with self.on.engine.connect() as database:
            champion, *_ = gateway_store.champions(database)
        return bool(serving == champion.model)

    def _look(self, midnight: dt.datetime) -> report.Day:
        """The day's row, from Postgres."""
        day = midnight - DAY
        windows = self.on.rows(read.windows, horizon="1d", since=midnight, until=midnight)
        window = max(windows, key=lambda row: int(row["n"]))
        model = window["model"]
        right, asked = self.customers.right.get((day.date(), model), [0, 0])
        return report.Day(
            date=day.date(),
            kind=self.plan.kinds[len(self.days)],
            window=window,
            signals=self._signals(model, midnight),
            quality=self._quality(model, day),
            truth=(right, asked),
            taken=self._taken(day, midnight),
        )

    def _signals(self, model: str, midnight: dt.datetime) -> dict[str, report.Row]:
        """What was judged of the model at this midnight, by its signal."""
        judged: dict[str, report.Row] = {}
        for row in self.on.rows(read.signals, model=model, since=midnight, until=midnight):
            if row["verdict"]:
                judged[row["signal"]] = row
        return judged

    def _quality(self, model: str, day: dt.datetime) -> dict[str, Any] | None:
        end = day + DAY
        for row in self.on.rows(read.quality, model=model, since=end, until=end):
            if row["metric"] == "live_accuracy" and row["start"] == day:
                return row
        return None

    def _taken(self, start: dt.datetime, end: dt.datetime) -> list[report.Taken]:
        """The day's decisions that change something, each with the verdicts it rests on."""
        before = self.days[-1].taken[-1].row if self.days else None
        rows = self.on.rows(read.decisions, since=start, until=end)
        of_day = [row for row in rows if row["at"] > start]
        taken = []
        with self.on.engine.connect() as database:
            for row in report.changes(before, of_day):
                verdicts = store.verdicts(database, row["id"])
                taken.append(report.Taken(row, verdicts))
        return taken

    def settled(self) -> list[report.Day]:
        """The days with their label figures as they stand at the end, labels that came later
        included.
        """
        days = []
        for day in self.days:
            start = dt.datetime.combine(day.date, dt.time(), dt.UTC)
            quality = self._quality(day.window["model"], start)
            days.append(dataclasses.replace(day, quality=quality))
        return days
