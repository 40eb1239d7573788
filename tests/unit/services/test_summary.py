"""The line above the panels, what is silent, and what Prometheus scrapes: of facts in which one
thing at a time is so.
"""

import dataclasses
import datetime as dt
import re
from typing import Any

import builders
import pytest

from schemas import policy, present
from services.alarms import state
from services.dashboard import board, facts, gauges, panels, summary

AT = builders.AT
HOUR = dt.timedelta(hours=1)
RULES = policy.Policy()
STREAM = facts.Stream(now=AT, watermark=AT, beat_s=1.0, lag=3)
PROMOTED = {
    "model": builders.MODEL,
    "at": AT - 30 * 24 * HOUR,
    "kind": "promote",
    "by": "anna",
    "run_id": "ft_1",
}
Row = dict[str, Any]


def judged(name: str, **more: Any) -> Row:
    """A signal's row, ok unless told otherwise."""
    rule: policy.Level = getattr(RULES.signals, name)
    place = {
        "model": builders.MODEL,
        "signal": name,
        "intent": "",
        "horizon": rule.horizon,
        "end": AT,
        "n": 5000,
        "limit": rule.enter,
    }
    figures = {
        "value": rule.enter / 2,
        "low": rule.enter / 3,
        "high": rule.enter,
        "noise_floor": None,
        "p_value": None,
        "reference_n": 900,
    }
    return (
        place
        | figures
        | {"verdict": "ok", "in_breach": False, "level": None, "reference": None}
        | more
    )


def hour(end: dt.datetime = AT, **more: Any) -> Row:
    place = {
        "model": builders.MODEL,
        "role": "champion",
        "horizon": "1h",
        "end": end,
        "complete": True,
        "n": 1000,
        "errors": 5,
        "late": 0,
    }
    rates = {"error_rate": 0.005, "low_confidence_rate": 0.06, "fallback_rate": 0.01}
    latencies = {"p50_latency_ms": 4.0, "p95_latency_ms": 9.0, "p99_latency_ms": 12.0}
    return place | rates | latencies | {"intent_counts": dict.fromkeys(present.INTENTS, 100)} | more


def shown(**more: Any) -> board.Board:
    base: Row = {
        "stream": STREAM,
        "windows": [hour()],
        "promotions": [PROMOTED],
        "signals": [judged("error_rate"), judged("p95_latency_ms")],
    }
    return summary.of(facts.Facts(**(base | more)), RULES)


def item(on: board.Board, name: str) -> tuple[str, str]:
    return next((each.text, each.detail) for each in on.summary if each.name == name)


@pytest.mark.parametrize(
    ("signals", "state_", "says"),
    [
        ([judged("error_rate")], "not judged", "Nobody has judged"),
        ([judged("error_rate", verdict="watch")], "watch", "Error rate 0.2 % (limit 0.5 %)"),
        (
            [judged("error_rate", verdict="breach", in_breach=True, value=0.02)],
            "breach",
            "Error rate 2.0 % (limit 0.5 %)",
        ),
        (
            [
                judged("error_rate", verdict="blind"),
                judged("p95_latency_ms", verdict="breach", in_breach=True, value=40.0),
            ],
            "breach",
            "40.0 ms (limit 15.0 ms)",
        ),
    ],
)
def test_the_headline_is_the_worst_with_its_value_and_limit(
    signals: list[Row], state_: str, says: str
) -> None:
    board_ = shown(signals=signals)
    assert (str(board_.state), says in board_.headline) == (state_, True), board_.headline


def test_a_breach_outranks_silence_and_silence_everything_else() -> None:
    silent = dataclasses.replace(STREAM, beat_s=summary.SILENT_S + 1)
    assert str(shown(stream=silent).state) == "stale"
    assert (
        str(
            shown(
                stream=silent, signals=[judged("error_rate", verdict="breach", in_breach=True)]
            ).state
        )
        == "breach"
    )
    assert str(shown(stream=silent, windows=[], signals=[], promotions=[]).state) == "no data", (
        "what never was is not old"
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({}, None),
        ({"beat_s": summary.SILENT_S}, None),
        ({"beat_s": summary.SILENT_S + 1}, "No stream worker has moved the clock for 2 min"),
        ({"watermark": AT - 2 * HOUR}, None),
        ({"watermark": AT - 2 * HOUR - HOUR / 60}, "The newest serving log is 2.0 h old"),
        ({"unjudged": 1}, None),
        ({"unjudged": 2}, "2 complete hours have not been judged"),
        ({"watermark": None}, "No serving log has been counted yet"),
        ({"beat_s": None}, "No serving log has been counted yet"),
    ],
)
def test_what_is_silent_is_told_from_its_limit_on(change: Row, says: str | None) -> None:
    told = list(summary.alarms(dataclasses.replace(STREAM, **change), test_clock=False))
    assert len(told) == (says is not None)
    assert all(str(says) in each for each in told), told


def test_simulated_time_is_as_old_as_it_pleases() -> None:
    assert (
        list(
            summary.alarms(dataclasses.replace(STREAM, watermark=AT - 9000 * HOUR), test_clock=True)
        )
        == []
    )


def test_who_serves_since_when_and_by_whom() -> None:
    assert item(shown(), "Champion") == (builders.MODEL, "since 21 Mar 00:00 UTC, promoted by anna")
    back = PROMOTED | {"model": "v0", "kind": "rollback", "at": AT, "by": "ada"}
    assert item(shown(promotions=[PROMOTED, back]), "Champion") == (
        "v0",
        "since 20 Apr 00:00 UTC, rolled back by ada",
    )
    assert item(shown(promotions=[]), "Champion")[0] == "none"


def test_the_champions_run_is_known_after_a_rollback_too() -> None:
    newer = PROMOTED | {"model": "v2", "run_id": "ft_2", "at": AT}
    back = PROMOTED | {"kind": "rollback", "run_id": None, "at": AT}

    assert shown(promotions=[PROMOTED, newer]).champion_run == "ft_2"
    assert shown(promotions=[PROMOTED, newer, back]).champion_run == "ft_1"
    assert shown(promotions=[PROMOTED | {"run_id": None}]).champion_run is None
    assert shown(promotions=[]).champion_run is None


def test_a_hold_names_what_was_done_before_it() -> None:
    hold: Row = {
        "id": "d2",
        "decision": "hold",
        "hold_reason": "TOO_FEW_LABELS",
        "cause": None,
        "at": AT,
        "model": builders.MODEL,
        "reasons": (),
    }
    act = hold | {
        "id": "d1",
        "decision": "retrain",
        "hold_reason": None,
        "cause": "language",
        "at": AT - HOUR,
    }
    assert item(shown(), "Last decision") == (
        "none yet",
        "the scheduler decides after each complete hour",
    )
    assert item(shown(decision=hold), "Last decision") == (
        "hold: too few labels",
        f"20 Apr 00:00 UTC, {builders.MODEL}",
    )
    assert item(shown(decision=hold, action=act), "Last decision")[1].endswith(
        "; before that retrain at 19 Apr 23:00 UTC"
    )
    assert item(shown(decision=act, action=act), "Last decision") == (
        "retrain",
        f"19 Apr 23:00 UTC, {builders.MODEL}, cause language",
    )


def test_a_run_tells_the_gates_it_did_not_pass_and_what_it_waits_for() -> None:
    run: Row = {
        "id": "ft_1",
        "state": "queued",
        "candidate": None,
        "gates": None,
        "error": None,
        "started": None,
        "ended": None,
    }
    assert item(shown(), "Run") == ("none yet", "")
    assert item(shown(run=run), "Run") == (
        "ft_1: queued",
        "waits for a worker: `python retrain/run.py work`",
    )
    gates = [
        {"gate": "accuracy", "verdict": "pass"},
        {"gate": "ece", "verdict": "fail"},
        {"gate": "parity", "verdict": "inconclusive"},
    ]
    rejected = run | {
        "state": "rejected",
        "candidate": "v2",
        "gates": gates,
        "started": AT - HOUR,
        "ended": AT,
    }
    assert item(shown(run=rejected), "Run") == (
        "ft_1: rejected",
        "candidate v2, 3 gates, ece fail, parity inconclusive, ended 20 Apr 00:00 UTC",
    )
    waiting = rejected | {"state": "registered", "gates": gates[:1], "ended": None}
    assert (
        "1 gates, all passed, waits for a promotion: `python retrain/run.py show ft_1`"
        in item(shown(run=waiting), "Run")[1]
    )
    failed = run | {
        "state": "failed",
        "error": "no space left\nTraceback ...",
        "started": AT,
        "ended": AT,
    }
    assert item(shown(run=failed), "Run")[1] == "no space left, ended 20 Apr 00:00 UTC"


def test_a_reason_has_the_unit_of_its_signal_and_the_direction_of_its_limit() -> None:
    names = (
        "p95_latency_ms",
        "intent_mix_kl",
        "live_accuracy",
        "accuracy_e_value",
        "mix_adjusted_accuracy",
    )
    reasons = [dataclasses.asdict(builders.reason(name)) for name in names]
    decision: Row = {
        "id": "d",
        "decision": "hold",
        "hold_reason": "HEALTHY",
        "cause": None,
        "at": AT,
        "model": "v1",
        "reasons": reasons,
    }
    rows = shown(decision=decision).reasons
    assert [str(each["unit"]) for each in rows] == ["ms", "nats", "ratio", "odds", "ratio"]
    assert [each["at_least"] for each in rows] == [False, False, True, False, True]
    assert rows[4]["name"] == "accuracy at the reference's mix"


def scraped(page: board.Board | None, stream: facts.Stream | None) -> dict[str, float]:
    """Samples by name and labels."""
    text = gauges.text(page, stream).decode()
    return {
        match[1]: float(match[2])
        for match in re.finditer(r"^([a-z]\S*) (\S+)$", text, re.MULTILINE)
    }


def test_a_database_that_is_down_is_the_one_sample_there_is() -> None:
    assert scraped(None, None) == {"intentwatch_database_up": 0.0}


def test_a_panel_is_its_value_n_limit_and_whether_it_is_in_breach() -> None:
    samples = scraped(
        shown(signals=[judged("error_rate", verdict="breach", in_breach=True, value=0.02, n=1234)]),
        None,
    )
    of = f'{{horizon="1h",model="{builders.MODEL}"}}'
    of = (
        of
        if f"intentwatch_error_rate{of}" in samples
        else f'{{model="{builders.MODEL}",horizon="1h"}}'
    )
    assert samples[f"intentwatch_error_rate{of}"] == 0.02
    assert samples[f"intentwatch_error_rate_n{of}"] == 1234.0
    assert samples[f"intentwatch_error_rate_limit{of}"] == 0.005
    assert samples[f"intentwatch_error_rate_in_breach{of}"] == 1.0
    assert samples[f"intentwatch_error_rate_window_end_timestamp_seconds{of}"] == AT.timestamp()
    assert f"intentwatch_error_rate_noise_floor{of}" not in samples, "what nobody has is no sample"


def test_what_nobody_knows_is_no_sample_and_never_zero() -> None:
    samples = scraped(summary.of(facts.Facts(facts.Stream(now=AT)), RULES), facts.Stream(now=AT))
    assert {
        name for name in samples if "timestamp" in name or "age" in name or "delay" in name
    } == set()
    assert (samples["intentwatch_stream_lag_records"], samples["intentwatch_database_up"]) == (
        0.0,
        1.0,
    )


def test_the_stream_is_told_partition_by_partition() -> None:
    stuck = state.Partition(
        "t", 3, next_offset=7, high_watermark=10, bad_until=0, moved_at=AT, still_s=90.0
    )
    fine = dataclasses.replace(stuck, part=4, next_offset=10, still_s=5.0)
    stream = dataclasses.replace(
        STREAM,
        partitions=[stuck, fine],
        dead={"invalid": 2},
        unjudged=1,
        scheduler=state.Beat(AT, 3.0),
        decided_s=240.0,
        now=AT + HOUR,
    )
    samples = scraped(None, stream)
    assert (
        samples['intentwatch_partition_lag_records{partition="3"}'],
        samples['intentwatch_partition_lag_records{partition="4"}'],
    ) == (3.0, 0.0)
    assert (
        samples['intentwatch_partition_stuck{partition="3"}'],
        samples['intentwatch_partition_stuck{partition="4"}'],
    ) == (1.0, 0.0)
    assert samples['intentwatch_dead_letters_last_hour{reason="invalid"}'] == 2.0
    assert (
        samples["intentwatch_unjudged_hours"],
        samples["intentwatch_scheduler_beat_age_seconds"],
        samples["intentwatch_decision_delay_seconds"],
    ) == (1, 3, 240)
    assert (
        samples["intentwatch_watermark_age_seconds"],
        samples["intentwatch_last_record_age_seconds"],
        samples["intentwatch_data_missing"],
    ) == (3600, 5, 0)


def test_every_panel_has_a_place_on_an_empty_board() -> None:
    assert len(panels.panels(facts.Facts(facts.Stream(now=AT)), RULES)) == 10
