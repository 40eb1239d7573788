"""The seed's own lines parse and encode back byte for byte; a hostile value forges nothing."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import loglines

SEED_LINES = (Path(__file__).parents[2] / "golden" / "seed_lines.txt").read_text().splitlines()


def test_the_seed_shows_every_tag() -> None:
    assert {loglines.parse(line)[0] for line in SEED_LINES} == set(loglines.FIELDS)
    assert len(SEED_LINES) == 41  # the seed's forty, and ours of what a run is set beside


@pytest.mark.parametrize("line", SEED_LINES)
def test_a_seed_line_round_trips_byte_for_byte(line: str) -> None:
    assert loglines.encode(*loglines.parse(line)) == line


@pytest.mark.parametrize("line", SEED_LINES)
def test_json_carries_the_same_keys(line: str) -> None:
    tag, fields = loglines.parse(line)
    assert json.loads(loglines.as_json(tag, fields)) == {"tag": tag, **fields}


def test_percent_and_points_exist_only_in_the_line() -> None:
    line = (
        "[MONITOR_HOURLY] model=v14 p50_ms=8.1 p95_ms=12.8 p99_ms=19.7"
        " err_rate=0.08% low_conf_rate=6.2% kl_div=0.011"
    )
    _, fields = loglines.parse(line)
    assert fields["err_rate"] == 0.0008
    assert fields["low_conf_rate"] == 0.062


@given(st.text())
def test_a_hostile_value_cannot_forge_a_field_or_a_line(value: str) -> None:
    line = loglines.encode("SERVE", {"model": value, "req_id": "1"})
    assert "\n" not in line
    assert loglines.parse(line) == ("SERVE", {"model": value, "req_id": "1"})


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ALERT x=1",
        "[NOPE] a=1",
        "[ALERT] reason",
        '[ALERT] reason="a" reason2="b"',
        "[ALERT] retrain_trigger=true\n[ALERT] retrain_trigger=true",
        "[ALERT]  retrain_trigger=true",
    ],
)
def test_anything_else_is_refused(line: str) -> None:
    with pytest.raises(loglines.LogLineError):
        loglines.parse(line)


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(loglines.LogLineError, match="colour"):
        loglines.encode("ALERT", {"colour": "red"})
