"""What the demo says at its end of where its newest run is looked at."""

from services.local.demo import paper


def test_the_end_says_where_the_run_is_looked_at_and_what_outlives_the_demo() -> None:
    board, run = "http://127.0.0.1:65535", "ft_2026_04_28_0123abcd"
    page = f".local/demo/20261130-033512-{run}.html"

    up = dict(paper.boards(board, run, page, keep=True))
    over = dict(paper.boards(board, run, page, keep=False))

    assert up["Training"] == f"{board}/training?run={run}"
    assert up["Validation"] == f"{board}/validation?run={run}"
    assert over["Training"] == f"{up['Training']}  (KEEP=1 leaves it up)"
    assert up["Run"] == over["Run"] == f"{page}  is the whole report of {run}"
    assert max(len(name) + 2 + len(text.split("  ")[0]) for name, text in over.items()) <= 98
