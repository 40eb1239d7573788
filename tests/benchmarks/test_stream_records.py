"""Records as the stream benchmark sends them, how peers read them, and what their counts are held
to.
"""

import dataclasses
import datetime as dt
import json
from typing import Any

import numpy as np
import pytest

from benchmarks.stream import dataset, latency, oracle, preload, report, results
from benchmarks.stream.peers import meter, serving_log

PLAN = dataset.Plan(5_000)
BLOCK = next(dataset.blocks(PLAN))
RECORDS = dataset.values(dataset.text(BLOCK))


# The records of a topic.


def messages(shape: str) -> list[tuple[int, dict[str, Any]]]:
    return list(preload.messages(PLAN, shape))


def test_single_logs_go_in_turn_over_all_partitions_but_the_idle_one() -> None:
    sent = messages("single")

    assert len(sent) == 5_000
    assert [part for part, _ in sent[:13]] == [*range(11), 0, 1]
    assert [message["value"] for _, message in sent] == RECORDS


def test_an_envelope_holds_two_hundred_logs_and_goes_as_one() -> None:
    sent = messages("envelope")

    assert len(sent) == 25
    assert [part for part, _ in sent[:12]] == [*range(11), 0]
    assert b"\n".join(message["value"] for _, message in sent).split(b"\n") == RECORDS


def test_all_logs_of_a_key_are_in_one_partition() -> None:
    partitions: dict[bytes, set[int]] = {}
    for part, message in messages("keyed"):
        partitions.setdefault(message["key"], set()).add(part)

    assert {len(parts) for parts in partitions.values()} == {1}
    assert set().union(*partitions.values()) <= set(range(dataset.PARTITIONS - dataset.IDLE))


def test_a_key_is_the_model_and_the_intent_that_the_log_says() -> None:
    checked = 0
    for _, message in messages("keyed")[:500]:
        log = serving_log.fast(message["value"])
        if log is not None:
            _, model, intent, _ = log
            assert message["key"] == f"{model}|{intent}".encode()
            checked += 1
    assert checked > 250, "most are well formed"


def test_a_keyed_topic_ends_with_a_late_log_of_every_key() -> None:
    """An hour after all others, so that windows before it close: 3 models, 10 intents and error."""
    last = messages("keyed")[5_000:]

    assert len(last) == len({message["key"] for _, message in last}) == 3 * 11
    for _, message in last:
        ts = dt.datetime.fromisoformat(json.loads(message["value"])["ts"])
        end_ms = PLAN.begin_ms + PLAN.span_ms + dataset.HOUR_MS
        assert ts == dt.datetime.fromtimestamp(end_ms / 1000, tz=dt.UTC)


@pytest.mark.parametrize("n", [0, 1, 199, 200, 201])
def test_a_plan_of_any_size_loses_no_log(n: int) -> None:
    plan = dataset.Plan(n)

    single = list(preload.messages(plan, "single"))
    envelopes = list(preload.messages(plan, "envelope"))

    assert len(single) == n
    logs = [line for _, message in envelopes for line in message["value"].split(b"\n")]
    assert logs == [message["value"] for _, message in single]


def test_another_seed_is_another_set_and_the_same_seed_the_same() -> None:
    again = next(dataset.blocks(dataset.Plan(5_000)))
    other = next(dataset.blocks(dataset.Plan(5_000, seed=1)))

    assert np.array_equal(again.latency_us, BLOCK.latency_us)
    assert not np.array_equal(other.latency_us, BLOCK.latency_us)


# How peers read them.


def test_the_plain_reader_and_the_fast_one_read_the_same() -> None:
    assert [serving_log.plain(raw) for raw in RECORDS] == [serving_log.fast(raw) for raw in RECORDS]


def test_readers_leave_out_what_must_become_a_dead_letter_and_nothing_else() -> None:
    unread = [serving_log.fast(raw) is None for raw in RECORDS]

    assert unread == BLOCK.poison.tolist()


def test_a_log_of_an_intent_that_is_none_is_left_out() -> None:
    strange = dataclasses.replace(BLOCK, intent=np.full(5_000, dataset.UNKNOWN))

    (raw, *_) = dataset.values(dataset.text(strange))

    assert json.loads(raw)["intent"] == "small_talk"
    assert serving_log.plain(raw) is None
    assert serving_log.fast(raw) is None


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b"nothing", RECORDS[0][:-2]])
def test_bytes_that_are_no_json_are_left_out(raw: bytes) -> None:
    assert serving_log.plain(raw) is None
    assert serving_log.fast(raw) is None


def test_peers_that_read_everything_count_what_the_oracle_counts() -> None:
    counted = []
    for raw in RECORDS:
        log = serving_log.fast(raw)
        if log is not None:
            ts, model, intent, latency_us = log
            counted.append(((serving_log.minute(ts), model, intent), (1, latency_us)))
    minutes = {key: (n, us) for key, (n, us) in meter.merged(counted).items()}

    verdict = oracle.minutes_verdict(minutes, oracle.truth([BLOCK]))

    assert verdict == oracle.Verdict(True)


def test_parts_of_a_minute_add_up_in_any_order() -> None:
    key, other = (1, "v1", "faq"), (2, "v1", "faq")
    parts = [(key, (2, 30)), (other, (1, 5)), (key, (3, 70))]

    assert meter.merged(parts) == meter.merged(reversed(parts)) == {key: [5, 100], other: [1, 5]}
    assert meter.merged([]) == {}


def test_a_minute_is_counted_from_1970_whatever_zone_it_is_written_in() -> None:
    assert serving_log.minute(dt.datetime(1970, 1, 1, 0, 1, 59, tzinfo=dt.UTC)) == 1
    tokyo = dt.datetime.fromisoformat("2026-04-20T19:00:00+09:00")
    utc = dt.datetime.fromisoformat("2026-04-20T10:00:00+00:00")
    assert serving_log.minute(tokyo) == serving_log.minute(utc)


# What counts are held to.

KEY = (29_611_320, "v14", "faq")


def truth(n: int = 10, us: int = 100) -> oracle.Truth:
    return oracle.Truth({KEY: (n, us)}, {}, 0, n)


@pytest.mark.parametrize(
    ("counted", "says"),
    [
        ({KEY: (7, 100)}, "1 of 1 minutes differ: 3 logs too few, 0 too many"),
        ({KEY: (12, 100)}, "1 of 1 minutes differ: 0 logs too few, 2 too many"),
        ({KEY: (10, 101)}, "1 of 1 minutes differ: 0 logs too few, 0 too many"),
        ({}, "1 of 1 minutes differ: 10 logs too few, 0 too many"),
        ({KEY: (10, 100), (0, "v1", "faq"): (4, 1)}, "1 of 1 minutes differ: 0 logs too few, 4 "),
    ],
)
def test_a_minute_that_is_missing_wrong_or_too_many_is_told_in_logs(
    counted: dict[tuple[int, str, str], tuple[int, int]], says: str
) -> None:
    verdict = oracle.minutes_verdict(counted, truth())

    assert not verdict.exact
    assert verdict.missing.startswith(says)


def test_of_no_logs_nothing_is_to_be_counted() -> None:
    assert oracle.truth([]) == oracle.Truth({}, {}, 0, 0)
    assert oracle.minutes_verdict({}, oracle.truth([])).exact


def test_panes_read_back_from_json_are_the_oracles() -> None:
    whole = oracle.truth([BLOCK])
    rows = []
    for (minute, model, role), pane in whole.panes.items():
        row = {
            "minute": minute,
            "model": model,
            "role": role,
            "n": pane.n,
            "errors": pane.errors,
            "latency_sum_us": pane.latency_sum_us,
            "intents": list(pane.intents),
            "bins": pane.bins,
        }
        rows.append(json.loads(json.dumps(row)))

    assert oracle.panes(rows) == whole.panes
    assert oracle.panes_verdict(oracle.panes(rows), whole.dead, whole).exact


def test_a_missing_dead_letter_alone_is_not_exact() -> None:
    whole = oracle.truth([BLOCK])

    verdict = oracle.panes_verdict(whole.panes, whole.dead + 1, whole)

    assert not verdict.exact
    assert verdict.missing.endswith(f"{whole.dead + 1} of {whole.dead} dead letters")


# From runs to rows.


def run(wall_s: float = 2.0, **more: Any) -> results.Run:
    """A thousand logs, counted exactly, in two seconds and one of CPU."""
    return results.Run(1_000, wall_s, **({"cpu_s": 1.0, "rss_mb": 50.0, "exact": True} | more))


def test_rates_and_costs_are_by_the_log() -> None:
    assert run().logs_per_s == 500
    assert run().cpu_us_per_log == 1_000


def test_one_inexact_run_makes_a_row_inexact_and_says_what_was_missing() -> None:
    row = results.Row("ours", "", [run(), run(exact=False, missing="2 logs too few"), run()])

    assert row.as_json()["exact"] is False
    assert row.as_json()["missing"] == "2 logs too few"


def test_memory_is_the_largest_seen_and_speed_the_middle_one() -> None:
    runs = [run(4.0, rss_mb=80.0), run(1.0, rss_mb=60.0)]

    row = results.Row("ours", "", runs).as_json()

    assert row["rss_mb"] == 80
    # 250 and 1,000 logs a second: of two the mean.
    assert row["logs_per_s"] == 625


def test_a_contestant_that_did_not_run_has_its_reason_and_no_figure() -> None:
    row = results.Row("kafka_streams", "note", absent="no javac").as_json()

    assert row["absent"] == "no javac"
    assert row["runs"] == []
    assert {row[name] for name in ("n", "logs_per_s", "cpu_us_per_log", "exact")} == {None}


@pytest.mark.parametrize("rate", [None, 0.0])
def test_a_ratio_to_what_was_not_measured_is_none(rate: float | None) -> None:
    ratios = results.ratios({"ours_single": 100.0, "quix_tumbling": rate})

    assert ratios["ours_single/quix_tumbling"] is None
    assert set(ratios) == set(results.RATIOS)
    assert set(results.ratios({}).values()) == {None}


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("a | b", "a / b"),
        ("two\nlines\tand  blanks", "two lines and blanks"),
        ("x" * 400, "x" * 300),
        ("", ""),
    ],
)
def test_whatever_a_process_said_it_stays_within_its_cell(text: str, cell: str) -> None:
    assert report._cell(text) == cell


def test_a_table_of_nothing_is_still_a_table() -> None:
    made = report.as_json([], {}, "a machine", "2026-04-20T10:00:00Z", "make bench-stream")

    first, *rest = report.table(made).splitlines()

    assert first.endswith("`make bench-stream` on a machine; medians of 0.")
    assert "| ours_single/floor | not measured |" in rest


# From produce to visible.


def test_the_first_two_seconds_of_logs_are_left_out() -> None:
    sent = np.array([[0, 10.0], [0, 11.9], [0, 12.0], [0, 12.1], [0, 15.0]])
    polls = [(20.0, {0: 5})]

    assert latency.visible_after(sent, polls).tolist() == pytest.approx([7.9, 5.0])


def test_a_partition_that_stands_still_keeps_its_logs_waiting_alone() -> None:
    sent = np.array([[0, 0.0], [1, 0.0], [0, 5.0], [1, 5.0]])
    polls = [(6.0, {0: 2}), (9.0, {0: 2, 1: 2})]

    assert latency.visible_after(sent, polls).tolist() == [1.0, 4.0]
