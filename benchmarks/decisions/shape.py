"""Pure. How many messages an hour brings and what they mean: days and nights, weekends, a season, a
sale, a mix that moves.
"""

import datetime as dt
from typing import Final

import numpy as np
import numpy.typing as npt

from benchmarks.decisions import scenario, shops

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_BY_HOUR: Final = 1 + 0.7 * np.sin((np.arange(24) - 9) / 24 * 2 * np.pi)
# A weekend's share of each of the seed's intents over a weekday's.
_WEEKEND: Final = (1.25, 0.8, 1.45, 0.7, 0.55, 0.6, 1.3, 0.8, 0.7, 1.9)
_SALE_TIMES: Final = 6  # as many messages
_SALE: Final = {6: 0.35, 7: 0.10}  # shares of promotion and checkout_help before all are made one
_SEASON_KL: Final = 0.04  # nats from the first week of judgement to the fourth
_EMOJI_HOURS: Final = (6, 7, 18, 19)
_EMOJI_DAYS: Final = 4
_EMOJI_SHARE: Final = 0.255  # of an hour's usual messages


def weekends(hours: int) -> Flags:
    """Which hours are of a Saturday or Sunday, shape (hours,)."""
    day = np.arange(hours) // 24 + scenario.BEGIN.weekday()
    flags: Flags = day % 7 >= 5
    return flags


def rates(drawn: scenario.Scenario) -> Floats:
    """Messages each hour may expect, shape (hours,); fewer at weekends."""
    usual = drawn.an_hour * np.tile(_BY_HOUR, drawn.hours // 24 + 1)[: drawn.hours]
    usual = np.where(weekends(drawn.hours), 0.8 * usual, usual)
    return np.where(sale(drawn), _SALE_TIMES * usual, usual)


def sale(drawn: scenario.Scenario) -> Flags:
    """Which hours are of the one day of a sale: the first whole day after the onset."""
    day = -(-drawn.onset_hour // 24)
    of_day: Flags = np.arange(drawn.hours) // 24 == day
    return of_day & (drawn.kind == "sale")


def mixes(drawn: scenario.Scenario, rng: np.random.Generator) -> Floats:
    """What messages mean, shares by hour, shape (hours, intents)."""
    mix = shops.mix(drawn.intents)
    shares = np.tile(mix, (drawn.hours, 1))
    weekend = _weekend(drawn.intents, rng) ** drawn.weekend
    shares[weekends(drawn.hours)] *= weekend
    after = np.arange(drawn.hours) >= drawn.onset_hour
    if drawn.kind == "mix":
        shares[after] *= tilted(mix, 0.06 + 0.20 * drawn.size, rng) / mix
    if drawn.kind == "season":
        shares *= _season(drawn, mix, rng)
    if drawn.kind == "sale":
        shares[sale(drawn)] = _on_sale(mix)
    normal: Floats = shares / shares.sum(axis=1, keepdims=True)
    return normal


def _weekend(intents: int, rng: np.random.Generator) -> Floats:
    if intents == shops.OURS:
        return np.array(_WEEKEND)
    factors: Floats = np.exp(rng.normal(0, 0.36, intents))
    return factors


def _season(drawn: scenario.Scenario, mix: Floats, rng: np.random.Generator) -> Floats:
    """How much more of each intent comes, hour by hour, as the season goes on."""
    weeks = (np.arange(drawn.hours) - scenario.REFERENCE_DAYS * 24) / (28 * 24)
    far = np.log(tilted(mix, _SEASON_KL, rng) / mix)
    factors: Floats = np.exp(np.clip(weeks, -1, 1)[:, None] * far)
    return factors


def _on_sale(mix: Floats) -> Floats:
    """The mix of the day of a sale; in another shop two of its intents are what it is about."""
    shares = mix.copy()
    for place, share in _SALE.items():
        shares[min(place, len(mix) - (8 - place))] = share
    return shares


def tilted(mix: Floats, kl: float, rng: np.random.Generator) -> Floats:
    """A mix at that Kullback-Leibler divergence from `mix`, in nats, in a random direction.

    >>> seed = shops.mix(10)
    >>> moved = tilted(seed, 0.028, np.random.default_rng(1))
    >>> round(float(np.sum(moved * np.log(moved / seed))), 4)
    0.028
    """
    direction, low, high = rng.normal(size=len(mix)), 0.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        moved: Floats = mix * np.exp(middle * (direction - direction.max()))
        moved /= moved.sum()
        near = float(np.sum(moved * np.log(moved / mix))) < kl
        low, high = (middle, high) if near else (low, middle)
    return moved


def emoji(drawn: scenario.Scenario) -> Floats:
    """Messages of emoji alone that each hour may expect: two hours of them twice a day, for some
    days from the onset.
    """
    hour = np.arange(drawn.hours)
    flooded = np.isin(hour % 24, _EMOJI_HOURS) & (hour >= drawn.onset_hour)
    flooded &= hour < drawn.onset_hour + 24 * _EMOJI_DAYS
    wanted = drawn.kind in ("emoji", "fall_emoji")
    return np.where(flooded & wanted, _EMOJI_SHARE * drawn.an_hour, 0.0)


def at(hour: int) -> dt.datetime:
    """The instant at which an hour begins."""
    return scenario.BEGIN + dt.timedelta(hours=hour)
