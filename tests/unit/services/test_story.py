"""The demo's story and its log: nothing trained on comes again, ordinary days have one mix, and
every decision that differs is written with its reasons.
"""

import dataclasses
import datetime as dt
from collections import Counter
from typing import Any

import builders
import pytest

from schemas import present
from services.local.demo import recount, report, story, telling


def rows(name: str, count: int, **more: Any) -> list[story.Row]:
    made: list[story.Row] = []
    for i in range(count):
        intent = present.INTENTS[i % 10]
        row = {
            "text": f"{name} message {i} about {intent} {i * 7919}",
            "intent": intent,
            "kind": "human",
            "conversation": None,
            "cluster": f"{name}{i // 3}",
        }
        made.append(row | more)
    return made


@pytest.fixture(scope="module")
def told() -> story.Story:
    return story.plan(
        rows("base", 9000) + rows("machine", 500, kind="machine"), rows("later", 4000), seed=7
    )


def test_no_row_and_no_cluster_that_trains_comes_in_traffic(told: story.Story) -> None:
    sent = [row for day in told.days for row in day]
    assert not {row["text"] for row in told.corpus} & {row["text"] for row in sent}
    assert not {row["cluster"] for row in told.corpus} & {row["cluster"] for row in sent}
    assert len({row["text"] for row in sent}) == len(sent)
    assert {row["kind"] for row in told.corpus + sent} == {"human"}


def test_a_day_holds_what_its_kind_says(told: story.Story) -> None:
    assert len({len(day) for day in told.days}) == 1
    for kind, day in zip(told.kinds, told.days, strict=True):
        assert all(row["cluster"].startswith("later") == (kind == story.LATER) for row in day)


def test_only_the_mix_day_has_another_mix(told: story.Story) -> None:
    shares: dict[str, list[float]] = {}
    for kind, day in zip(told.kinds, told.days, strict=True):
        shares.setdefault(kind, []).append(
            Counter(row["intent"] for row in day)["promotion"] / len(day)
        )
    assert max(shares[story.STABLE]) - min(shares[story.STABLE]) < 0.02
    assert shares[story.MIX][0] > 1.5 * max(shares[story.STABLE])


def test_the_same_seed_tells_the_same_story(told: story.Story) -> None:
    again = story.plan(rows("base", 9000), rows("later", 4000), seed=7)
    assert [row["text"] for row in again.days[0]] == [row["text"] for row in told.days[0]]


def test_too_few_rows_are_counted_to_the_user() -> None:
    with pytest.raises(story.TooFewRowsError, match="500 base and 4000 later rows"):
        story.plan(rows("base", 500), rows("later", 4000), seed=7)


def test_rows_of_unknown_intents_are_named_with_their_counts_beside_the_known_ones() -> None:
    strange: list[story.Row] = [
        {**row, "intent": "billing" if i % 5 else "refund \x1b[31m"}
        for i, row in enumerate(rows("strange", 100))
    ]
    with pytest.raises(story.TooFewRowsError) as refused:
        story.plan(strange[:50], strange[50:], seed=7)
    said = str(refused.value)
    assert said.startswith(
        "50 base and 50 later rows give 0 messages a day and 0 to train on; "
        "300 and 600 are needed; 100 rows are left out, "
    )
    assert "as nobody knows their intent: billing 80, refund" in said
    assert said.endswith(f"(known: {', '.join(present.INTENTS)})")
    assert "\x1b" not in said
    some = story.plan(rows("base", 9000) + strange, rows("later", 4000), seed=7)
    assert some.left_out.startswith("100 rows are left out")
    assert any(
        told.text == some.left_out for told in telling.opening(some, dt.date(2026, 4, 20), own=True)
    )
    assert story.plan(rows("base", 9000), rows("later", 4000), seed=7).left_out == ""


LOG = {"ts": "2026-04-20T10:00:00Z", "model": "v1", "intent": "faq"}


def shown(**counts: int) -> dict[str, Any]:
    return {
        "start": builders.AT,
        "model": builders.MODEL,
        "errors": counts.pop("errors", 0),
        "intent_counts": counts,
    }


@pytest.mark.parametrize(
    ("windows", "lost", "duplicated"),
    [
        ([shown(faq=2)], 0, 0),
        ([shown(faq=1)], 1, 0),
        ([shown(faq=3)], 0, 1),
        ([shown(faq=1, chitchat=1)], 1, 1),
    ],
)
def test_a_lost_and_a_doubled_log_do_not_cancel(
    windows: list[dict[str, Any]], lost: int, duplicated: int
) -> None:
    assert recount.compare([LOG, LOG], windows) == recount.Recount(2, lost, duplicated)


def verdict(level: str, needed: int | None = None) -> dict[str, Any]:
    return {"verdict": level, "labels_needed": needed, "reference": 0.92}


def test_a_decision_names_the_labels_that_are_wanting_and_what_counts_first() -> None:
    def reason(signal: str, value: float | None, *, breached: bool = False) -> dict[str, Any]:
        return {
            "signal": signal,
            "value": value,
            "limit": 0.9,
            "n": 500,
            "low": 0.86,
            "high": 0.92,
            "breached": breached,
        }

    reasons = [
        reason("low_confidence_rate", 0.87),
        reason("live_accuracy", 0.89),
        reason("rare_recall", None),
        reason("error_rate", 0.95, breached=True),
    ]
    row = {
        "at": dt.datetime(2026, 4, 21, tzinfo=dt.UTC),
        "model": "v1",
        "decision": "hold",
        "hold_reason": "WATCHING",
        "cause": None,
        "reasons": reasons,
    }
    assert report.why(
        report.Taken(row, {"error_rate": verdict("breach"), "live_accuracy": verdict("watch", 311)})
    ).strip() == (
        "2026-04-21 00:00 v1 hold WATCHING: err 95.0% [86.0%, 92.0%] (n 500, limit 90.0%)!; "
        "acc 89.0% [86.0%, 92.0%] (n 500, limit 90.0%)?; "
        "conf 87.0% [86.0%, 92.0%] (n 500, limit 90.0%); "
        "no value: rare; labels still needed: acc 311"
    )
    assert "still needed" not in report.why(report.Taken(row, {}))


def test_a_day_tells_each_decision_that_differs_and_a_retrain_is_what_it_stands_for() -> None:
    def row(
        decision: str, hold: str | None, model: str = "v1", counts: bool = False
    ) -> dict[str, Any]:
        return {
            "model": model,
            "decision": decision,
            "hold_reason": hold,
            "cause": None,
            "reasons": [{"signal": "live_accuracy", "breached": counts}],
        }

    well, watching, retrain = row("hold", "HEALTHY"), row("hold", "WATCHING"), row("retrain", None)
    assert report.changes(well, [well, well]) == [well]
    assert report.changes(None, [well, well]) == [well]
    assert report.changes(well, [watching, watching, retrain, row("hold", "HEALTHY", "v2")]) == [
        watching,
        retrain,
        row("hold", "HEALTHY", "v2"),
    ]
    worse = row("hold", "WATCHING", counts=True)
    assert report.changes(well, [watching, watching, worse, worse]) == [watching, worse]
    every = [report.Taken(each, {}) for each in (watching, retrain, well)]
    day = report.Day(dt.date(2026, 4, 20), story.STABLE, {}, {}, None, (0, 0), every)
    assert day.decision == "retrain"
    assert dataclasses.replace(day, taken=every[:1]).decision == "hold WATCHING"


def test_a_run_tells_what_each_gate_measured() -> None:
    gates = [
        {"gate": "macro_f1", "verdict": "pass", "value": 0.90512, "n": 450},
        {"gate": "compiled_parity", "verdict": "inconclusive", "value": None, "n": 0},
    ]
    run = {"id": "r_1", "state": "DEPLOYED", "candidate": "v2", "gates": gates}
    assert report.run_line(run) == (
        "run r_1: DEPLOYED, candidate v2, "
        "macro_f1 pass 0.9051 (n 450), compiled_parity inconclusive"
    )
