"""The recipes of CONTRIBUTING.md are true: the files exist, and what is there stands in each."""

import ast
import datetime as dt
import re
from pathlib import Path

import numpy as np
import pytest

from retrain.train import beaten, gate
from schemas import loglines, policy, settings, signals
from services.dashboard import board, facts, panels
from services.local import processes

ROOT = Path(__file__).parents[2]


def recipes() -> dict[str, list[str]]:
    """The files of each recipe, in its order."""
    text = (ROOT / "CONTRIBUTING.md").read_text().split("## Recipes")[1]
    files = {}
    for section in text.split("\n### ")[1:]:
        name, _, body = section.partition("\n")
        files[name] = re.findall(r"`([\w.-]+/[\w./-]*|[\w-]+\.(?:toml|yml|md))`", body)
    return files


FILES = recipes()


def text_of(path: str) -> str:
    """A file of the repository."""
    return (ROOT / path).read_text()


def section_of(title: str) -> str:
    """A section of the contract."""
    return text_of("docs/contract.md").split(f"\n## {title}")[1].split("\n## ")[0]


@pytest.mark.parametrize("name", FILES)
def test_every_file_of_a_recipe_exists(name: str) -> None:
    assert len(FILES[name]) >= 3
    assert [path for path in FILES[name] if not (ROOT / path).exists()] == []


def test_a_signal_stands_in_its_files() -> None:
    measured = text_of("streams/signals/measure.py") + text_of("retrain/decide/quality.py")
    measured += text_of("retrain/decide/bets.py") + text_of("retrain/decide/unanswered.py")
    measured = measured.replace("{percent}", "95")
    for signal in signals.ALL:
        constant = next(name for name, value in vars(signals).items() if value is signal)
        assert hasattr(policy.Signals(), signal.name)
        assert signal.name in measured or f"signals.{constant}" in measured, signal.name
        assert signal.name in text_of("docs/signals.md"), signal.name


def gates() -> set[str]:
    """Every gate that a report can hold, those of single intents as one."""
    labels = np.arange(10).repeat(3)
    rival = beaten.Rival(labels, np.zeros(len(labels), dtype=bool))
    rows = gate.Evidence(labels, [str(i) for i in range(len(labels))], rival=rival)
    answers = gate.Answers(labels, np.full(len(labels), 0.9))
    serving = gate.Serving(1.0, 0.0, 10, parity=True, agreement=1.0, parity_n=30)
    reports = [
        gate.report(answers, champion, rows, serving, policy.Gates())
        for champion in (None, answers)
    ]
    return {each.gate.partition(":")[0] for report in reports for each in report}


def test_a_gate_stands_in_its_files() -> None:
    limits = section_of("Policy").split("[gates]")[1].split("[costs]")[0]
    for name in policy.Gates.__dataclass_fields__:
        assert f"rules.{name}" in text_of("retrain/train/gate.py"), name
        assert f"{name}=" in limits, name
    assert gates() >= {"accuracy", "parity"}
    assert [
        name for name in gates() if f'"{name}' not in text_of("tests/unit/retrain/test_gate.py")
    ] == []


def shown() -> tuple[board.Panel, ...]:
    """The board where nothing is known."""
    now = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)
    stream = facts.Stream(
        now=now,
        watermark=None,
        beat_s=None,
        lag=0,
        partitions=[],
        dead={},
        scheduler=None,
        decided_s=None,
    )
    return panels.panels(
        facts.Facts(stream=stream, windows=[], promotions=[], references=[]), policy.Policy()
    )


def test_a_panel_stands_in_its_files() -> None:
    for panel in shown():
        assert f'"{panel.name}"' in text_of("tests/unit/services/test_panels.py"), panel.name
        assert f'"{panel.key}"' in text_of("tests/browser/test_dashboard.py"), panel.key


def test_a_log_tag_stands_in_its_files() -> None:
    """Those that nobody says yet are read all the same: they and their lines are the seed's."""
    only_read = {"MODEL_BENCH", "ABLATION", "SHADOW", "SERVE"}
    said: set[str] = set()
    for path in FILES["A log tag"]:
        if path.endswith(".py") and path != "schemas/loglines.py":
            constants = [
                node
                for node in ast.walk(ast.parse(text_of(path)))
                if isinstance(node, ast.Constant)
            ]
            said |= {str(node.value) for node in constants}
    assert loglines.FIELDS.keys() - said == only_read
    lines = text_of("tests/golden/seed_lines.txt").splitlines()
    assert {line[1:].partition("]")[0] for line in lines} == loglines.FIELDS.keys()


def test_a_policy_key_stands_in_the_contract() -> None:
    promised = section_of("Policy")
    rules = policy.Policy()
    for part in (rules.labels, rules.trigger, rules.trigger.autonomy, rules.gates, rules.costs):
        missing = [
            name for name in part.__dataclass_fields__ if not re.search(rf"\b{name}\b", promised)
        ]
        assert missing == []


def test_a_process_stands_in_its_files() -> None:
    services = text_of("docker-compose.yml").split("\nservices:")[1]
    table = text_of("docs/architecture.md").split("## Processes")[1].split("\n## ")[0]
    commands = section_of("Commands")
    for process in processes.PROCESSES:
        assert f"\n  {process.name}:" in services, process.name
        if process.command[1] != "alembic":
            assert re.search(rf"\b{process.command[-1].rpartition('.')[2]}\b", commands), (
                process.name
            )
        if process.one_shot:
            continue
        assert f"\n| {process.name.removesuffix('s')}" in table, process.name
        asks = f'if "{process.name}" in names' in text_of("services/doctor/__main__.py")
        assert asks is (process.port is None), (
            f"{process.name}: the doctor asks about what has no /readyz"
        )


def test_a_setting_stands_in_its_files() -> None:
    promised = section_of("Environment")
    assert [
        name
        for name in settings.Settings.model_fields
        if not re.search(rf"\b{name.upper()}\b", promised)
    ] == []
    needed = {
        need for process in processes.PROCESSES for need in (*process.needs, process.port) if need
    }
    assert {name.lower() for name in needed} <= settings.Settings.model_fields.keys()
