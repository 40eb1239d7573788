"""What tests speak of, with obvious defaults: a window of a champion's traffic, its reference, a
verdict on it. A test names what it is about and no more.

Everything happens to model `MODEL` at `AT`; whatever keyword a builder does not name is a field of
the noun it builds.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from types import EllipsisType
from typing import Any

import numpy as np
import numpy.typing as npt

from retrain.evaluation import samples
from schemas import decisions, present, runs, signals, verdicts, windows
from streams.stats import histogram

AT = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)
MODEL = "v1"
SECOND = dt.timedelta(seconds=1)
# The shares of the ten intents, in percent, that the product was written for.
SEED_MIX = dict(
    zip(present.INTENTS, [22.1, 15.2, 18.0, 8.0, 12.1, 7.0, 5.0, 4.1, 3.0, 5.5], strict=True)
)
# The panels that are judged, in the dashboard's order.
JUDGED_PANELS = (
    "p95_latency_ms",
    "error_rate",
    "low_confidence_rate",
    "intent_mix_kl",
    "live_accuracy",
    "rare_recall",
)

Counts = int | Sequence[int] | windows.Counts
"""Ten numbers in the order of present.INTENTS, or one that stands for all ten."""


def counts(n: float, shares: dict[str, float] = SEED_MIX) -> windows.Counts:
    """n answers in these shares, rounded intent by intent."""
    return np.array([round(n * share / 100) for share in shares.values()], dtype=np.int64)


def tally(
    answers: Counts = 100,
    *,
    low: Counts = 0,
    fallback: Counts = 0,
    errors: int = 0,
    latency_ms: npt.ArrayLike = 8.0,
    **more: Any,
) -> windows.Tally:
    """Answers by intent and errors beside them; all took `latency_ms`, or each its own."""
    count, unsure, again = (_ten(given) for given in (answers, low, fallback))
    n = int(count.sum()) + errors
    counted = windows.Tally(
        n=n, errors=errors, intent_count=count, intent_low=unsure, intent_fallback=again, **more
    )
    took = np.broadcast_to(np.asarray(latency_ms, dtype=np.float64), (n,))
    np.add.at(counted.latency_bins, histogram.latency_bins(took), 1)
    return counted


def _ten(given: Counts) -> windows.Counts:
    return np.broadcast_to(np.asarray(given, dtype=np.int64), (len(present.INTENTS),)).copy()


def window(
    of: windows.Tally | Counts = 100, horizon: str = "1h", *, end: dt.datetime = AT, **more: Any
) -> windows.Window:
    """The champion's complete window of this tally, or of so many answers by intent."""
    counted = of if isinstance(of, windows.Tally) else tally(of)
    place: dict[str, Any] = {
        "model": MODEL,
        "role": "champion",
        "horizon": horizon,
        "start": end - windows.HORIZONS[horizon],
        "end": end,
        "complete": True,
    }
    return windows.Window(**(place | more), tally=counted)


def reference(answers: Counts = 100, *, model: str = MODEL, **known: Any) -> runs.Reference:
    """A reference of so many answers by intent; of the rest only what is told is known."""
    count = _ten(answers)
    return runs.Reference(
        model, int(count.sum()), dict(zip(present.INTENTS, count.tolist(), strict=True)), **known
    )


def signal(name: str, value: float | None = 0.5, **more: Any) -> verdicts.Signal:
    """The day's signal, of a thousand, with an interval of a tenth to either side."""
    around: dict[str, Any] = {} if value is None else {"low": value - 0.1, "high": value + 0.1}
    known: dict[str, Any] = {"model": MODEL, "horizon": "1d", "end": AT, "n": 1000}
    return verdicts.Signal(signal=name, value=value, **(known | around | more))


def verdict(
    name: str,
    level: verdicts.Level = verdicts.Level.OK,
    *,
    in_breach: bool | None = None,
    limit: float = 0.9,
    value: float | EllipsisType | None = ...,
    days: int = 3,
    **more: Any,
) -> verdicts.Verdict:
    """A verdict on `signal(name, value, ...)`; in breach where its level is one, unless told
    otherwise, and for `days` days now. Its value is 0.5; 0.95 where that of what should not fall is
    ok.
    """
    if value is ...:
        well = level is verdicts.Level.OK and signals.of(name).falls
        value = 0.95 if well else 0.5
    judged = signal(name, value, **more)
    breached = level is verdicts.Level.BREACH if in_breach is None else in_breach
    return verdicts.Verdict(
        judged,
        level,
        limit,
        breached,
        since=judged.end - dt.timedelta(days=days) if breached else None,
        days_alike=days if breached else None,
    )


def reason(
    name: str,
    value: float | None = 0.5,
    *,
    breached: bool = False,
    limit: float = 0.9,
    n: int = 1000,
    half: float = 0.1,
) -> decisions.Reason:
    """One signal a decision looked at, known to `half` on either side."""
    low, high = (None, None) if value is None else (value - half, value + half)
    return decisions.Reason(name, value, limit, n, low, high, breached)


def decision(
    kind: decisions.Kind = decisions.Kind.HOLD,
    *,
    hold: decisions.HoldReason | None = None,
    reasons: Sequence[decisions.Reason] = (),
    **more: Any,
) -> decisions.Decision:
    """A decision; a hold is HEALTHY unless told otherwise."""
    calm = decisions.HoldReason.HEALTHY if kind is decisions.Kind.HOLD else None
    known: dict[str, Any] = {
        "id": "d_1",
        "at": AT,
        "model": MODEL,
        "cause": None,
        "policy_sha256": "p" * 64,
        "sha256": "s" * 64,
    }
    return decisions.Decision(
        decision=kind, hold_reason=hold or calm, reasons=tuple(reasons), **(known | more)
    )


def sample(
    right: Iterable[bool | None],
    *,
    confidence: npt.ArrayLike = 0.9,
    p: npt.ArrayLike = 0.5,
    wrong: str = "chitchat",
    step: dt.timedelta = SECOND,
    slices: Sequence[int] = (),
) -> samples.Sample:
    """Messages one step after another, all answered with faq: rightly, wrongly (people said
    `wrong`), or nobody has said (None).
    """
    said = {True: "faq", False: wrong, None: None}
    labels = [said[None if each is None else bool(each)] for each in right]
    sure, chance = (
        np.broadcast_to(np.asarray(given, dtype=np.float64), (len(labels),)).tolist()
        for given in (confidence, p)
    )
    return samples.sample(
        ((AT + i * step, "faq", sure[i], chance[i], label) for i, label in enumerate(labels)),
        slices,
    )


def log(number: int = 0, ts: dt.datetime | str = AT, **more: Any) -> dict[str, Any]:
    """A serving log as it travels: a sure and quick answer."""
    told = ts if isinstance(ts, str) else ts.isoformat()
    known: dict[str, Any] = {
        "v": 1,
        "ts": told,
        "model": MODEL,
        "req_id": f"r{number}",
        "latency_ms": 5.0,
    }
    return known | {"intent": "faq", "confidence": 0.9, "tokens": 3, "script": "latin"} | more


def sampled(req_id: str, ts: dt.datetime, **more: Any) -> dict[str, Any]:
    """A row of sampled_prediction: the champion's answer to a message that is to be labelled."""
    row = {
        "req_id": req_id,
        "model": MODEL,
        "role": "champion",
        "ts": ts,
        "intent": "faq",
        "confidence": 0.5,
        "script": "latin",
        "queue": "measure",
        "p": 0.5,
        "text": "an invented message",
    }
    return row | more


def label(
    req_id: str = "r0",
    intent: str | None = "faq",
    annotator: str = "a1",
    at: dt.datetime | str = AT,
    **more: Any,
) -> dict[str, Any]:
    """A label as it travels: what a person says a message meant."""
    told = at if isinstance(at, str) else at.isoformat()
    return {
        "req_id": req_id,
        "intent": intent,
        "annotator": annotator,
        "labelled_at": told,
        "action": "label",
    } | more
