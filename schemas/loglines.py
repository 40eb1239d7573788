"""Pure. The seed's log lines: `[TAG] key=value ...`. One encoder, one parser; LOG_FORMAT=json
carries the same keys.

In code every rate is a ratio in [0, 1]. Percent and points exist in the line only: FIELDS says how
each key of each tag is written, in order. A value that could be mistaken for syntax is written as a
JSON string, so a hostile value cannot forge a second field or a second line.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

Value = str | int | float | bool | dict[str, float] | list[str] | None


@dataclass(frozen=True, slots=True)
class Form:
    """How one kind of value is written and read back."""

    write: Callable[[Any], str]
    read: Callable[[str], Any]


_BARE = re.compile(r"[A-Za-z0-9_.:%+\-/#]+\Z")


def _quote(value: str) -> str:
    return json.dumps(value)


def _text(value: str) -> str:
    mistakable = value in ("true", "false", "null", "yes", "no")
    if mistakable or not _BARE.match(value):
        return _quote(value)
    return value


def _fixed(places: int, scale: float = 1, unit: str = "") -> Form:
    def write(value: float) -> str:
        return f"{value * scale:.{places}f}{unit}"

    def read(raw: str) -> float:
        # Four places more than are written: enough for a scale of 100, and no float's tail.
        return round(float(raw.removesuffix("%")) / scale, places + 4)

    return Form(write, read)


def _switch(true: str, false: str) -> Form:
    meaning = {true: True, false: False}
    return Form(
        write=lambda value: true if value else false,
        read=lambda raw: meaning[raw],
    )


def _unquoted(raw: str) -> str:
    return str(json.loads(raw)) if raw.startswith('"') else raw


class _Rate(float):
    """A learning rate that remembers how many digits it was read with: the seed writes both 2.1e-06
    and 2.80e-06.
    """

    digits = 2


def _read_rate(raw: str) -> float:
    mantissa, _, _ = raw.partition("e")
    _, _, decimals = mantissa.partition(".")
    rate = _Rate(raw)
    rate.digits = len(decimals)
    return rate


def _write_rate(rate: float) -> str:
    digits = rate.digits if isinstance(rate, _Rate) else _Rate.digits
    return f"{rate:.{digits}e}"


def _write_names(names: list[str]) -> str:
    listed = ", ".join(names)
    return f"[{listed}]"


def _read_names(raw: str) -> list[str]:
    return [name for name in raw[1:-1].split(", ") if name]


def _write_shares(shares: dict[str, float]) -> str:
    pairs = [f"{name}:{share * 100:.1f}" for name, share in shares.items()]
    listed = ", ".join(pairs)
    return f"{{{listed}}}"


def _read_shares(raw: str) -> dict[str, float]:
    shares = {}
    for pair in _read_names(raw):
        name, percent = pair.split(":")
        shares[name] = round(float(percent) / 100, 5)
    return shares


TEXT: Final = Form(_text, _unquoted)
STRING: Final = Form(_quote, _unquoted)  # always quoted, as the seed writes a reason
WHOLE: Final = Form(lambda v: str(int(v)), int)
POINTS: Final = _fixed(1, 100)  # 0.917 <-> 91.7
PERCENT: Final = _fixed(1, 100, "%")
PERCENT2: Final = _fixed(2, 100, "%")
ONE: Final = _fixed(1)
TWO: Final = _fixed(2)
THREE: Final = _fixed(3)
NUMBER: Final = Form(lambda v: f"{v:g}", float)
RATE: Final = Form(_write_rate, _read_rate)
TRUTH: Final = _switch("true", "false")
YES: Final = _switch("yes", "no")
NAMES: Final = Form(_write_names, _read_names)
SHARES: Final = Form(_write_shares, _read_shares)

FIELDS: Final[dict[str, dict[str, Form]]] = {
    "DATA_AUDIT": {
        "run_id": TEXT,
        "total_examples": WHOLE,
        "production": WHOLE,
        "synthetic": WHOLE,
        "label_distribution": SHARES,
        "duplicate_rate": PERCENT,
        "jp_en_mixed": PERCENT,
        "multi_intent_estimate": PERCENT,
        "synthetic_low_quality_estimate": PERCENT,
        "train": WHOLE,
        "val": WHOLE,
        "test": WHOLE,
        "left_out": WHOLE,
        "groups": WHOLE,
        "leaked": WHOLE,
    },
    "DECISION": {
        "filter_synthetic": YES,
        "selected": TEXT,
        "promote": YES,
        "gamma": ONE,
        "strategy": STRING,
        "reason": STRING,
    },
    "MODEL_BENCH": {
        "candidates": NAMES,
        "model": TEXT,
        "acc": POINTS,
        "p95_ms": NUMBER,
        "monthly_cost": NUMBER,
        "macro_f1": POINTS,
        "size_mb": ONE,
        "train_min": NUMBER,
        "cost_per_point": NUMBER,
        "weights": TEXT,
    },
    "ABLATION": {
        "loss": TEXT,
        "overall_acc": POINTS,
        "rare_acc": POINTS,
        "train_min": NUMBER,
    },
    "TRAIN": {
        "run_id": TEXT,
        "epoch": WHOLE,
        "step": TEXT,
        "lr_head": RATE,
        "lr_bottom": RATE,
        "loss": THREE,
        "grad_norm": TWO,
        "gpu_mem_gb": ONE,
        "ex_per_sec": WHOLE,
    },
    "VAL": {
        "run_id": TEXT,
        "epoch": WHOLE,
        "loss": TWO,
        "acc": POINTS,
        "macro_f1": POINTS,
        "rare_recall": POINTS,
        "ece": THREE,
    },
    "BASELINE": {
        "run_id": TEXT,
        "model": TEXT,
        "n": WHOLE,
        "acc": POINTS,
        "macro_f1": POINTS,
        "rare_recall": POINTS,
        "ece": THREE,
        "cpu_s": ONE,
    },
    "CHECKPOINT": {
        "best_epoch": WHOLE,
        "criterion": STRING,
    },
    "DEPLOY": {
        "candidate_model": TEXT,
        "tokenizer_hash": TEXT,
        "compiled": TRUTH,
        "target": TEXT,
    },
    "LOAD_TEST": {
        "p50_ms": ONE,
        "p95_ms": ONE,
        "p99_ms": ONE,
        "error_rate": PERCENT2,
        "rps": WHOLE,
    },
    "SHADOW": {
        "agreement_with_champion": PERCENT,
        "disagreement_rate": PERCENT,
        "critical_intent_regression": TRUTH,
    },
    "SERVE": {
        "ts": TEXT,
        "model": TEXT,
        "req_id": TEXT,
        "latency_ms": ONE,
        "intent": TEXT,
        "confidence": TWO,
        "fallback_rerank": TRUTH,
        "tokens": WHOLE,
    },
    "MONITOR_HOURLY": {
        "model": TEXT,
        "p50_ms": ONE,
        "p95_ms": ONE,
        "p99_ms": ONE,
        "err_rate": PERCENT2,
        "low_conf_rate": PERCENT,
        "kl_div": THREE,
    },
    "MONITOR_DAILY": {
        "model": TEXT,
        "sampled_acc": POINTS,
        "rare_recall": POINTS,
        "fallback_rate": PERCENT,
    },
    "MONITOR_WEEKLY": {
        "model": TEXT,
        "kl_div": THREE,
        "sampled_acc": POINTS,
        "low_conf_rate": PERCENT,
    },
    "ALERT": {
        "retrain_trigger": TRUTH,
        "reason": STRING,
    },
}
# The seed writes these first fields without their key: `[MODEL_BENCH] tinybert acc=87.3`.
BARE: Final = {"MODEL_BENCH": "model", "ABLATION": "loss"}

_LINE = re.compile(r"\[([A-Z_]+)\]((?: \S.*)?)\Z")
_FIRST = re.compile(r' ("(?:[^"\\]|\\.)*"|[^\s"=]+)(?= |\Z)')  # a value without its key
_PAIR = re.compile(r' ([a-z0-9_]+)=("(?:[^"\\]|\\.)*"|\{[^}]*\}|\[[^\]]*\]|[^\s"]+)')


class LogLineError(ValueError):
    """A line, tag or field that this format does not have."""


def encode(tag: str, fields: Mapping[str, Value]) -> str:
    """One line. A field that is None is written `null` if it stands in the tag's order; absent
    fields are left out.

    >>> encode("MONITOR_DAILY", {"model": "v14", "sampled_acc": 0.917, "fallback_rate": 0.041})
    '[MONITOR_DAILY] model=v14 sampled_acc=91.7 fallback_rate=4.1%'
    """
    forms = _forms(tag)
    for name in fields:
        if name not in forms:
            raise LogLineError(f"[{tag}] has no field {name}")

    words = [f"[{tag}]"]
    for name, form in forms.items():
        if name not in fields:
            continue
        value = fields[name]
        written = "null" if value is None else form.write(value)
        words.append(written if name == BARE.get(tag) else f"{name}={written}")
    return " ".join(words)


def _forms(tag: str) -> dict[str, Form]:
    if tag not in FIELDS:
        raise LogLineError(f"no such tag: {tag}")
    return FIELDS[tag]


def parse(line: str) -> tuple[str, dict[str, Value]]:
    """The tag and fields of one line. Raises LogLineError on anything encode would not have
    written.

    >>> tag, fields = parse("[MONITOR_DAILY] model=v14 sampled_acc=91.7 fallback_rate=4.1%")
    >>> tag, fields["sampled_acc"]
    ('MONITOR_DAILY', 0.917)
    """
    match = _LINE.match(line)
    if not match or "\n" in line:
        raise LogLineError("not a log line: it must be [TAG] key=value ...")

    tag, rest = match[1], match[2]
    try:
        fields = _fields(tag, rest)
    except (LookupError, ValueError) as error:
        cause = error if isinstance(error, LogLineError) else f"[{tag}]: cannot read a value"
        raise LogLineError(cause) from None
    if encode(tag, fields) != line:
        raise LogLineError(f"[{tag}]: the same fields are written otherwise")
    return tag, fields


def _fields(tag: str, rest: str) -> dict[str, Value]:
    """The fields of what stands after the tag, in any order."""
    forms = _forms(tag)
    fields, position = _first(tag, rest)
    while position < len(rest):
        pair = _PAIR.match(rest, position)
        if not pair or pair[1] not in forms:
            unread = rest[position : position + 40]
            raise LogLineError(f"[{tag}]: cannot read {unread!r}")
        name, raw = pair[1], pair[2]
        fields[name] = _value(forms[name], raw)
        position = pair.end()
    return fields


def _value(form: Form, raw: str) -> Value:
    value: Value = None if raw == "null" else form.read(raw)
    return value


def _first(tag: str, rest: str) -> tuple[dict[str, Value], int]:
    """The field that stands without its key, if there is one, and where the pairs begin."""
    bare = _FIRST.match(rest) if tag in BARE else None
    if bare is None:
        return {}, 0
    return {BARE[tag]: _value(TEXT, bare[1])}, bare.end()


def as_json(tag: str, fields: Mapping[str, Value]) -> str:
    """The same fields as one JSON object, rates as ratios."""
    _forms(tag)
    return json.dumps({"tag": tag, **fields}, ensure_ascii=False)
