"""What the product decides is what tests/pinned/expected says; `make pinned WRITE=1` changes that on purpose."""

from pinned import compare, demo, history, incidents, lines


def test_every_kind_of_incident_is_decided_as_before() -> None:
    assert compare.compared("incidents", incidents.played()) == ""


def test_a_history_leaves_the_same_rows_and_a_replay_of_it_decides_the_same(database: str) -> None:
    assert compare.compared("history", history.played(database)) == ""


def test_the_demos_story_leaves_the_same_rows_and_decisions(database: str) -> None:
    assert compare.compared("demo", demo.played(database)) == ""


def test_lines_that_moved_came_or_went_are_told() -> None:
    before = lines.text([{"key": "a", "n": 1}, {"key": "b", "n": 2}, {"key": "c"}])
    now = lines.text([{"key": "a", "n": 1}, {"key": "b", "n": 3}, {"key": "d"}])
    assert lines.differences(before, before) == []
    assert lines.differences(before, now) == [
        'expected {"key": "b", "n": 2}\nactual   {"key": "b", "n": 3}',
        'expected {"key": "c"}\nactual   no such line',
        'expected no such line\nactual   {"key": "d"}',
    ]
