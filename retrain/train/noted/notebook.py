"""What keeps the numbers of a run while it is done: in the database, and beside the model as
metrics.jsonl; and judges them as they come.
"""

import dataclasses
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from retrain.train import signs
from retrain.train.noted import store, writers
from schemas import checks, runs
from streams import database

FILE: Final = "metrics.jsonl"


@dataclass(slots=True)
class Notebook:
    """The numbers of the run `run_id`, which lie in its `directory`, too, and wherever `others`
    write. `begin` begins a transaction.
    """

    begin: database.Begin
    run_id: str
    directory: Path
    others: Sequence[writers.Writer] = ()
    rows: list[runs.Metric] = field(default_factory=list)

    def put(self, rows: Sequence[runs.Metric]) -> None:
        """Keep numbers of a fine-tune, and what they are a sign of."""
        self.rows += rows
        with (self.directory / FILE).open("a") as file:
            file.writelines(json.dumps(dataclasses.asdict(row)) + "\n" for row in rows)
        with self.begin() as connection:
            store.put_metrics(connection, self.run_id, rows)
            store.put_checks(connection, self.run_id, signs.checks(self.rows))
        for other in self.others:
            other.put(rows)

    def check(self, told: Iterable[checks.Check]) -> None:
        """Keep checks."""
        with self.begin() as connection:
            store.put_checks(connection, self.run_id, tuple(told))
