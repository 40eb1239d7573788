"""Pure. The sentences of the golden set: read from a file, named by what they say, counted."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec

from retrain.intake import mapping, plain
from schemas import golden, normalise

Text = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]*$")]  # Postgres keeps no NUL


class Line(msgspec.Struct, frozen=True):
    """A line of a file of sentences."""

    text: Text
    intent: str
    stratum: golden.Stratum


_line = msgspec.json.Decoder(Line)
_OWN: Final = Path(__file__).with_name("mangaassist.jsonl")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, the intent a person has reviewed, and its stratum."""

    id: str
    text: str
    intent: str
    stratum: golden.Stratum


def sentence(raw: bytes | Mapping[str, str]) -> Sentence | str:
    """A line of JSON, or the cells of a table, as a sentence; or why it is none."""
    try:
        line = _line.decode(raw) if isinstance(raw, bytes) else msgspec.convert(dict(raw), Line)
        intent = plain.intent(line.intent, mapping.Mapping())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, plain.NotPlain) as error:
        return f"no sentence of a golden set: {error}"

    if not normalise.text(line.text):
        return "text is empty"
    return Sentence(identity(line.text), line.text, intent, line.stratum)


def own() -> list[Sentence]:
    """Our own sentences for MangaAssist, 30 and more a stratum."""
    parsed = (sentence(line) for line in _OWN.read_bytes().splitlines())
    return [each for each in parsed if isinstance(each, Sentence)]


def identity(text: str) -> str:
    """The id of a sentence: two that are one to the model are one here.

    >>> identity("Where is it?") == identity("where  is it")
    True
    """
    sha256 = hashlib.sha256(normalise.text(text).encode())
    return f"g_{sha256.hexdigest()[:16]}"


def digest(sentences: Iterable[Sentence]) -> str:
    """The sha256 of the set, in whatever order it comes: what a run was judged by."""
    lines = sorted(f"{each.id} {each.intent} {each.stratum}\n" for each in sentences)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def missing(sentences: Sequence[Sentence]) -> dict[golden.Stratum, int]:
    """How many sentences each stratum lacks, of those that lack any.

    >>> missing([])[golden.Stratum.SLANG]
    30
    """
    lacking = {}
    for stratum in golden.Stratum:
        n = sum(each.stratum is stratum for each in sentences)
        if n < golden.LEAST:
            lacking[stratum] = golden.LEAST - n
    return lacking


def of(row: Mapping[str, Any]) -> Sentence:
    """A stored row as a sentence."""
    return Sentence(row["id"], row["text"], row["intent"], golden.Stratum(row["stratum"]))
