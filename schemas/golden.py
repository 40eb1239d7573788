"""The golden set's strata: where a classifier is weakest. Sentences of our own that a person has
reviewed judge every candidate there, and train none.
"""

from enum import StrEnum
from typing import Final


class Stratum(StrEnum):
    """What makes a sentence hard."""

    SLANG = "slang"
    MIXED_SCRIPT = "mixed_script"
    TWO_WISHES = "two_wishes"
    RARE = "rare"
    AMBIGUOUS = "ambiguous"


LEAST: Final = 30  # sentences a stratum, before it says anything
