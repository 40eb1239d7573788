"""Every kind of simulated incident, and a stretch in which nothing happens: what is decided each
hour.

From the reference's last hours on, which are six.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from pinned import lines, product

_DAYS, _ONSET_DAY = 8, 5.2
_SINCE, _REFERENCE_UNTIL = "2026-03-05T18:00:00Z", "2026-03-06T00:00:00Z"
_POLICY = "[labels]\nbudget_per_day = 300\n"
# The seed's last bit says how a pipeline breaks (errors, another tokenizer) and who is first in a
# flood of labels (the bot, people).
_STORIES = (
    ("none", 10),
    ("mix", 11),
    ("language", 12),
    ("pipeline", 14),
    ("pipeline", 15),
    ("bad_release", 17),
    ("label_famine", 18),
    ("label_flood", 20),
    ("label_flood", 21),
)


def played() -> Iterator[lines.Line]:
    """The decisions of all of them."""
    with ThreadPoolExecutor(2) as pool:
        for story in pool.map(_played, *zip(*_STORIES, strict=True)):
            yield from story


def _played(kind: str, seed: int) -> list[lines.Line]:
    story = f"{kind} {seed}"
    history = product.incident(kind, seed, _DAYS, _ONSET_DAY)
    logs = b"".join(msgspec.json.encode(log) + b"\n" for log in history.logs)
    labels = b"".join(msgspec.json.encode(label) + b"\n" for label in history.labels)
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "logs.jsonl").write_bytes(logs)
        (folder / "labels.jsonl").write_bytes(labels)
        (folder / "policy.toml").write_text(_POLICY)
        files = ["--logs", name + "/logs.jsonl", "--labels", name + "/labels.jsonl"]
        rules = ["--policy", name + "/policy.toml", "--reference-until", _REFERENCE_UNTIL]
        taken = product.replayed(["--from", _SINCE, *files, *rules], {})
    given = {"key": f"{story} given", "logs": lines.digest(logs), "labels": lines.digest(labels)}
    return [given, *lines.of_decisions(story, taken)]
