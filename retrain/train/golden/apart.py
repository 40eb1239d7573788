"""Pure. Which labelled rows say what a golden sentence says: such a row would teach a candidate the
answers that it is judged by.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain.train import similar

Flags = npt.NDArray[np.bool_]
LEFT_OUT: Final = "left_out"


def touched(
    rows: pd.DataFrame,
    inputs: Sequence[str],
    golden: Sequence[str],
    golden_inputs: Sequence[str],
) -> Flags:
    """Which of n rows are one input to the model with a golden sentence, or nearly one, or of one
    cluster with such a row. `golden`: the sentences' texts; `inputs`: what the model sees. Shape
    (n,).
    """
    if not golden or not len(rows):
        return np.zeros(len(rows), dtype=bool)
    same = pd.Series(list(inputs)).isin(set(golden_inputs)).to_numpy()
    told = same | similar.near_any(list(rows["text"]), golden)
    clusters = set(rows["cluster"][told].dropna())
    return np.asarray(told | rows["cluster"].isin(clusters).to_numpy())


def parted(rows: pd.DataFrame, told: Flags) -> pd.DataFrame:
    """The rows with their parts, those of `told` left out of each."""
    parts: pd.Series[Any] = rows["part"].mask(told, LEFT_OUT)
    return rows.assign(part=parts)
