"""What a model answered where it was proved, to be asked again wherever it is opened.

The same int8 file answers otherwise on a CPU that cuts off what it adds up: of these messages and a
trained model, without VNNI, the logits moved by 0.05 standard deviations, and 2 of 24 answers
changed. No hash shows that.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from retrain.train.compile import cpu

FILE: Final = "golden_logits.json"
# Measured 0 where products are exact, whatever the CPU, and 0.05 to 0.10 where they are not.
MAX_TYPICAL: Final = 0.01
# A last digit may fall on the other side of a rounding step, in one message: measured 0.10.
MAX_LARGEST: Final = 1.0
_TINY: Final = np.finfo(np.float64).tiny

MESSAGES: Final = (
    "",
    "ok",
    "hello",
    "where is my parcel",
    "Where is order #40127? It was due on Tuesday.",
    "I want to return volume 3, the cover is torn",
    "is this one in English or only in Japanese?",
    "something like the last one but darker",
    "any deals on box sets this week",
    "my card is declined at checkout",
    "let me talk to a person NOW",
    "do you ship to Norway, and what does it cost?",
    "lol that ending tho",
    "この漫画の続きはいつ出ますか",
    "カキをください",
    "注文をキャンセルして返金してください",
    "isekai の おすすめ教えて pls",
    "ＦＵＬＬ　ＷＩＤＴＨ　ｏｒｄｅｒ",
    "반품하고 싶어요",
    "где мой заказ?",
    "أين طلبي",
    "¿dónde está mi pedido? ¡gracias!",
    "😀😀😀",
    "I bought the first five volumes as a present, two of them came twice and one is missing, so I "
    "would like to send the doubles back, get the missing one, and know whether the discount that "
    "I was promised for the whole set still holds when I order the other seven next month, or not",
)

Logits = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Proof:
    """The messages, a hash of their tokens, the logits, one row a message, and the CPU."""

    messages: tuple[str, ...]
    tokens_sha256: str
    logits: tuple[tuple[float, ...], ...]
    cpu: cpu.Cpu


@dataclass(frozen=True, slots=True)
class Shift:
    """How far other logits are from the proof's, in standard deviations of these: the largest
    difference, and the mean one of the typical (median) message. Infinite where tokens differ.
    """

    typical: float
    largest: float

    @property
    def small(self) -> bool:
        """Whether it is the same arithmetic; a shift that is no number is not small."""
        return self.typical <= MAX_TYPICAL and self.largest <= MAX_LARGEST


def proof(logits: Logits, tokens: Sequence[Sequence[int]], on: cpu.Cpu) -> Proof:
    """What a session said of MESSAGES: its logits (n, outputs), and the tokens it read."""
    rows = tuple(tuple(row) for row in logits.tolist())
    return Proof(MESSAGES, _sha256(tokens), rows, on)


def shift(before: Proof, logits: Logits, tokens: Sequence[Sequence[int]]) -> Shift:
    """How far the answers of another session are from the proof.

    >>> here = cpu.Cpu("any", ())
    >>> before = proof(np.array([[1.0, -1.0], [1.0, -1.0], [1.0, -1.0]]), [[1], [2], [3]], here)
    >>> shift(before, np.array([[1.0, -1.0], [1.0, -1.0], [1.5, -1.0]]), [[1], [2], [3]])
    Shift(typical=0.0, largest=0.5)
    """
    expected = np.array(before.logits)
    if logits.shape != expected.shape or _sha256(tokens) != before.tokens_sha256:
        return Shift(float("inf"), float("inf"))
    size = max(expected.std(), _TINY)
    off = np.abs(logits - expected) / size
    typical = np.median(off.mean(axis=1))
    return Shift(float(typical), float(off.max()))


def _sha256(tokens: Sequence[Sequence[int]]) -> str:
    body = json.dumps([list(ids) for ids in tokens])
    return hashlib.sha256(body.encode()).hexdigest()


def write(directory: Path, proved: Proof) -> None:
    """Lay it into a model's directory."""
    body = json.dumps(asdict(proved), ensure_ascii=False, indent=1)
    (directory / FILE).write_text(body)


def read(directory: Path) -> Proof | None:
    """The proof in a model's directory; models of before have none."""
    path = directory / FILE
    if not path.exists():
        return None
    body = json.loads(path.read_text())
    return Proof(
        messages=tuple(body["messages"]),
        tokens_sha256=body["tokens_sha256"],
        logits=tuple(tuple(row) for row in body["logits"]),
        cpu=cpu.Cpu(body["cpu"]["name"], tuple(body["cpu"]["features"])),
    )
