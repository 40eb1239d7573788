"""The parts of the stream benchmark that decide whether a figure is right: generator, oracle,
ratios, delays.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.stream import dataset, latency, oracle, report, results

PLAN = dataset.Plan(150_000)


def columns(**given: Any) -> dataset.Columns:
    """Two champion logs of v14, twelve milliseconds each, unless given otherwise."""
    two = {
        "number": [0, 1],
        "ts_ms": [dataset.BEGIN_MS] * 2,
        "model": [2, 2],
        "role": [0, 0],
        "intent": [3, 3],
        "latency_us": [12_000, 12_000],
    }
    two |= {"confidence": [9000, 9000], "tokens": [12, 12]} | {
        name: value for name, value in given.items() if name != "cut"
    }
    arrays = {name: np.array(value, dtype=np.int64) for name, value in two.items()}
    return dataset.Columns(**arrays, cut=np.array(given.get("cut", [False, False])))


def test_the_bytes_say_what_the_columns_say() -> None:
    block = next(dataset.blocks(PLAN))
    records = dataset.values(dataset.text(block))
    assert {len(record) for record in records} == {dataset.WIDTH}
    for at in range(0, len(records), 7):
        if block.cut[at]:
            with pytest.raises(ValueError, match="Expecting"):
                json.loads(records[at])
            continue
        log = json.loads(records[at])
        intent = [*dataset.INTENTS, None, "small_talk"][block.intent[at]]
        ts = np.datetime_as_string(np.datetime64(int(block.ts_ms[at]), "ms"), unit="ms") + "Z"
        assert (log["ts"], log["model"], log["intent"]) == (
            ts,
            dataset.MODELS[block.model[at]],
            intent,
        )
        assert round(log["latency_ms"] * 1000) == block.latency_us[at]
        assert (log.get("error") is not None) == (intent is None) == (log["confidence"] is None)
        assert log.get("role", "champion") == dataset.ROLES[block.role[at]]


def test_envelopes_hold_the_same_logs() -> None:
    rows = dataset.text(next(dataset.blocks(PLAN)))
    parts = dataset.envelopes(rows)
    assert b"\n".join(parts).split(b"\n") == dataset.values(rows)
    assert {part.count(b"\n") + 1 for part in parts} == {dataset.ENVELOPE}


def test_the_set_has_the_shares_it_promises() -> None:
    blocks = list(dataset.blocks(PLAN))
    together = {
        name: np.concatenate([getattr(block, name) for block in blocks])
        for name in ("number", "ts_ms", "intent", "poison")
    }
    steps = PLAN.begin_ms + together["number"] * PLAN.span_ms // PLAN.n - together["ts_ms"]
    assert together["number"].tolist() == list(range(PLAN.n))
    assert ((steps > 0) & (steps <= 30_000)).mean() == pytest.approx(0.02, rel=0.1)
    assert (steps > 60_000).mean() == pytest.approx(0.001, rel=0.3)
    assert (together["intent"] == dataset.ERROR).mean() == pytest.approx(0.005, rel=0.1)
    assert 5 <= together["poison"].sum() <= 30
    assert set(dataset.partition(together["number"]).tolist()) == set(range(dataset.PARTITIONS - 1))


def test_the_oracle_counts_a_set_made_by_hand() -> None:
    minute = dataset.BEGIN_MS // 60_000
    first = columns(latency_us=[12_000, 13_500], intent=[3, dataset.ERROR])
    second = columns(
        ts_ms=[dataset.BEGIN_MS + 59_999, dataset.BEGIN_MS + 60_000], role=[1, 0], cut=[False, True]
    )
    third = columns(intent=[dataset.UNKNOWN, 3])
    truth = oracle.truth([first, second, third])
    assert truth.minutes == {
        (minute, "v14", "faq"): (3, 36_000),
        (minute, "v14", "error"): (1, 13_500),
    }
    assert (truth.dead, truth.logs) == (2, 4)
    champion, shadow = truth.panes[minute, "v14", "champion"], truth.panes[minute, "v14", "shadow"]
    assert (champion.n, champion.errors, champion.latency_sum_us, champion.intents[3]) == (
        3,
        1,
        37_500,
        2,
    )
    assert (shadow.n, shadow.errors) == (1, 0)
    # bin i holds (1e-6 g^(i-1), 1e-6 g^i] ms with g = 1.005/0.995
    assert champion.bins == {1631: 2, 1642: 1}
    assert all(
        1e-6 * (1.005 / 0.995) ** (at - 1) < ms <= 1e-6 * (1.005 / 0.995) ** at
        for at, ms in ((1631, 12.0), (1642, 13.5))
    )


def test_the_oracle_does_not_depend_on_blocks() -> None:
    whole = oracle.truth(dataset.blocks(PLAN))
    blocks = list(dataset.blocks(PLAN))
    assert oracle.truth(reversed(blocks)) == whole
    assert whole.logs + whole.dead == PLAN.n


def test_a_wrong_count_is_named() -> None:
    truth = oracle.truth([columns()])
    (key,) = truth.minutes
    assert oracle.minutes_verdict(truth.minutes, truth).exact
    assert oracle.minutes_verdict({key: (1, 12_000)}, truth) == oracle.Verdict(
        False, "1 of 1 minutes differ: 1 logs too few, 0 too many"
    )
    assert not oracle.panes_verdict(truth.panes, 1, truth).exact
    (pane,) = truth.panes.values()
    moved = oracle.Pane(
        pane.n,
        pane.errors,
        pane.latency_sum_us,
        pane.intents,
        {at + 1: count for at, count in pane.bins.items()},
    )
    assert not oracle.panes_verdict(dict.fromkeys(truth.panes, moved), 0, truth).exact


def test_ratios_are_against_the_fastest_of_a_kind() -> None:
    ratios = results.ratios(
        {
            "ours_single": 300_000,
            "faust_event_tuned": 15_000,
            "faust_take_tuned": 20_000,
            "quix_tumbling": None,
        }
    )
    assert ratios["ours_single/faust_tuned"] == 15.0
    assert ratios["ours_single/quix_tumbling"] is None
    assert ratios["ours_envelope/floor"] is None
    assert results.floor(1.2, 0.8) == 500_000


def test_a_row_holds_medians_and_every_run() -> None:
    runs = [
        results.Run(1000, wall, 0.5, 100 + wall, True, broker_cpu_s=0.1) for wall in (4.0, 1.0, 2.0)
    ]
    row = results.Row("ours_single", "note", runs).as_json()
    assert (
        row["logs_per_s"],
        row["cpu_us_per_log"],
        row["rss_mb"],
        row["exact"],
        len(row["runs"]),
    ) == (500, 500.0, 104, True, 3)
    assert row["broker_cpu_us_per_log"] == 100.0
    assert row["postgres_cpu_us_per_log"] is None


def test_the_table_says_what_was_not_measured() -> None:
    rows = [
        results.Row(
            "ours_single", "all", [results.Run(1000, 1.0, 0.1, 50, False, "2 logs too few")]
        ),
        results.Row("other", "none", absent="no javac"),
    ]
    measured = report.as_json(
        rows,
        {"minute_tick": {"median_ms": 4.5}},
        "a machine",
        "2026-04-20T10:00:00Z",
        "make bench-stream",
    )
    text = report.table(json.loads(json.dumps(measured)))
    assert "| ours_single | 1,000 | 1,000 | 100.00 |  | 50 | no: 2 logs too few |" in text
    assert "not measured: no javac" in text
    assert "| minute_tick | median_ms 4.5 |" in text


def test_a_log_is_visible_at_the_first_poll_that_covers_it() -> None:
    sent = np.array([[0, 0.0], [1, 0.0], [0, 5.0], [1, 5.0]])
    polls = [(5.5, {0: 1}), (6.0, {0: 2, 1: 1}), (8.0, {0: 2, 1: 2})]
    assert latency.visible_after(sent, polls).tolist() == [1.0, 3.0]


def test_every_requirement_is_pinned_without_a_host() -> None:
    for path in Path(report.__file__).with_name("requirements").glob("*.txt"):
        lines = [
            line
            for line in path.read_text().splitlines()
            if line and not line.startswith((" ", "#"))
        ]
        assert all("==" in line for line in lines)
        assert "://" not in path.read_text()
