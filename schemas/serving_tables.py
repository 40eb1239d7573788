"""SQLAlchemy Core tables of the gateways, on the MetaData of schemas/tables.py."""

import sqlalchemy as sa

from schemas import tables

Column = sa.Column
_TIME = sa.DateTime(timezone=True)
metadata = tables.metadata

# How many messages a day each gateway answers at its pace of the day before `as_of`, its newest
# message's time: the sampler's budget is one for all that log to one topic.
gateway_pace = sa.Table(
    "gateway_pace",
    metadata,
    Column("owner", sa.Text, primary_key=True),
    Column("topic", sa.Text, nullable=False),
    Column("per_day", sa.Float(53), nullable=False),
    Column("as_of", _TIME),
    Column("told_at", _TIME, nullable=False, server_default=sa.func.now()),
)
