"""What editors, hooks and a hosted machine are told is valid and calls the project's commands."""

import configparser
import importlib.metadata
import json
import shlex
import sys
from pathlib import Path
from typing import Any

import jsonschema
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]


def read(path: str) -> Any:
    """A YAML file of the repository."""
    return YAML(typ="safe").load(ROOT / path)


def test_the_hosted_workflow_calls_ci_run_and_nothing_else() -> None:
    workflow = read(".github/workflows/ci.yml")
    tools = importlib.metadata.distribution("check-jsonschema")
    path = tools.locate_file("check_jsonschema/builtin_schemas/vendor/github-workflows.json")
    schema = json.loads(Path(str(path)).read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert [error.message for error in validator.iter_errors(workflow)] == []
    (job,) = workflow["jobs"].values()
    checkout, run = job["steps"]
    assert checkout["uses"].startswith("actions/checkout@")
    assert run == {"run": ".ci/run"}
    assert (ROOT / ".ci/run").stat().st_mode & 0o100
    assert workflow["permissions"] == {"contents": "read"}


def test_the_hooks_call_the_tools_of_the_environment() -> None:
    (repository,) = read(".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    for hook in repository["hooks"]:
        tool = Path(shlex.split(hook["entry"])[0])
        assert hook["language"] == "system"
        assert tool.parts[:2] == (".venv", "bin")
        assert (Path(sys.executable).parent / tool.name).exists()


def test_editors_are_told_what_the_files_are() -> None:
    told = configparser.ConfigParser()
    told.read_string("[top]\n" + (ROOT / ".editorconfig").read_text())
    assert told["top"]["root"] == "true"
    assert told["Makefile"]["indent_style"] == "tab"
    assert (told["*.py"]["max_line_length"], told["*.{py,sh,java}"]["indent_size"]) == ("100", "4")
