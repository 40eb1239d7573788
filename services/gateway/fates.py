"""Pure. What may become of a request, and what its caller is told then."""

from enum import StrEnum
from typing import Final

# Whose failure it is where there was no model: a log has to name one.
NOBODY: Final = "none"
DEADLINE_S: Final = 1.0  # of waiting for its turn; whoever has waited longer has given up


class Fate(StrEnum):
    """Each request has one. All but the first are the `error` of its serving logs."""

    OK = "ok"
    FAILED = "failed"
    SHED = "shed"
    NO_MODEL = "no_model"
    DEADLINE = "deadline"
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"


STATUS: Final = {
    Fate.FAILED: 500,
    Fate.SHED: 429,
    Fate.NO_MODEL: 503,
    Fate.DEADLINE: 503,
    Fate.TOO_LARGE: 413,
    Fate.MALFORMED: 422,
}
WORDS: Final = {
    Fate.FAILED: "the model could not answer this; its serving log has the error `failed`",
    Fate.SHED: "saturated",
    Fate.NO_MODEL: "no champion yet: promote a model first, `python retrain/run.py run`",
    Fate.DEADLINE: f"its turn did not come within {DEADLINE_S:g} s",
}
AGAIN: Final = (Fate.SHED, Fate.DEADLINE)  # worth asking again in a second
