"""The documents are true: their commands run as written, their links lead somewhere, the README's
tree is the tree, the contract's names exist.
"""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from retrain.train import recipe
from schemas import decisions, events, policy, present, settings
from services import provision
from services.local import topology
from services.local.demo import __main__ as demo
from services.local.demo import grid, invent, play, story, telling
from services.notifier import story as heads

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
PACKAGES = ("schemas", "streams", "retrain", "services")
EACH = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
# `make` is only asked whether it could: its targets are what runs these tests.
PROLOGUE = r"""set -eo pipefail
make() { command make --no-print-directory -n "$@" > /dev/null; }
trap 'kill $(jobs -p) 2> /dev/null || true' EXIT
"""


def blocks(path: Path) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", path.read_text(), flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(
    "path",
    [path for path in DOCUMENTS if blocks(path)],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_the_commands_of_a_document_run_in_order(
    path: Path, parts: topology.Addresses, database: str, tmp_path: Path
) -> None:
    provision.topics(parts.kafka)  # as `make up` has
    script = "".join(blocks(path)).replace("/tmp/", f"{tmp_path}/")
    environment = (
        topology.inherited()
        | parts.environment()
        | {"INTENTWATCH_DATABASE_URL": database, "INTENTWATCH_MODELS": str(tmp_path / "models")}
    )
    done = subprocess.run(
        ["bash", "-c", PROLOGUE + script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


@EACH
def test_every_link_leads_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        assert target.startswith("https://") or (path.parent / target).exists(), target


@EACH
def test_every_command_named_exists(path: Path) -> None:
    """`python -m X` is a module here, `make X` a target, and every INTENTWATCH_ variable is one."""
    text = path.read_text()
    for module in re.findall(r"python -m ((?:services|streams)[\w.]*)", text):
        place = ROOT / module.replace(".", "/")
        assert (place / "__main__.py").is_file() or place.with_suffix(".py").is_file(), module
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"`(?:\w+=\S+ )?make ([a-z-]+)", text)) <= targets
    variables = {
        name.removeprefix(settings.PREFIX).removesuffix("_FILE").lower()
        for name in re.findall(r"INTENTWATCH_[A-Z_]+[A-Z]", text)
    }
    assert variables <= set(settings.Settings.model_fields)


@pytest.mark.parametrize("name", ["docs/architecture.md", "docs/signals.md", "SECURITY.md"])
def test_every_call_and_file_named_exists(name: str) -> None:
    """`module.function(...)` is a function of a module of that name, and a path leads to a file."""
    text = (ROOT / name).read_text()
    for module, function in re.findall(r"`(\w+)\.(\w+)\(", text):
        places = [path for folder in PACKAGES for path in (ROOT / folder).rglob(f"{module}.py")]
        assert any(f"\ndef {function}(" in path.read_text() for path in places), (
            f"{module}.{function}"
        )
    for path in re.findall(rf"`((?:{'|'.join(PACKAGES)}|tests|docs)/[^`\s]*)`", text):
        assert (ROOT / path).exists(), path


def test_the_architectures_calls_stand_where_it_says() -> None:
    text = (ROOT / "docs/architecture.md").read_text().split("## ")[0]
    rows = [
        line.split("|")[1:-1] for line in text.splitlines() if line.startswith("| ") and "`" in line
    ]
    assert len(rows) >= 9
    for arrow, calls, folders in rows:
        for module in re.findall(r"`(\w+)\.\w+\(", calls):
            homes = [ROOT / folder.strip() / f"{module}.py" for folder in folders.split(",")]
            assert any(home.exists() for home in homes), f"{arrow.strip()}: {module}"


def test_the_runbook_has_an_answer_to_every_word_a_message_begins_with() -> None:
    told = (ROOT / "docs/runbook.md").read_text()
    first = "\n".join(line.split("|")[1] for line in told.splitlines() if line.startswith("| "))
    words = (*heads.HELD.values(), heads.SLOW, heads.BLIND, heads.MISSED, heads.BREACH, "OVER")
    assert [word for word in words if word not in first] == []


def test_the_runbook_has_an_answer_to_every_decision() -> None:
    told = (ROOT / "docs/runbook.md").read_text()
    assert [reason for reason in decisions.HoldReason if f"| hold {reason} |" not in told] == []
    words = {
        "retrain": "RETRAIN DECIDED",
        "rollback": "ROLL BACK",
        "fix_upstream": "FIX UPSTREAM",
        "reweight": "REWEIGHT",
    }
    assert [
        kind
        for kind in decisions.Kind
        if kind is not decisions.Kind.HOLD and f"| {words[kind]} |" not in told
    ] == []


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ([], []),
        (["MESSAGES=my dir", "JSON=it's.json"], ["--messages", "my dir", "--json", "it's.json"]),
        (["KEEP=1", "SHORT=yes", "VERBOSE=true"], ["--keep", "--short", "--verbose"]),
        (["KEEP=0", "SHORT=no", "VERBOSE=false"], []),
    ],
)
def test_make_hands_on_what_it_is_given(given: list[str], options: list[str]) -> None:
    argv = [
        "make",
        "--no-print-directory",
        "--dry-run",
        "--old-file=.venv/installed",
        "demo",
        *given,
    ]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    assert shlex.split(done.stdout.splitlines()[-1])[3:] == options


def test_the_tutorial_names_the_intents_that_messages_may_have() -> None:
    (listed,) = re.findall(
        r"these ten, spelt so: (.*?)\. Rows",
        (ROOT / "docs/tutorial.md").read_text(),
        flags=re.DOTALL,
    )
    assert tuple(re.findall(r"`(\w+)`", listed)) == present.INTENTS


def test_every_reason_of_a_dead_letter_is_explained() -> None:
    told = (ROOT / "docs/how-to/redrive-dead-letters.md").read_text()
    assert sorted(re.findall(r"^\| `(\w+)` \|", told, flags=re.MULTILINE)) == sorted(
        events.DEAD_LETTER
    )


def test_the_contract_names_every_decision_and_cause() -> None:
    contract = (ROOT / "docs/contract.md").read_text()
    (kinds,) = re.findall(r"decision\(([a-z_|]+)\)", contract)
    (causes,) = re.findall(r"cause\(([a-z_|]+)\|null\)", contract)
    assert kinds.split("|") == list(decisions.Kind)
    assert causes.split("|") == list(decisions.Cause)


def tree() -> list[str]:
    (block,) = re.findall(
        r"^```text\n(schemas/.*?)^```",
        (ROOT / "README.md").read_text(),
        flags=re.DOTALL | re.MULTILINE,
    )
    return str(block).splitlines()


def test_the_readmes_tree_is_the_tree() -> None:
    named: set[str] = set()
    folder = ""
    for line in tree():
        if not line.startswith(" "):
            folder = line.split()[0]
        words = re.findall(r"(?:^|(?<=\s))([a-z_0-9]+(?:\.py|\.toml|/))", line)
        named |= {folder if word == folder else folder + word for word in words}
    assert [name for name in named if not (ROOT / name).exists() and not _stands_below(name)] == []
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    inside = {
        "/".join(name.split("/")[:2]) + ("/" if name.count("/") > 1 else "")
        for name in tracked
        if "/" in name and not name.endswith("__init__.py")
    }
    missing = {
        name
        for name in inside
        if name.split("/")[0] in ("schemas", "streams", "retrain", "services")
    } - named
    assert missing == set()
    assert {
        name.split("/")[0] + "/" for name in tracked if "/" in name and not name.startswith(".")
    } <= named


def _stands_below(name: str) -> bool:
    """Whether a name of a folder's lines stands in one of its rooms: `retrain/fit/` is in
    retrain/train/.
    """
    folder, _, rest = name.partition("/")
    return any((ROOT / folder).rglob(rest.rstrip("/")))


def test_the_contract_states_the_policys_defaults() -> None:
    """Keys and figures of its policy section, against the policy itself."""
    text = (ROOT / "docs/contract.md").read_text().split("## Policy")[1].split("## ")[0]
    rules = policy.Policy()
    for section in (rules.labels, rules.gates):
        for name in section.__dataclass_fields__:
            default = re.search(rf"\b{name}=([\d.]+)", text)
            if default:
                assert float(default[1]) == getattr(section, name), name
    assert recipe.Recipe().rows == 20_000  # the tutorial and the demo's recipe say so


def test_the_readmes_output_is_what_the_demo_prints() -> None:
    """Its first lines and its table's head, word by word; what comes of training and addresses
    differs from run to run.
    """
    (block,) = re.findall(
        r"^```text\n(\d+ days .*?)^```",
        (ROOT / "README.md").read_text(),
        flags=re.DOTALL | re.MULTILINE,
    )
    lines = block.splitlines()
    told = story.plan(*invent.tables(demo.SEED), seed=demo.SEED)
    assert lines[:2] == [said.text for said in telling.opening(told, play.BEGIN.date(), own=False)]
    assert [line.split("http")[0] for line in lines[2:5]] == [
        said.text.split("http")[0] for said in telling.addresses("h", 1, 2, 3)
    ]
    assert "".join(cell.text for cell in grid.heading(telling.WIDEST)) in lines
    assert grid.LEGEND.text in block
    assert max(map(len, lines)) <= telling.WIDEST


def test_the_readmes_pictures_are_small() -> None:
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", (ROOT / "README.md").read_text())
    assert len(pictures) == 2
    assert all((ROOT / picture).stat().st_size < 200_000 for picture in pictures)


def test_ci_calls_the_readmes_own_commands() -> None:
    stages = [
        shlex.split(line)[1:]
        for line in (ROOT / ".ci/run").read_text().splitlines()
        if line.startswith("stage make")
    ]
    targets = [stage[1] for stage in stages]
    check = re.search(r"^check: ([a-z ]+)", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert check is not None
    assert [target for target in targets if target not in ("setup", "faults", "demo")] == check[
        1
    ].split()
    assert "faults" in targets
    assert targets[-1] == "demo"
