"""What a model directory holds, by hash, with a signature: a flipped byte is refused before
anything is loaded.
"""

import hashlib
import hmac
import json
import os
import re
import secrets
from pathlib import Path

from schemas import present, succession, taxonomy

MANIFEST = "MANIFEST.json"
SIGNATURE = "MANIFEST.sig"
LABELS, TAXONOMY = "labels.json", "taxonomy.json"
_KEY = ".signing_key"
_NAME = re.compile(r"v[0-9]{1,18}")


class BadArtefact(RuntimeError):
    """A model directory that must not be served; the message names the file."""


class AnotherTaxonomy(BadArtefact):
    """A model of other intents than this process's."""


def directory(models: Path, model: str) -> Path:
    """Where a model lies: a directory of `models` itself, named v and digits. Raises BadArtefact
    for anything else: whatever a row of the database says, nothing outside `models` is loaded.

    >>> directory(Path("models"), "v14").as_posix()
    'models/v14'
    >>> directory(Path("models"), "../evil/v14")
    Traceback (most recent call last):
    ...
    retrain.train.compile.manifest.BadArtefact: '../evil/v14' is no model's name: v and digits
    """
    if not _NAME.fullmatch(model):
        raise BadArtefact(f"{model!r} is no model's name: v and digits")
    path = models / model
    if path.is_symlink():
        raise BadArtefact(f"{path}: a link, which may point anywhere")
    return path


def write(directory: Path) -> str:
    """Hash every file of `directory`, sign the list with the key beside the models; returns the
    manifest's sha256.
    """
    files = {}
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        if path.is_file() and name not in (MANIFEST, SIGNATURE):
            files[name] = _entry(path)
    body = json.dumps(files, indent=1, sort_keys=True).encode()
    (directory / MANIFEST).write_bytes(body)

    key = _key(directory.parent, make=True)
    (directory / SIGNATURE).write_text(_signature(body, key))
    return hashlib.sha256(body).hexdigest()


def verify(directory: Path, on_record: str | None = None) -> str:
    """Raise BadArtefact unless every file is the one that was signed, none is missing and none was
    added; returns the manifest's sha256. `on_record`: what that is by the registry, if it has the
    model: another model's directory under this name is whole and signed, too.
    """
    try:
        body = (directory / MANIFEST).read_bytes()
        signature = (directory / SIGNATURE).read_text()
    except OSError as error:
        raise BadArtefact(f"{error.filename}: {error.strerror}") from error
    key = _key(directory.parent, make=False)
    if not hmac.compare_digest(signature, _signature(body, key)):
        raise BadArtefact(f"{directory / SIGNATURE}: the signature does not fit the manifest")

    listed = json.loads(body)
    for name in sorted(listed.keys() | _names_in(directory)):
        path = directory / name
        if name not in listed or not _same(path, listed[name]):
            raise BadArtefact(f"{path}: not the file that was signed")

    sha256 = hashlib.sha256(body).hexdigest()
    if on_record not in (None, sha256):
        raise BadArtefact(
            f"{directory}: its manifest is {sha256[:12]}, and {str(on_record)[:12]} is on record: "
            "another model lies under this name"
        )
    return sha256


def signer(models: Path) -> str:
    """Which key signs in this models directory, by the beginning of its sha256. Raises
    BadArtefact.
    """
    key = _key(models, make=False)
    return f"hmac-sha256:{hashlib.sha256(key).hexdigest()[:12]}"


def _names_in(directory: Path) -> set[str]:
    """The names that lie in a directory, at any depth, of whatever is no directory itself; a link
    to one is none.
    """
    names = set()
    for path in directory.rglob("*"):
        if path.is_symlink() or not path.is_dir():
            names.add(str(path.relative_to(directory)))
    return names - {MANIFEST, SIGNATURE}


def _same(path: Path, entry: dict[str, int | str]) -> bool:
    """Whether the file is the one that was signed. A link is not, even to the same bytes: what it
    points at may change.
    """
    return path.is_file() and not path.is_symlink() and _entry(path) == entry


def places(directory: Path) -> list[int]:
    """The present place of each of the model's outputs: those of an intent that was merged since
    are another's now. Raises AnotherTaxonomy.
    """
    labels = json.loads((directory / LABELS).read_text())
    words = _differs(directory, labels)
    if words is not None:
        raise AnotherTaxonomy(
            f"{directory} is a model of another taxonomy: {words}; "
            f"point {present.VARIABLE} at the file it was trained with"
        )
    return [present.INDEX[label] for label in labels]


def _differs(directory: Path, labels: list[str]) -> str | None:
    """How the model's taxonomy is another one than the present, or None where it is not."""
    path = directory / TAXONOMY
    # Models of before have none: they are of those intents, too.
    if path.exists():
        own = taxonomy.of(json.loads(path.read_text()))
        difference = succession.difference(own, present.TAXONOMY)
        if difference.kind is succession.Kind.OTHER:
            return difference.words

    unknown = [label for label in labels if label not in present.INDEX]
    if unknown:
        return f"{present.TAXONOMY.version} lacks {succession.listed(unknown)}"
    return None


def fits(directory: Path) -> None:
    """Raise AnotherTaxonomy for a model of other intents. One that does not say its labels is for
    whoever loads it.
    """
    if (directory / LABELS).is_file():
        places(directory)


def _entry(path: Path) -> dict[str, int | str]:
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"sha256": sha256, "size": path.stat().st_size}


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
