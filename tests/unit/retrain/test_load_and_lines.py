"""Figures of a load test worked by hand, and what a run writes while it works: log lines on
standard output, a bar on standard error.
"""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain import log, progress
from retrain.train import loadtest
from schemas import loglines

# A load test.


def took(*walls_ms: float, work: float = 1.0) -> list[loadtest._Took]:
    """Answers that took so long by the wall clock, a share `work` of it on the CPU."""
    return [loadtest._Took(wall, wall * work) for wall in walls_ms]


def test_a_percentile_is_an_answer_that_was_given_and_not_a_mean_of_two() -> None:
    """Of 1 to 20 ms: rank ceil(0.5 * 20) = 10, ceil(0.95 * 20) = 19, ceil(0.99 * 20) = 20."""
    load = loadtest._measured(took(*range(1, 21)), 0, seconds=1.0)

    assert (load.p50_ms, load.p95_ms, load.p99_ms) == (10, 19, 20)


def test_one_answer_is_every_percentile() -> None:
    load = loadtest._measured(took(7.0), 0, seconds=0.5)

    assert (load.n, load.p50_ms, load.p95_ms, load.p99_ms) == (1, 7.0, 7.0, 7.0)
    assert load.rps == 2.0


def test_errors_are_a_share_of_the_answers_and_answers_are_counted_by_the_second() -> None:
    load = loadtest._measured(took(*[1.0] * 8), 2, seconds=4.0)

    assert (load.error_rate, load.rps) == (0.25, 2.0)


def test_the_slowest_twentieth_alone_says_how_much_of_the_core_was_had() -> None:
    """18 answers that had their core, one of 10 ms with a fifth of it and one of 30 ms with three
    fifths: rank 19 is the one of 10 ms, and of the 40 ms of the two slowest 20 were work.
    """
    answers = took(*[2.0] * 18) + took(10.0, work=0.2) + took(30.0, work=0.6)

    load = loadtest._measured(answers, 0, seconds=1.0)

    assert (load.p95_ms, load.core_share) == (10.0, pytest.approx(0.5))
    assert load.work_p95_ms == 2.0


def test_a_clock_that_runs_ahead_gives_nobody_more_than_a_core() -> None:
    assert loadtest._measured(took(2.0, work=1.3), 0, seconds=1.0).core_share == 1.0


def test_answers_that_took_no_time_had_their_core() -> None:
    assert loadtest._measured(took(0.0, 0.0), 0, seconds=1.0).core_share == 1.0


@given(
    st.lists(st.tuples(st.floats(0, 1e4), st.floats(0, 1)), min_size=1, max_size=60), st.randoms()
)
def test_percentiles_rise_lie_among_the_answers_and_do_not_depend_on_their_order(
    answers: list[tuple[float, float]], random: Any
) -> None:
    measured = [loadtest._Took(wall, wall * share) for wall, share in answers]

    load = loadtest._measured(measured, 0, seconds=1.0)

    shuffled = random.sample(measured, len(measured))
    assert loadtest._measured(shuffled, 0, seconds=1.0) == load
    walls = [wall for wall, _ in answers]
    assert min(walls) <= load.p50_ms <= load.p95_ms <= load.p99_ms <= max(walls)
    assert {load.p50_ms, load.p95_ms, load.p99_ms} <= set(walls)
    assert load.work_p95_ms <= load.p95_ms
    assert 0 <= load.core_share <= 1


# Log lines.


def written(capsys: pytest.CaptureFixture[str], form: str, tag: str, **fields: Any) -> str:
    log.LogLines(form).line(tag, fields)
    shown = capsys.readouterr()
    assert shown.err == ""
    return shown.out


LOAD = {"p50_ms": 2.04, "p95_ms": 4.5, "p99_ms": 6.0, "error_rate": 0.0002, "rps": 399.7}


def test_a_line_is_the_seeds_and_ends_with_one_line_feed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = written(capsys, "lines", "LOAD_TEST", **LOAD)

    assert line == "[LOAD_TEST] p50_ms=2.0 p95_ms=4.5 p99_ms=6.0 error_rate=0.02% rps=399\n"


def test_as_json_a_line_has_the_same_fields_unrounded(capsys: pytest.CaptureFixture[str]) -> None:
    line = written(capsys, "json", "LOAD_TEST", **LOAD)

    assert json.loads(line) == {"tag": "LOAD_TEST"} | LOAD
    assert line.count("\n") == 1


@pytest.mark.parametrize("form", ["lines", "json"])
@pytest.mark.parametrize(
    "reason",
    ['gates fail: "recall"', "a\nb=2 [ALERT] retrain_trigger=true", "\u202e草", "", "null"],
)
def test_whatever_a_reason_holds_it_stays_in_one_line(
    reason: str, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = written(capsys, form, "DECISION", promote=False, reason=reason)

    assert line.count("\n") == 1
    if form == "json":
        assert json.loads(line)["reason"] == reason
    else:
        tag, fields = loglines.parse(line.removesuffix("\n"))
        assert (tag, fields["promote"], fields["reason"]) == ("DECISION", False, reason)


@pytest.mark.parametrize("form", ["lines", "json"])
def test_a_tag_that_does_not_exist_writes_nothing(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(loglines.LogLineError, match="no such tag: LAOD_TEST"):
        log.LogLines(form).line("LAOD_TEST", {})

    assert capsys.readouterr().out == ""


# A bar in a file.


def test_what_only_moves_the_cursor_is_no_line() -> None:
    stream = io.StringIO()
    lines = progress._Lines(stream)

    for drawn in ("\r", "\n", "   ", "", "\x1b[A", "\rfine-tune: \x1b[1m50%\x1b[0m"):
        lines.write(drawn)

    assert stream.getvalue() == ""


def test_what_is_drawn_over_itself_becomes_a_line_of_its_own() -> None:
    stream = io.StringIO()
    lines = progress._Lines(stream)

    lines.write("\rfine-tune:  10%|#  | 1/10")
    lines.write("\rfine-tune:  20%|## | 2/10")

    assert stream.getvalue() == "fine-tune:  10%|#  | 1/10\nfine-tune:  20%|## | 2/10\n"


def test_a_file_gets_a_line_every_ten_seconds_whatever_a_terminal_would_get() -> None:
    """A thousand steps within ten seconds are the line at the beginning and no other."""
    stream = io.StringIO()

    with progress.bar("fine-tune", 1_000, "step", stream, mininterval=0) as bar:
        for _ in range(999):
            bar.update()
        lines = stream.getvalue().splitlines()

    assert len(lines) == 1
    assert lines[0].startswith("fine-tune:   0%")


def test_a_bar_without_a_stream_stands_on_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with progress.bar("読む", 2, "message") as bar:
        bar.update(2)

    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("読む:   0%")
