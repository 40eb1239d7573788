"""A fortnight of a shop in files, as people have them: weekends of another mix, an annotator who
lies about an intent, one whose clock is a century ahead, one who sends everything twice. A replay
under the default policy asks for nothing, and finds ten points that are lost all the same.
"""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import builders
import numpy as np
import processes

from schemas import present

DAYS, A_DAY, LABELS_A_DAY = 10, 1_500, 500
LIES_FROM, FALLS_FROM = 5.5, 6.0  # days
DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)
TOKYO = dt.timezone(9 * HOUR)
MIX = np.array(list(builders.SEED_MIX.values())) / 100
LEISURE = np.array([1.25, 0.8, 1.45, 0.7, 0.55, 0.6, 1.3, 0.8, 0.7, 1.9])
RECOMMENDATION, DISCOVERY = 2, 0


def messages(lost: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of each message the day it comes on, what it means, what it is called, how surely; of those
    from FALLS_FROM on `lost` more are called wrongly.
    """
    rng = np.random.default_rng(17)
    n = DAYS * A_DAY
    days = np.arange(n) / A_DAY
    weekend = MIX * LEISURE / (MIX @ LEISURE)
    meant = np.where(days % 7 < 5, rng.choice(10, n, p=MIX), rng.choice(10, n, p=weekend))
    sure = 0.62 + 0.38 * rng.beta(9, 1, n)
    sure[rng.random(n) < 0.05] = 0.5
    right = (rng.random(n) < sure) & ~((days >= FALLS_FROM) & (rng.random(n) < lost))
    called = np.where(right, meant, (meant + rng.integers(1, 10, n)) % 10)
    return days, meant, called, sure


def written(folder: Path, lost: float) -> list[str]:
    """The three files, as options of a replay."""
    days, meant, called, sure = messages(lost)
    rng = np.random.default_rng(18)
    chosen = rng.random(len(days)) < LABELS_A_DAY / A_DAY
    sample = {"queue": "measure", "p": LABELS_A_DAY / A_DAY, "text": "an invented message"}
    logs, labels = [], []
    for i, day in enumerate(days.tolist()):
        ts, intent = builders.AT + day * DAY, present.INTENTS[called[i]]
        more = {"intent": intent, "confidence": float(sure[i])}
        logs.append(builders.log(i, ts, sample=sample if chosen[i] else None, **more))
        if chosen[i]:
            lies = day >= LIES_FROM and meant[i] == RECOMMENDATION
            labels += given(i, ts + 4 * HOUR, int(meant[i]), lies=lies, who=int(rng.integers(3)))

    before = days < LIES_FROM
    counts = np.bincount(called[before], minlength=10).tolist()
    reference = {
        "model": builders.MODEL,
        "n": sum(counts),
        "intent_counts": dict(zip(present.INTENTS, counts, strict=True)),
        "low_confidence_rate": 0.05,
        "accuracy": float((called == meant)[before].mean()),
        "accuracy_n": int(before.sum()),
    }
    return [
        *("--logs", put(folder / "logs.jsonl", logs)),
        *("--labels", put(folder / "labels.jsonl", labels)),
        *("--reference", put(folder / "reference.json", [reference])),
    ]


def given(
    number: int, at: dt.datetime, meant: int, *, lies: bool, who: int
) -> list[dict[str, Any]]:
    """What an annotator sends of a message: 0 lies, 1 has a clock that jumps and is in Tokyo, 2
    sends it twice, once of another zone.
    """
    if who == 0:
        said = DISCOVERY if lies else meant
        return [builders.label(f"r{number}", present.INTENTS[said], "ann", at)]
    own = builders.label(f"r{number}", present.INTENTS[meant], "ben" if who == 1 else "cho", at)
    local = own | {"labelled_at": at.astimezone(TOKYO).isoformat()}
    if who == 2:
        return [own, local]
    return [own | {"labelled_at": "2126-04-21T09:00:00Z"} if number % 5 == 0 else local]


def put(path: Path, lines: list[dict[str, Any]]) -> str:
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return str(path)


def replayed(folder: Path, lost: float) -> tuple[int, list[dict[str, Any]]]:
    done = processes.run(["retrain/run.py", "replay", "--json", *written(folder, lost)], {})
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_whoever_lies_is_named_and_nothing_is_done(tmp_path: Path) -> None:
    code, taken = replayed(tmp_path, lost=0.0)

    assert (code, len(taken)) == (0, DAYS * 24)
    assert {each["decision"] for each in taken} == {"hold"}
    assert "LABELS_BIASED" not in {each["hold_reason"] for each in taken}
    assert taken[0]["left_out"]["future_labels"] > 100
    named = {(each["annotator"], each["intent"]) for one in taken for each in one["aside"]}
    assert named == {("ann", "recommendation")}


def test_ten_points_that_are_lost_beside_all_that_are_found_in_three_days(tmp_path: Path) -> None:
    code, taken = replayed(tmp_path, lost=0.11)

    acted = [each for each in taken if each["decision"] != "hold"]
    assert code == 10
    assert {each["decision"] for each in acted} == {"retrain"}
    first = dt.datetime.fromisoformat(acted[0]["at"]) - (builders.AT + FALLS_FROM * DAY)
    assert dt.timedelta() < first <= 3 * DAY
