"""What `make demo` prints: a sentence for every kind of event and none on a quiet day, no line
wider than told, nothing but plain text off a terminal.
"""

import dataclasses
import datetime as dt
import io
import re
from pathlib import Path
from typing import Any

import pytest

from services.local.demo import grid, pace, report, screen, story, telling

AT = dt.datetime(2026, 4, 30, tzinfo=dt.UTC)
VERDICTS = {"live_accuracy": {"verdict": "ok", "labels_needed": None, "reference": 0.92}}
WIDTHS = pytest.mark.parametrize("width", [60, 100])


def reason(
    signal: str, value: float | None, *, breached: bool = True, half: float = 0.03
) -> dict[str, Any]:
    low, high = (None, None) if value is None else (value - half, value + half)
    return {
        "signal": signal,
        "value": value,
        "limit": 0.9,
        "n": 1_000,
        "low": low,
        "high": high,
        "breached": breached,
    }


WELL = (
    reason("live_accuracy", 0.93, breached=False),
    reason("intent_mix_kl", 0.004, breached=False),
)


def taken(
    *reasons: Any,
    decision: str = "hold",
    hold: str | None = "HEALTHY",
    cause: str | None = None,
    level: str = "ok",
) -> report.Taken:
    row = {
        "at": AT,
        "model": "v1",
        "decision": decision,
        "hold_reason": hold,
        "cause": cause,
        "reasons": reasons or WELL,
    }
    return report.Taken(row, {"live_accuracy": VERDICTS["live_accuracy"] | {"verdict": level}})


def day(*decisions: report.Taken, **change: Any) -> report.Day:
    window = {
        "model": "v1",
        "n": 1_200,
        "p95_latency_ms": 2.04,
        "low_confidence_rate": 0.056,
        "error_rate": 0.0,
    }
    accuracy = {"estimate": 0.926, "low": 0.907, "high": 0.945, "n_labels": 900}
    signals = {"intent_mix_kl": {"value": 0.002, "noise_floor": 0.008}}
    return dataclasses.replace(
        report.Day(
            dt.date(2026, 4, 29), story.STABLE, window, signals, accuracy, (0, 0), decisions
        ),
        **change,
    )


def plain(cells: list[telling.Said]) -> str:
    return "".join(cell.text for cell in cells)


def events(before: report.Day | None, now: report.Day) -> list[str]:
    return [said.text for said in telling.events(before, now)]


QUIET = day(taken())
RETRAIN = taken(
    reason("live_accuracy", 0.72),
    reason("intent_mix_kl", 0.067),
    reason("low_confidence_rate", 0.215),
    reason("recent_accuracy", 0.72),
    decision="retrain",
    hold=None,
    cause="language",
)


def test_a_day_is_a_row_under_its_headings() -> None:
    assert (
        plain(grid.heading(100))
        == "   day  messages       p95      KL  low confidence  accuracy           state"
    )
    assert (
        plain(grid.row(QUIET, 100))
        == "29 Apr     1,200    2.0 ms   0.002           5.6 %  93 % [91, 94]      ok"
    )
    assert plain(grid.row(QUIET, 60)) == "29 Apr 1,200  2.0 ms 0.002   5.6 % 93 % [91, 94] ok"


@pytest.mark.parametrize(
    ("decision", "word"),
    [
        (taken(), "ok"),
        (taken(hold="WATCHING"), "watching"),
        (taken(reason("rare_recall", 0.6), hold="WATCHING"), "breach"),
        (taken(hold="TOO_FEW_LABELS"), "blind"),
        (RETRAIN, "retrain"),
        (taken(decision="rollback", hold=None), "roll back"),
    ],
)
def test_a_days_state_is_a_word_in_a_colour(decision: report.Taken, word: str) -> None:
    assert (grid.state(day(decision)).text, bool(grid.state(day(decision)).style)) == (word, True)


def test_a_day_of_which_nothing_is_known_is_a_row_too() -> None:
    blind = report.Day(
        dt.date(2026, 5, 1),
        story.LATER,
        {"n": 0, "p95_latency_ms": None, "low_confidence_rate": None},
        {},
        None,
        (0, 0),
        [],
    )
    assert plain(grid.row(blind, 100)).split() == ["1", "May", "0", "-", "-", "-", "-", "blind"]


@WIDTHS
def test_no_row_is_wider_than_the_screen_at_worst(width: int) -> None:
    worst = day(
        taken(decision="rollback", hold=None),
        window={"n": 9_999, "p95_latency_ms": 600_000, "low_confidence_rate": 1.0},
        signals={"intent_mix_kl": {"value": 2.303}},
        quality={"estimate": 1.0, "low": 0.981, "high": 1.0},
    )
    assert len(plain(grid.row(worst, width))) <= width
    assert len(plain(grid.heading(width))) <= width


def test_a_quiet_day_says_nothing() -> None:
    watching = day(taken(reason("rare_recall", 0.84, breached=False), hold="WATCHING"))
    assert (
        events(None, QUIET)
        == events(QUIET, QUIET)
        == events(QUIET, watching)
        == events(watching, QUIET)
        == []
    )
    assert telling.begins(story.STABLE, AT.date()) is None


def test_the_story_says_what_changes() -> None:
    assert [
        said.text
        for said in (telling.begins(story.LATER, AT.date()), telling.begins(story.MIX, AT.date()))
        if said
    ] == [
        "30 Apr: customers bring new words",
        "30 Apr: a campaign: customers ask for other things, in the same words",
    ]


def test_a_retrain_says_why_in_words() -> None:
    assert events(QUIET, day(taken(), RETRAIN)) == [
        "30 Apr 00:00 retrain decided (cause: new language): "
        "accuracy 72 % [69, 75] where 92 % was usual, the mix moved, "
        "and 22 % [18, 24] of the answers are unsure; a new model is in training"
    ]


def test_the_rise_of_unsure_answers_is_no_repeat_of_their_rate_and_what_decided_is_said() -> None:
    missed = reason("low_confidence_rate", 0.2)
    rise = reason("low_confidence_rise", 0.12) | {"decided": True}
    lost = reason("live_accuracy", 0.72) | {"decided": True}
    decided = taken(missed, rise, lost, decision="retrain", hold=None)
    (said,) = events(QUIET, day(decided))
    assert "unsure answers are up by 12 [9, 15] points" in said
    assert "20 %" not in said


def test_a_loss_that_only_one_signal_shows_is_said_by_it() -> None:
    alone = taken(reason("accuracy_e_value", 3.2), decision="retrain", hold=None)
    assert events(QUIET, day(alone)) == [
        "30 Apr 00:00 retrain decided: "
        "1,585 to one that accuracy fell, by 1,000 labels; a new model is in training"
    ]
    incident = taken(*WELL, decision="retrain", hold=None, cause="language")
    assert "an open business incident" in events(QUIET, day(incident))[0]


@pytest.mark.parametrize(
    ("decision", "says"),
    [
        ("rollback", "a rollback is asked for"),
        ("fix_upstream", "mend it"),
        ("reweight", "a new reference mix"),
    ],
)
def test_every_other_action_has_its_sentence_once_a_day(decision: str, says: str) -> None:
    asked = taken(reason("error_rate", 0.3), decision=decision, hold=None, cause="pipeline")
    (sentence,) = events(QUIET, day(asked, taken(), asked))
    assert says in sentence
    assert "(cause: a broken pipeline): 30 % [27, 33] of the requests fail" in sentence


def test_a_breach_that_retrains_nothing_is_said_once_with_how_good_the_answers_are() -> None:
    moved = day(taken(*WELL[:1], reason("intent_mix_shift", 0.112), hold="WATCHING"))
    assert events(QUIET, moved) == [
        "30 Apr 00:00 no retrain: "
        "one intent's share moved by 11 [8, 14] points; accuracy holds at 93 % [90, 96]"
    ]
    assert events(moved, moved) == []
    assert events(moved, QUIET) == [
        "30 Apr 00:00 nothing is in breach any more: accuracy holds at 93 % [90, 96]"
    ]
    unsure = day(taken(reason("low_confidence_rate", 0.2), hold="WATCHING"))
    assert events(QUIET, unsure)[0].endswith("; too few labels yet to say how good the answers are")
    fallen = day(taken(reason("live_accuracy", 0.8), hold="WATCHING", level="breach"))
    assert events(QUIET, fallen) == [
        "30 Apr 00:00 no retrain: accuracy 80 % [77, 83] where 92 % was usual"
    ]
    cooling = day(taken(reason("live_accuracy", 0.8), hold="COOLING_DOWN", level="breach"))
    assert events(QUIET, cooling)[0].startswith(
        "30 Apr 00:00 no retrain so soon after the last: accuracy 80 %"
    )


def run(**change: Any) -> dict[str, Any]:
    gates = [
        {"gate": name, "verdict": "pass", "value": 0.9, "n": 9, "note": ""}
        for name in ("accuracy", "macro_f1", "p95_latency_ms")
    ]
    return {
        "id": "ft_2",
        "state": "champion",
        "candidate": "v2",
        "promoted": AT,
        "gates": gates,
    } | change


def test_a_run_says_what_its_gates_said_and_what_came_of_it() -> None:
    def said(row: dict[str, Any], **how: bool) -> list[str]:
        return [
            each.text for each in telling.gated(row, **{"restarted": False, "first": False} | how)
        ]

    assert said(run()) == ["v2 passed 3 of 3 gates and serves; nobody noticed a restart"]
    assert said(run(candidate="v1"), first=True) == ["v1 passed 3 of 3 gates and serves"]
    assert "RESTARTED" in said(run(), restarted=True)[0]
    gates = run()["gates"]
    failed = [
        gates[0],
        gates[1] | {"verdict": "fail"},
        gates[2] | {"note": "the machine was busy: 43 % ..."},
    ]
    assert said(run(promoted=None, gates=failed)) == [
        "v2 passed 2 of 3 gates and does not serve: macro f1 fail",
        "the machine was busy: 43 % ...",
    ]
    assert said(run(promoted=None, gates=[])) == []


def test_what_will_be_played_and_where_to_look() -> None:
    told = story.Story([{"intent": "faq"}] * 2_900, story.DAYS, [[{"intent": "faq"}] * 1_200] * 14)
    first, corpus = telling.opening(told, dt.date(2026, 4, 20), own=False)
    assert (
        first.text
        == "14 days of a shop's chat in minutes: 16,800 invented messages, new language from 28 Apr"
    )
    assert corpus.text == (
        "2,900 labelled ones of 1 intents to learn from; none of them comes again, nor one like it"
    )
    kept = dict(telling.places("127.0.0.1", 1, 2, keep=".local/demo/env", log="x.log"))
    assert (kept["Board"], kept["Replay"]) == (
        "http://127.0.0.1:1/",
        ". .local/demo/env; .venv/bin/python retrain/run.py replay --html .local/demo/replay.html",
    )
    assert len(kept["Replay"]) + len("Replay  ") <= 98, "it can be copied in one piece"
    assert "KEEP=1" in dict(telling.places("127.0.0.1", 1, 2, keep=None, log="x.log"))["Next"]


def spoken(into: screen.Screen) -> None:
    """One of everything."""
    into.say(*telling.addresses("127.0.0.1", 65_535, 65_534, 65_533))
    into.row(grid.heading(into.width))
    into.row(grid.row(day(RETRAIN), into.width))
    into.event(*telling.events(QUIET, day(RETRAIN)), telling.Said("x" * 300))
    into.box(
        "The loop closed",
        [
            ("28 Apr", "customers brought new words " * 9),
            ("Log", ".local/demo/20261130-033512.log"),
        ],
    )


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@WIDTHS
def test_on_a_terminal_no_line_is_wider_than_it_and_states_have_colour(
    width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Terminal()
    with screen.Screen(tmp_path / "log", out=out, err=io.StringIO()) as into:
        spoken(into)
    assert "\x1b[1;35m" in out.getvalue()
    lines = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue()).splitlines()
    assert max(map(len, lines)) <= width
    assert " ".join(lines).split().count("words") == 9, "the box loses nothing at its edge"


def test_no_color_means_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    out = Terminal()
    with screen.Screen(tmp_path / "log", out=out, err=io.StringIO()) as into:
        spoken(into)
    assert "\x1b" not in out.getvalue()


def test_off_a_terminal_lines_are_plain_and_at_most_100_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setenv("FORCE_COLOR", "1")
    out, err = io.StringIO(), io.StringIO()
    with (
        screen.Screen(tmp_path / "log", out=out, err=err) as into,
        into.working(pace.of(16_800, 0.0)),
    ):
        into.doing("training the first model, epoch 1")
        spoken(into)
    assert out.getvalue().replace("\n", "").isprintable()
    assert max(map(len, out.getvalue().splitlines())) <= 100
    assert err.getvalue().replace("\n", "").isprintable()


def test_what_is_too_much_for_the_screen_is_in_the_file_and_on_it_if_asked(tmp_path: Path) -> None:
    for verbose in (False, True):
        out = io.StringIO()
        with screen.Screen(
            tmp_path / f"{verbose}.log", verbose=verbose, out=out, err=io.StringIO()
        ) as into:
            into.detail("bet 23.7 " * 40)
            spoken(into)
            into.data("[DEMO] events=1")
        assert ("bet 23.7 " * 40 in out.getvalue()) is verbose
        assert out.getvalue().endswith("\n[DEMO] events=1\n")
        written = (tmp_path / f"{verbose}.log").read_text()
        assert "bet 23.7 " * 40 in written
        assert "retrain decided" in written
        assert "The loop closed" in written
