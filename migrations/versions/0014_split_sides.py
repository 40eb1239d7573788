"""sides of the split: what was held out once is on record."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "split_side",
        sa.Column("anchor", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("anchor", name=op.f("pk_split_side")),
    )


def downgrade() -> None:
    op.drop_table("split_side")
