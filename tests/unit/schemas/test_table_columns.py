"""What tables declare: instants with their zone, counts that do not overflow, and a column for
whatever a noun holds.
"""

import dataclasses
from collections.abc import Iterable

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.schema import CreateTable

from schemas import (
    alerts,
    decisions,
    events,
    messages,
    runs,
    tables,
    training_tables,
    verdicts,
    windows,
)

TABLES = sorted(training_tables.metadata.tables.values(), key=lambda table: table.name)
EACH = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
PANES = (tables.pane_minute, tables.pane_hour, tables.pane_day)


def names(noun: type) -> list[str]:
    return [field.name for field in dataclasses.fields(noun)]


def columns(table: sa.Table, *but: str) -> set[str]:
    return {column.name for column in table.columns} - set(but)


def keys(table: sa.Table) -> list[str]:
    return [column.name for column in table.primary_key]


@EACH
def test_every_instant_has_a_zone(table: sa.Table) -> None:
    """Without one Postgres takes an instant for the session's wall clock."""
    kinds = {column.name: column.type for column in table.columns}
    zoned = {name: k.timezone for name, k in kinds.items() if isinstance(k, sa.DateTime)}

    assert [name for name, has_zone in zoned.items() if not has_zone] == []


@EACH
def test_every_row_can_be_told_from_every_other(table: sa.Table) -> None:
    assert keys(table)
    assert not any(column.nullable for column in table.primary_key)


@EACH
def test_postgres_can_make_it(table: sa.Table) -> None:
    statement = str(CreateTable(table).compile(dialect=pg.dialect()))  # type: ignore[no-untyped-call]

    assert statement.strip().startswith(f"CREATE TABLE {table.name} (")


@EACH
def test_text_has_no_length_at_which_a_row_would_fail(table: sa.Table) -> None:
    """Every length is held at the door, in schemas.events: a row that came so far is written."""
    kinds = {column.name: column.type for column in table.columns}
    lengths = {name: k.length for name, k in kinds.items() if isinstance(k, sa.String)}

    assert {name for name, length in lengths.items() if length is not None} == set()


@pytest.mark.parametrize("table", [*PANES, tables.window_state], ids=lambda table: table.name)
def test_a_tally_lies_in_a_row_as_windows_writes_it(table: sa.Table) -> None:
    stored = [column.name for column in table.columns if column.name in windows.TALLY_COLUMNS]

    assert stored == list(windows.TALLY_COLUMNS)
    assert {type(table.c[name].type) for name in windows.SCALARS} == {sa.BigInteger}
    for name in windows.ARRAYS:
        kind = table.c[name].type
        assert isinstance(kind, pg.ARRAY)
        assert isinstance(kind.item_type, sa.BigInteger)


@pytest.mark.parametrize("table", PANES, ids=lambda table: table.name)
def test_a_pane_stands_where_its_place_says(table: sa.Table) -> None:
    assert keys(table) == list(windows.Place._fields)


def test_minutes_and_hours_lie_in_partitions_that_retention_drops_and_days_are_kept() -> None:
    by_table = {table.name: table.dialect_options["postgresql"]["partition_by"] for table in PANES}

    assert by_table == {
        "pane_minute": "RANGE (start)",
        "pane_hour": "RANGE (start)",
        "pane_day": None,
    }


def held(table: sa.Table, nouns: Iterable[str], but: Iterable[str] = ()) -> list[str]:
    """Which of these names the table has no column for."""
    return sorted(set(nouns) - columns(table) - set(but))


def test_whatever_a_noun_holds_has_a_column() -> None:
    assert held(tables.window_state, names(windows.Window), but=["tally"]) == []
    assert held(tables.signal, names(verdicts.Signal), but=["age_hours"]) == []
    assert (
        held(
            tables.signal,
            names(verdicts.Verdict),
            but=["signal", "labels_needed", "intents", "strata"],
        )
        == []
    )
    in_its_evidence = ["aside"]
    assert held(tables.decision, names(decisions.Decision), but=in_its_evidence) == []
    assert held(tables.alert, names(alerts.Alert)) == []
    assert held(tables.promotion, names(runs.Promotion)) == []
    assert held(tables.run, names(messages.RunChanged), but=["run_id", "alert_id"]) == []
    assert held(tables.incident, events.Incident.__struct_fields__) == []
    assert held(tables.human_label, events.HumanLabel.__struct_fields__) == []


def test_a_sampled_message_keeps_what_its_log_says_of_the_answer_and_why_it_was_chosen() -> None:
    kept = columns(tables.sampled_prediction, "seen")

    assert kept - set(events.ServingLog.__struct_fields__) == {"queue", "p", "text"}
    assert set(events.Sample.__struct_fields__) == {"queue", "p", "text"}


def test_the_bytes_of_a_dead_letter_stand_apart_from_what_is_told_of_it() -> None:
    assert "raw" not in columns(tables.dead_letter)
    assert keys(tables.dead_letter_bytes) == keys(tables.dead_letter)


def test_a_thing_done_twice_writes_one_row() -> None:
    """Identity is content, or a place: never a number that is drawn anew."""
    assert keys(tables.dead_letter) == ["topic", "part", "offset", "line", "topic_id"]
    assert keys(tables.sampled_prediction) == ["req_id", "model", "role"]
    assert keys(tables.job_run) == ["job", "due_at"]
    assert keys(tables.window_state) == ["model", "role", "horizon", "end"]
    assert tables.outbox.c.dedupe_key.unique


def test_offsets_and_counts_of_logs_are_as_large_as_kafkas() -> None:
    for column in (
        tables.stream_offset.c.next_offset,
        tables.stream_offset.c.high_watermark,
        tables.dead_letter.c.offset,
        tables.signal.c.n,
    ):
        assert isinstance(column.type, sa.BigInteger), column
