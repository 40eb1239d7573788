"""Where a run works, and what of a killed try is left there for the next."""

from pathlib import Path

import pandas as pd

from retrain.train import recipe

RECIPE = recipe.Recipe()
ROWS = pd.DataFrame(
    {
        "text": ["カギをください", "where is it"],
        "intent": ["faq", "chitchat"],
        "part": ["train", "val"],
    }
)


def test_the_checkpoint_is_of_the_rows_their_intents_and_their_parts(tmp_path: Path) -> None:
    from retrain.train import scratch  # here: every worker imports this file, and few need torch

    file = scratch.kept(tmp_path, "r1", ROWS, RECIPE)
    assert file.parent == tmp_path / ".r1"
    assert file == scratch.kept(tmp_path, "r1", ROWS.assign(group=["a", "b"]), RECIPE)
    others = [
        ROWS.assign(text=["カギをください", "where was it"]),
        ROWS.assign(intent=["faq", "faq"]),
        ROWS.assign(part=["train", "train"]),
        ROWS[::-1],
        ROWS[:0],
    ]
    names = {scratch.kept(tmp_path, "r1", rows, RECIPE).name for rows in others}
    assert len(names) == 5
    assert file.name not in names


def test_only_the_checkpoint_that_fits_is_left(tmp_path: Path) -> None:
    from retrain.train import scratch

    file = scratch.kept(tmp_path, "r1", ROWS, RECIPE)
    empty = scratch.emptied(tmp_path, "r1", file)
    assert list(empty.iterdir()) == [], "the first try finds nothing"

    (empty / "compiled" / "onnx").mkdir(parents=True)
    (empty / "compiled" / "onnx" / "model.onnx").write_bytes(b"half")
    (empty / "checkpoint-0000000000000000.pt").write_bytes(b"of another recipe")
    file.write_bytes(b"of this one")
    assert [left.name for left in scratch.emptied(tmp_path, "r1", file).iterdir()] == [file.name]
