"""What Evidently, NannyML and river say of scenarios, by their own code: `python tools.py FILE.npz
...` prints one line of JSON a scenario.

Runs in an environment of its own (requirements/peers.txt) and imports nothing of the project. Every
tool has its documented defaults. A file holds, times in seconds since the scenario began: `ts`,
`predicted`, `confidence` and `right` (the truth) of every answer; `told` and `told_right`, when
labels were given and whether they agree; `until`, where the reference ends, and `end`, where all
does.
"""

import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

os.environ["DO_NOT_TRACK"] = "1"  # evidently
os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"

import nannyml
import numpy as np
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset
from river import drift

DAY = 86_400
_EPOCH = pd.Timestamp("2026-03-02")


def evidently(seen: Any) -> Iterator[float]:
    """DataDriftPreset on the predicted intent and the confidence of each day: alarms where half of
    the two columns drift.
    """
    definition = DataDefinition(categorical_columns=["intent"], numerical_columns=["confidence"])
    frame = pd.DataFrame(
        {"intent": seen["predicted"].astype(str), "confidence": seen["confidence"]}
    )
    ts, until = seen["ts"], float(seen["until"])
    reference = Dataset.from_pandas(frame[ts < until], definition)
    for end in np.arange(until + DAY, ts.max() + DAY / 2, DAY):
        day = Dataset.from_pandas(frame[(ts >= end - DAY) & (ts < end)], definition)
        drifted = Report([DataDriftPreset()]).run(day, reference).dict()["metrics"][0]["value"]
        if drifted["share"] >= 0.5:
            yield float(end)


def nannyml_cbpe(seen: Any) -> Iterator[float]:
    """CBPE of accuracy by day, the confidence being the chance that the answer is right. Its
    reference is given the truth of every answer, which nobody has.
    """
    at = _EPOCH + pd.to_timedelta(seen["ts"], unit="s")
    frame = pd.DataFrame(
        {
            "at": at,
            "answer": 1,
            "confidence": seen["confidence"],
            "right": seen["right"].astype(int),
        }
    )
    reference = seen["ts"] < float(seen["until"])
    estimator = nannyml.CBPE(
        y_pred_proba="confidence",
        y_pred="answer",
        y_true="right",
        timestamp_column_name="at",
        problem_type="classification_binary",
        metrics=["accuracy"],
        chunk_period="D",
    ).fit(frame[reference])
    estimated = (
        estimator.estimate(frame[~reference].drop(columns="right"))
        .filter(period="analysis")
        .to_df()
    )
    for end in estimated[estimated["accuracy", "alert"]]["chunk", "end_date"]:
        yield (end - _EPOCH).total_seconds()


def adwin(seen: Any) -> Iterator[float]:
    """ADWIN (delta 0.002) on right and wrong, label by label."""
    return _stream(seen, drift.ADWIN())


def page_hinkley(seen: Any) -> Iterator[float]:
    """Page-Hinkley (threshold 50) on right and wrong, label by label."""
    return _stream(seen, drift.PageHinkley())


def _stream(seen: Any, detector: Any) -> Iterator[float]:
    for at, right in zip(seen["told"].tolist(), seen["told_right"].tolist(), strict=True):
        detector.update(float(not right))
        if detector.drift_detected and seen["until"] <= at <= seen["end"]:
            yield at


TOOLS: dict[str, Callable[[Any], Iterator[float]]] = {
    "evidently": evidently,
    "nannyml_cbpe": nannyml_cbpe,
    "adwin": adwin,
    "page_hinkley": page_hinkley,
}


def main() -> None:
    """A line for each file: its name and when each tool alarmed."""
    warnings.simplefilter("ignore")
    for name in sys.argv[1:]:
        with np.load(name) as file:
            seen = dict(file)
        print(
            json.dumps(
                {"file": name, "alarms": {tool: list(watch(seen)) for tool, watch in TOOLS.items()}}
            ),
            flush=True,
        )


if __name__ == "__main__":
    main()
