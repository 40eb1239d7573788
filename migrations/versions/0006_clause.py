"""which clause of the rule answered: a column of the decision."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("decision", sa.Column("clause", sa.Text))


def downgrade() -> None:
    op.drop_column("decision", "clause")
