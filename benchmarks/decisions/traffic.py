"""Pure. Traffic drawn as counts instead of logs, so that a year takes seconds whatever its volume:
the tallies of every hour, and the messages people label.

A message is of one of 10 x 10 x 25 cells: what it means, what the classifier names, how sure it is.
In an hour a cell has a Poisson number of messages that are asked about, by the gateway's own
probabilities, and of others. At an onset the cells may change.
"""

import dataclasses
import datetime as dt
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import stats

from benchmarks.decisions import scenario
from retrain.decide.history import archive, scenes
from retrain.evaluation import live, wishes
from retrain.labels import votes
from schemas import policy, present, tallies, times, windows
from streams import sample
from streams.stats import histogram

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BEGIN: Final = scenario.BEGIN
REFERENCE_DAYS: Final = 14
REFERENCE_UNTIL: Final = BEGIN + dt.timedelta(days=REFERENCE_DAYS)
MIX: Final = scenario.MIX / scenario.MIX.sum()
_K: Final = len(present.INTENTS)
_STEPS: Final = 25  # of confidence: the policy's limit, 0.6, is an edge
_CONFIDENCE: Final = (np.arange(_STEPS) + 0.5) / _STEPS
_PLACES: Ints = np.arange(_K, dtype=np.int64)
_MEANT: Ints = np.repeat(_PLACES, _K * len(_CONFIDENCE))
_NAMED: Ints = np.tile(np.repeat(_PLACES, len(_CONFIDENCE)), _K)
_SURE: Floats = np.tile(_CONFIDENCE, _K * _K)
_LATENCY_MS: Final = stats.lognorm(0.25, scale=7.0).ppf((np.arange(48) + 0.5) / 48)
_BY_HOUR: Final = 1 + 0.7 * np.sin((np.arange(24) - 9) / 24 * 2 * np.pi)
_ERRORS, _WRONG_LABELS, _ANSWERED = 0.002, 0.02, 0.95
_SCRIPTS: Final = (0.9, 0.03, 0.05, 0.02)
_TOKENIZER: Final = windows.tokenizer_code("9b2a1")


@dataclass(frozen=True, slots=True)
class World:
    """What messages mean, shares of shape (10,), and how often each is answered rightly, (10,)."""

    mix: Floats
    recall: Floats

    def cells(self) -> Floats:
        """The chance of every cell, shape (10 * 10 * 25,). Right answers are surer than wrong ones,
        which name any other intent.
        """
        edges = np.arange(_STEPS + 1) / _STEPS
        right, wrong = (np.diff(stats.beta(a, b).cdf(edges)) for a, b in ((16, 1.2), (5, 3)))
        named = np.where(np.eye(_K, dtype=bool), self.recall, (1 - self.recall[:, None]) / (_K - 1))
        sure = np.where(np.eye(_K, dtype=bool)[:, :, None], right, wrong)
        weights: Floats = (self.mix[:, None, None] * named[:, :, None] * sure).ravel()
        chances: Floats = weights / weights.sum()
        return chances


def still(rng: np.random.Generator) -> World:
    """A world as the seed's: its mix, and recalls around 92.5 %."""
    return World(MIX, np.clip(rng.normal(0.925, 0.015, _K), 0.86, 0.97))


def tilted(mix: Floats, kl: float, rng: np.random.Generator) -> Floats:
    """A mix at that Kullback-Leibler divergence from `mix`, in nats, in a random direction.

    >>> moved = tilted(MIX, 0.028, np.random.default_rng(1))
    >>> round(float(np.sum(moved * np.log(moved / MIX))), 4)
    0.028
    """
    direction, low, high = rng.normal(size=len(mix)), 0.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        moved: Floats = mix * np.exp(middle * (direction - direction.max()))
        moved /= moved.sum()
        low, high = (
            (middle, high) if float(np.sum(moved * np.log(moved / mix))) < kl else (low, middle)
        )
    return moved


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, how many messages a day, how many labels a day, and from which day on the world is
    another one.
    """

    days: int
    a_day: int
    labels_a_day: int = 500
    onset_day: int | None = None


def history(plan: Plan, before: World, after: World, rng: np.random.Generator) -> scenes.History:
    """Draw it: one model's archive, whose days before REFERENCE_UNTIL are its reference."""
    hours = plan.days * 24
    mean = plan.a_day / 24 * np.tile(_BY_HOUR, plan.days)
    onset = hours if plan.onset_day is None else plan.onset_day * 24
    p = _inclusion(plan)
    chosen, others = (
        np.concatenate(
            [
                rng.poisson(mean[:onset, None] * before.cells() * part),
                rng.poisson(mean[onset:, None] * after.cells() * part),
            ]
        )
        for part in (p, 1 - p)
    )
    counts = chosen + others
    starts_us = times.micros(BEGIN) + np.arange(hours) * archive.HOUR_US
    asked, said = _asked(chosen, p, starts_us, rng)
    counted = _tallies(counts, rng)
    sums = counted.scalars[:, windows.SCALARS.index("confidence_sum_micro")].tolist()
    mine = archive.Archive(
        model="v1",
        starts_us=starts_us,
        starts=[times.from_micros(us) for us in starts_us.tolist()],
        counts=counted,
        answers=[
            live.Hour(n, total / windows.MICRO)
            for n, total in zip(counts.sum(axis=1).tolist(), sums, strict=True)
        ],
        asked=asked,
        said=said,
    )
    block = archive.Block(
        [("v1", us) for us in starts_us.tolist()], counted, [], np.zeros(0, dtype=np.int64)
    )
    return scenes.History({"v1": mine}, REFERENCE_UNTIL, block, np.sort(said.at_us).tolist())


def _tallies(counts: Ints, rng: np.random.Generator) -> tallies.Tallies:
    """The hours' tallies; what no incident here touches (latency, errors, tokens, scripts) is drawn
    apart.
    """
    answered = counts.sum(axis=1)
    errors = rng.poisson(_ERRORS * answered)
    n = answered + errors
    latency = rng.multinomial(n, np.full(len(_LATENCY_MS), 1 / len(_LATENCY_MS)))
    by_intent = _added(counts, _NAMED, _K)
    low = _added(
        counts[:, _SURE < windows.LOW_CONFIDENCE], _NAMED[_SURE < windows.LOW_CONFIDENCE], _K
    )
    zero = np.zeros_like(n)
    latency_us = latency @ np.rint(_LATENCY_MS * 1000)
    tokens = rng.normal(12 * answered, 4 * np.sqrt(answered))
    scalars = {
        "n": n,
        "errors": errors,
        "late": zero,
        "latency_sum_us": latency_us.astype(np.int64),
        "confidence_sum_micro": counts @ np.rint(_SURE * windows.MICRO).astype(np.int64),
        "tokens_sum": np.rint(tokens).astype(np.int64),
        "margin_sum_micro": zero,
        "margin_n": zero,
        "tokenizer_n": n,
        "tokenizer_sum": n * _TOKENIZER,
        "tokenizer_square_sum": n * _TOKENIZER**2,
    }
    arrays = {
        "intent_count": by_intent,
        "intent_low": low,
        "intent_fallback": rng.binomial(low, 0.3),
        "script_count": rng.multinomial(answered, _SCRIPTS),
    }
    sure = _added(counts, np.rint(_SURE * _STEPS - 0.5).astype(np.int64), _STEPS)
    return tallies.Tallies(
        np.stack([scalars[name] for name in windows.SCALARS], axis=1).astype(np.int64),
        arrays,
        _bins(latency, histogram.latency_bins(_LATENCY_MS)),
        _bins(sure, histogram.confidence_bins(_CONFIDENCE)),
    )


def _added(counts: Ints, group: Ints, k: int) -> Ints:
    """Sums of the columns of each group, shape (hours, k)."""
    sums: Ints = counts @ (group[:, None] == np.arange(k)).astype(np.int64)
    return sums


def _bins(counts: Ints, bins: Ints) -> tallies.Bins:
    row, place = np.nonzero(counts)
    return tallies.Bins(row, bins[place], counts[row, place])


def _inclusion(plan: Plan) -> Floats:
    """The chance of a message of each cell to be asked about. Where the policy's least chance alone
    would ask for more than the budget, a fifth of that.
    """
    budget = plan.labels_a_day * sample.MEASURE_SHARE
    least = min(policy.Labels().min_p, budget / plan.a_day / 5)
    weights = [
        sample.weight(present.INTENTS[named], sure)
        for named, sure in zip(_NAMED.tolist(), _SURE.tolist(), strict=True)
    ]
    return np.array(
        [
            sample.inclusion(weight, sample.MEAN_WEIGHT, budget, plan.a_day, least)
            for weight in weights
        ]
    )


def _asked(
    drawn: Ints, p: Floats, starts_us: Ints, rng: np.random.Generator
) -> tuple[live.Sample, votes.Votes]:
    """Who is asked, and what people say of them within about a day: one in fifty wrongly, one in
    twenty never.
    """
    hour, cell = np.nonzero(drawn)
    hour, cell = (np.repeat(part, drawn[hour, cell]) for part in (hour, cell))
    ts_us = starts_us[hour] + rng.integers(0, archive.HOUR_US, len(hour))
    order = np.argsort(ts_us, kind="stable")
    ts_us, cell = ts_us[order], cell[order]
    nothing = wishes.none(len(ts_us))
    silent = np.full(len(ts_us), live.UNLABELLED, dtype=np.int16)
    asked = live.Sample(
        ts_us,
        _NAMED[cell].astype(np.int16),
        silent,
        _SURE[cell],
        p[cell],
        nothing,
        np.zeros(len(ts_us), dtype=np.uint16),
    )
    meant = np.where(
        rng.random(len(cell)) < _WRONG_LABELS, rng.integers(0, _K, len(cell)), _MEANT[cell]
    )
    at_us = ts_us + np.rint(rng.gamma(2.0, 5.0, len(cell)) * archive.HOUR_US).astype(np.int64)
    said = votes.Votes(
        ("a0", "a1", "a2"),
        np.arange(len(cell)),
        rng.integers(0, 3, len(cell)),
        at_us,
        meant.astype(np.int16),
        nothing,
    )
    return asked, said.chosen(rng.random(len(cell)) < _ANSWERED)


def without(world: World, points: float, intent: str | None = None) -> World:
    """The world with recall less by `points` / 100, of one intent or of all."""
    mine = np.array([intent in (None, name) for name in present.INTENTS])
    return dataclasses.replace(world, recall=world.recall - mine * points / 100)
