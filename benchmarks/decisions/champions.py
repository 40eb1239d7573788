"""Pure. Classifiers by how often they are right and how often they are unsure, and what they
answer: the chance of every answer to a message, given what the message means.

Simulated confidence is calibrated under 0.6 as far as both figures allow; a champion that is wrong
more often than it is unsure is surer than it should be.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import stats

from benchmarks.decisions import shops

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

STEPS: Final = 25  # of confidence: the policy's limit, 0.6, is an edge
_UNSURE: Final = 15  # steps under it
CONFIDENCE: Final = (np.arange(STEPS) + 0.5) / STEPS
_EDGES: Final = np.arange(STEPS + 1) / STEPS
# An unsure answer is right about as often as it says.
_RIGHT_IF_UNSURE: Final = 0.45
_FEW: Final = 10  # in shops of more intents than this an answer is mistaken for few others
_OFFSETS: Final = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Champion:
    """accuracy: of all answers. unsure: the share of answers under 0.6."""

    name: str
    accuracy: float
    unsure: float


ALL: Final = (
    Champion("seed", 0.925, 0.05),
    Champion("strong", 0.97, 0.02),
    Champion("doubting", 0.90, 0.136),
    Champion("weak", 0.80, 0.20),
    Champion("careless", 0.86, 0.03),  # far surer than it should be
    Champion("timid", 0.95, 0.18),  # nearly always right, and seldom sure
)


def options(size: int) -> Ints:
    """How many places further on lies what an answer may name, the right one (0) first."""
    others = range(1, size) if size <= _FEW else _OFFSETS
    return np.array([0, *others], dtype=np.int64)


def chances(champion: Champion, errors: Floats) -> Floats:
    """The chance of every answer, shape (intents, options, STEPS), to a message of each intent.
    `errors`: how much more often than the mean each is answered wrongly, of mean 1 over the mix.
    """
    size = len(errors)
    wrong = np.clip((1 - champion.accuracy) * errors, 0.003, 0.7)
    others = np.geomspace(1, 0.2, len(options(size)) - 1)
    shares = np.concatenate([(1 - wrong)[:, None], wrong[:, None] * others / others.sum()], axis=1)
    right, mistaken = _sureness(champion)
    sure = np.stack([right, *[mistaken] * len(others)])
    given: Floats = shares[:, :, None] * sure
    return given


def _sureness(champion: Champion) -> tuple[Floats, Floats]:
    """How sure right and wrong answers are, shares of shape (STEPS,) each."""
    wrong = 1 - champion.accuracy
    unsure_if_wrong = min(0.8, (1 - _RIGHT_IF_UNSURE) * champion.unsure / wrong)
    unsure_if_right = (champion.unsure - unsure_if_wrong * wrong) / champion.accuracy
    low, high, high_wrong = (_shape(a, b) for a, b in ((5, 3), (16, 1.2), (6, 2)))
    return (
        _mixed(unsure_if_right, low, high),
        _mixed(unsure_if_wrong, low, high_wrong),
    )


def _shape(a: float, b: float) -> Floats:
    shape: Floats = np.diff(stats.beta(a, b).cdf(_EDGES))
    return shape


def _mixed(unsure: float, low: Floats, high: Floats) -> Floats:
    """Sureness of which `unsure` lies under 0.6, shaped as `low`, and the rest above, as `high`."""
    under, over = low.copy(), high.copy()
    under[_UNSURE:] = 0
    over[:_UNSURE] = 0
    mixed: Floats = unsure * under / under.sum() + (1 - unsure) * over / over.sum()
    return mixed


def misled(given: Floats, lost: Floats) -> Floats:
    """The answers with `lost` of each intent's messages, shape (intents,), answered wrongly that
    were answered rightly, as surely as before: no confidence tells of it.
    """
    right = given[:, 0]
    share = np.minimum(lost / right.sum(axis=1), 1.0)
    moved = right * share[:, None]
    wrong = given[:, 1:].sum(axis=2, keepdims=True)
    changed = given.copy()
    changed[:, 0] -= moved
    changed[:, 1:] += wrong / wrong.sum(axis=1, keepdims=True) * moved[:, None]
    return changed


def spread(size: int, rng: np.random.Generator) -> Floats:
    """How much more often than the mean each intent is answered wrongly, shape (size,)."""
    errors = np.exp(rng.normal(0, 0.35, size))
    normal: Floats = errors / (shops.mix(size) @ errors)
    return normal
