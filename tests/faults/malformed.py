"""Bytes that are no serving log: forty by name, and mutations of valid ones by the hundred
thousand. Pure, seeded.
"""

import json
import random
from collections.abc import Sequence
from typing import Any

_GOOD: dict[str, Any] = {
    "v": 1,
    "ts": "2026-04-20T22:03:14.123Z",
    "model": "v14",
    "role": "champion",
    "req_id": "bad",
    "latency_ms": 13.9,
    "intent": "faq",
    "confidence": 0.5,
    "tokens": 22,
}
_FAILED: dict[str, Any] = {
    "v": 1,
    "ts": "2026-04-20T22:03:14.123Z",
    "model": "v14",
    "req_id": "bad",
    "latency_ms": 13.9,
    "error": "timeout",
}


def _but(**changed: Any) -> bytes:
    return json.dumps(_GOOD | changed).encode()


def _without(name: str) -> bytes:
    return json.dumps({key: value for key, value in _GOOD.items() if key != name}).encode()


def _raw(name: str, literal: bytes) -> bytes:
    return _but(**{name: "@"}).replace(b'"@"', literal)


NAMED: dict[str, bytes] = {
    "empty": b"",
    "blank": b"   ",
    "not_json": b"hello",
    "truncated": json.dumps(_GOOD).encode()[:-7],
    "array": b"[1,2]",
    "number": b"17",
    "null": b"null",
    "string": b'"v14"',
    "two_objects": json.dumps(_GOOD).encode() * 2,
    "trailing_comma": json.dumps(_GOOD).encode()[:-1] + b",}",
    "single_quotes": json.dumps(_GOOD).encode().replace(b'"', b"'"),
    "comment": b"/* */" + json.dumps(_GOOD).encode(),
    "byte_order_mark": b"\xef\xbb\xbf" + json.dumps(_GOOD).encode(),
    "utf_16": json.dumps(_GOOD).encode("utf-16"),
    "invalid_utf_8": _but(model="@").replace(b"@", b"\xff\xfe"),
    "overlong_utf_8": _but(model="@").replace(b"@", b"\xc0\xaf"),
    "lone_surrogate": _raw("model", b'"\\ud800"'),
    "raw_control_character": _raw("model", b'"a\x01b"'),
    "nul_in_model": _but(model="v\x0014"),
    "deep_nesting": b"[" * 100_000,
    "deep_object": b'{"a":' * 50_000,
    "nan": _raw("latency_ms", b"NaN"),
    "infinity": _raw("latency_ms", b"Infinity"),
    "overflowing_number": _raw("latency_ms", b"1e999"),
    "huge_integer": _raw("tokens", b"9" * 400),
    "negative_latency": _but(latency_ms=-1),
    "latency_over_ten_minutes": _but(latency_ms=600_000.5),
    "latency_text": _but(latency_ms="13.9"),
    "confidence_over_one": _but(confidence=1.7),
    "negative_confidence": _but(confidence=-0.1),
    "unknown_intent": _but(intent="world_peace"),
    "empty_model": _but(model=""),
    "no_ts": _without("ts"),
    "no_model": _without("model"),
    "no_intent": _without("intent"),
    "no_tokens": _without("tokens"),
    "ts_without_zone": _but(ts="2026-04-20T22:03:14.123"),
    "ts_no_date": _but(ts="yesterday"),
    "ts_month_13": _but(ts="2026-13-20T22:03:14Z"),
    "ts_year_9999": _but(ts="9999-12-31T23:59:59.999Z"),
    "version_two": _but(v=2),
    "version_true": _but(v=True),
    "unknown_role": _but(role="king"),
    "unknown_script": _but(script="klingon"),
    "fractional_tokens": _but(tokens=1.5),
    "negative_tokens": _but(tokens=-1),
    "error_with_answer": json.dumps(_FAILED | {"intent": "faq", "confidence": 0.5}).encode(),
    "empty_error": json.dumps(_FAILED | {"error": ""}).encode(),
    "zero_p": _but(sample={"queue": "measure", "p": 0, "text": "x"}),
    "sample_without_text": _but(sample={"queue": "measure", "p": 0.5}),
    "unknown_queue": _but(sample={"queue": "other", "p": 0.5, "text": "x"}),
}
_STRANGE = [
    b'"',
    b"}",
    b"{",
    b",",
    b":",
    b"null",
    b"-",
    b"e9",
    b"\\u0000",
    b"\\ud800",
    b"\xff",
    b"\x00",
    b"[",
    b"1",
    b".",
    b"\\",
    b" ",
    b"true",
]


def mutated(valid: bytes, rng: random.Random) -> bytes:
    """One to three small injuries: a byte changed, cut out, doubled or put in; a stretch removed; a
    value swapped; the end cut off.
    """
    injured = bytearray(valid)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(injured)) if injured else 0
        kind = rng.randrange(6)
        if kind == 0 and injured:
            injured[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del injured[at : at + rng.randint(1, 3)]
        elif kind == 2:
            injured[at:at] = rng.choice(_STRANGE)
        elif kind == 3:
            injured[at:at] = injured[at : at + rng.randint(1, 20)]
        elif kind == 4:
            del injured[at:]
        else:
            injured[at : at + 1] = rng.choice(_STRANGE)
    return bytes(injured)


def fuzzed(valid: Sequence[bytes], count: int, seed: int) -> list[bytes]:
    """`count` mutations, none with a line break: in an envelope that would be two logs."""
    rng = random.Random(seed)
    return [mutated(rng.choice(valid), rng).replace(b"\n", b" ") for _ in range(count)]
