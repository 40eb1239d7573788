"""The taxonomy of this process as constants, read once from the file INTENTWATCH_TAXONOMY names.

A process belongs to one taxonomy for its whole life, as databases, models and logs do. What an
event may be depends on it, so it is read before all else: here, below schemas.settings, which reads
the rest of the environment. A file that cannot be used ends the process with one line and exit 3.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from schemas import taxonomy

VARIABLE: Final = "INTENTWATCH_TAXONOMY"
DEFAULT: Final = Path(__file__).with_name("mangaassist.toml")
_EXIT: Final = 3  # settings.EXIT_CONFIGURATION


def _read() -> taxonomy.Taxonomy:
    try:
        path = _named()
        text = path.read_text(encoding="utf-8")
        return taxonomy.parse(text, f"taxonomy {path}")
    except taxonomy.TaxonomyError as error:
        cause = str(error)
    except (OSError, UnicodeDecodeError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        cause = f"cannot read {VARIABLE}: {why}; name a taxonomy file"
    sys.stderr.write(f"intentwatch: {cause}\n")
    raise SystemExit(_EXIT)


def _named() -> Path:
    """As schemas.settings has it for every variable: X_FILE names a file that holds X."""
    value = os.environ.get(VARIABLE)
    file = os.environ.get(f"{VARIABLE}_FILE")
    if not value and file:
        value = Path(file).read_text(encoding="utf-8").strip()
    return Path(value) if value else DEFAULT


TAXONOMY: Final = _read()
INTENTS: Final[tuple[str, ...]] = TAXONOMY.names
MERGED: Final[Mapping[str, str]] = TAXONOMY.merged


def _places() -> dict[str, int]:
    """The place of every name that may be read: of a merged intent that of the one which took it
    over.
    """
    places = {}
    for place, name in enumerate(INTENTS):
        places[name] = place
    for name, into in MERGED.items():
        places[name] = places[into]
    return places


def _marked(mark: str) -> tuple[str, ...]:
    """The intents with this mark, in order."""
    names = []
    for intent in TAXONOMY.intents:
        if getattr(intent, mark):
            names.append(intent.name)
    return tuple(names)


INDEX: Final[Mapping[str, int]] = _places()
RARE: Final = _marked("rare")
CRITICAL: Final = _marked("critical")
HANDOFF: Final = _marked("handoff")


def survivor(intent: str) -> str:
    """The intent that holds an intent's messages now: itself, unless it was merged."""
    return MERGED.get(intent, intent)
