"""Pure. Traffic drawn as counts instead of logs, so that a year takes seconds whatever its volume:
the tallies of every hour, and the messages that people label.

A message is of one cell: what it means, what the classifier names, how sure it is. In an hour a
cell has a Poisson number of messages that are asked about, by the gateway's own probabilities, and
of others.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import stats

from benchmarks.decisions import annotators, champions, scenario, shape, worlds
from benchmarks.decisions.champions import CONFIDENCE, STEPS, Floats, Ints
from retrain.decide.history import archive, scenes
from retrain.evaluation import live, samples, wishes
from schemas import policy, present, runs, slices, tallies, times, windows
from streams import sample
from streams.stats import histogram

_K: Final = len(present.INTENTS)
_OPTIONS: Final = champions.options(_K)
_EACH: Final = len(_OPTIONS) * STEPS  # cells of one meaning
MEANT: Final[Ints] = np.repeat(np.arange(_K), _EACH)
NAMED: Final[Ints] = ((np.arange(_K)[:, None] + _OPTIONS) % _K).repeat(STEPS)
SURE: Final[Floats] = np.tile(CONFIDENCE, _K * len(_OPTIONS))
_IS_LOW: Final = windows.LOW_CONFIDENCE > SURE
_LATENCY_MS: Final = stats.lognorm(0.25, scale=7.0).ppf((np.arange(48) + 0.5) / 48)
_ERRORS: Final = 0.002
_SCRIPTS: Final = (0.9, 0.03, 0.05, 0.02)
_OTHER: Final = slices.SCRIPTS.index("other")
_HELD_OUT, _FIRST_ANSWERS = 2_000, 3_000  # rows and answers that a reference is of
_TOKENIZERS: Final = tuple(windows.tokenizer_code(name) for name in ("9b2a1", "c0ffee"))


@dataclass(frozen=True, slots=True, eq=False)
class Messages:
    """Messages of each hour and cell, shape (hours, cells): those that are asked about, and all."""

    asked: Ints
    counts: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A scenario played. `usual` messages and those of emoji alone; `history`: what a replay
    reads.
    """

    usual: Messages
    emoji: Messages
    history: scenes.History

    @property
    def counts(self) -> Ints:
        """All messages by hour and cell."""
        return self.usual.counts + self.emoji.counts


def played(drawn: scenario.Scenario, world: worlds.World, rng: np.random.Generator) -> Drawn:
    """Draw it. The first model's hours before REFERENCE_UNTIL are history."""
    mixes, rates, emoji = shape.mixes(drawn, rng), shape.rates(drawn), shape.emoji(drawn)
    p = _inclusion(drawn, rates + emoji)
    answers = np.stack([world.before.given, world.after.given]).reshape(2, _K, _EACH)
    late = (np.arange(drawn.hours) >= drawn.onset_hour).astype(np.int64)
    cells = mixes[:, :, None] * answers[late]
    usual = _messages(rates[:, None] * cells.reshape(drawn.hours, -1), p, rng)
    right = np.where(MEANT == NAMED, cells[0].ravel(), 0.0)
    readable = _messages(emoji[:, None] * right / right.sum(), p, rng)
    tokens = np.where(late, world.after.tokens, world.before.tokens)
    counts = _tallies(drawn, usual.counts, readable.counts, tokens, rng)
    asked = _asked(usual.asked, readable.asked, p, rng)
    archives = _archives(drawn, counts, asked, rng)
    until: runs.Reference | dt.datetime = scenario.REFERENCE_UNTIL
    if drawn.held_out:
        until = held_out(drawn, world.before, mixes[0], rng)
    return Drawn(usual, readable, _judged(archives, until))


def _messages(mean: Floats, p: Floats, rng: np.random.Generator) -> Messages:
    asked = rng.poisson(mean * p)
    return Messages(asked, asked + rng.poisson(mean * (1 - p)))


def _inclusion(drawn: scenario.Scenario, rates: Floats) -> Floats:
    """The chance of a message of each cell to be asked about, hour by hour, at the pace of the last
    24. Where the policy's least chance alone would ask for more than the budget, a fifth of that.
    """
    budget = drawn.people.budget * sample.MEASURE_SHARE
    pace = np.convolve(np.concatenate([rates[:23], rates]), np.ones(24), "valid")
    weights = np.empty((_K, STEPS))
    for place, intent in enumerate(present.INTENTS):
        weights[place] = [sample.weight(intent, sure) for sure in CONFIDENCE.tolist()]
    weight = weights[NAMED, np.rint(SURE * STEPS - 0.5).astype(np.int64)]
    even = budget / pace[:, None]
    least = np.minimum(policy.Labels().min_p, even / 5)
    p: Floats = np.clip(even * weight / sample.MEAN_WEIGHT, least, 1.0)
    return p


def _tallies(
    drawn: scenario.Scenario,
    usual: Ints,
    emoji: Ints,
    tokens: Floats,
    rng: np.random.Generator,
) -> tallies.Tallies:
    """The hours' tallies; what no incident touches (latency, scripts) is drawn apart."""
    counts = usual + emoji
    answered = counts.sum(axis=1)
    late = np.arange(drawn.hours) >= drawn.onset_hour
    failing = np.where(late & (drawn.kind == "errors"), 0.01 + 0.05 * drawn.size, _ERRORS)
    errors = rng.poisson(failing * answered)
    n = answered + errors
    foreign = np.where(late & (drawn.kind == "tokenizer"), 0.2 + 0.8 * drawn.size, 0.0)
    others = rng.binomial(n, foreign)
    latency = rng.multinomial(n, np.full(len(_LATENCY_MS), 1 / len(_LATENCY_MS)))
    low = _added(counts[:, _IS_LOW], NAMED[_IS_LOW], _K)
    scripts = rng.multinomial(usual.sum(axis=1), _SCRIPTS)
    scripts[:, _OTHER] += emoji.sum(axis=1)
    noise = rng.normal(0, 4 * np.sqrt(answered))
    zero = np.zeros_like(n)
    mine, theirs = _TOKENIZERS
    scalars = {
        "n": n,
        "errors": errors,
        "late": zero,
        "latency_sum_us": latency @ np.rint(_LATENCY_MS * 1000),
        "confidence_sum_micro": counts @ np.rint(SURE * windows.MICRO),
        "tokens_sum": np.rint(np.maximum(tokens * answered + noise, answered)),
        "margin_sum_micro": zero,
        "margin_n": zero,
        "tokenizer_n": n,
        "tokenizer_sum": (n - others) * mine + others * theirs,
        "tokenizer_square_sum": (n - others) * mine**2 + others * theirs**2,
    }
    arrays = {
        "intent_count": _added(counts, NAMED, _K),
        "intent_low": low,
        "intent_fallback": rng.binomial(low, 0.3),
        "script_count": scripts,
    }
    sure = _added(counts, np.rint(SURE * STEPS - 0.5).astype(np.int64), STEPS)
    return tallies.Tallies(
        np.stack([scalars[name] for name in windows.SCALARS], axis=1).astype(np.int64),
        arrays,
        _bins(latency, histogram.latency_bins(_LATENCY_MS)),
        _bins(sure, histogram.confidence_bins(CONFIDENCE)),
    )


def _added(counts: Ints, group: Ints, k: int) -> Ints:
    """Sums of the columns of each group, shape (hours, k). In floats, which are exact for counts
    and many times faster.
    """
    into = (group[:, None] == np.arange(k)).astype(np.float64)
    sums: Ints = np.rint(counts.astype(np.float64) @ into).astype(np.int64)
    return sums


def _bins(counts: Ints, bins: Ints) -> tallies.Bins:
    row, place = np.nonzero(counts)
    return tallies.Bins(row, bins[place], counts[row, place])


def _asked(usual: Ints, emoji: Ints, p: Floats, rng: np.random.Generator) -> annotators.Asked:
    """The messages that are asked about, in order of time."""
    rows = []
    for counts, is_emoji in ((usual, False), (emoji, True)):
        hour, cell = np.nonzero(counts)
        times_ = counts[hour, cell]
        hour, cell = np.repeat(hour, times_), np.repeat(cell, times_)
        script = rng.choice(len(_SCRIPTS), len(hour), p=_SCRIPTS)
        script = np.full(len(hour), _OTHER) if is_emoji else script
        rows.append(np.stack([hour, cell, script]))
    hour, cell, script = np.concatenate(rows, axis=1)
    begin = times.micros(scenario.BEGIN)
    ts_us = begin + hour * archive.HOUR_US + rng.integers(0, archive.HOUR_US, len(hour))
    order = np.argsort(ts_us, kind="stable")
    hour, cell = hour[order], cell[order]
    bits = np.array([slices.BITS[name] for name in slices.SCRIPTS])
    messages = samples.Sample(
        ts_us[order],
        NAMED[cell].astype(np.int16),
        np.full(len(cell), samples.UNLABELLED, dtype=np.int16),
        SURE[cell],
        p[hour, cell],
        wishes.none(len(cell)),
        bits[script[order]].astype(np.uint16),
    )
    return annotators.Asked(messages, MEANT[cell])


def _archives(
    drawn: scenario.Scenario,
    counts: tallies.Tallies,
    asked: annotators.Asked,
    rng: np.random.Generator,
) -> dict[str, archive.Archive]:
    """One of each model: a bad release is another one from the onset on."""
    ends = {"v1": drawn.hours}
    if drawn.kind == "bad_release":
        ends = {"v1": drawn.onset_hour, "v2": drawn.hours}
    archives, begin = {}, 0
    for model, end in ends.items():
        archives[model] = _archive(model, counts, asked.hours(begin, end), drawn, (begin, end), rng)
        begin = end
    return archives


def _archive(
    model: str,
    counts: tallies.Tallies,
    asked: annotators.Asked,
    drawn: scenario.Scenario,
    hours: tuple[int, int],
    rng: np.random.Generator,
) -> archive.Archive:
    rows = np.arange(*hours)
    rows = rows[counts.scalars[rows, windows.SCALARS.index("n")] > 0]
    starts_us = times.micros(scenario.BEGIN) + rows * archive.HOUR_US
    mine = counts.chosen(rows)
    said = annotators.said(asked, drawn, rng)
    return archive.Archive(
        model=model,
        starts_us=starts_us,
        starts=[times.from_micros(us) for us in starts_us.tolist()],
        counts=mine,
        answers=_answers(mine),
        asked=asked.messages,
        said=said,
    )


def _answers(counts: tallies.Tallies) -> list[live.Hour]:
    """How many answers each hour has, and the sum of their confidences."""
    of = dict(zip(windows.SCALARS, counts.scalars.T, strict=True))
    answered, sums = of["n"] - of["errors"], of["confidence_sum_micro"] / windows.MICRO
    return [live.Hour(*each) for each in zip(answered.tolist(), sums.tolist(), strict=True)]


def _judged(
    archives: dict[str, archive.Archive], reference: runs.Reference | dt.datetime
) -> scenes.History:
    """The history of which each hour after REFERENCE_UNTIL is a scene; the hours before it are
    known, and nobody decides in them.
    """
    since_us = times.micros(scenario.REFERENCE_UNTIL)
    keys = [
        (model, us)
        for model, mine in archives.items()
        for us in mine.starts_us.tolist()
        if us >= since_us
    ]
    first = next(iter(archives.values()))
    nobody = np.zeros(0, dtype=np.int64)
    labelled_us = np.sort(np.concatenate([mine.said.at_us for mine in archives.values()]))
    block = archive.Block(keys, first.counts, [], nobody)
    return scenes.History(archives, reference, block, labelled_us.tolist())


def held_out(
    drawn: scenario.Scenario, before: worlds.Answers, mix: Floats, rng: np.random.Generator
) -> runs.Reference:
    """What a champion looked like at its promotion: on held-out rows, labelled as wrongly as later
    ones, none left out, and in the first answers that it gave. Of a rare intent's labels a part is
    of other messages, so its recall is less than the champion's.
    """
    cells = (mix[:, None, None] * before.given).ravel()
    shares = np.bincount(NAMED, cells, _K)
    wrong = drawn.people.wrong
    labelled = (1 - wrong) * mix + wrong / _K
    agreed = (1 - wrong) * mix * before.recall + wrong / _K * shares
    rows = np.maximum(rng.multinomial(_HELD_OUT, labelled / labelled.sum()), 1)
    right = rng.binomial(rows, np.minimum(agreed / labelled, 1.0))
    named = rng.multinomial(_FIRST_ANSWERS, shares / shares.sum())
    recall = dict(zip(present.INTENTS, (right / rows).tolist(), strict=True))
    return runs.Reference(
        model="v1",
        n=_FIRST_ANSWERS,
        intent_counts=dict(zip(present.INTENTS, named.tolist(), strict=True)),
        mean_confidence=float(cells @ SURE),
        low_confidence_rate=float(rng.binomial(_FIRST_ANSWERS, cells[_IS_LOW].sum()))
        / _FIRST_ANSWERS,
        accuracy=float(right.sum() / rows.sum()),
        accuracy_n=int(rows.sum()),
        recall=recall,
        p95_latency_ms=float(np.quantile(_LATENCY_MS, 0.95)),
    )
