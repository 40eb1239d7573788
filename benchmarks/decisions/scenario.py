"""Pure. What a scenario is: a champion, a shop, its traffic, its annotators, and what happens; and
what should be decided then, and by when. Everything follows from a seed. Nothing here knows how the
trigger works.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from benchmarks.decisions import champions, shops

BEGIN: Final = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)  # a Monday
REFERENCE_DAYS: Final = 21  # of history that nobody judges: what is usual, and what a rival knows
REFERENCE_UNTIL: Final = BEGIN + dt.timedelta(days=REFERENCE_DAYS)
REPORTED: Final = 1_000  # seeds from here on are reported; rules are tuned on those below
VOLUMES: Final = (5, 50, 500, 5_000, 100_000)  # messages an hour


@dataclass(frozen=True, slots=True)
class People:
    """Who labels. `budget`: messages a day that are asked about. `delay_days`: until a label comes,
    on average. `missing`: the share that never does; `left_out`: the share of wrongly answered
    messages that annotators leave out beside. `wrong`: labels that name anything. From the onset
    on: `famine` leaves one in twenty labels, `flood` brings a script that labels wrongly, `liar`
    makes one of three annotators call a common intent by another's name.
    """

    budget: int = 500
    delay_days: float = 0.4
    missing: float = 0.05
    left_out: float = 0.0
    wrong: float = 0.02
    famine: bool = False
    flood: bool = False
    liar: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """The right answer to an incident, and within how many hours."""

    decision: str
    cause: str
    within: float


_RETRAIN: Final = ("retrain", "language")
WANTED: Final = {
    "mix": Wanted("reweight", "mix", 168),
    "language": Wanted(*_RETRAIN, 72),
    "sure_wrong": Wanted(*_RETRAIN, 72),
    "common_intent": Wanted(*_RETRAIN, 168),
    "rare_intent": Wanted(*_RETRAIN, 240),
    "errors": Wanted("fix_upstream", "pipeline", 24),
    "tokenizer": Wanted("fix_upstream", "pipeline", 24),
    "bad_release": Wanted("rollback", "bad_release", 72),
}
INCIDENTS: Final = tuple(WANTED)
# Ten points of accuracy lost, as surely as before, and what may hide that.
FALLS: Final = ("fall", "fall_left_out", "fall_missing", "fall_emoji", "fall_liar")
QUIET: Final = (
    "none",
    "weekend",
    "season",
    "sale",
    "famine",
    "flood",
    "late",
    "missing",
    "left_out",
    "liar",
    "emoji",
)
EVERY: Final = (*INCIDENTS, *FALLS, *QUIET)
_BLIND_HOURS: Final = 48.0  # by then it is said that nothing can be said

# What else may be done: a season's mix does move for good, and a tenth of unreadable texts is
# somebody's to look at.
TOLERATED: Final = {
    "season": ("reweight",),
    "emoji": ("fix_upstream",),
    "fall_emoji": ("fix_upstream",),
}
_LABELS: Final[dict[str, dict[str, Any]]] = {
    "famine": {"famine": True},
    "flood": {"flood": True},
    "late": {"delay_days": 7.0},
    "missing": {"missing": 0.4},
    "left_out": {"left_out": 0.6},
    "liar": {"liar": True},
    "fall_left_out": {"left_out": 0.6},
    "fall_missing": {"missing": 0.4},
    "fall_liar": {"liar": True},
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens. size: in [0, 1], how bad. weekend: how much of its shop's weekend mix a weekend
    has. held_out: whether the reference is of held-out rows, or of the champion's own first weeks.
    hours count from BEGIN.
    """

    kind: str
    champion: champions.Champion
    seed: int
    size: float = 0.5
    intents: int = shops.OURS
    an_hour: float = 500.0
    people: People = People()
    weekend: float = 0.0
    held_out: bool = True
    onset_hour: int = REFERENCE_DAYS * 24
    hours: int = (REFERENCE_DAYS + 28) * 24

    @property
    def wanted(self) -> Wanted | None:
        """What should be decided; None where nothing should. Labels that come late give time, and
        so do few messages.
        """
        late = max(0.0, 24 * (self.people.delay_days - People().delay_days) * 1.5)
        if self.kind in FALLS:
            return Wanted(*_RETRAIN, 72 + late)
        wanted = WANTED.get(self.kind)
        if wanted is None:
            return None
        # A rate needs some hundreds of messages; everything else needs labels.
        more = 400 / self.an_hour if wanted.cause == "pipeline" else late
        return replace(wanted, within=wanted.within + more)

    @property
    def onset(self) -> dt.datetime:
        """When it begins."""
        return BEGIN + dt.timedelta(hours=self.onset_hour)

    @property
    def blind_by(self) -> float:
        """Hours by which a fall that labels hide must be said to be hidden."""
        return _BLIND_HOURS


def drawn(kind: str, champion: champions.Champion, seed: int, days: int = 28) -> Scenario:
    """The scenario of a seed. `days`: how long a quiet one lasts after its reference."""
    # Of a kind's place, not of its name: hash() differs between processes.
    place = EVERY.index(kind)
    rng = np.random.default_rng((20261130, place, champions.ALL.index(champion), seed))
    people = replace(_people(kind, rng), **_LABELS.get(kind, {}))
    quiet = kind in QUIET
    onset_day = REFERENCE_DAYS + (4 if quiet else 5 + 7 * rng.random())
    drawn = Scenario(
        kind,
        champion,
        seed,
        size=1.0 if kind in FALLS else float(rng.uniform(0, 1)),
        intents=_intents(rng),
        an_hour=_volume(kind, rng),
        people=people,
        weekend={"none": 0.0, "weekend": 1.0}.get(kind, float(rng.uniform(0, 0.6))),
        held_out=bool(rng.random() < 0.5),
        onset_hour=int(24 * onset_day),
    )
    if quiet:
        return replace(drawn, hours=(REFERENCE_DAYS + days) * 24)
    assert drawn.wanted is not None
    return replace(drawn, hours=drawn.onset_hour + int(drawn.wanted.within) + 1)


def _people(kind: str, rng: np.random.Generator) -> People:
    """Labels within hours or days; a fall is looked for with the usual ones."""
    if kind in FALLS:
        return People()
    delay = float(rng.choice([0.1, 0.4, 1.0, 3.0, 7.0, 14.0], p=[0.2, 0.4, 0.2, 0.1, 0.05, 0.05]))
    return People(delay_days=delay, missing=float(rng.uniform(0, 0.2)))


def _intents(rng: np.random.Generator) -> int:
    """Mostly ten. Of many the decisions of an hour take longest."""
    return int(rng.choice(shops.SIZES, p=[0.75, 0.15, 0.1]))


def _volume(kind: str, rng: np.random.Generator) -> float:
    """Messages an hour, from all volumes at which there is something to see."""
    least = 50 if kind in ("mix", "common_intent", "rare_intent", "bad_release", *FALLS) else 5
    volumes: Sequence[int] = [volume for volume in VOLUMES if volume >= least]
    return float(rng.choice(volumes))
