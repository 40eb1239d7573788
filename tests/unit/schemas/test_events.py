"""Examples are law: every file of schemas/examples decodes as its name says. Bad bytes become
Malformed, never an exception.
"""

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import events

EXAMPLES = Path(events.__file__).parent / "examples"
DECODERS = {
    "serving_log": events.serving_log,
    "human_label": events.human_label,
    "incident": events.incident,
}
CASES = sorted(EXAMPLES.glob("*.json"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_example_decodes_as_its_name_says(case: Path) -> None:
    kind, _, _, verdict, _ = case.name.split(".")
    decoded = DECODERS[kind](case.read_bytes())
    assert isinstance(decoded, events.Malformed) == (verdict == "fail"), decoded


def test_there_are_examples_of_both_verdicts_for_every_event() -> None:
    seen = {(case.name.split(".")[0], case.name.split(".")[3]) for case in CASES}
    assert seen == {(kind, verdict) for kind in DECODERS for verdict in ("pass", "fail")}


@given(st.binary())
def test_no_bytes_raise(raw: bytes) -> None:
    for decode in DECODERS.values():
        assert isinstance(decode(raw), events.Malformed)


def test_the_detail_never_quotes_what_was_sent() -> None:
    malformed = events.serving_log(
        (EXAMPLES / "serving_log.1.nul_in_intent.fail.json").read_bytes()
    )
    assert isinstance(malformed, events.Malformed)
    assert "x" not in malformed.detail.split("`")[0].split()
    assert "\0" not in malformed.detail
    assert "intent" in malformed.detail


@pytest.mark.parametrize(
    ("minutes", "reason"),
    [(5.1, "future"), (4.9, None), (0, None), (-8 * 1440 + 1, None), (-8 * 1440 - 1, "too_late")],
)
def test_time_limits(minutes: float, reason: str | None) -> None:
    appended = dt.datetime(2026, 4, 20, 12, tzinfo=dt.UTC)
    verdict = events.untimely(appended + dt.timedelta(minutes=minutes), appended)
    assert (verdict.reason if verdict else None) == reason
