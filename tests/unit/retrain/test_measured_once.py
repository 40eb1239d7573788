"""One hour, one measurement: what is judged, recorded and said of a Monday's midnight comes from
the same figures.
"""

import collections
import datetime as dt
from collections.abc import Callable
from typing import Any

import builders
import numpy as np
import pytest

from retrain.decide import evaluate, quality
from retrain.decide.view import View
from retrain.evaluation import live
from schemas import decisions, policy, present
from services.scheduler import lines
from streams.signals import measure
from streams.stats import divergence

MONDAY = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)


def counting(calls: collections.Counter[str], name: str, real: Callable[..., Any]) -> Any:
    """The function itself, and how often it is asked."""

    def asked(*args: Any, **more: Any) -> Any:
        calls[name] += 1
        return real(*args, **more)

    return asked


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> collections.Counter[str]:
    counted: collections.Counter[str] = collections.Counter()
    for module, name in (
        (measure, "signals"),
        (measure, "mix"),
        (live, "figures"),
        (divergence, "kl"),
    ):
        monkeypatch.setattr(module, name, counting(counted, name, getattr(module, name)))
    return counted


def midnight() -> View:
    """A view with the windows of the hour, the day and the week that end, all with answers."""
    ends = {}
    for horizon, each in (("1h", 200), ("1d", 2_000), ("7d", 9_000)):
        latin = np.array([each * len(present.INTENTS), 0, 0, 0])
        tally = builders.tally(each, script_count=latin)
        ends[horizon] = builders.window(tally, horizon, end=MONDAY)
    reference = builders.reference(1_000, script_counts={"latin": 10_000})
    hours = {MONDAY - dt.timedelta(hours=back): live.Hour(100, 90.0) for back in range(1, 169)}
    asked = builders.sample([True] * 90 + [False] * 10)
    return View(builders.MODEL, MONDAY, ends, reference, asked, hours)


def test_each_figure_of_a_mondays_midnight_is_measured_once(
    calls: collections.Counter[str],
) -> None:
    evaluation = evaluate.evaluate(midnight(), decisions.Past(), policy.Policy())
    recorded = [*evaluation.measured, *evaluation.measured]
    of_labels = list(quality.measured(evaluation.view, evaluation.figures, "7d"))
    said = [*lines.of_hour(evaluation), *lines.of_day(evaluation), *lines.of_week(evaluation)]
    assert recorded
    assert of_labels is not None
    assert [tag for tag, _ in said] == ["MONITOR_HOURLY", "MONITOR_DAILY", "MONITOR_WEEKLY"]
    assert calls["signals"] == calls["mix"] == 3  # a window each
    assert calls["figures"] == 2  # a horizon each: the day and the week
    assert calls["kl"] == 6  # of intents and of scripts, once a window


def test_what_is_said_is_what_is_recorded() -> None:
    evaluation = evaluate.evaluate(midnight(), decisions.Past(), policy.Policy())
    signals = [verdict.signal for verdict in evaluation.fresh]
    recorded = {
        (signal.horizon, signal.signal): signal.value
        for signal in (*signals, *evaluation.measured)
        if signal.intent is None
    }
    said = {
        tag: fields for make in (lines.of_hour, lines.of_week) for tag, fields in make(evaluation)
    }
    assert said["MONITOR_HOURLY"]["kl_div"] == recorded["1h", "intent_mix_kl"]
    assert said["MONITOR_WEEKLY"]["kl_div"] == recorded["7d", "intent_mix_kl"]


def test_a_replay_measures_only_what_is_judged(calls: collections.Counter[str]) -> None:
    """The hour's mix is judged by nobody: measured when recorded, which a replay never does."""
    evaluate.evaluate(midnight(), decisions.Past(), policy.Policy())
    assert (calls["signals"], calls["mix"], calls["kl"]) == (3, 2, 2)
