"""The judged panels one by one: what a verdict is called and why, what is shown before any, and the
lines and figures beside the value.
"""

import datetime as dt
import math
from typing import Any

import builders
import pytest

from schemas import policy, present, signals
from services.dashboard import evidence, facts, judged

AT = builders.AT
HOUR = dt.timedelta(hours=1)
LATENCY = judged.Judged(signals.P95_LATENCY_MS, "P95")
ERRORS = judged.Judged(signals.ERROR_RATE, "Errors")
UNSURE = judged.Judged(signals.LOW_CONFIDENCE_RATE, "Low confidence")
MIX = judged.Judged(signals.INTENT_MIX_KL, "KL")
ACCURACY = judged.Judged(signals.LIVE_ACCURACY, "Accuracy")
RULES = policy.Policy()
PROMOTED = {"model": builders.MODEL, "at": AT - 30 * 24 * HOUR, "kind": "promote"}
Row = dict[str, Any]


def row(signal: judged.Judged, verdict: str = "ok", **more: Any) -> Row:
    """A row of `signal`, judged at AT."""
    rule: policy.Level = getattr(RULES.signals, signal.key)
    known = {
        "model": builders.MODEL,
        "signal": signal.key,
        "intent": "",
        "horizon": rule.horizon,
        "end": AT,
        "verdict": verdict,
        "in_breach": False,
    }
    figures = {
        "value": 0.01,
        "n": 5000,
        "low": 0.005,
        "high": 0.02,
        "limit": rule.enter,
        "noise_floor": None,
        "p_value": None,
        "reference_n": 900,
    }
    return known | figures | {"level": None, "reference": None} | more


def hour(**more: Any) -> Row:
    """A complete window of the champion that ends at AT."""
    place = {
        "model": builders.MODEL,
        "role": "champion",
        "horizon": "1h",
        "end": AT,
        "complete": True,
        "n": 1000,
        "errors": 5,
        "late": 0,
    }
    rates = {
        "error_rate": 0.005,
        "low_confidence_rate": 0.06,
        "p50_latency_ms": 4.0,
        "p95_latency_ms": 9.0,
        "p99_latency_ms": 12.0,
    }
    return place | rates | {"intent_counts": dict.fromkeys(present.INTENTS, 100)} | more


def known(**more: Any) -> facts.Facts:
    given: Row = {
        "stream": facts.Stream(now=AT, watermark=AT),
        "windows": [hour()],
        "promotions": [PROMOTED],
    }
    return facts.Facts(**(given | more))


@pytest.mark.parametrize(
    ("signal", "verdict", "state", "says"),
    [
        (ERRORS, row(ERRORS), "ok", "within the limit"),
        (
            ERRORS,
            row(ERRORS, "watch"),
            "watch",
            "above the limit, but the interval reaches across it",
        ),
        (
            ERRORS,
            row(ERRORS, "breach"),
            "watch",
            "above the limit in this window; 2 of 3 make a breach",
        ),
        (
            ERRORS,
            row(ERRORS, "breach", in_breach=True),
            "breach",
            "above the limit, interval and all",
        ),
        (
            ERRORS,
            row(ERRORS, "watch", in_breach=True),
            "breach",
            "recovering, but not back past 0.3 % yet",
        ),
        (
            ERRORS,
            row(ERRORS, "blind", n=12),
            "blind",
            "too little evidence: 12 of the 1,000 logs the policy asks for",
        ),
        (
            ERRORS,
            row(ERRORS, "blind", n=0, in_breach=True),
            "breach",
            "was in breach; too little evidence to say it has ended: 0 of the 1,000 logs",
        ),
        (
            ACCURACY,
            row(ACCURACY, "watch"),
            "watch",
            "below the limit, but the interval reaches across it",
        ),
        (
            ACCURACY,
            row(ACCURACY, "blind", n=99),
            "blind",
            "99 of the 100 labels the policy asks for",
        ),
        (
            ACCURACY,
            row(ACCURACY, in_breach=True),
            "breach",
            "recovering, but not back past 91.0 % yet",
        ),
        (
            ACCURACY,  # half of the way back to what it was, not the policy's leave
            row(ACCURACY, in_breach=True, limit=0.93, reference=0.94),
            "breach",
            "recovering, but not back past 93.5 % yet",
        ),
        (
            MIX,
            row(MIX, "watch", level="alert", p_value=1e-6),
            "watch",
            "level alert: beyond chance",
        ),
        (
            MIX,
            row(MIX, "breach", in_breach=True, p_value=1e-9),
            "breach",
            "the mix has moved, beyond chance",
        ),
        (MIX, row(MIX, p_value=0.001), "ok", "no more than chance"),
        (MIX, row(MIX, p_value=0.0009), "ok", "within the limit"),
        (MIX, row(MIX, p_value=None), "ok", "within the limit"),
    ],
)
def test_a_verdict_has_a_state_and_says_why(
    signal: judged.Judged, verdict: Row, state: str, says: str
) -> None:
    named, words = judged.standing(signal, verdict, getattr(RULES.signals, signal.key))
    assert (str(named), words.startswith(says) or says in words) == (state, True), words


def test_the_newest_judged_row_is_the_panel_and_the_earlier_ones_its_history() -> None:
    rows = [
        row(ERRORS, end=AT - 2 * HOUR, value=0.001),
        row(ERRORS, end=AT - HOUR, value=0.002),
        row(ERRORS, value=0.003, n=777),
    ]
    panel = judged.panel(ERRORS, known(signals=rows), RULES)
    assert (panel.value, panel.n, panel.end, panel.limit, panel.horizon) == (
        0.003,
        777,
        AT,
        0.005,
        "1h",
    )
    assert [(point.end, point.value) for point in panel.series[0].points] == [
        (AT - 2 * HOUR, 0.001),
        (AT - HOUR, 0.002),
        (AT, 0.003),
    ]
    assert panel.series[0].step_s == 3600.0


def test_a_value_that_is_no_number_leaves_a_gap_and_no_point() -> None:
    rows = [
        row(ERRORS, end=AT - HOUR, value=None),
        row(ERRORS, end=AT, value=math.nan, low=math.inf),
    ]
    panel = judged.panel(ERRORS, known(signals=rows), RULES)
    assert (panel.value, panel.low, panel.series[0].points) == (None, None, ())


def test_a_mix_has_its_levels_as_lines_and_a_rate_its_limit_alone() -> None:
    mix = judged.panel(MIX, known(signals=[row(MIX)]), RULES)
    assert [(line.name, line.value, line.limit) for line in mix.lines] == [
        ("limit", 0.028, True),
        ("watch", 0.012, False),
        ("alert", 0.02, False),
    ]
    assert [
        line.name for line in judged.panel(ERRORS, known(signals=[row(ERRORS)]), RULES).lines
    ] == ["limit"]


@pytest.mark.parametrize(
    ("signal", "seen", "says"),
    [
        (ERRORS, known(windows=[]), "no stream worker runs: `python -m streams worker`"),
        (UNSURE, known(), "No complete window yet, and no stream worker runs"),
        (ACCURACY, known(), "no scheduler runs: `python -m services.scheduler`"),
        (
            ACCURACY,
            known(promotions=[]),
            "Nothing is judged without a champion. No champion yet: `python retrain/run.py run`",
        ),
    ],
)
def test_what_is_missing_is_named_with_its_remedy(
    signal: judged.Judged, seen: facts.Facts, says: str
) -> None:
    panel = judged.panel(signal, seen, RULES)
    assert says in (panel.missing or "")
    assert panel.value is None


def test_before_any_verdict_the_windows_own_figure_stands_and_says_that_nobody_judged_it() -> None:
    panel = judged.panel(ERRORS, known(), RULES)
    assert (str(panel.state), panel.value, panel.n) == ("not judged", 0.005, 1000)
    assert "no scheduler runs" in panel.verdict
    assert "No champion" in judged.panel(ERRORS, known(promotions=[]), RULES).verdict


def test_an_unjudged_mix_is_compared_with_the_models_reference_or_says_that_there_is_none() -> None:
    day = hour(
        horizon="1d",
        intent_counts=dict.fromkeys(present.INTENTS, 0) | {"faq": 600, "chitchat": 400},
    )
    without = judged.panel(MIX, known(windows=[day]), RULES)
    assert (without.value, without.verdict) == (
        None,
        "No reference mix to compare with: it comes with the first promotion.",
    )
    even = builders.reference([0, 0, 0, 500, 0, 0, 0, 0, 0, 500])
    compared = judged.panel(MIX, known(windows=[day], references=[(AT - 24 * HOUR, even)]), RULES)
    # 0.6 ln(0.6/0.5) + 0.4 ln(0.4/0.5), but for the smoothing of empty intents
    assert compared.value == pytest.approx(0.6 * math.log(1.2) + 0.4 * math.log(0.8), abs=0.002)


def test_a_mix_without_answers_or_without_a_reference_is_no_figure_at_all() -> None:
    even = builders.reference([100] * len(present.INTENTS))
    silent = hour(intent_counts=dict.fromkeys(present.INTENTS, 0))
    compared = known(references=[(AT - HOUR, even)])
    assert evidence.kl(hour(), compared)[0] == pytest.approx(0.0)
    assert evidence.kl(hour(), known()) == (None, None)
    assert evidence.kl(silent, compared) == (None, None)


def test_a_day_that_ended_long_ago_still_shows_this_nights_hour() -> None:
    panel = judged.panel(
        UNSURE,
        known(signals=[row(UNSURE, end=AT)], windows=[hour(low_confidence_rate=0.2, n=50)]),
        RULES,
    )
    assert panel.notes == ("Latest hour, to 20 Apr 00:00 UTC: 20.0 % (n = 50)",)
    assert judged.panel(ERRORS, known(signals=[row(ERRORS)]), RULES).notes == (), (
        "what is judged by the hour needs no latest hour"
    )


def test_what_the_stream_has_left_behind_is_stale_however_it_was_judged() -> None:
    late = facts.Stream(now=AT + 9 * HOUR, watermark=AT + 9 * HOUR)
    panel = judged.panel(ERRORS, known(stream=late, signals=[row(ERRORS)]), RULES)
    assert str(panel.state) == "stale"
    assert panel.verdict == "9.0 h behind the stream, then ok, and nothing has been judged since"


def test_latency_stands_between_the_median_and_the_slowest_of_its_own_window() -> None:
    windows = [hour(end=AT - HOUR, p50_latency_ms=3.0, p99_latency_ms=30.0), hour()]
    panel = judged.panel(LATENCY, known(windows=windows, signals=[row(LATENCY, value=9.0)]), RULES)
    assert panel.lead == "p95"
    assert panel.notes == ("p50 4.0 ms, p99 12.0 ms",)
    assert [[point.value for point in series.points] for series in panel.series] == [
        [9.0],
        [3.0, 4.0],
        [30.0, 12.0],
    ]


def test_labels_of_another_window_or_model_are_not_told_with_this_one() -> None:
    week = {
        "model": builders.MODEL,
        "start": AT - 7 * 24 * HOUR,
        "end": AT,
        "metric": "live_accuracy",
        "intent": None,
        "n_predictions": 900,
        "maturity": "mature",
        "reference": None,
        "labels_needed": None,
        "verdict": "ok",
        "estimate": 0.9,
        "n_labels": 100,
    }
    for other in ({"model": "v0"}, {"end": AT - 24 * HOUR}, {"start": AT - 24 * HOUR}):
        assert (
            judged.panel(
                ACCURACY, known(signals=[row(ACCURACY)], quality=[week | other]), RULES
            ).notes
            == ()
        )
    told = judged.panel(ACCURACY, known(signals=[row(ACCURACY)], quality=[week]), RULES)
    assert (told.notes, told.counted, told.at_least) == (
        ("Stands for 900 answers, labels complete",),
        "labels",
        True,
    )
