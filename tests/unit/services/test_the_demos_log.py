"""The demo's log file and its recount: a line a day, a line a decision, and logs that are counted
again by day, model and intent.
"""

import datetime as dt
import json
from typing import Any

import builders
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.local.demo import recount, report, story

AT = builders.AT
DAY = dt.date(2026, 4, 20)
Row = dict[str, Any]


def reason(signal: str, value: float | None, *, breached: bool = False, **more: Any) -> Row:
    base = {"signal": signal, "value": value, "limit": 0.9, "n": 500, "low": None, "high": None}
    return base | {"breached": breached} | more


def taken(*reasons: Row, hold: str | None = "HEALTHY", **more: Any) -> report.Taken:
    row = {
        "at": AT,
        "model": "v1",
        "decision": "retrain" if hold is None else "hold",
        "hold_reason": hold,
        "cause": None,
        "reasons": reasons,
    }
    verdicts = more.pop("verdicts", {})
    return report.Taken(row | more, verdicts)


def day(**more: Any) -> report.Day:
    window = {
        "model": "v1",
        "n": 1200,
        "p95_latency_ms": 2.04,
        "error_rate": 0.0,
        "low_confidence_rate": 0.056,
    }
    quality = {"estimate": 0.926, "low": 0.907, "high": 0.945, "n_labels": 900}
    base: Row = {
        "date": DAY,
        "kind": story.STABLE,
        "window": window,
        "signals": {},
        "quality": quality,
        "truth": (930, 1000),
        "taken": [taken()],
    }
    return report.Day(**(base | more))


def cells(line: str) -> list[str]:
    """A line of the table, cut where its columns end."""
    parts, begin = [], 0
    for width in report.WIDTHS:
        parts.append(line[begin : begin + width].strip())
        begin += width + 2
    return parts


def test_a_day_stands_under_its_headings() -> None:
    assert len(report.HEADINGS) == len(report.WIDTHS)
    assert cells(report.heading()) == list(report.HEADINGS)
    assert cells(report.line(day())) == [
        "2026-04-20",
        "stable",
        "v1",
        "1200",
        "2.0",
        "0.0%",
        "5.6%",
        "-",
        "92.6% [90.7%, 94.5%] (900)",
        "93.0%",
        "",
        "hold HEALTHY",
    ]


def test_a_day_of_which_little_is_known_has_dashes() -> None:
    bare = day(
        quality=None,
        truth=(0, 0),
        window=day().window | {"low_confidence_rate": None, "error_rate": None},  # type: ignore[operator]
        signals={"intent_mix_kl": {"value": None, "verdict": "blind", "in_breach": False}},
    )

    shown = dict(zip(report.HEADINGS, cells(report.line(bare)), strict=True))

    dashes = [name for name, cell in shown.items() if cell == "-"]
    assert dashes == [
        "errors",
        "low_conf",
        "kl (noise)",
        "live accuracy [95 %] (labels)",
        "truth",
    ]


def test_no_line_ends_in_blanks() -> None:
    assert report.line(day()) == report.line(day()).rstrip()


def test_the_usual_signals_are_always_told_and_the_others_when_they_stand_out() -> None:
    def verdict(level: str, *, in_breach: bool = False) -> Row:
        return {"verdict": level, "in_breach": in_breach, "value": 0.5, "noise_floor": 0.1}

    signals = {
        "error_rate": verdict("ok"),
        "intent_mix_kl": verdict("breach", in_breach=True),
        "tokens_lost": verdict("ok"),
        "data_missing": verdict("watch"),
        "live_accuracy": verdict("ok", in_breach=True),
    }

    shown = cells(report.line(day(signals=signals)))

    # In the order in which people are told of signals, not in that of the rows.
    assert shown[report.HEADINGS.index("verdicts")] == "acc:ok! kl:breach! gone:watch err:ok"
    assert shown[report.HEADINGS.index("kl (noise)")] == "0.500 (0.100)"


def test_a_retrain_is_what_a_day_stands_for_else_its_last_decision() -> None:
    calm, watching, retrain = taken(), taken(hold="WATCHING"), taken(hold=None)

    assert day(taken=[calm, watching]).decision == "hold WATCHING"
    assert day(taken=[retrain, calm]).decision == "retrain"
    assert day(taken=[taken(decision="rollback", hold_reason=None)]).decision == "rollback"


def test_under_its_day_each_decision_has_a_line() -> None:
    lines = report.row(day(taken=[taken(), taken(hold="WATCHING")])).splitlines()

    assert [line.split(":")[0].strip() for line in lines[1:]] == ["2026-04-20 00"] * 2
    assert "hold HEALTHY" in lines[1]
    assert "hold WATCHING" in lines[2]


@pytest.mark.parametrize(
    ("of", "words"),
    [
        (reason("live_accuracy", 0.5), "acc 50.0% (n 500, limit 90.0%)"),
        (
            reason("live_accuracy", 0.5, low=0.4, high=0.6),
            "acc 50.0% [40.0%, 60.0%] (n 500, limit 90.0%)",
        ),
        # One end alone is no interval.
        (reason("live_accuracy", 0.5, low=0.4), "acc 50.0% (n 500, limit 90.0%)"),
        (reason("intent_mix_kl", 0.0291, limit=0.028), "kl 0.029 (n 500, limit 0.028)"),
        (reason("p95_latency_ms", 18.04, limit=15.0), "p95 18.0 (n 500, limit 15.0)"),
        (reason("accuracy_e_value", 4.25, limit=3.0), "bet 4.2 (n 500, limit 3.0)"),
        (reason("rare_recall", None), "no value: rare"),
    ],
)
def test_a_reason_has_as_many_digits_as_its_unit_needs(of: Row, words: str) -> None:
    assert report.why(taken(of)).split(": ", 1)[1] == words


def test_what_counts_comes_first_then_what_is_watched_then_what_is_well() -> None:
    reasons = (
        reason("error_rate", 0.1),
        reason("rare_recall", 0.2),
        reason("live_accuracy", 0.3, breached=True),
    )
    watched = {"rare_recall": {"verdict": "watch", "labels_needed": None}}

    line = report.why(taken(*reasons, cause="language", verdicts=watched))

    assert line.strip().startswith("2026-04-20 00:00 v1 hold HEALTHY (language): ")
    marked = [part.split(" ")[0] + part[-1] for part in line.split(": ", 1)[1].split("; ")]
    assert marked == ["acc!", "rare?", "err)"]


def test_a_run_without_gates_is_a_line_too() -> None:
    failed: Row = {"id": "ft_1", "state": "failed", "candidate": None, "gates": []}

    assert report.run_line(failed).startswith("run ft_1: failed, candidate None")


def test_a_gates_note_stands_beside_its_figure() -> None:
    gate = {"gate": "ece", "verdict": "pass", "value": 0.0123456, "n": 450, "note": "of v1"}
    run = {"id": "ft_1", "state": "champion", "candidate": "v2", "gates": [gate]}

    assert report.run_line(run).endswith("ece pass 0.01235 (n 450) (of v1)")


def test_the_first_decision_of_all_is_told_and_a_day_without_one_tells_nothing() -> None:
    first = taken().row

    assert report.changes(None, [first]) == [first]
    assert report.changes(first, []) == []


def test_another_model_or_cause_is_another_decision() -> None:
    first = taken().row

    for change in ({"model": "v2"}, {"cause": "mix"}):
        other = {**first, **change}
        assert report.changes(first, [first, other, other]) == [other]


def log(day: int = 20, model: str = "v1", intent: str | None = "faq") -> Row:
    return {"ts": f"2026-04-{day:02}T10:00:00Z", "model": model, "intent": intent}


def window(day: int = 20, model: str = "v1", errors: int = 0, **counts: int) -> Row:
    start = dt.datetime(2026, 4, day, tzinfo=dt.UTC)
    return {"start": start, "model": model, "errors": errors, "intent_counts": counts}


def test_nothing_sent_and_nothing_counted_is_nothing_lost() -> None:
    assert recount.compare([], []) == recount.Recount(0, 0, 0)
    assert recount.compare([], [window(faq=0)]) == recount.Recount(0, 0, 0)


def test_an_error_is_counted_as_one() -> None:
    assert recount.compare([log(intent=None)], [window(errors=1)]) == recount.Recount(1, 0, 0)
    assert recount.compare([log(intent=None)], [window(faq=1)]) == recount.Recount(1, 1, 1)


@pytest.mark.parametrize("counted", [window(21, faq=1), window(model="v2", faq=1)])
def test_what_is_counted_on_another_day_or_for_another_model_is_lost_and_doubled(
    counted: Row,
) -> None:
    assert recount.compare([log()], [counted]) == recount.Recount(1, 1, 1)


LOGS = st.lists(
    st.builds(
        log, st.integers(1, 3), st.sampled_from(["v1", "v2"]), st.sampled_from(["faq", None])
    ),
    max_size=30,
)


def counted(sent: list[Row]) -> list[Row]:
    """A window for each day and model, as a product that loses nothing has them."""
    windows = []
    for day in (1, 2, 3):
        for model in ("v1", "v2"):
            intents = [
                one["intent"]
                for one in sent
                if one["ts"][8:10] == f"{day:02}" and one["model"] == model
            ]
            answered = len(intents) - intents.count(None)
            windows.append(window(day, model, intents.count(None), faq=answered))
    return windows


@given(LOGS)
def test_what_was_counted_as_it_was_sent_is_whole(sent: list[Row]) -> None:
    assert recount.compare(sent, counted(sent)) == recount.Recount(len(sent), 0, 0)


@given(LOGS, LOGS)
def test_every_log_too_few_is_lost_and_every_one_too_many_is_doubled(
    sent: list[Row], more: list[Row]
) -> None:
    lost = recount.compare([*sent, *more], counted(sent))
    doubled = recount.compare(sent, counted([*sent, *more]))

    assert (lost.events, lost.lost, lost.duplicated) == (len(sent) + len(more), len(more), 0)
    assert (doubled.lost, doubled.duplicated) == (0, len(more))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"7",
        b"\xff\xfe\x00",
        b'{"text": "hi"}',
        b'{"intent": "faq"}',
        b'{"text": 7, "intent": "faq"}',
        b'{"text": "hi", "intent": null}',
    ],
)
def test_a_line_that_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"no object with text and intent|Expecting|decode"):
        story.row(line)


def test_a_line_that_is_refused_is_shown_no_further_than_it_helps() -> None:
    with pytest.raises(ValueError, match="no object") as refused:
        story.row(b'{"text": 7, "more": "' + b"x" * 10_000 + b'"}')

    assert len(str(refused.value)) < 150


def test_a_line_keeps_what_it_says_beside_text_and_intent() -> None:
    line = {"text": "hi", "intent": "chitchat", "kind": "machine", "cluster": "c1", "more": 1}

    assert story.row(json.dumps(line).encode()) == line
