"""Pure. Everything that is on record of one run: what its page tells of."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from retrain.evaluation.baseline import Baseline
from retrain.evaluation.confusion import Scores
from retrain.evaluation.validation import Validation
from schemas import decisions, runs
from schemas.checks import Check, Stage


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a fine-tune has come."""

    epoch: int
    step: int
    steps: int


@dataclass(frozen=True, slots=True)
class Load:
    """What a load test of n messages has shown."""

    n: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    error_rate: float
    rps: float


@dataclass(frozen=True, slots=True)
class Run:
    """A row of tables.run, without its evaluation."""

    id: str
    state: runs.State
    decision_id: str | None
    as_of: dt.datetime
    queued_at: dt.datetime
    started: dt.datetime | None
    ended: dt.datetime | None
    attempts: int
    progress: Progress | None
    snapshot_sha256: str | None
    recipe_sha256: str | None
    base_model: str | None
    candidate: str | None
    champion: str | None
    gates: tuple[runs.Gate, ...]
    error: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """A state the run has reached, when, and what was noted of it."""

    step: str
    at: dt.datetime
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Account:
    """A run with its numbers: metrics in the order of epochs and steps, checks in that of stages.
    None: it has not come so far, or nobody asked for it but a person.
    """

    run: Run
    steps: tuple[Step, ...] = ()
    metrics: tuple[runs.Metric, ...] = ()
    checks: tuple[Check, ...] = ()
    scores: Scores | None = None
    validation: Validation | None = None
    load: Load | None = None
    baselines: tuple[Baseline, ...] = ()
    decision: decisions.Decision | None = None

    def gate(self, name: str) -> runs.Gate | None:
        """The gate of that name."""
        for gate in self.run.gates:
            if gate.gate == name:
                return gate
        return None

    def check(self, stage: Stage, name: str) -> Check | None:
        """The check of that stage and name."""
        for check in self.checks:
            if check.stage is stage and check.name == name:
                return check
        return None

    def step(self, name: str) -> Step | None:
        """The state of that name, once it is reached."""
        for step in self.steps:
            if step.step == name:
                return step
        return None
