"""SQLAlchemy Core tables of the rows that train, and of those that never do, on the MetaData of
schemas/tables.py.
"""

import sqlalchemy as sa

from schemas import tables

Column = sa.Column
_TIME = sa.DateTime(timezone=True)
_NOW = sa.func.now()
metadata = tables.metadata

# On which side of the split an anchor stands (retrain/train/sides.py): dealt once, for ever.
split_side = sa.Table(
    "split_side",
    metadata,
    Column("anchor", sa.Text, primary_key=True),
    Column("side", sa.Text, nullable=False),  # train | val | test
    Column("at", _TIME, nullable=False, server_default=_NOW),
)

# The golden set (schemas/golden.py). A sentence that is retired stays, with who took it out; added
# again it is in force again.
golden = sa.Table(
    "golden",
    metadata,
    Column("id", sa.Text, primary_key=True),
    Column("text", sa.Text, nullable=False),
    Column("intent", sa.Text, nullable=False),
    Column("stratum", sa.Text, nullable=False),
    Column("reviewer", sa.Text, nullable=False),
    Column("reviewed_at", _TIME, nullable=False),
    Column("retired_at", _TIME),
    Column("retired_by", sa.Text),
)
