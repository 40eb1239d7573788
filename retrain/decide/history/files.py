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
        size = path.stat().st_size
        with (
            path.open("rb") as raw,
            progress.bar(
                path.name,
                size,
                "B",
                unit_scale=True,
                delay=QUIET_S,
            ) as bar,
        ):
            is_gzip = path.suffix == ".gz"
            body: Iterable[bytes] = gzip.GzipFile(fileobj=raw) if is_gzip else raw
            for number, line in enumerate(body, start=1):
                if number % LINES == 0:
                    bar.update(raw.tell() - bar.n)
                stripped = line.strip()
                if stripped:
                    yield number, stripped
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise BadHistory(f"cannot read {path}: {reason}") from error


def serving_logs(path: Path) -> archive.Block:
    """The champion's logs of a file, counted. Raises BadHistory on the first malformed line."""
    return archive.joined(_blocks(path))


def _blocks(path: Path) -> Iterator[archive.Block]:
    numbered = lines(path)
    while rows := list(islice(numbered, LINES)):
        block, malformed = archive.block([line for _, line in rows])
        if malformed:
            place, first = malformed[0]
            number = rows[place][0]
            raise BadHistory(f"{path}:{number}: {first.reason}: {first.detail}")
        yield block


def labels(path: Path) -> list[events.HumanLabel]:
    """Labels in the order people gave them. Raises BadHistory."""
    given = _decoded(path, events.human_label)
    return sorted(given, key=lambda label: (label.labelled_at, label.req_id, label.annotator))


def incidents(path: Path) -> list[events.Incident]:
    """Incidents of a file. Raises BadHistory, also for a kind that no decision answers: it would
    count as neither hit nor miss.
    """
    incidents = _decoded(path, events.incident)
    for incident in incidents:
        if incident.kind not in KINDS:
            kinds = ", ".join(KINDS)
            raise BadHistory(
                f"{path}: incident {incident.id}: kind {incident.kind!r} is none of {kinds}"
            )
    return incidents


def _decoded(
    path: Path,
    decode: Callable[[bytes], _T | events.Malformed],
) -> list[_T]:
    decoded: list[_T] = []
    for number, line in lines(path):
        event = decode(line)
        if isinstance(event, events.Malformed):
            raise BadHistory(f"{path}:{number}: {event.reason}: {event.detail}")
        decoded.append(event)
    return decoded


def reference(path: Path) -> runs.Reference:
    """A reference.json. Raises BadHistory."""
    try:
        body = path.read_bytes()
    except OSError as error:
        raise BadHistory(f"cannot read {path}: {error.strerror}") from error

    try:
        # Keys that the contract does not name are free.
        decoded = msgspec.json.decode(body, type=runs.Reference, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadHistory(f"{path}: not a reference.json: {error}") from error

    for name, ratio in _ratios(decoded):
        if ratio is not None and not 0 <= ratio <= 1:
            raise BadHistory(f"{path}: {name} {ratio:g} is no ratio in [0, 1]")

    for name, count in _counts(decoded):
        if count < 0:
            raise BadHistory(f"{path}: {name} {count} is no count")

    tokens = decoded.mean_tokens
    if tokens is not None and tokens < 0:
        raise BadHistory(f"{path}: mean_tokens {tokens:g} is below 0")
    return runs.reference(dataclasses.asdict(decoded))


def _ratios(reference: runs.Reference) -> Iterator[tuple[str, float | None]]:
    yield "accuracy", reference.accuracy
    yield "mean_confidence", reference.mean_confidence
    yield "low_confidence_rate", reference.low_confidence_rate
    yield "left_out", reference.left_out
    for intent, recall in (reference.recall or {}).items():
        yield f"recall of {intent}", recall


def _counts(reference: runs.Reference) -> Iterator[tuple[str, int]]:
    yield "n", reference.n
    yield "accuracy_n", reference.accuracy_n or 0
    yield from reference.intent_counts.items()
    yield from (reference.script_counts or {}).items()
