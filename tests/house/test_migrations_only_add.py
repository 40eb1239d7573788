"""Expand, then contract: a migration only adds, so that the release before it works on beside the
new one and after it. What nobody reads any more goes one release later, and is excused here.
"""

import ast
from pathlib import Path

import pytest
import syntax

VERSIONS = sorted((syntax.ROOT / "migrations" / "versions").glob("*.py"))
# From before this rule, with what they did besides.
EXCUSED = {
    "0002": ["alter_column", "alter_column", "alter_column", *["execute"] * 7, "get_bind"],
    "0003": ["alter_column"],
    "0005": ["execute"] * 7 + ["get_bind", "get_bind"],
    "0007": ["get_bind"],
    # Two keys grow by a column that has a default: who writes none of it keeps to the old key.
    "0017": ["create_primary_key", "drop_constraint"],
}
ADDS = {"create_table", "create_index", "add_column", "bulk_insert", "f"}


def operations(tree: ast.AST) -> list[ast.Call]:
    """The calls of alembic's `op`."""
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and ast.unparse(node.func.value) == "op"
    ]


def given(call: ast.Call, name: str) -> str | None:
    for keyword in call.keywords:
        if keyword.arg == name:
            return ast.unparse(keyword.value)
    return None


def is_harmless(call: ast.Call, made: set[str]) -> bool:
    """Whether a writer who knows nothing of it can go on. `made`: the tables of this revision."""
    assert isinstance(call.func, ast.Attribute)
    if call.func.attr == "add_column":
        column = call.args[1]
        assert isinstance(column, ast.Call)
        return given(column, "nullable") != "False" or given(column, "server_default") is not None
    if call.func.attr == "create_index":
        return given(call, "unique") != "True" or ast.unparse(call.args[1]) in made
    return call.func.attr in ADDS


def complaints(source: str) -> list[str]:
    """What a revision does on its way up besides adding, by the name of the operation."""
    tree = ast.parse(source)
    up = [
        node
        for node in tree.body
        if not (isinstance(node, ast.FunctionDef) and node.name == "downgrade")
    ]
    calls = [call for node in up for call in operations(node)]
    made = {ast.unparse(c.args[0]) for c in calls if ast.unparse(c.func) == "op.create_table"}
    return sorted(
        call.func.attr
        for call in calls
        if isinstance(call.func, ast.Attribute) and not is_harmless(call, made)
    )


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
def test_a_migration_only_adds(path: Path) -> None:
    excused = EXCUSED.get(path.stem.partition("_")[0], [])
    assert complaints(path.read_text()) == excused


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("op.add_column('run', sa.Column('x', sa.Text()))", []),
        ("op.add_column('run', sa.Column('x', sa.Text(), nullable=True))", []),
        ("op.add_column('run', sa.Column('x', sa.Text(), nullable=False, server_default=''))", []),
        ("op.add_column('run', sa.Column('x', sa.Text(), nullable=False))", ["add_column"]),
        ("op.create_table('x', sa.Column('y', sa.Text(), nullable=False))", []),
        ("op.create_index('ix', 'run', ['x'])", []),
        ("op.create_index('uq', 'run', ['x'], unique=True)", ["create_index"]),
        ("op.create_table('x')\n    op.create_index('uq', 'x', ['y'], unique=True)", []),
        ("op.alter_column('run', 'x', server_default=None)", ["alter_column"]),
        ("op.alter_column('run', 'x', new_column_name='y')", ["alter_column"]),
        ("op.rename_table('run', 'runs')", ["rename_table"]),
        ("op.drop_column('run', 'x')", ["drop_column"]),
        ("op.drop_table('run')", ["drop_table"]),
        ("op.create_check_constraint('ck', 'run', 'x > 0')", ["create_check_constraint"]),
        ("op.execute('drop table run')", ["execute"]),
    ],
)
def test_what_the_release_before_could_not_live_with_is_complained_of(
    change: str, complaint: list[str]
) -> None:
    down = "def downgrade():\n    op.drop_table('x')\n"
    assert complaints(f"def upgrade():\n    {change}\n\n{down}") == complaint
