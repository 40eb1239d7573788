"""What the ten panels and the line above them say of given rows."""

import dataclasses
import datetime as dt
import json
import re
from typing import Any
from xml.etree import ElementTree

import builders
import pytest

from schemas import policy, present, runs, times
from services.alarms import state
from services.dashboard import board, chart, facts, gauges, panels, summary

AT = dt.datetime(2026, 4, 24, 12, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
STUCK = state.Partition("t", 3, 7, 10, 0, AT, 90.0)
STREAM = facts.Stream(
    now=AT + dt.timedelta(minutes=5),
    watermark=AT + dt.timedelta(minutes=4),
    beat_s=1.0,
    lag=3,
    partitions=[STUCK],
    dead={"invalid": 2},
    scheduler=state.Beat(AT, 3.0),
    decided_s=240.0,
)
PROMOTED = {
    "id": 1,
    "model": "v1",
    "kind": "promote",
    "at": AT - 30 * DAY,
    "run_id": None,
    "by": "anna",
}
REFERENCE = runs.Reference("v1", 1000, dict.fromkeys(present.INTENTS, 100))
RULES = policy.Policy()


def window(
    end: dt.datetime, *, horizon: str = "1h", model: str = "v1", n: int = 1000, **more: Any
) -> dict[str, Any]:
    counts = dict.fromkeys(present.INTENTS, n // 10)
    rates = {"error_rate": 0.001, "low_confidence_rate": 0.05, "fallback_rate": 0.02}
    latency = {"p50_latency_ms": 8.0, "p95_latency_ms": 12.0, "p99_latency_ms": 14.0}
    place = {
        "model": model,
        "role": "champion",
        "horizon": horizon,
        "end": end,
        "complete": True,
        "n": n,
        "errors": 0,
        "late": 0,
        "intent_counts": counts,
    }
    return place | rates | latency | more


def signal(name: str = "p95_latency_ms", end: dt.datetime = AT, **more: Any) -> dict[str, Any]:
    rule = getattr(RULES.signals, name)
    row = {
        "model": "v1",
        "horizon": rule.horizon,
        "end": end,
        "signal": name,
        "intent": "",
        "value": rule.enter / 2,
        "n": rule.min_n,
        "reference_n": 1000,
    }
    rest = {
        "low": rule.enter / 3,
        "high": rule.enter * 2 / 3,
        "noise_floor": None,
        "p_value": None,
        "reference": None,
        "level": None,
    }
    return row | rest | {"verdict": "ok", "limit": rule.enter, "in_breach": False} | more


def known(**more: Any) -> facts.Facts:
    base: dict[str, Any] = {
        "stream": STREAM,
        "windows": [window(AT - HOUR), window(AT)],
        "promotions": [PROMOTED],
        "references": [(AT - 30 * DAY, REFERENCE)],
    }
    return facts.Facts(**(base | more))


def panel(key: str, seen: facts.Facts) -> board.Panel:
    (one,) = [p for p in panels.panels(seen, RULES) if p.key == key]
    return one


def test_there_are_ten_in_the_order_of_the_list() -> None:
    assert [p.name for p in panels.panels(known(), RULES)] == [
        "P50 / P95 / P99 latency",
        "Request volume",
        "Error rate",
        "Low-confidence rate",
        "Intent distribution",
        "KL divergence",
        "Sampled accuracy",
        "Rare-class recall",
        "Fallback rate",
        "Rollback status",
    ]


@pytest.mark.parametrize(
    ("name", "row", "state", "says"),
    [
        ("p95_latency_ms", {}, "ok", "within the limit"),
        ("p95_latency_ms", {"verdict": "watch"}, "watch", "the interval reaches across it"),
        ("p95_latency_ms", {"verdict": "breach"}, "watch", "2 of 3 make a breach"),
        ("p95_latency_ms", {"verdict": "breach", "in_breach": True}, "breach", "above the limit"),
        (
            "p95_latency_ms",
            {"verdict": "ok", "in_breach": True},
            "breach",
            "not back past 14.0 ms yet",
        ),
        ("p95_latency_ms", {"verdict": "blind", "n": 20}, "blind", "20 of the 200 logs"),
        (
            "p95_latency_ms",
            {"verdict": "blind", "n": 20, "in_breach": True},
            "breach",
            "too little evidence to say it has ended",
        ),
        ("live_accuracy", {"verdict": "breach", "in_breach": True}, "breach", "below the limit"),
        ("live_accuracy", {"verdict": "blind", "n": 63}, "blind", "63 of the 100 labels"),
        ("intent_mix_kl", {"p_value": 0.4}, "ok", "no more than chance"),
        (
            "intent_mix_kl",
            {"p_value": 1e-9, "verdict": "watch", "level": "alert"},
            "watch",
            "level alert",
        ),
        (
            "intent_mix_kl",
            {"p_value": 1e-9, "verdict": "breach", "level": "retrain", "in_breach": True},
            "breach",
            "the mix has moved",
        ),
    ],
)
def test_a_verdict_in_words(name: str, row: dict[str, Any], state: str, says: str) -> None:
    shown = panel(name, known(signals=[signal(name, **row)]))
    assert (shown.state, says in shown.verdict) == (state, True), shown.verdict


def test_a_judged_value_carries_all_that_belongs_to_it() -> None:
    shown = panel(
        "intent_mix_kl",
        known(
            signals=[signal("intent_mix_kl", value=0.031, n=5000, noise_floor=0.0054, p_value=3e-5)]
        ),
    )
    assert (shown.value, shown.n, shown.noise_floor, shown.limit, shown.end, shown.horizon) == (
        0.031,
        5000,
        0.0054,
        0.028,
        AT,
        "1d",
    )
    assert [line.name for line in shown.lines] == ["limit", "watch", "alert"]
    assert shown.notes[0] == "Reference n = 1,000, p < 0.0001. Levels count above the noise floor."
    assert shown.notes[1].startswith(
        "Latest hour, to 24 Apr 12:00 UTC: 0.000 nats (n = 1,000, chance alone 0.009 nats)"
    )


def test_the_limit_is_the_one_it_was_judged_by_not_the_policy_of_now() -> None:
    assert (
        panel("live_accuracy", known(signals=[signal("live_accuracy", limit=0.87)])).limit == 0.87
    )


def test_latency_shows_p50_and_p99_of_the_same_window() -> None:
    shown = panel(
        "p95_latency_ms",
        known(windows=[window(AT), window(AT + HOUR, p50_latency_ms=99.0)], signals=[signal()]),
    )
    assert shown.notes == ("p50 8.0 ms, p99 14.0 ms",)
    assert [series.name for series in shown.series] == ["p95_latency_ms", "p50", "p99"]


def test_what_nobody_judged_is_shown_and_said() -> None:
    shown = panel("error_rate", known())
    assert (shown.state, shown.value, shown.n) == ("not judged", 0.001, 1000)
    assert "no scheduler runs: `python -m services.scheduler`" in shown.verdict
    assert "No champion" in panel("error_rate", known(promotions=[])).verdict
    assert (
        "No reference mix"
        in panel("intent_mix_kl", known(windows=[window(AT, horizon="1d")], references=[])).verdict
    )
    alive = dataclasses.replace(STREAM, heard={"streams": 2.0})
    assert "No complete 1d window yet: the first one ends at 25 Apr 00:00 UTC" in (
        panel("low_confidence_rate", known(stream=alive)).missing or ""
    )


def test_a_judged_value_the_stream_has_left_behind_is_stale() -> None:
    shown = panel("p95_latency_ms", known(signals=[signal(end=AT - 3 * HOUR)]))
    assert (shown.state, shown.end) == ("stale", AT - 3 * HOUR)
    assert shown.verdict.startswith("3.1 h behind the stream, then ok")


def test_volume_names_the_hour_to_compare_with_and_goes_stale() -> None:
    shown = panel("request_volume", known(windows=[window(AT - DAY, n=700), window(AT, late=5)]))
    assert (shown.value, shown.state) == (1000.0, "no limit")
    assert shown.notes == ("The same hour a day before: 700 logs", "5 of them came late")
    assert panel("request_volume", known(windows=[window(AT - 3 * HOUR)])).state == "stale"


def test_each_end_shows_the_model_that_was_champion_then() -> None:
    promoted = [PROMOTED, PROMOTED | {"id": 2, "model": "v2", "at": AT - HOUR / 2}]
    rows = [
        window(AT - HOUR, model="v2", n=5),
        window(AT - HOUR),
        window(AT, n=900),
        window(AT, model="v2", n=400),
        window(AT, role="shadow", model="v3"),
    ]
    shown = panel("request_volume", known(windows=rows, promotions=promoted))
    assert [point.value for point in shown.series[0].points] == [1000.0, 400.0]
    assert shown.model == "v2"


def test_the_mix_leads_with_the_intent_that_moved_most() -> None:
    counts = dict.fromkeys(present.INTENTS, 80) | {"chitchat": 280}
    shown = panel(
        "intent_distribution",
        known(
            windows=[window(AT - DAY, horizon="1d"), window(AT, horizon="1d", intent_counts=counts)]
        ),
    )
    assert (shown.lead, shown.value, shown.n) == ("chitchat", 0.28, 1000)
    assert shown.notes == ("Moved most: chitchat, +18.0 points from 10.0 %",)
    assert [point.value for point in shown.series[0].points] == [0.1, 0.28]
    assert sum(share.n for share in shown.shares) == 1000


def test_the_mix_is_compared_with_the_reference_it_was_judged_against() -> None:
    later = dataclasses.replace(
        REFERENCE, intent_counts=dict.fromkeys(present.INTENTS, 0) | {"chitchat": 1000}
    )
    shown = panel(
        "intent_distribution", known(references=[(AT - 30 * DAY, REFERENCE), (AT, later)])
    )
    assert shown.shares[0].reference == 0.1


def test_label_panels_say_what_they_stand_for_and_what_is_wanting() -> None:
    place = {
        "model": "v1",
        "start": AT - 7 * DAY,
        "end": AT,
        "n_predictions": 9000,
        "maturity": "immature",
        "reference": 0.93,
        "labels_needed": None,
    }
    place["verdict"] = "blind"
    rare = [
        place | {"metric": "recall", "intent": intent, "estimate": 0.8, "n_labels": 40}
        for intent in present.RARE
    ]
    quality = [
        place | {"metric": "live_accuracy", "labels_needed": 37},
        place | {"metric": "rare_recall", "reference": None},
        *rare,
    ]
    seen = known(quality=quality, signals=[signal("live_accuracy"), signal("rare_recall")])
    notes = panel("live_accuracy", seen).notes
    assert notes == (
        "Stands for 9,000 answers, labels still coming in; reference 93.0 %",
        "37 more labels needed: `python -m services.labels next`",
    )
    assert "escalation 80.0 % (n = 40)" in panel("rare_recall", seen).notes[1]
    watched = known(
        quality=[place | {"metric": "live_accuracy", "labels_needed": 1200, "verdict": "watch"}],
        signals=[signal("live_accuracy")],
    )
    assert (
        "1,200 more labels would prove the loss, should it stay: `python -m services.labels next`"
        in panel("live_accuracy", watched).notes
    )


@pytest.mark.parametrize(
    ("promotions", "action", "state", "says"),
    [
        ([PROMOTED], None, "ok", "none in 14 days"),
        (
            [PROMOTED, PROMOTED | {"model": "v0", "kind": "rollback", "at": AT - DAY}],
            None,
            "watch",
            "rolled back to v0 by anna",
        ),
        (
            [
                PROMOTED | {"kind": "rollback", "at": AT - 2 * DAY},
                PROMOTED | {"model": "v2", "at": AT - DAY},
            ],
            None,
            "ok",
            "another model promoted since",
        ),
        ([PROMOTED], {"decision": "rollback", "at": AT}, "breach", "has not been done"),
        (
            [PROMOTED, PROMOTED | {"model": "v0", "kind": "rollback", "at": AT}],
            {"decision": "rollback", "at": AT - HOUR},
            "watch",
            "rolled back",
        ),
        ([PROMOTED], {"decision": "retrain", "at": AT}, "ok", "none"),
    ],
)
def test_rollback(
    promotions: list[dict[str, Any]], action: dict[str, Any] | None, state: str, says: str
) -> None:
    shown = panel("rollback_status", known(promotions=promotions, action=action))
    assert (shown.state, says in shown.verdict) == (state, True), shown.verdict
    assert shown.model == promotions[-1]["model"]
    assert len(shown.series[0].points) >= 2


EMPTY = facts.Stream(now=AT)
ALIVE = {"streams": 4.0, "gateway": 2.0, "scheduler": 1.0}


@pytest.mark.parametrize(
    ("stream", "says"),
    [
        ({}, "no stream worker runs: `python -m streams worker`"),
        ({"heard": {"streams": 61.0}}, "no stream worker runs"),
        (
            {"heard": ALIVE},
            "No serving log has been counted yet; "
            "the stream worker runs and waits for the first one.",
        ),
        (
            {"heard": ALIVE, "watermark": AT + HOUR / 4},
            "No complete 1h window yet: "
            "the first one ends at 24 Apr 13:00 UTC, by the stream's clock.",
        ),
    ],
)
def test_a_start_asks_for_nothing_that_runs(stream: dict[str, Any], says: str) -> None:
    shown = panel("request_volume", facts.Facts(dataclasses.replace(EMPTY, **stream)))
    assert says in (shown.missing or ""), shown.missing


def test_what_nobody_judged_says_how_far_the_scheduler_is() -> None:
    catching_up = dataclasses.replace(STREAM, heard=ALIVE, unjudged=30)
    assert (
        panel("error_rate", known(stream=catching_up)).verdict
        == "Not judged yet: the scheduler is at work, 30 hours to go."
    )
    old = known(stream=catching_up, signals=[signal(end=AT - 3 * HOUR)])
    assert (
        panel("p95_latency_ms", old).verdict
        == "3.1 h behind the stream, then ok: the scheduler is at work, 30 hours to go"
    )
    assert (
        "30 complete hours have not been judged: the scheduler is at work, 30 hours to go."
        in summary.of(old, RULES).alarms
    )
    left = known(
        stream=dataclasses.replace(catching_up, unjudged=0), signals=[signal(end=AT - 3 * HOUR)]
    )
    assert (
        panel("p95_latency_ms", left).verdict
        == "3.1 h behind the stream, then ok, and nothing has been judged since"
    )


def test_the_first_message_is_waited_for_by_who_runs() -> None:
    (waits,) = summary.alarms(dataclasses.replace(EMPTY, heard=ALIVE), test_clock=False)
    assert waits.endswith(
        "yet: the gateway and the stream worker run, and wait for the first POST /classify."
    )
    (half,) = summary.alarms(dataclasses.replace(EMPTY, heard={"streams": 1.0}), test_clock=False)
    assert "Start `python -m services.gateway`;" in half


def test_a_first_run_that_is_under_way_is_named_instead_of_asked_for() -> None:
    run = {
        "id": "ft_first",
        "state": "training",
        "candidate": None,
        "gates": None,
        "error": None,
        "started": AT,
        "ended": None,
    }
    shown = panel("rollback_status", known(promotions=[], run=run))
    assert shown.missing == "No champion yet: the run ft_first is training."
    assert "ft_first is training" in panel("error_rate", known(promotions=[], run=run)).verdict


def test_an_empty_database_names_each_remedy() -> None:
    shown = summary.of(facts.Facts(facts.Stream(now=AT)), RULES)
    assert shown.state == "no data"
    assert all(p.missing and "`" in p.missing and p.value is None for p in shown.panels)
    assert "python -m streams worker" in shown.alarms[0]
    assert chart.history(shown.panels[0], shown.since, shown.until) == ""


@pytest.mark.parametrize(
    ("stream", "says"),
    [
        ({"beat_s": 700.0}, "No stream worker has moved the clock for 12 min"),
        ({"watermark": AT - 3 * HOUR}, "The newest serving log is 3.1 h old"),
        ({"unjudged": 4}, "4 complete hours have not been judged"),
    ],
)
def test_silence_is_an_alarm_and_outranks_ok(stream: dict[str, Any], says: str) -> None:
    seen = known(
        stream=dataclasses.replace(STREAM, **stream),
        signals=[signal(name) for name in ("p95_latency_ms", "error_rate")],
    )
    shown = summary.of(seen, RULES)
    assert [alarm for alarm in shown.alarms if says in alarm], shown.alarms
    assert shown.state == "stale"


def test_simulated_time_is_not_compared_with_the_wall_clock() -> None:
    stream = dataclasses.replace(STREAM, now=AT + 200 * DAY)
    assert summary.of(known(stream=stream), RULES, test_clock=True).alarms == ()
    assert len(summary.of(known(stream=stream), RULES).alarms) == 1


def test_the_headline_is_the_worst_with_its_value_and_limit() -> None:
    rows = [signal(), signal("error_rate", verdict="breach", in_breach=True, value=0.02)]
    shown = summary.of(known(signals=rows), RULES)
    assert (shown.state, shown.headline) == ("breach", "Error rate 2.0 % (limit 0.5 %)")
    calm = [signal(name) for name in builders.JUDGED_PANELS]
    assert (
        summary.of(known(signals=calm), RULES).headline
        == "All 6 judged panels are within their limits"
    )


LEFT = dataclasses.replace(STREAM, watermark=AT + 200 * DAY, newest_end=AT)


def test_a_board_without_a_judged_figure_is_never_green() -> None:
    nothing = summary.of(known(stream=LEFT, windows=[]), RULES, test_clock=True)
    assert [p.state for p in nothing.panels if p.key == "rollback_status"] == ["ok"]
    assert (nothing.state, nothing.headline) == ("no data", "Nothing has been judged yet")
    first = summary.of(known(signals=[signal(), signal("error_rate")]), RULES)
    assert first.state == "no data"
    assert first.headline.startswith("Nothing is in breach; no figure yet for Low-confidence rate")


def test_a_clock_that_has_left_every_window_behind_keeps_the_last_state_it_knew() -> None:
    rows = [signal(name) for name in builders.JUDGED_PANELS[:4]] + [
        signal("live_accuracy", verdict="breach", in_breach=True),
        signal("rare_recall"),
    ]
    shown = summary.of(known(stream=LEFT, signals=rows), RULES, test_clock=True)
    assert shown.state == "stale"
    assert shown.headline == (
        "Nothing is judged now; "
        "the last state known was BREACH at 24 Apr 12:00 UTC: Sampled accuracy"
    )
    assert {p.state for p in shown.panels if p.key in builders.JUDGED_PANELS} == {"stale"}
    assert shown.until == AT, "the histories end where the windows do"
    (alarm,) = shown.alarms
    assert alarm.startswith(
        "No hour has been complete since 2026-04-24 12:00:00 UTC, "
        "and the stream's clock stands at 2026-11-10 12:00:00 UTC"
    )
    assert "the next hour ends at 2026-11-10 13:00:00 UTC" in alarm


def test_the_summary_names_the_decision_the_run_and_the_gates_it_missed() -> None:
    hold = {
        "id": "d2",
        "at": AT,
        "model": "v1",
        "decision": "hold",
        "hold_reason": "COOLING_DOWN",
        "cause": None,
        "reasons": [],
    }
    retrain = hold | {
        "id": "d1",
        "at": AT - HOUR,
        "decision": "retrain",
        "hold_reason": None,
        "cause": "language",
    }
    gates = [{"gate": "accuracy", "verdict": "pass"}, {"gate": "ece", "verdict": "inconclusive"}]
    run = {
        "id": "ft_1",
        "state": "rejected",
        "candidate": "v2",
        "gates": gates,
        "error": None,
        "started": AT,
        "ended": AT,
    }
    items = {
        item.name: item
        for item in summary.of(known(decision=hold, action=retrain, run=run), RULES).summary
    }
    assert (items["Last decision"].text, items["Run"].text) == (
        "hold: cooling down",
        "ft_1: rejected",
    )
    assert items["Last decision"].detail.endswith("before that retrain at 24 Apr 11:00 UTC")
    assert items["Run"].detail == "candidate v2, 2 gates, ece inconclusive, ended 24 Apr 12:00 UTC"


def drawn(shown: board.Panel) -> ElementTree.Element:
    return ElementTree.fromstring(chart.history(shown, AT - DAY, AT))


def test_a_history_breaks_where_a_window_is_missing() -> None:
    ends = [AT - back * HOUR for back in (6, 5, 4, 1, 0)]
    root = drawn(panel("request_volume", known(windows=[window(end) for end in ends])))
    lines = [path.get("d", "") for path in root.iter("path") if "line" in path.get("class", "")]
    assert [line.count("L") + 1 for line in lines] == [3, 2]


def test_a_chart_draws_its_limit_its_interval_and_its_axes_inside_the_picture() -> None:
    rows = [signal(end=AT - back * HOUR, value=10.0 + back) for back in (3, 2, 1, 0)]
    root = drawn(panel("p95_latency_ms", known(signals=rows)))
    classes = [path.get("class", "") for path in root.iter("path")]
    assert {"limit", "band", "axis"} <= set(classes)
    texts = [text.text for text in root.iter("text")]
    assert {"15.0 ms", "0.0 ms", "limit", "23 Apr 12:00 UTC", "24 Apr 12:00 UTC"} <= set(texts)
    numbers = [
        float(n)
        for path in root.iter("path")
        for n in re.findall(r"-?\d+\.?\d*", path.get("d", ""))
    ]
    assert all(0 <= n <= chart.WIDTH for n in numbers)
    label = root.get("aria-label") or ""
    assert (
        "4 windows from 24 Apr 09:00 UTC to 24 Apr 12:00 UTC: "
        "lowest 10.0 ms, highest 13.0 ms, newest 10.0 ms, limit 15.0 ms"
    ) in label


@pytest.mark.parametrize(
    ("limit", "label"),
    [(15.0, "15.0 ms"), (250.0, "250 ms"), (9999.0, "9,999 ms"), (600_000.0, "600 s")],
)
def test_the_axis_says_its_ends_in_few_letters_and_whole_numbers(limit: float, label: str) -> None:
    root = drawn(panel("p95_latency_ms", known(signals=[signal(limit=limit)])))
    assert label in {text.text for text in root.iter("text")}
    volumes = drawn(panel("request_volume", known(windows=[window(AT, n=12_345_678)])))
    assert "12.3 M" in {text.text for text in volumes.iter("text")}
    champions = drawn(
        panel("rollback_status", known(promotions=[PROMOTED | {"model": "v2026-04-30-rc1"}]))
    )
    assert "v2026-04…" in {text.text for text in champions.iter("text")}


@pytest.mark.parametrize(
    "values", [[0.0], [0.0, 0.0], [5.0, 5.0], [1e-9, 1e9], [float("nan"), 3.0, float("inf")]]
)
def test_any_history_can_be_drawn(values: list[float]) -> None:
    rows = [
        signal(end=AT - i * HOUR, value=value, low=None, high=None)
        for i, value in enumerate(values)
    ]
    root = drawn(panel("p95_latency_ms", known(windows=[], signals=rows[::-1])))
    text = ElementTree.tostring(root, encoding="unicode")
    assert "nan" not in text
    assert "inf" not in text


def test_nothing_in_a_picture_becomes_markup() -> None:
    hostile = '"><script>alert(1)</script>'
    shown = panel("rollback_status", known(promotions=[PROMOTED | {"model": hostile}]))
    root = drawn(shown)
    assert {element.tag for element in root.iter()} <= {"svg", "path", "text", "circle"}
    assert hostile in (root.get("aria-label") or "")


def test_the_board_is_json_and_metrics_never_say_0_for_unknown() -> None:
    shown = summary.of(
        known(
            signals=[
                signal(),
                signal("live_accuracy", value=None, low=None, high=None, verdict="blind", n=0),
            ]
        ),
        RULES,
    )
    body = json.loads(json.dumps(board.plain(shown), default=times.rfc3339, allow_nan=False))
    assert body["panels"][0]["value"] == 7.5
    assert body["panels"][0]["end"] == "2026-04-24T12:00:00Z"
    text = gauges.text(shown, STREAM).decode()
    assert 'intentwatch_p95_latency_ms{horizon="1h",model="v1"} 7.5' in text
    assert 'intentwatch_p95_latency_ms_in_breach{horizon="1h",model="v1"} 0.0' in text
    assert "intentwatch_stream_lag_records 3.0" in text
    assert 'intentwatch_partition_lag_records{partition="3"} 3.0' in text
    assert 'intentwatch_partition_stuck{partition="3"} 1.0' in text
    assert 'intentwatch_dead_letters_last_hour{reason="invalid"} 2.0' in text
    assert "intentwatch_watermark_age_seconds 60.0" in text
    assert "intentwatch_data_missing 0.0" in text
    assert "intentwatch_scheduler_beat_age_seconds 3.0" in text
    assert "intentwatch_decision_delay_seconds 240.0" in text
    assert "intentwatch_data_missing" not in gauges.text(shown, facts.Stream(AT)).decode()
    assert "intentwatch_live_accuracy{" not in text
    assert gauges.text(None, None).decode().splitlines()[-1] == "intentwatch_database_up 0.0"
