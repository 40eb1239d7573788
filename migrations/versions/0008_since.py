"""since when a signal has been in breach: a column of the signal."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("signal", sa.Column("since", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("signal", "since")
