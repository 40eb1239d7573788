"""The golden set: sentences of our own that a person has reviewed, in strata where a classifier is
weakest. They judge every candidate and train none.
"""

from enum import StrEnum
from typing import Final

import sqlalchemy as sa

from schemas import tables


class Stratum(StrEnum):
    """What makes a sentence hard."""

    SLANG = "slang"
    MIXED_SCRIPT = "mixed_script"
    TWO_WISHES = "two_wishes"
    RARE = "rare"
    AMBIGUOUS = "ambiguous"


LEAST: Final = 30  # sentences a stratum, before it says anything

# A sentence that is retired stays, with who took it out; added again it is in force again.
TABLE: Final = sa.Table(
    "golden",
    tables.metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("intent", sa.Text, nullable=False),
    sa.Column("stratum", sa.Text, nullable=False),
    sa.Column("reviewer", sa.Text, nullable=False),
    sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("retired_at", sa.DateTime(timezone=True)),
    sa.Column("retired_by", sa.Text),
)
