"""sides of the split, dealt once, and rows whose label is asked about again."""

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
    op.create_table(
        "asked_again",
        sa.Column("req_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("req_id", "run_id", name=op.f("pk_asked_again")),
    )


def downgrade() -> None:
    op.drop_table("asked_again")
    op.drop_table("split_side")
