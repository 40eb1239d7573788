"""Files of serving logs, labels, incidents and references, read as a stream with a progress bar.
Nothing is written.
"""

import dataclasses
import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar

import msgspec

from retrain import progress
from retrain.decide import replay
from retrain.decide.history import archive
from schemas import events, runs

LINES = 2_000  # decoded together: more are no faster, and one unusual line makes all of them slower
KINDS = (*replay.ANSWERS, "none")  # of incidents that score a replay
QUIET_S = 1.0  # shorter waits show no bar

_T = TypeVar("_T")


class BadHistory(ValueError):
    """History that cannot be replayed; the message names file and line."""


def lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Non-empty lines of a file or a gzip file, numbered; what takes longer than a second shows its
    progress. Raises BadHistory.
    """
    try:
        with (
            path.open("rb") as raw,
            progress.bar(
                path.name, path.stat().st_size, "B", unit_scale=True, delay=QUIET_S
            ) as bar,
        ):
            body: Iterable[bytes] = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
            for number, line in enumerate(body, start=1):
                if number % LINES == 0:
                    bar.update(raw.tell() - bar.n)
                if line.strip():
                    yield number, line.strip()
    except (OSError, EOFError, zlib.error) as error:
        raise BadHistory(
            f"cannot read {path}: {getattr(error, 'strerror', None) or error}"
        ) from error


def serving_logs(path: Path) -> archive.Block:
    """The champion's logs of a file, counted. Raises BadHistory on the first malformed line."""
    return archive.joined(_blocks(path))


def _blocks(path: Path) -> Iterator[archive.Block]:
    numbered = lines(path)
    while rows := list(islice(numbered, LINES)):
        found, bad = archive.block([line for _, line in rows])
        if bad:
            place, malformed = bad[0]
            raise BadHistory(f"{path}:{rows[place][0]}: {malformed.reason}: {malformed.detail}")
        yield found


def labels(path: Path) -> list[events.HumanLabel]:
    """Labels in the order people gave them. Raises BadHistory."""
    return sorted(
        _decoded(path, events.human_label),
        key=lambda label: (label.labelled_at, label.req_id, label.annotator),
    )


def incidents(path: Path) -> list[events.Incident]:
    """Incidents of a file. Raises BadHistory, also for a kind that no decision answers: it would
    count as neither hit nor miss.
    """
    found = _decoded(path, events.incident)
    for incident in found:
        if incident.kind not in KINDS:
            raise BadHistory(
                f"{path}: incident {incident.id}: kind {incident.kind!r} is none of {', '.join(KINDS)}"
            )
    return found


def _decoded(path: Path, decode: Callable[[bytes], _T | events.Malformed]) -> list[_T]:
    found: list[_T] = []
    for number, line in lines(path):
        event = decode(line)
        if isinstance(event, events.Malformed):
            raise BadHistory(f"{path}:{number}: {event.reason}: {event.detail}")
        found.append(event)
    return found


def reference(path: Path) -> runs.Reference:
    """A reference.json. Raises BadHistory."""
    try:
        body = path.read_bytes()
    except OSError as error:
        raise BadHistory(f"cannot read {path}: {error.strerror}") from error
    try:
        # Keys that the contract does not name are free.
        found = msgspec.json.decode(body, type=runs.Reference, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadHistory(f"{path}: not a reference.json: {error}") from error
    for name, value in _ratios(found):
        if value is not None and not 0 <= value <= 1:
            raise BadHistory(f"{path}: {name} {value:g} is no ratio in [0, 1]")
    counts = {"n": found.n, "accuracy_n": found.accuracy_n or 0} | found.intent_counts
    for name, count in counts.items():
        if count < 0:
            raise BadHistory(f"{path}: {name} {count} is no count")
    return runs.reference(dataclasses.asdict(found))


def _ratios(found: runs.Reference) -> Iterator[tuple[str, float | None]]:
    yield from (
        ("accuracy", found.accuracy),
        ("mean_confidence", found.mean_confidence),
        ("low_confidence_rate", found.low_confidence_rate),
    )
    yield from ((f"recall of {intent}", value) for intent, value in (found.recall or {}).items())
