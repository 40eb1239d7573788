"""Days of serving logs and labels, in which one thing changes at an onset. Everything follows from
a seed, and no line of it may ever be another one: what is decided about them is pinned.

A classifier answers ten intents; a share of the answers is wrong; confidence is calibrated but for
noise.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from schemas import events, present
from streams import sample

BEGIN: Final = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
MIX: Final = np.array([0.221, 0.152, 0.180, 0.080, 0.121, 0.070, 0.050, 0.041, 0.030, 0.055])
_K: Final = len(present.INTENTS)
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens. size: in (0, 1], how bad; what it scales depends on the kind. a_day:
    messages.
    """

    kind: str
    seed: int
    size: float
    onset_day: float
    days: int = 18
    a_day: int = 2_000
    budget: int = 300


@dataclass(frozen=True, slots=True)
class History:
    """What a replay reads."""

    logs: Sequence[events.ServingLog]
    labels: Sequence[events.HumanLabel]


@dataclass(frozen=True, slots=True)
class Answers:
    """Messages and a classifier's answers, shape (n,) each: what is meant and what was named, as
    places in INTENTS; how surely; tokens.
    """

    truth: npt.NDArray[np.int64]
    predicted: npt.NDArray[np.int64]
    confidence: Floats
    tokens: npt.NDArray[np.int64]


def simulated(
    scenario: Scenario, rng: np.random.Generator, after: npt.NDArray[np.bool_]
) -> Answers:
    """Messages that exist as numbers only."""
    n = len(after)
    truth = _truth(scenario, rng, after)
    right = rng.random(n) < _accuracy(scenario, rng, truth, after)
    predicted = np.where(right, truth, (truth + rng.integers(1, _K, n)) % _K)
    return Answers(truth, predicted, _confidence(scenario, rng, right, after), np.full(n, 12))


def history(scenario: Scenario) -> History:
    """Play a scenario."""
    rng = np.random.default_rng((20260302, scenario.seed))
    n = scenario.days * scenario.a_day
    day = np.sort(rng.uniform(0, scenario.days, n))
    after = day >= scenario.onset_day
    answers = simulated(scenario, rng, after)
    failed, foreign = _broken(scenario, rng, after)
    logs = [
        _log(scenario, i, float(day[i]), answers, failed=bool(failed[i]), foreign=bool(foreign[i]))
        for i in range(n)
    ]
    labels = _labels(scenario, rng, logs, day, answers.truth)
    return History(logs, labels)


def _broken(
    scenario: Scenario, rng: np.random.Generator, after: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which requests fail, and which logs come from another tokenizer: half of the broken pipelines
    fail by errors, half say so in the hash alone.
    """
    sound = np.zeros(len(after), dtype=bool)
    if scenario.kind != "pipeline":
        return sound, sound
    by_error = scenario.seed % 2 == 0
    hit = after & (
        rng.random(len(after)) < (0.01 + 0.05 * scenario.size if by_error else scenario.size)
    )
    return (hit, sound) if by_error else (sound, hit)


def _truth(
    scenario: Scenario, rng: np.random.Generator, after: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    mix = MIX / MIX.sum()
    moved = mix.copy()
    if scenario.kind in ("mix", "language"):
        more = rng.choice(_K, 2, replace=False)
        moved[more] *= grown(scenario)
        moved /= moved.sum()
    return np.where(after, rng.choice(_K, len(after), p=moved), rng.choice(_K, len(after), p=mix))


def grown(scenario: Scenario) -> float:
    """How many times as often the intents come that a moved mix has more of."""
    return 1 + (2.5 if scenario.kind == "mix" else 1.5) * scenario.size


def _accuracy(
    scenario: Scenario,
    rng: np.random.Generator,
    truth: npt.NDArray[np.int64],
    after: npt.NDArray[np.bool_],
) -> Floats:
    """The chance of each answer to be right."""
    recall = np.clip(rng.normal(0.925, 0.015, _K), 0.86, 0.97)[truth]
    lost = {"language": 0.30, "pipeline": 0.10, "bad_release": 0.14}.get(
        scenario.kind, 0.0
    ) * scenario.size
    return np.where(after, recall - lost, recall)


def _confidence(
    scenario: Scenario,
    rng: np.random.Generator,
    right: npt.NDArray[np.bool_],
    after: npt.NDArray[np.bool_],
) -> Floats:
    sure, unsure = rng.beta(16, 1.2, len(right)), rng.beta(5, 3, len(right))
    confidence = np.where(right, sure, unsure)
    # New words: the model is less sure of a part of its answers, right or wrong.
    if scenario.kind == "language":
        confidence = np.where(
            after & (rng.random(len(right)) < 0.4 * scenario.size), unsure, confidence
        )
    return np.clip(confidence, 0.11, 0.999)


def _intent(place: int) -> events.Intent:
    return present.INTENTS[place]


def _log(
    scenario: Scenario, i: int, day: float, answers: Answers, *, failed: bool, foreign: bool
) -> events.ServingLog:
    ts, req_id = BEGIN + dt.timedelta(days=day), f"s{scenario.seed}-{i}"
    model = "v2" if scenario.kind == "bad_release" and day >= scenario.onset_day else "v1"
    if failed:
        return events.ServingLog(
            v=1, ts=ts, model=model, req_id=req_id, latency_ms=30.0, error="encoder_timeout"
        )
    intent, confidence = present.INTENTS[answers.predicted[i]], float(answers.confidence[i])
    margin = max(0.0, 2 * confidence - 1)
    chosen = sample.choice(
        req_id,
        intent,
        confidence,
        margin,
        0.0,
        volume_per_day=scenario.a_day,
        budget_per_day=scenario.budget,
        min_p=0.002,
    )
    asked = None if chosen is None else events.Sample(queue=chosen.queue, p=chosen.p, text="-")
    tokenizer = "c0ffee" if foreign else "9b2a1"
    return events.ServingLog(
        v=1,
        ts=ts,
        model=model,
        req_id=req_id,
        latency_ms=8.0,
        intent=intent,
        confidence=confidence,
        tokens=int(answers.tokens[i]),
        sample=asked,
        tokenizer_hash=tokenizer,
    )


def _labels(
    scenario: Scenario,
    rng: np.random.Generator,
    logs: Sequence[events.ServingLog],
    day: Floats,
    truth: npt.NDArray[np.int64],
) -> list[events.HumanLabel]:
    """People answer within about a day, one in fifty wrongly. famine: hardly any after the onset.
    flood: one source labels by itself, wrongly, before the people or after them.
    """
    labels = []
    for i, log in enumerate(logs):
        late = day[i] >= scenario.onset_day
        if log.sample is None or (scenario.kind == "label_famine" and late and rng.random() > 0.05):
            continue
        said = int(truth[i]) if rng.random() > 0.02 else int(rng.integers(_K))
        at = log.ts + dt.timedelta(hours=float(rng.gamma(2.0, 5.0)))
        labels.append(
            events.HumanLabel(
                req_id=log.req_id,
                intent=_intent(said),
                annotator=f"a{i % 3}",
                labelled_at=at,
                action="label",
            )
        )
        if scenario.kind == "label_flood" and late and rng.random() < 0.5 * scenario.size:
            wrong, first = _intent((said + 1) % _K), scenario.seed % 2 == 0
            when = log.ts + dt.timedelta(minutes=1) if first else at + dt.timedelta(minutes=1)
            labels.append(
                events.HumanLabel(
                    req_id=log.req_id,
                    intent=wrong,
                    annotator="bot",
                    labelled_at=when,
                    action="label",
                )
            )
    return sorted(labels, key=lambda label: (label.labelled_at, label.req_id, label.annotator))
