"""What the product decides is what tests/pinned/expected says; `make pinned WRITE=1` changes that
on purpose.
"""

from pinned import compare, demo, history, incidents, lines


def test_every_kind_of_incident_is_decided_as_before() -> None:
    assert compare.compared("incidents", incidents.played()) == ""


def test_a_history_leaves_the_same_rows_and_a_replay_of_it_decides_the_same(database: str) -> None:
    assert compare.compared("history", history.played(database)) == ""


def test_the_demos_story_leaves_the_same_rows_and_decisions(database: str) -> None:
    assert compare.compared("demo", demo.played(database)) == ""


def test_lines_that_moved_came_or_went_are_told() -> None:
    before = lines.text([{"key": "a", "sha256": "0"}, {"key": "b", "n": 2, "m": 1}, {"key": "c"}])
    now = lines.text([{"key": "a", "sha256": "1"}, {"key": "b", "n": 3, "m": 1}, {"key": "d"}])
    assert lines.differences(before, before) == []
    assert lines.differences(before, now) == [
        'b\n  expected {"n": 2}\n  actual   {"n": 3}',
        'c\n  expected {"key": "c"}\n  actual   nothing',
        'd\n  expected nothing\n  actual   {"key": "d"}',
        'a\n  expected {"sha256": "0"}\n  actual   {"sha256": "1"}',
    ]
