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
Key = tuple[dt.datetime, str, str]

MINUTE_US: Final = 60_000_000
_I, _S = len(present.INTENTS), len(slices.SCRIPTS)
_SCRIPT: Final = {script: i for i, script in enumerate(slices.SCRIPTS)}


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
    failed: npt.NDArray[np.bool_]
    tokenizer: Ints
    intent: npt.NDArray[np.uint8]
    script: npt.NDArray[np.uint8]
    confidence: Floats
    tokens: Floats
    margin: Floats
    fallback: npt.NDArray[np.bool_]


def of(logs: Sequence[Any], ts_us: Ints) -> Columns:
    """Columns of decoded logs (events.ServingLog, or decode.Log with the same names). Raises
    LookupError or TypeError for an answer without all its parts.
    """
    errors = [log.error for log in logs]
    whole = errors.count(None) == len(logs)
    answered = logs if whole else [log for log in logs if log.error is None]
    return Columns(
        ts_us=ts_us,
        model=[log.model for log in logs],
        role=[log.role for log in logs],
        latency_ms=_floats([log.latency_ms for log in logs]),
        failed=np.zeros(len(logs), dtype=np.bool_)
        if whole
        else np.array([error is not None for error in errors], dtype=np.bool_),
        tokenizer=_tokenizers([log.tokenizer_hash for log in logs]),
        intent=_places([log.intent for log in answered], present.INDEX),
        script=_places([log.script for log in answered], _SCRIPT),
        confidence=_floats([log.confidence for log in answered]),
        tokens=_floats([log.tokens for log in answered]),
        margin=_some_floats([log.margin for log in answered]),
        fallback=np.frombuffer(bytes([log.fallback_rerank for log in answered]), np.bool_),
    )


def joined(parts: Sequence[Columns]) -> Columns:
    """The logs of several Columns, one after the other."""
    if len(parts) == 1:
        return parts[0]
    each: dict[str, Any] = {
        field.name: [getattr(part, field.name) for part in parts]
        for field in dataclasses.fields(Columns)
    }
    for name, values in each.items():
        each[name] = (
            list(itertools.chain.from_iterable(values))
            if name in ("model", "role")
            else np.concatenate(values)
        )
    return Columns(**each)


def _floats(values: Sequence[float]) -> Floats:
    return np.frombuffer(array.array("d", values), dtype=np.float64)


def _some_floats(values: Sequence[float | None]) -> Floats:
    told = len(values) - values.count(None)
    if told in (0, len(values)):
        return _floats(values) if told else np.full(len(values), np.nan)  # type: ignore[arg-type]  # None is not in it
    return np.array(values, dtype=np.float64)


def _places(names: Sequence[str], place: Mapping[str, int]) -> npt.NDArray[np.uint8]:
    return np.frombuffer(bytes(map(place.__getitem__, names)), np.uint8)


def _tokenizers(names: Sequence[str | None]) -> Ints:
    code = {name: -1 if name is None else windows.tokenizer_code(name) for name in set(names)}
    if len(code) == 1:
        return np.full(len(names), code[names[0]], dtype=np.int64)
    return np.fromiter(map(code.__getitem__, names), np.int64, len(names))


def _codes(names: Sequence[str]) -> tuple[Ints, list[str]]:
    """A number for each name, and the names by number."""
    known = sorted(set(names))
    if len(known) == 1:
        return np.zeros(len(names), dtype=np.int64), known
    number = {name: i for i, name in enumerate(known)}
    if len(known) <= 256:
        return _places(names, number).astype(np.int64), known
    return np.fromiter(map(number.__getitem__, names), np.int64, len(names)), known


def by_key(found: Columns, late: npt.NDArray[np.bool_]) -> tuple[list[Key], tallies.Tallies]:
    """The tally of every minute x model x role that occurs. `late`: which logs came after their
    minute had ended.
    """
    minute = found.ts_us // MINUTE_US
    model, models = _codes(found.model)
    role, roles = _codes(found.role)
    first = int(minute.min()) if len(minute) else 0
    codes = ((minute - first) * len(models) + model) * len(roles) + role
    keys, group = np.unique(codes, return_inverse=True)
    names = []
    for code in keys.tolist():
        rest, r = divmod(code, len(roles))
        m, mod = divmod(rest, len(models))
        names.append((times.from_micros((m + first) * MINUTE_US), models[mod], roles[r]))
    return names, grouped(found, late, group.astype(np.int64), len(names))


def grouped(found: Columns, late: npt.NDArray[np.bool_], group: Ints, k: int) -> tallies.Tallies:
    """k tallies: log i is counted in tally group[i]."""
    answered = group[~found.failed]
    told = ~np.isnan(found.margin)
    scalars = (
        np.bincount(group, minlength=k),
        np.bincount(group[found.failed], minlength=k),
        np.bincount(group[late], minlength=k),
        _sums(group, found.latency_ms * 1000, k),
        _sums(answered, found.confidence * windows.MICRO, k),
        _sums(answered, found.tokens, k),
        _sums(answered[told], found.margin[told] * windows.MICRO, k),
        np.bincount(answered[told], minlength=k),
        *_of_tokenizers(found.tokenizer, group, k),
    )
    by_intent = answered * _I + found.intent
    arrays = {
        "intent_count": _counted(by_intent, k, _I),
        "intent_low": _counted(by_intent[found.confidence < windows.LOW_CONFIDENCE], k, _I),
        "intent_fallback": _counted(by_intent[found.fallback], k, _I),
        "script_count": _counted(answered * _S + found.script, k, _S),
    }
    latency = _histograms(group, histogram.latency_bins(found.latency_ms), windows.LATENCY_BINS)
    confidences = _histograms(
        answered, histogram.confidence_bins(found.confidence), windows.CONFIDENCE_BINS
    )
    return tallies.Tallies(np.stack(scalars, axis=1).astype(np.int64), arrays, latency, confidences)


def _of_tokenizers(tokenizer: Ints, group: Ints, k: int) -> tuple[Ints, Ints, Ints]:
    """How many logs told their tokenizer, the sum of the codes and that of their squares."""
    named = tokenizer >= 0
    codes, mine = tokenizer[named].astype(np.float64), group[named]
    return np.bincount(mine, minlength=k), _sums(mine, codes, k), _sums(mine, codes * codes, k)


def _counted(cells: Ints, k: int, width: int) -> Ints:
    return np.bincount(cells, minlength=k * width).astype(np.int64).reshape(k, width)


def _sums(group: Ints, values: Floats, k: int) -> Ints:
    """Each value is rounded before the sum, so that a total does not depend on how logs were
    grouped; float64 holds such integers exactly.
    """
    return np.bincount(group, weights=np.rint(values), minlength=k).astype(np.int64)


def _histograms(group: Ints, bins: Ints, size: int) -> tallies.Bins:
    keys, counts = np.unique(group * size + bins, return_counts=True)
    return tallies.Bins(keys // size, keys % size, counts)
