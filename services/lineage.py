"""What a model is made of: what is on record of it, and what its directory says."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from retrain.train.compile import manifest

_GOLDEN: Final = "golden_logits.json"


def of(row: Mapping[str, Any], models: Path) -> dict[str, Any]:
    """The contract's keys, from `store.model`'s row and the directory of models; what either lacks
    is null.
    """
    directory = _directory(row, models)
    recorded = row["detail"] or {}
    golden, cpu = _golden(directory)
    return {
        "model": row["model"],
        "run": row["run"],
        "snapshot_sha256": row["snapshot_sha256"],
        "taxonomy": _json(directory / manifest.TAXONOMY).get("version"),
        "policy_sha256": recorded.get("policy_sha256") or row["policy_sha256"],
        "code": recorded.get("code"),
        "signed_by": _signer(directory, models),
        "digest": row["digest"] or _digest(directory / manifest.MANIFEST),
        "golden": golden,
        "cpu": cpu,
    }


def _directory(row: Mapping[str, Any], models: Path) -> Path:
    """A candidate that was never registered lies where its run has worked."""
    registered = row["digest"] is not None
    return models / (row["model"] if registered else f".{row['run']}")


def _golden(directory: Path) -> tuple[dict[str, Any], str | None]:
    """What the logits that the model was proved by are of, and the CPU they were made on."""
    path = directory / _GOLDEN
    body = _json(path)
    if not body:
        return {}, None
    cpu = body.get("cpu")
    proved = {
        "messages": len(body.get("messages", ())),
        "tokens_sha256": body.get("tokens_sha256"),
        "sha256": _digest(path),
    }
    return proved, cpu.get("name") if isinstance(cpu, dict) else cpu


def _signer(directory: Path, models: Path) -> str | None:
    """The key, where there is a signature and the key that may have made it."""
    if not (directory / manifest.SIGNATURE).is_file():
        return None
    try:
        return manifest.signer(models)
    except manifest.BadArtefact:
        return None


def _digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _json(path: Path) -> dict[str, Any]:
    """The object in a file; empty where there is none, or something else."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}
