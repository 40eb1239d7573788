"""Write docs/licences.md: the licence of each locked library, as those in .venv tell it."""

import importlib.metadata
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from packaging.markers import Marker

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "licences.md"
SETS: Final = {
    "slim": "every image",
    "retrain": "the retrain image",
    "torch": "the retrain image",
    "all": "development",
}
ASK_MORE: Final = ("GPL", "MPL", "Mozilla", "Proprietary", "not told")
# Where the product runs; a lock file also names what other machines and Pythons would get.
MACHINE: Final = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.11.0",
    "python_version": "3.11",
    "sys_platform": "linux",
}
HEAD: Final = """\
# Licences

What the lock files bring, each with the licence its own metadata names. After a change of
requirements/ `.venv/bin/python requirements/licences.py` writes this page anew. Nothing of it is
copied into this repository: each library comes from its registry with its own licence text.

`make up` and `make demo` also fetch the jars of services/local/kafka.lock: Apache Kafka
(Apache-2.0) and what it needs, with their licences inside. What
requirements/neuron.lock brings into an interpreter of its own is not listed here: it is other
versions of torch and transformers.

Whoever passes an image on reads these first, as they ask for more than a notice or are
proprietary: {careful}.

| library | licence | needed by |
|---|---|---|"""
_ENTRY: Final = re.compile(r"^([\w.-]+)==(\S+?)(?: *; *(.+?))? *\\?$", re.MULTILINE)
_CLASSIFIER: Final = "License :: "


def locked(name: str) -> dict[str, str]:
    """The libraries of requirements/NAME.lock with their versions, as that machine gets them."""
    found = {}
    for library, version, marker in _ENTRY.findall(
        (ROOT / "requirements" / f"{name}.lock").read_text()
    ):
        if not marker or Marker(marker).evaluate(MACHINE):
            found[library] = version
    return found


def licence(library: str) -> str:
    """An installed library's SPDX expression, else its classifiers, else its own first line."""
    metadata = importlib.metadata.metadata(library)
    expression = metadata.get("License-Expression")
    if expression:
        return str(expression)
    named = [
        entry.rpartition(" :: ")[2]
        for entry in metadata.get_all("Classifier") or ()
        if entry.startswith(_CLASSIFIER)
    ]
    words = (metadata.get("License") or "").strip().splitlines()
    return ", ".join(named) or (words[0].strip() if words else "not told")


def libraries() -> dict[str, str]:
    """Every locked library, in order, and where it is first needed."""
    needed: dict[str, str] = {}
    for name, place in SETS.items():
        for library in locked(name):
            needed.setdefault(library, place)
    return dict(sorted(needed.items()))


def page(licences: Mapping[str, str]) -> str:
    """The whole page, from the licence of each library."""
    places = libraries()
    rows = [f"| {library} | {licences[library]} | {place} |" for library, place in places.items()]
    careful = [library for library in places if any(word in licences[library] for word in ASK_MORE)]
    text = HEAD.format(careful=", ".join(careful))
    return "\n".join([text, *rows]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page({library: licence(library) for library in libraries()}))
