"""what tells a mix that stays from a sale: a column of the signal, two of the decision."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("signal", sa.Column("days_alike", sa.SmallInteger))
    empty = sa.text("'[]'")
    op.add_column("decision", sa.Column("expected", pg.JSONB, nullable=False, server_default=empty))
    op.add_column("decision", sa.Column("under_new_reference", sa.Text))


def downgrade() -> None:
    op.drop_column("decision", "under_new_reference")
    op.drop_column("decision", "expected")
    op.drop_column("signal", "days_alike")
