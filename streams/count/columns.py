"""Pure. Decoded logs -> columns -> the tally of every minute, model and role among them. Whatever
decoded the logs, the integers are the same.
"""

import array
import dataclasses
import datetime as dt
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from schemas import present, slices, tallies, times, windows
from streams.stats import histogram

Floats = npt.NDArray[np.float64]
Ints = windows.Counts
Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
Key = tuple[dt.datetime, str, str]

MINUTE_US: Final = 60_000_000
_I: Final = len(present.INTENTS)
_S: Final = len(slices.SCRIPTS)
_SCRIPT: Final = {script: i for i, script in enumerate(slices.SCRIPTS)}
_NAMES: Final = ("model", "role")  # columns of text; the others are arrays


@dataclass(frozen=True, slots=True)
class Columns:
    """n logs, a of them answered. Of all, shape (n,): time, model, role, latency, whether the
    request failed, the tokenizer's code (-1 where a log does not tell it). Of the answered alone,
    shape (a,), in the same order: intent and script (places in the taxonomy), confidence, tokens,
    margin (NaN where a log does not tell it), fallback.
    """

    ts_us: Ints
    model: Sequence[str]
    role: Sequence[str]
    latency_ms: Floats
    failed: Bools
    tokenizer: Ints
    intent: Bytes
    script: Bytes
    confidence: Floats
    tokens: Floats
    margin: Floats
    fallback: Bools


def of(logs: Sequence[Any], ts_us: Ints) -> Columns:
    """Columns of decoded logs (events.ServingLog, or decode.Log with the same names). Raises
    LookupError or TypeError for an answer without all its parts.
    """
    errors = [log.error for log in logs]
    answered = logs
    failed = np.zeros(len(logs), dtype=np.bool_)

    # Mostly nothing has failed: then no log is looked at a second time.
    if errors.count(None) != len(logs):
        answered = [log for log in logs if log.error is None]
        failed = _truths([error is not None for error in errors])

    # One comprehension a column: on msgspec's structs that is twice as fast as attrgetter.
    return Columns(
        ts_us=ts_us,
        model=[log.model for log in logs],
        role=[log.role for log in logs],
        latency_ms=_floats([log.latency_ms for log in logs]),
        failed=failed,
        tokenizer=_tokenizers([log.tokenizer_hash for log in logs]),
        intent=_places([log.intent for log in answered], present.INDEX),
        script=_places([log.script for log in answered], _SCRIPT),
        confidence=_floats([log.confidence for log in answered]),
        tokens=_floats([log.tokens for log in answered]),
        margin=_some_floats([log.margin for log in answered]),
        fallback=_truths([log.fallback_rerank for log in answered]),
    )


def joined(parts: Sequence[Columns]) -> Columns:
    """The logs of several Columns, one after the other."""
    if len(parts) == 1:
        return parts[0]

    whole: dict[str, Any] = {}
    for field in dataclasses.fields(Columns):
        pieces = [getattr(part, field.name) for part in parts]
        if field.name in _NAMES:
            whole[field.name] = list(itertools.chain.from_iterable(pieces))
        else:
            whole[field.name] = np.concatenate(pieces)

    return Columns(**whole)


def _floats(values: Sequence[float]) -> Floats:
    packed = array.array("d", values)
    return np.frombuffer(packed, dtype=np.float64)


def _some_floats(values: Sequence[float | None]) -> Floats:
    missing = values.count(None)
    if missing == len(values):
        return np.full(len(values), np.nan)
    if missing:
        return np.array(values, dtype=np.float64)
    return _floats(values)  # type: ignore[arg-type]  # None is not in it


def _truths(values: Sequence[bool]) -> Bools:
    return np.frombuffer(bytes(values), np.bool_)


def _places(names: Sequence[str], place: Mapping[str, int]) -> Bytes:
    packed = bytes(map(place.__getitem__, names))
    return np.frombuffer(packed, np.uint8)


def _tokenizers(names: Sequence[str | None]) -> Ints:
    code: dict[str | None, int] = {}
    for name in set(names):
        code[name] = -1 if name is None else windows.tokenizer_code(name)

    if len(code) == 1:
        (only,) = code.values()
        return np.full(len(names), only, dtype=np.int64)
    return _numbers(names, code)


def _numbers(names: Sequence[Any], number: Mapping[Any, int]) -> Ints:
    return np.fromiter(map(number.__getitem__, names), np.int64, len(names))


def _codes(names: Sequence[str]) -> tuple[Ints, list[str]]:
    """A number for each name, and the names by number."""
    distinct = sorted(set(names))
    if len(distinct) == 1:
        zeros = np.zeros(len(names), dtype=np.int64)
        return zeros, distinct

    number = {name: i for i, name in enumerate(distinct)}
    if len(distinct) > 256:  # more than a byte of _places can tell apart
        return _numbers(names, number), distinct
    codes = _places(names, number)
    return codes.astype(np.int64), distinct


def by_key(logs: Columns, late: Bools) -> tuple[list[Key], tallies.Tallies]:
    """The tally of every minute x model x role that occurs. `late`: which logs came after their
    minute had ended.
    """
    minute = logs.ts_us // MINUTE_US
    first = int(minute.min()) if len(minute) else 0
    model, models = _codes(logs.model)
    role, roles = _codes(logs.role)

    # One number for the three of them, so that one np.unique finds the keys and who has which.
    minute_and_model = (minute - first) * len(models) + model
    codes = minute_and_model * len(roles) + role
    distinct, group = np.unique(codes, return_inverse=True)

    keys = []
    for code in distinct.tolist():
        rest, of_role = divmod(code, len(roles))
        minutes, of_model = divmod(rest, len(models))
        start = times.from_micros((minutes + first) * MINUTE_US)
        keys.append((start, models[of_model], roles[of_role]))

    counted = grouped(logs, late, group.astype(np.int64), len(keys))
    return keys, counted


def grouped(
    logs: Columns,
    late: Bools,
    group: Ints,
    k: int,
) -> tallies.Tallies:
    """k tallies: log i is counted in tally group[i]."""
    answered = group[~logs.failed]
    latency = histogram.latency_bins(logs.latency_ms)
    confidence = histogram.confidence_bins(logs.confidence)

    return tallies.Tallies(
        _scalars(logs, late, group, k),
        _arrays(logs, answered, k),
        _histograms(group, latency, windows.LATENCY_BINS),
        _histograms(answered, confidence, windows.CONFIDENCE_BINS),
    )


def _scalars(
    logs: Columns,
    late: Bools,
    group: Ints,
    k: int,
) -> Ints:
    """In the order of windows.SCALARS, shape (k, len(SCALARS))."""
    answered = group[~logs.failed]
    has_margin = ~np.isnan(logs.margin)
    with_margin = answered[has_margin]
    named, codes, squares = _of_tokenizers(logs.tokenizer, group, k)

    columns = (
        np.bincount(group, minlength=k),
        np.bincount(group[logs.failed], minlength=k),
        np.bincount(group[late], minlength=k),
        _sums(group, logs.latency_ms * 1000, k),
        _sums(answered, logs.confidence * windows.MICRO, k),
        _sums(answered, logs.tokens, k),
        _sums(with_margin, logs.margin[has_margin] * windows.MICRO, k),
        np.bincount(with_margin, minlength=k),
        named,
        codes,
        squares,
    )
    return np.stack(columns, axis=1).astype(np.int64)


def _arrays(logs: Columns, answered: Ints, k: int) -> dict[str, Ints]:
    """`answered`: the tally of each answered log. Arrays as windows.ARRAYS, shapes (k, width)."""
    by_intent = answered * _I + logs.intent
    by_script = answered * _S + logs.script
    unsure = logs.confidence < windows.LOW_CONFIDENCE
    return {
        "intent_count": _counted(by_intent, k, _I),
        "intent_low": _counted(by_intent[unsure], k, _I),
        "intent_fallback": _counted(by_intent[logs.fallback], k, _I),
        "script_count": _counted(by_script, k, _S),
    }


def _of_tokenizers(
    tokenizer: Ints,
    group: Ints,
    k: int,
) -> tuple[Ints, Ints, Ints]:
    """How many logs told their tokenizer, the sum of the codes and that of their squares."""
    named = tokenizer >= 0
    groups = group[named]
    codes = tokenizer[named].astype(np.float64)

    count = np.bincount(groups, minlength=k)
    total = _sums(groups, codes, k)
    squares = _sums(groups, codes * codes, k)
    return count, total, squares


def _counted(cells: Ints, k: int, width: int) -> Ints:
    counts = np.bincount(cells, minlength=k * width)
    return counts.astype(np.int64).reshape(k, width)


def _sums(group: Ints, values: Floats, k: int) -> Ints:
    """Each value is rounded before the sum, so that a total does not depend on how logs were
    grouped; float64 holds such integers exactly.
    """
    totals = np.bincount(group, weights=np.rint(values), minlength=k)
    return totals.astype(np.int64)


def _histograms(group: Ints, bins: Ints, size: int) -> tallies.Bins:
    cells = group * size + bins
    keys, counts = np.unique(cells, return_counts=True)
    return tallies.Bins(keys // size, keys % size, counts)
