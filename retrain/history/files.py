"""History from files instead of Postgres: serving logs and labels -> scenes. Nothing is written."""

import datetime as dt
import gzip
import json
import zlib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from retrain import moment, replay
from retrain.evaluation import live
from schemas import decisions, events, runs, taxonomy, windows
from streams import observe
from streams.stats import histogram

_HOUR = windows.HORIZONS["1h"]


class BadHistory(ValueError):
    """A file that cannot be replayed; the message names file and line."""


def lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Non-empty lines of a file or a gzip file, numbered. Raises BadHistory."""
    try:
        raw = path.read_bytes()
        body = gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise BadHistory(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    return ((number, line) for number, line in enumerate(body.split(b"\n"), start=1) if line.strip())


def serving_logs(path: Path) -> list[events.ServingLog]:
    """Champion logs, oldest first. Raises BadHistory on the first malformed line."""
    found = []
    for number, line in lines(path):
        log = events.serving_log(line)
        if isinstance(log, events.Malformed):
            raise BadHistory(f"{path}:{number}: {log.reason}: {log.detail}")
        found.append(log)
    return sorted((log for log in found if log.role == "champion"), key=lambda log: (log.ts, log.req_id))


def labels(path: Path) -> list[events.HumanLabel]:
    """Labels in the order people gave them. Raises BadHistory."""
    found = []
    for number, line in lines(path):
        label = events.human_label(line)
        if isinstance(label, events.Malformed):
            raise BadHistory(f"{path}:{number}: {label.reason}: {label.detail}")
        found.append(label)
    return sorted(found, key=lambda label: (label.labelled_at, label.req_id, label.annotator))


def incidents(path: Path) -> list[events.Incident]:
    """Incidents of a file. Raises BadHistory."""
    found = []
    for number, line in lines(path):
        incident = events.incident(line)
        if isinstance(incident, events.Malformed):
            raise BadHistory(f"{path}:{number}: {incident.reason}: {incident.detail}")
        found.append(incident)
    return found


def reference(path: Path) -> runs.Reference:
    """A reference.json. Raises BadHistory."""
    try:
        return runs.Reference(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise BadHistory(f"{path}: not a reference.json: {error}") from error


@dataclass(slots=True)
class Archive:
    """All logs of one model, ready to be asked about any hour."""

    model: str
    hours: dict[dt.datetime, windows.Tally] = field(default_factory=dict)
    sampled: list[tuple[events.ServingLog, Sequence[tuple[dt.datetime, str | None]]]] = field(default_factory=list)


def scenes(logs: Sequence[events.ServingLog], given: Sequence[events.HumanLabel], known: runs.Reference | dt.datetime) -> Iterator[replay.Scene]:
    """One scene an hour with traffic. `known`: the reference, or the instant until which the logs themselves are it."""
    archives = _archives(logs, given)
    stamps, label_stamps = [log.ts for log in logs], [label.labelled_at for label in given]
    first = {model: min(archive.hours) for model, archive in archives.items()}
    opening = min(first, key=lambda model: first[model]) if first else None
    for end, model in sorted((hour + _HOUR, model) for model, archive in archives.items() for hour in archive.hours):
        archive = archives[model]
        reference_ = known if isinstance(known, runs.Reference) else learnt(archive, known) if end > known else None
        promoted = None if model == opening else first[model]
        here = moment.Moment(model, end, _windows(archive, end), reference_, _sampled(archive, end), _hours(archive, end))
        yield replay.Scene(here, decisions.Past(promoted_at=promoted), bisect_right(stamps, end), bisect_right(label_stamps, end))


def _archives(logs: Sequence[events.ServingLog], given: Sequence[events.HumanLabel]) -> dict[str, Archive]:
    by_request: dict[str, list[tuple[dt.datetime, str | None]]] = defaultdict(list)
    for label in given:
        by_request[label.req_id].append((label.labelled_at, label.intent if label.action == "label" else None))
    archives: dict[str, Archive] = {}
    minutes: dict[tuple[str, dt.datetime], list[events.ServingLog]] = defaultdict(list)
    for log in logs:
        archive = archives.setdefault(log.model, Archive(log.model))
        minutes[log.model, windows.floor(log.ts.astimezone(dt.UTC), _HOUR)].append(log)
        if log.sample and log.sample.queue == "measure" and log.error is None:
            archive.sampled.append((log, by_request.get(log.req_id, ())))
    for (model, hour), members in minutes.items():
        archives[model].hours[hour] = observe.tally(members)
    return archives


def learnt(archive: Archive, until: dt.datetime) -> runs.Reference | None:
    """What the model looked like until an instant, by its own logs and labels."""
    total = sum((tally for hour, tally in archive.hours.items() if hour + _HOUR <= until), start=windows.Tally())
    if not total.answered:
        return None
    start = min(archive.hours)
    estimates = live.estimates(_sampled(archive, until, until - start), _hours(archive, until, until - start))
    return runs.Reference(
        model=archive.model,
        n=int(total.intent_count.sum()),
        intent_counts=dict(zip(taxonomy.INTENTS, total.intent_count.tolist(), strict=True)),
        mean_confidence=total.confidence_sum_micro / windows.MICRO / total.answered,
        low_confidence_rate=int(total.intent_low.sum()) / total.answered,
        accuracy=estimates[0].estimate,
        accuracy_n=estimates[0].n_labels,
        recall={e.intent: e.estimate for e in estimates if e.intent and e.estimate is not None},
        p95_latency_ms=histogram.quantile_ms(total.latency_bins, 0.95),
        script_counts=dict(zip(taxonomy.SCRIPTS, total.script_count.tolist(), strict=True)),
    )


def _windows(archive: Archive, end: dt.datetime) -> dict[str, windows.Window]:
    found = {}
    for horizon in ("1h", "1d", "7d"):
        if windows.floor(end, windows.STEPS[horizon]) == end:
            start = end - windows.HORIZONS[horizon]
            parts = [tally for hour, tally in archive.hours.items() if start <= hour < end]
            if parts:
                found[horizon] = windows.Window(archive.model, "champion", horizon, start, end, sum(parts, start=windows.Tally()), 1, complete=True)
    return found


def _sampled(archive: Archive, end: dt.datetime, span: dt.timedelta = windows.HORIZONS["7d"]) -> list[live.Sampled]:
    found = []
    for log, history in archive.sampled:
        if end - span <= log.ts < end and log.sample and log.intent and log.confidence is not None:
            label = next((intent for at, intent in reversed(history) if at <= end), None)
            found.append(live.Sampled(log.ts.astimezone(dt.UTC), log.intent, log.confidence, log.sample.p, label))
    return found


def _hours(archive: Archive, end: dt.datetime, span: dt.timedelta = windows.HORIZONS["7d"]) -> dict[dt.datetime, live.Hour]:
    return {hour: live.Hour(tally.answered, tally.confidence_sum_micro / windows.MICRO) for hour, tally in archive.hours.items() if end - span <= hour < end}
