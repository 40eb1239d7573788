"""whose labels are taken: a table of registered annotators."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "annotator",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("by", sa.Text),
        sa.Column(
            "at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")
        ),
        sa.PrimaryKeyConstraint("name", name="pk_annotator"),
    )


def downgrade() -> None:
    op.drop_table("annotator")
