"""What counts, measures, samples and shows intents, in processes of 2, 10, 77 and 200 of them; and
of a taxonomy with a merged one.
"""

import subprocess
import sys
from pathlib import Path

import pytest
import taxonomies

from services.local import topology

ROOT = Path(__file__).parents[2]
# Every intent once in each of 40 minutes; whatever lists or multiplies intents is asked once.
EVERYTHING = """
import datetime as dt, json
import numpy as np
from retrain.evaluation import comparison, confusion, samples, wishes
from retrain.decide import evaluate
from retrain.labels import labelled as that_hold
from retrain.labels import votes
from schemas import decisions, events, policy, present, runs, tallies, windows
from services.dashboard import board, chart, facts, panels
from services.labels import answer, ask
from streams.count import chunks, observe
from streams.signals import describe, detail, measure

K, at = len(present.INTENTS), dt.datetime(2026, 4, 20, 10, tzinfo=dt.UTC)
last = present.INTENTS[-1]
logs = []
for minute in range(40):
    for i, intent in enumerate(present.INTENTS):
        log = {"v": 1, "ts": f"2026-04-20T10:{minute:02}:00Z", "model": "v1", "latency_ms": 5}
        log |= {"req_id": f"r{i}-{minute}", "intent": intent, "confidence": 0.9, "tokens": 3}
        logs.append(log)
unheard_of = logs[0] | {"intent": "unheard_of"}
values = [json.dumps(log).encode() for log in (*logs, unheard_of)]
n = len(values)
chunk = chunks.Chunk("t", 0, 1, 0, n, range(n), values, [False] * n, [0] * n)
seen = observe.chunk(chunk, observe.Limits(check_time=False))
assert [letter.reason for letter in seen.dead] == ["invalid"]
tally = tallies.one(seen.tallies.merged(np.zeros(len(seen.keys), dtype=np.int64), 1), 0)
assert tally.intent_count.tolist() == [40] * K
window = windows.Window("v1", "champion", "1d", at, at + dt.timedelta(days=1), tally, complete=True)
answers = dict.fromkeys(present.INTENTS, 1000)
recall = dict.fromkeys(present.INTENTS, 0.9)
reference = runs.Reference("v1", 1000 * K, answers, accuracy=0.9, accuracy_n=500, recall=recall)
signals = {s.signal: s for s in measure.mix(window, reference)}
assert signals["intent_mix_kl"].noise_floor == (K - 1) / 2 * (1 / (40 * K) + 1 / (1000 * K))
assert len([s for s in detail.signals(window, reference) if s.signal == "intent_share"]) == K
assert list(describe.window(window)["intent_counts"]) == list(present.INTENTS)
limits = policy.Policy().signals
assert limits.intent_mix_kl.min_n >= 300 * (K - 1) / 9
assert limits.mix_adjusted_accuracy.min_n == 30 * K

both = votes.Entry("a", "x", at, "1", last, [last, present.INTENTS[0]])
alone = votes.Entry("b", "x", at, "2", last, [last])
said = votes.latest(votes.said(["a", "b"], [both, alone]))
assert [len(entry.also) for entry in votes.told(said, ["a", "b"])] == [2, 1]
asked = samples.sample([(at, last, 0.9, 0.5, None)] * 2)
labelled = that_hold.labelled(asked, said, policy.Labels())
assert labelled.label.tolist() == [K - 1] * 2
assert wishes.hold(labelled.also, labelled.label).tolist() == [True, True]
assert wishes.hold_others(labelled.also, labelled.label).tolist() == [True, False]
places = np.arange(K).repeat(3)
scores = confusion.scores(places, places)
assert scores.accuracy == scores.macro_f1 == 1 and confusion.SEVERITY.shape == (K, K)
equal = comparison.differences(places, places, places, [str(i) for i in places], seed=1)
assert len(equal) == K + 2 and equal[f"recall:{last}"].value == 0

row = describe.window(window) | {"horizon": "1d"}
promotion = {"model": "v1", "at": at, "kind": "promote", "by": "x"}
stream = facts.Stream(at + dt.timedelta(days=1))
known = facts.Facts(stream, [row], promotions=[promotion], references=[(at, reference)])
mix = panels.mix(known, "1d")
assert len(mix.shares) == min(K, 12)
assert any(f"{K - 12} more" in note for note in mix.notes) == (K > 12)
assert last in [share.intent for share in mix.shares] or K > 12
assert chart.bars(mix.shares)
for number, intent in enumerate(present.INTENTS, start=1):
    assert answer.parse(str(number)) == answer.parse(intent) == answer.Choice(intent, [])
shown = ask._shown({"text": "hello", "intent": last, "second_intent": present.INTENTS[0]})
assert len(shown) < 1_000 and f"{K} {last}" in shown
print("well")
"""
MERGED = """
import json
import numpy as np
from retrain.labels import votes
from retrain.evaluation import live
from schemas import events, present, runs
from streams.intents import places
from streams.count import columns

assert present.INTENTS == ("a", "c", "d", "e")
assert present.INDEX == {"a": 0, "c": 1, "d": 2, "e": 3, "b": 1}
places.learn(["a", "b", "c", "d", "e"])
old, new = {"intent_count": [1, 2, 3, 4]}, {"intent_count": [1, 0, 5, 4, 7]}
for row in (old, new):
    row |= {"intent_low": row["intent_count"], "intent_fallback": row["intent_count"]}
assert [row["intent_count"] for row in places.read([old, new])] == [[1, 5, 4, 0], [1, 5, 4, 7]]
row = {name: [1, 5, 4, 7] for name in places.COLUMNS}
assert places.written([row])[0]["intent_low"] == [1, 0, 5, 4, 7]
try:
    places.read([{name: [0] * 6 for name in places.COLUMNS}])
except places.Grown:
    pass
else:
    raise AssertionError("an array that has grown beyond what is known was read")
log = {"v": 1, "ts": "2026-04-20T10:00:00Z", "model": "m", "req_id": "r", "latency_ms": 1}
log |= {"intent": "b", "confidence": 0.9, "tokens": 2}
log = events.serving_log(json.dumps(log).encode())
assert columns.of([log], np.zeros(1, dtype=np.int64)).intent.tolist() == [1]
body = {"model": "m", "n": 10, "intent_counts": {"a": 4, "b": 2, "c": 4}}
read = runs.reference(body | {"recall": {"a": 1.0, "b": 0.4, "c": 0.7}})
assert read.intent_counts == {"a": 4, "c": 6}
assert abs(read.recall["c"] - 0.6) < 1e-9 and read.recall["a"] == 1.0
print("well")
"""


def said(program: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=topology.inherited() | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or done.stderr


@pytest.mark.parametrize("count", [2, 10, 77, 200])
def test_whatever_handles_intents_handles_so_many(count: int, tmp_path: Path) -> None:
    environment = taxonomies.written(tmp_path / "taxonomy.toml", taxonomies.names(count))
    assert said(EVERYTHING, environment) == "well"


def test_a_merged_intent_is_read_as_the_one_that_took_it_over(tmp_path: Path) -> None:
    environment = taxonomies.written(
        tmp_path / "taxonomy.toml", ["a", "c", "d", "e"], merged={"b": "c"}
    )
    assert said(MERGED, environment) == "well"


def test_a_process_reads_its_file_before_anything_else_and_ends_with_one_line(
    tmp_path: Path,
) -> None:
    (tmp_path / "broken.toml").write_text("version = 1")
    for value, says in (
        (tmp_path / "broken.toml", "version cannot be 1"),
        (tmp_path / "missing.toml", "No such file"),
        (tmp_path, "Is a directory"),
    ):
        program = [sys.executable, "-c", "from schemas import events"]
        environment = topology.inherited() | {"INTENTWATCH_TAXONOMY": str(value)}
        done = subprocess.run(
            program, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr.count("\n")) == (3, 1), done.stderr
        assert done.stderr.startswith("intentwatch: ")
        assert says in done.stderr
