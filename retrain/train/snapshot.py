"""Freeze labelled rows to a file named by its hash: what a run was trained on stays answerable, and
the same rows give the same run.
"""

import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from retrain.train import split


def frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Labelled rows as a table of split.COLUMNS; what a row does not say is None."""
    found = pd.DataFrame(rows, columns=list(split.COLUMNS))
    return found.astype(object).where(found.notna(), None)


def freeze(rows: pd.DataFrame, directory: Path) -> str:
    """Write rows (already in a fixed order) to directory/<sha256>.jsonl.gz unless it is there;
    returns the sha256.
    """
    body = "".join(
        json.dumps(row, sort_keys=True, ensure_ascii=False) + "\n"
        for row in rows.to_dict("records")
    ).encode()
    sha256 = hashlib.sha256(body).hexdigest()
    directory.mkdir(parents=True, exist_ok=True)
    target = directory / f"{sha256}.jsonl.gz"
    if not target.exists():
        scratch = target.with_suffix(".new")
        scratch.write_bytes(gzip.compress(body, mtime=0))
        scratch.rename(target)
    return sha256


def read(directory: Path, sha256: str) -> pd.DataFrame:
    """The rows that were frozen under this hash."""
    lines = gzip.decompress((directory / f"{sha256}.jsonl.gz").read_bytes()).splitlines()
    return frame([json.loads(line) for line in lines])
