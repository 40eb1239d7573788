"""How long a replay of a long history takes: `python -m benchmarks.replay [--days 365]
[--logs-a-day 8200] [--keep DIR]`.

A seeded generator writes logs and labels as files; the command's own functions read and replay them
on one core, reading apart from replaying. Every sixty days the language moves for ten: answers
become unsure and wrong, and one intent takes a larger share.
"""

import argparse
import collections
import datetime as dt
import hashlib
import json
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from retrain.decide import replay
from retrain.decide.history import files, scenes
from schemas import policy, present

BEGIN = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
LABELS_A_DAY = 500


def write(folder: Path, days: int, logs_a_day: int, seed: int = 20260420) -> None:
    """`days` days of logs, LABELS_A_DAY of each day sampled and labelled a few hours later, into
    folder/logs.jsonl and folder/labels.jsonl.
    """
    rng = np.random.default_rng(seed)
    with (folder / "logs.jsonl").open("w") as logs, (folder / "labels.jsonl").open("w") as labels:
        for day in range(days):
            _day(day, rng, logs_a_day, logs, labels)


def _day(day, rng, n, logs, labels) -> None:  # type: ignore[no-untyped-def]  # two open files and a generator
    drifted = day % 60 >= 50
    seconds = np.sort(rng.integers(0, 86_400_000, n)) / 1000
    intent = np.where(rng.random(n) < (0.3 if drifted else 0.0), 9, rng.integers(0, 10, n))
    confidence = rng.uniform(0.4, 0.95, n) if drifted else rng.uniform(0.75, 1.0, n)
    right = rng.random(n) < (0.6 if drifted else 0.95)
    latency, p = rng.lognormal(1.8, 0.3, n), min(1.0, LABELS_A_DAY / n)
    chosen = rng.random(n) < p
    for i in range(n):
        ts = BEGIN + dt.timedelta(days=day, seconds=float(seconds[i]))
        name = present.INTENTS[intent[i]]
        sample = (
            f',"sample":{{"queue":"measure","p":{p:.6f},"text":"an invented message {day} {i}"}}'
            if chosen[i]
            else ""
        )
        stamp = f"{ts:%Y-%m-%dT%H:%M:%S}.{ts.microsecond // 1000:03d}Z"
        logs.write(
            f'{{"v":1,"ts":"{stamp}","model":"v1","req_id":"d{day}r{i}",'
            f'"latency_ms":{latency[i]:.3f},"intent":"{name}","confidence":{confidence[i]:.4f},'
            f'"tokens":9,"script":"latin"{sample}}}\n'
        )
        if chosen[i]:
            said = name if right[i] else present.INTENTS[(intent[i] + 1) % 10]
            at = ts + dt.timedelta(hours=float(rng.uniform(1, 30)))
            labels.write(
                json.dumps(
                    {
                        "req_id": f"d{day}r{i}",
                        "intent": said,
                        "annotator": "a1",
                        "labelled_at": at.isoformat(),
                        "action": "label",
                    }
                )
                + "\n"
            )


def measure(folder: Path) -> dict[str, object]:
    """Read and replay the files of a folder under the default policy; seconds of CPU and of the
    wall, and a digest of all decisions.
    """
    began, cpu = time.perf_counter(), time.process_time()
    logs = files.serving_logs(folder / "logs.jsonl").held
    labels = files.labels(folder / "labels.jsonl").held
    read, cpu_read = time.perf_counter(), time.process_time()
    past = scenes.history(logs, labels, BEGIN + dt.timedelta(days=14))
    taken = [
        decision
        for _, decision in replay.walk(scenes.scenes(past, policy.Labels()), policy.Policy())
    ]
    done, cpu_done = time.perf_counter(), time.process_time()
    return {
        "logs": len(logs.ts_us),
        "labels": len(labels),
        "hours": len(taken),
        "read_s": round(read - began, 1),
        "read_cpu_s": round(cpu_read - cpu, 1),
        "replay_s": round(done - read, 1),
        "replay_cpu_s": round(cpu_done - cpu_read, 1),
        "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "decisions": dict(
            collections.Counter(f"{d.decision} {d.hold_reason or ''}".strip() for d in taken)
        ),
        "sha256": hashlib.sha256("".join(d.sha256 for d in taken).encode()).hexdigest(),
    }


def main() -> None:
    """Write, read, replay, print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--logs-a-day", type=int, default=8200)
    parser.add_argument(
        "--keep",
        type=Path,
        help="a folder for the files; those already there are replayed as they are",
    )
    chosen = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as scratch:
        folder = chosen.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "logs.jsonl").exists():
            write(folder, chosen.days, chosen.logs_a_day)
        print(json.dumps(measure(folder)))


if __name__ == "__main__":
    main()
