"""What a model directory holds, by hash, with a signature: a flipped byte is refused before
anything is loaded.
"""

import hashlib
import hmac
import json
import os
import secrets
from pathlib import Path

from schemas import present, succession, taxonomy

MANIFEST = "MANIFEST.json"
SIGNATURE = "MANIFEST.sig"
LABELS, TAXONOMY = "labels.json", "taxonomy.json"
_KEY = ".signing_key"


class BadArtefact(RuntimeError):
    """A model directory that must not be served; the message names the file."""


class AnotherTaxonomy(BadArtefact):
    """A model of other intents than this process's."""


def write(directory: Path) -> str:
    """Hash every file of `directory`, sign the list with the key beside the models; returns the
    manifest's sha256.
    """
    files = {
        str(path.relative_to(directory)): _entry(path)
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
    files = {name: entry for name, entry in files.items() if name not in (MANIFEST, SIGNATURE)}
    body = json.dumps(files, indent=1, sort_keys=True).encode()
    (directory / MANIFEST).write_bytes(body)
    (directory / SIGNATURE).write_text(_signature(body, _key(directory.parent, make=True)))
    return hashlib.sha256(body).hexdigest()


def verify(directory: Path) -> str:
    """Raise BadArtefact unless every file is the one that was signed, none is missing and none was
    added; returns the manifest's sha256.
    """
    try:
        body = (directory / MANIFEST).read_bytes()
        signature = (directory / SIGNATURE).read_text()
    except OSError as error:
        raise BadArtefact(f"{error.filename}: {error.strerror}") from error
    if not hmac.compare_digest(signature, _signature(body, _key(directory.parent, make=False))):
        raise BadArtefact(f"{directory / SIGNATURE}: the signature does not fit the manifest")
    listed = json.loads(body)
    there = {
        str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir()
    } - {MANIFEST, SIGNATURE}
    for name in sorted(listed.keys() | there):
        path = directory / name
        if (
            name not in listed
            or path.is_symlink()
            or not path.is_file()
            or _entry(path) != listed[name]
        ):
            raise BadArtefact(f"{path}: not the file that was signed")
    return hashlib.sha256(body).hexdigest()


def places(directory: Path) -> list[int]:
    """The present place of each of the model's outputs: those of an intent that was merged since
    are another's now. Raises AnotherTaxonomy.
    """
    labels = json.loads((directory / LABELS).read_text())
    unknown = [label for label in labels if label not in present.INDEX]
    words = f"{present.TAXONOMY.version} lacks {succession.listed(unknown)}" if unknown else None
    # Models of before have none: they are of those intents, too.
    if (directory / TAXONOMY).exists():
        found = succession.difference(
            taxonomy.of(json.loads((directory / TAXONOMY).read_text())), present.TAXONOMY
        )
        words = found.words if found.kind is succession.Kind.OTHER else words
    if words is not None:
        raise AnotherTaxonomy(
            f"{directory} is a model of another taxonomy: {words}; point {present.VARIABLE} at the file it was trained with"
        )
    return [present.INDEX[label] for label in labels]


def fits(directory: Path) -> None:
    """Raise AnotherTaxonomy for a model of other intents. One that does not say its labels is for
    whoever loads it.
    """
    if (directory / LABELS).is_file():
        places(directory)


def _entry(path: Path) -> dict[str, int | str]:
    return {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "size": path.stat().st_size}


def _signature(body: bytes, key: bytes) -> str:
    return hmac.new(key, body, hashlib.sha256).hexdigest()


def _key(models: Path, *, make: bool) -> bytes:
    """The key of this models directory; made on first use, readable by its owner alone."""
    path = models / _KEY
    if make and not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadArtefact(
            f"{path}: {error.strerror}; copy the key together with the models"
        ) from error
