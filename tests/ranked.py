"""`python tests/ranked.py ENCODER FILE`: one process of a fine-tune that it shares, as torchrun's
variables say; the first writes its weights and numbers to FILE.
"""

import dataclasses
import sys
from pathlib import Path
from typing import Any

import tinybert
import torch

from retrain.train import build, recipe
from retrain.train.fit import ranks

RECIPE = recipe.Recipe(
    epochs=2, batch=10, learning_rate=1e-3, max_tokens=16, patience=0, precision="float32"
)


def tuned(encoder: Path, told: tinybert.Told) -> Any:
    """The network, trained on 41 rows: the last batch of an epoch has one."""
    made_with = dataclasses.replace(RECIPE, base_model=str(encoder))
    parts = {"train": tinybert.frame(41), "val": tinybert.frame(20, 2), "test": tinybert.frame(20)}
    return build.tuned(made_with, parts, told.hooks()).network


def main() -> None:
    encoder, file = map(Path, sys.argv[1:])
    if ranks.started().rank:
        build.follow("cpu")
        return
    told = tinybert.Told()
    network = tuned(encoder, told)
    torch.save({"network": network.state_dict(), "f1": told.values("val_macro_f1")}, file)


if __name__ == "__main__":
    main()
