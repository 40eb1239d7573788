"""What a page of a run is made from, with obvious defaults: a run that was gated against v1, its
gates, its curves, and a validation from any table of counts.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from retrain.evaluation import validation
from retrain.train.report import account
from schemas import checks, runs

AT = dt.datetime(2026, 4, 20, 12, tzinfo=dt.UTC)
HOSTILE = "<script>alert('http://evil.example')</script>\"&\x1b[31m"
Verdict, Level = runs.GateVerdict, checks.Level
EPOCHS: Mapping[str, Sequence[float]] = {
    "train_loss": [1.2, 0.6, 0.3],
    "val_loss": [0.88, 0.39, 0.31],
    "val_acc": [0.906, 0.919, 0.921],
    "val_macro_f1": [0.889, 0.908, 0.912],
    "val_rare_recall": [0.827, 0.872, 0.886],
}
STEPS: Mapping[str, Sequence[float]] = {
    "loss": [2.2, 1.2, 0.5],
    "loss_smoothed": [2.2, 1.4, 0.7],
    "lr_head": [2e-6, 2e-5, 3e-6],
    "lr_bottom": [5e-7, 5e-6, 7e-7],
    "grad_norm": [0.7, 0.9, 0.4],
    "step_ms": [80.0, 82.0, 81.0],
}


def run(state: runs.State = runs.State.CHAMPION, **more: Any) -> account.Run:
    """A run in this state; what is not named is as at its end."""
    body: dict[str, Any] = {
        "id": "ft_2026_04_20_01",
        "state": state,
        "decision_id": None,
        "as_of": AT,
        "queued_at": AT,
        "started": AT,
        "ended": AT + dt.timedelta(minutes=5),
        "attempts": 1,
        "progress": None,
        "snapshot_sha256": "5" * 64,
        "recipe_sha256": "7" * 64,
        "base_model": "all-MiniLM-L6-v2",
        "candidate": "v2",
        "champion": None,
        "gates": (),
        "error": None,
    }
    return account.Run(**(body | more))


def told(of: account.Run | None = None, **more: Any) -> account.Account:
    """An account of a run; nothing is known of it but what is named."""
    return account.Account(of or run(), **more)


def gate(
    name: str,
    value: float | None,
    *,
    champion: float | None = None,
    margin: float | None = None,
    verdict: runs.GateVerdict = Verdict.PASS,
    between: tuple[float, float] | None = None,
    n: int = 900,
    note: str = "",
) -> runs.Gate:
    """A gate; `between`: its interval."""
    low, high = between or (None, None)
    return runs.Gate(name, verdict, value, champion, margin, low, high, n, note)


def metrics(
    epochs: Mapping[str, Sequence[float]] = EPOCHS, steps: Mapping[str, Sequence[float]] = STEPS
) -> tuple[runs.Metric, ...]:
    """The curves of a run: values of each epoch's end, 100 steps an epoch, and of steps."""
    rows = []
    for name, values in epochs.items():
        for epoch, value in enumerate(values, 1):
            rows.append(runs.Metric(epoch, 100 * epoch, name, value))
    for name, values in steps.items():
        for place, value in enumerate(values):
            rows.append(runs.Metric(1, 25 * place, name, value))
    return tuple(rows)


def check(
    name: str, value: float | None, level: checks.Level = Level.OK, **more: Any
) -> checks.Check:
    """A check of training."""
    healthy = checks.Range(most=1.0)
    return checks.Check(checks.Stage.TRAINING, name, value, 10, healthy, level, **more)


def validated(
    intents: Sequence[str],
    confusion: Sequence[Sequence[int]],
    **more: Any,
) -> validation.Validation:
    """What such counts say, row the label; every answer with confidence 0.9."""
    n, hits = sum(map(sum, confusion)), sum(row[i] for i, row in enumerate(confusion))
    bins = (validation.Bin(n, 0.9, hits / n, hits / n - 0.1, hits / n),) if n else ()
    body: dict[str, Any] = {
        "intents": tuple(intents),
        "confusion": tuple(tuple(row) for row in confusion),
        "by_intent": tuple(_of(intents, confusion, place) for place in range(len(intents))),
        "reliability_before": bins,
        "reliability": bins,
        "ece_before": 0.061,
        "ece": 0.037,
        "ece_floor": 0.019,
        "right": (0,) * 18 + (hits, 0),
        "wrong": (0,) * 18 + (n - hits, 0),
        "confidence_right": 0.9,
        "confidence_wrong": 0.9 if n > hits else None,
        "pairs": (),
        "slices": (validation.Slice("latin", n, hits / n, 0.0, 1.0),) if n else (),
        "log_loss": 0.4,
    }
    return validation.Validation(**(body | more))


def _of(
    intents: Sequence[str], confusion: Sequence[Sequence[int]], place: int
) -> validation.OfIntent:
    hits, n = confusion[place][place], sum(confusion[place])
    predicted = sum(row[place] for row in confusion)
    return validation.OfIntent(
        intent=intents[place],
        n=n,
        predicted=predicted,
        precision=hits / predicted if predicted else None,
        recall=hits / n if n else None,
        low=0.1 if n else None,
        high=0.9 if n else None,
        f1=2 * hits / (n + predicted) if n + predicted else None,
    )


def slice_named(name: str) -> validation.Slice:
    """A slice of ten rows, nine of them right."""
    return validation.Slice(name, 10, 0.9, 0.6, 0.98)
