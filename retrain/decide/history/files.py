"""Files of serving logs, labels, incidents and references, read as a stream with a progress bar.
Nothing is written.
"""

import dataclasses
import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Final, Generic, TypeVar

import msgspec

from retrain.decide import replay
from retrain.decide.history import archive
from retrain.intake import labels as label_files
from retrain.intake import read, unpack
from schemas import events, runs

LINES = 2_000  # decoded together: more are no faster, and one unusual line makes all of them slower
KINDS = (*replay.ANSWERS, "none")  # of incidents that score a replay
GIVEN_UP: Final = 10_000  # lines without a single log: there is none behind them
# No labelling takes longer than a quarter; a date beyond it is a wrong clock.
LABELS_AFTER: Final = dt.timedelta(days=92)
_NO_INCIDENT: Final = events.Malformed(events.Reason.INVALID, "incidents are JSON Lines")

T = TypeVar("T")


class BadHistory(ValueError):
    """History that cannot be replayed; the message names file and line."""


@dataclasses.dataclass(frozen=True, slots=True)
class Taken(Generic[T]):
    """What a file held, and how many of its lines were left out: a bad line costs itself.
    `first`: the first of these and why.
    """

    held: T
    malformed: int = 0
    first: str = ""


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """What a file cannot be used for, as BadHistory."""
    try:
        yield
    except (unpack.Unreadable, unpack.WrongFile) as error:
        cause = str(error)
        raise BadHistory(cause if str(path) in cause else f"{path}: {cause}") from error


@dataclasses.dataclass(slots=True)
class _LeftOut:
    """Malformed lines of a file, counted; the first is told."""

    path: Path
    n: int = 0
    first: str = ""

    def add(self, number: int, fault: events.Malformed) -> None:
        """One more."""
        self.first = self.first or f"{self.path}:{number}: {fault.reason}: {fault.detail}"
        self.n += 1

    def of(self, held: T, total: int) -> Taken[T]:
        """What was taken of so many lines. Raises BadHistory where all of them were malformed."""
        if self.n and self.n == total:
            raise BadHistory(f"{self.first} (and no line is better)" if total > 1 else self.first)
        return Taken(held, self.n, self.first)


def serving_logs(path: Path) -> Taken[archive.Block]:
    """The champion's logs of a file, counted. Raises BadHistory for a file without a single one."""
    blocks = []
    left_out = _LeftOut(path)
    total = 0
    with _named(path), read.opened(path) as file:
        if file.header:
            raise BadHistory(f"{path}: serving logs are JSON Lines; this is a table")
        while rows := list(islice(file.rows, LINES)):
            lines = [row if isinstance(row, bytes) else b"{" for _, row in rows]
            block, malformed = archive.block(lines)
            for place, fault in malformed:
                left_out.add(rows[place][0], fault)
            blocks.append(block)
            total += len(rows)
            if left_out.n == total > GIVEN_UP:
                break
    return left_out.of(archive.joined(blocks), total)


def labels(path: Path) -> Taken[list[events.HumanLabel]]:
    """Labels in the order people gave them. Raises BadHistory for a file without a single one."""
    given: list[events.HumanLabel] = []
    left_out = _LeftOut(path)
    with _named(path), label_files.opened(path) as file:
        for line in file.lines:
            if isinstance(line.parsed, events.Malformed):
                left_out.add(line.number, line.parsed)
            else:
                given.append(line.parsed)
    given.sort(key=lambda label: (label.labelled_at, label.req_id, label.annotator))
    return left_out.of(given, len(given) + left_out.n)


def timely(
    given: Sequence[events.HumanLabel],
    newest: dt.datetime,
) -> list[events.HumanLabel]:
    """The labels that can have been given by then: in a file nobody knows when a label arrived, so
    one dated long after the newest log has a wrong clock.
    """
    return [label for label in given if label.labelled_at - newest <= LABELS_AFTER]


def incidents(path: Path) -> list[events.Incident]:
    """Incidents of a file. Raises BadHistory for its first bad line, also for a kind that no
    decision answers: it would count as neither hit nor miss.
    """
    incidents = []
    with _named(path), read.opened(path) as file:
        for number, row in file.rows:
            incident = events.incident(row) if isinstance(row, bytes) else _NO_INCIDENT
            if isinstance(incident, events.Malformed):
                raise BadHistory(f"{path}:{number}: {incident.reason}: {incident.detail}")
            incidents.append(incident)
    for incident in incidents:
        if incident.kind not in KINDS:
            kinds = ", ".join(KINDS)
            raise BadHistory(
                f"{path}: incident {incident.id}: kind {incident.kind!r} is none of {kinds}"
            )
    return incidents


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
