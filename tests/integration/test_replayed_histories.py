"""History from lines of logs and labels: the same in any order, counted exactly, with the labels
that held at an instant; and what baselines make of it.
"""

import dataclasses
import datetime as dt
import json
import random
from pathlib import Path
from typing import Any

import builders
import msgspec
import pytest
import traffic

from retrain.decide import baselines, evaluate, release, replay
from retrain.decide.history import archive, files, scenes
from retrain.evaluation import samples
from schemas import decisions, events, policy, present, runs, slices, verdicts, windows

BEGIN = builders.AT
HOUR = dt.timedelta(hours=1)


def log(number: int, **changed: Any) -> bytes:
    """One every seven minutes, each of them sampled."""
    sampled = {"queue": "measure", "p": 0.5 if number % 3 else 0.3, "text": "an invented message"}
    known: dict[str, Any] = {
        "ts": BEGIN + number * dt.timedelta(minutes=7),
        "confidence": 0.5 + number % 5 / 10,
        "sample": sampled,
    }
    return traffic.encode(builders.log(number, **(known | changed)))


def label(
    number: int, intent: str, hours: float, annotator: str = "a1", action: str = "label"
) -> events.HumanLabel:
    parsed = events.human_label(
        json.dumps(
            builders.label(f"r{number}", intent, annotator, BEGIN + hours * HOUR, action=action)
        ).encode()
    )
    assert isinstance(parsed, events.HumanLabel)
    return parsed


def read(lines: list[bytes], most: int) -> archive.Block:
    parts = [archive.block(lines[i : i + most]) for i in range(0, len(lines), most)]
    assert [bad for _, bad in parts if bad] == []
    return archive.joined(part for part, _ in parts)


def held(given: list[events.HumanLabel], hours: float) -> str | None:
    (mine,) = archive.archives(read([log(0)], 1), given).values()
    (place,) = mine.sampled(
        BEGIN, BEGIN + HOUR, as_of=BEGIN + hours * HOUR, rules=policy.Labels()
    ).label.tolist()
    return None if place == samples.UNLABELLED else present.INTENTS[place]


def test_a_replay_does_not_depend_on_the_order_of_lines_nor_on_how_many_are_read_at_once() -> None:
    lines = [log(n, intent="chitchat") if n % 7 == 0 else log(n) for n in range(900)]
    given = [label(n, "faq", 3 + n * 7 / 60) for n in range(0, 900, 2)]
    shuffled = random.Random(5).sample(lines, len(lines))
    walks = []
    for rows, most in ((lines, 2000), (shuffled, 13)):
        past = scenes.history(read(rows, most), given, BEGIN + 24 * HOUR)
        walks.append(
            [
                (scene.messages, scene.labels, decision.sha256)
                for scene, decision in replay.walk(
                    scenes.scenes(past, policy.Labels()), policy.Policy()
                )
            ]
        )
    assert len(walks[0]) == 105
    assert walks[0] == walks[1]


def test_windows_hold_every_log_of_their_stretch_and_nothing_else() -> None:
    rows = [log(n) for n in range(600)]
    rows += [
        log(900, role="shadow"),
        log(30, req_id="e1", intent=None, confidence=None, error="timeout", sample=None),
    ]
    past = scenes.history(read(rows, 100), [], BEGIN + HOUR)
    by_end = {scene.view.at: scene for scene in scenes.scenes(past, policy.Labels())}
    assert len(by_end) == 70
    third = by_end[BEGIN + 4 * HOUR]
    assert set(third.view.windows) == {"1h"}
    inside = [n for n in range(600) if 180 <= n * 7 < 240]
    assert (third.view.windows["1h"].tally.n, third.view.windows["1h"].tally.errors) == (
        len(inside) + 1,
        1,
    )
    assert third.messages == 1 + sum(n * 7 <= 240 for n in range(600))
    midnight = by_end[BEGIN + 48 * HOUR].view
    assert midnight.windows["1d"].tally.n == sum(1440 <= n * 7 < 2880 for n in range(600))
    assert midnight.windows["7d"].tally.n == 1 + sum(n * 7 < 2880 for n in range(600))
    assert len(midnight.sampled) == sum(n * 7 < 2880 for n in range(600))


def test_the_newest_label_not_taken_back_holds_from_its_own_instant_on() -> None:
    given = [
        label(0, "faq", 2),
        label(0, "chitchat", 5, "a2"),
        label(0, "chitchat", 8, "a2", "retract"),
    ]
    assert [held(given, hours) for hours in (1, 2, 4, 5, 7, 8)] == [
        None,
        "faq",
        "faq",
        "chitchat",
        "chitchat",
        "faq",
    ]
    assert held([*given, label(0, "faq", 9, "a1", "retract")], 9) is None


def test_a_malformed_line_is_named_by_its_place() -> None:
    block, bad = archive.block([log(0), b"{", log(1)])
    assert len(block.ts_us) == 2
    assert [(place, malformed.reason) for place, malformed in bad] == [(1, "not_json")]


UNSTEADY = [
    log(n, latency_ms=30.0 if n // 40 % 2 else 5.0, confidence=0.4 if n // 300 % 2 else 0.9)
    for n in range(2000)
]
# Slow every other day, and between the leave and the enter level on the days between: what was in
# breach stays so.
LINGERING = [log(n, latency_ms=14.5 if n * 7 // 1440 % 2 else 30.0) for n in range(2000)]


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (
            UNSTEADY,
            "[signals.p95_latency_ms]\nmin_n = 3\nk = 2\nof = 3\n"
            "[signals.low_confidence_rate]\nmin_n = 20\nk = 2\nof = 3",
        ),
        # An hour holds 9 logs, so the day is judged.
        (LINGERING, "[signals.p95_latency_ms]\nmin_n = 100"),
    ],
)
def test_verdicts_that_can_no_longer_count_are_forgotten_without_changing_a_decision(
    rows: list[bytes], text: str
) -> None:
    rules = policy.parse(text)
    past = scenes.history(
        read(rows, 2000),
        [label(n, "faq", 1 + n * 7 / 60) for n in range(0, 2000, 3)],
        BEGIN + 24 * HOUR,
    )
    kept: dict[str, list[verdicts.Verdict]] = {}
    wanted = []
    for scene in scenes.scenes(past, policy.Labels()):
        evaluation = evaluate.evaluate(
            dataclasses.replace(scene.view, history=kept), scene.past, rules
        )
        for verdict in evaluation.fresh:
            kept.setdefault(verdict.signal.signal, []).append(verdict)
        wanted.append(evaluation.decision)
    taken = [decision for _, decision in replay.walk(scenes.scenes(past, rules.labels), rules)]
    assert taken == wanted
    assert {reason.breached for decision in taken for reason in decision.reasons} == {True, False}


@pytest.fixture(scope="module")
def taken() -> replay.Taken:
    """530 hours at which nothing is known: every decision is a hold."""
    past = scenes.history(read([log(n) for n in range(4536)], 2000), [label(0, "faq", 1)], BEGIN)
    return list(replay.walk(scenes.scenes(past, policy.Labels()), policy.Policy()))


def test_baselines_retrain_at_every_cool_downs_end_never_and_weekly(taken: replay.Taken) -> None:
    incident = events.Incident("i1", "language", BEGIN + 100 * HOUR, BEGIN + 200 * HOUR)
    always, never, weekly = baselines.scores(
        taken, [incident], policy.parse("[trigger]\ncool_down_hours = 48")
    )
    assert [one.policy for one in (always, never, weekly)] == ["always", "never", "weekly"]
    assert [one.retrains for one in (always, never, weekly)] == [11, 0, 3]
    assert [(one.hits, one.misses) for one in (always, never, weekly)] == [(1, 0), (0, 1), (1, 0)]
    assert (always.delay_hours, weekly.delay_hours) == (45, 69)
    assert always.false_alarms == 9
    assert (always.labels_used, never.labels_used) == (1, 0)
    assert never.cost == 0
    assert always.cost > weekly.cost > 0


def test_a_scene_kept_for_its_score_is_scored_alike(taken: replay.Taken) -> None:
    acted = [
        (scene, dataclasses.replace(decision, decision=decisions.Kind.RETRAIN))
        for scene, decision in taken[100:101]
    ]
    incident = events.Incident("i1", "language", BEGIN + 50 * HOUR)
    bare = [(replay.bare(scene), decision) for scene, decision in acted]
    assert replay.score("x", bare, [incident], policy.Policy()) == replay.score(
        "x", acted, [incident], policy.Policy()
    )


@pytest.mark.parametrize("known", [BEGIN + 24 * HOUR, None])
def test_a_new_model_is_held_to_its_own_tokenizer_and_a_foreign_one_is_named(
    known: dt.datetime | None,
) -> None:
    reference = runs.Reference("v1", 900, {"faq": 900}, tokenizer=windows.tokenizer_code("aaaa"))
    first = [log(n, tokenizer_hash="aaaa", latency_ms=4.0) for n in range(900)]
    later = [
        log(n, model="v2", tokenizer_hash="bbbb" if n < 1400 else "cccc") for n in range(900, 1800)
    ]
    past = scenes.history(read(first + later, 2000), [], known or reference)
    rules = policy.parse("[signals.tokenizer_mismatch]\nmin_n = 5")
    taken = [decision for _, decision in replay.walk(scenes.scenes(past, rules.labels), rules)]
    fixed = [decision for decision in taken if decision.decision is decisions.Kind.FIX_UPSTREAM]
    assert {decision.cause for decision in fixed} == {decisions.Cause.PIPELINE}
    assert (
        BEGIN + dt.timedelta(minutes=7 * 1400)
        < min(decision.at for decision in fixed)
        <= BEGIN + dt.timedelta(minutes=7 * 1400) + 2 * HOUR
    )


def test_a_messages_slices_and_a_labels_second_wish_come_from_the_files() -> None:
    text = {"queue": "measure", "p": 0.5, "text": "got vol 3 pls"}
    given = [msgspec.structs.replace(label(0, "faq", 2), also=["promotion"])]
    (mine,) = archive.archives(read([log(0, sample=text), log(1)], 10), given).values()
    sample = mine.sampled(BEGIN, BEGIN + HOUR, as_of=BEGIN + 3 * HOUR, rules=policy.Labels())
    assert [name for name in slices.NAMES if sample.slices[0] & slices.BITS[name]] == [
        "latin",
        "jargon",
        "slang",
    ]
    assert sample.also.tolist() == [[1 << present.INDEX["promotion"]], [0]]


def test_a_message_logged_twice_is_asked_about_once() -> None:
    (mine,) = archive.archives(read([log(0), log(0), log(1)], 10), []).values()
    assert len(mine.asked) == 2


def test_of_two_labels_in_one_instant_the_smaller_id_holds_as_in_the_database() -> None:
    both = [label(0, "faq", 2), label(0, "chitchat", 2)]
    holds = min(both, key=events.label_id).intent
    assert [held(given, 3) for given in (both, both[::-1])] == [holds, holds]


def test_a_reference_may_have_more_keys_than_the_contract_names_and_a_broken_one_is_named(
    tmp_path: Path,
) -> None:
    path = tmp_path / "reference.json"
    path.write_text('{"model": "v1", "n": 9, "intent_counts": {"faq": 9}, "note": "by hand"}')
    assert files.reference(path) == runs.Reference("v1", 9, {"faq": 9})
    for broken in ('{"model": "v1", "n": 9, "intent_counts": null}', '{"model": "v1"}', "[", ""):
        path.write_text(broken)
        with pytest.raises(files.BadHistory, match=r"not a reference\.json"):
            files.reference(path)


def test_a_reference_without_scripts_and_tokens_learns_them_from_the_models_first_day() -> None:
    block = read([log(n, script="latin" if n % 10 else "other") for n in range(206)], 500)

    def held_to(known: runs.Reference, hours: int) -> runs.Reference | None:
        told = {
            scene.view.at: scene.view.reference
            for scene in scenes.scenes(scenes.history(block, [], known), policy.Labels())
        }
        return told[BEGIN + hours * HOUR]

    known = runs.Reference("v1", 100, {"faq": 100})
    early, later = held_to(known, 20), held_to(known, 24)
    assert early is not None
    assert later is not None
    assert (early.script_counts, later.script_counts) == (
        None,
        {"latin": 185, "japanese": 0, "mixed": 0, "other": 21},
    )
    assert later.mean_tokens == 3
    told = held_to(dataclasses.replace(known, script_counts={"latin": 1}, mean_tokens=7.0), 24)
    assert told is not None
    assert (told.script_counts, told.mean_tokens) == ({"latin": 1}, 7.0)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"accuracy": 92.9}, "accuracy 92.9 is no ratio"),
        ({"recall": {"faq": 95}}, "recall of faq 95 is no ratio"),
        ({"n": -1}, "n -1 is no count"),
        ({"intent_counts": {"faq": -3}}, "faq -3 is no count"),
    ],
)
def test_a_reference_with_impossible_figures_is_refused(
    body: dict[str, Any], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "reference.json"
    path.write_text(json.dumps({"model": "v1", "n": 10, "intent_counts": {"faq": 10}} | body))
    with pytest.raises(files.BadHistory, match=said):
        files.reference(path)


def test_an_incident_that_no_decision_answers_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "incidents.jsonl"
    path.write_text(
        '{"id":"i1","kind":"weird","started":"2026-04-20T00:00:00Z","ended":null,"model":"v1"}\n'
    )
    with pytest.raises(files.BadHistory, match="kind 'weird' is none of mix, language"):
        files.incidents(path)
    path.write_text(
        '{"id":"i1","kind":"none","started":"2026-04-20T00:00:00Z","ended":null,"model":"v1"}\n'
    )
    assert len(files.incidents(path)) == 1


def test_labels_of_messages_nobody_sampled_are_counted() -> None:
    past = scenes.history(
        read([log(0), log(1, sample=None)], 5),
        [label(0, "faq", 1), label(1, "faq", 1), label(7, "faq", 1)],
        BEGIN,
    )
    assert past.strangers([label(0, "faq", 1), label(1, "faq", 1), label(7, "faq", 1)]) == 2


def test_how_long_texts_are_is_told_by_the_models_own_tokenizer() -> None:
    lines = [log(n, tokens=20) for n in range(300)] + [
        log(n, model="v2", tokens=9, tokenizer_hash="c0ffee") for n in range(300, 620)
    ]
    past = scenes.history(read(lines, 900), [], BEGIN + 24 * HOUR)
    held_to = scenes.references(past, policy.Labels())
    assert [held_to[model] and held_to[model].mean_tokens for model in ("v1", "v2")] == [20, None]  # type: ignore[union-attr]
    taken = [
        decision
        for scene, decision in replay.walk(scenes.scenes(past, policy.Labels()), policy.Policy())
        if scene.view.model == "v2"
    ]
    assert len(taken) > 30
    assert not any(decision.decision is decisions.Kind.FIX_UPSTREAM for decision in taken)


def test_how_a_model_stood_is_kept_through_a_time_without_labels() -> None:
    def accuracy(day: float, level: verdicts.Level) -> verdicts.Verdict:
        return verdicts.Verdict(
            verdicts.Signal("v1", "7d", BEGIN + day * 24 * HOUR, "live_accuracy", None, 0),
            level,
            0.9,
            in_breach=False,
        )

    seen = [
        accuracy(hour / 24, verdicts.Level.OK if hour < 24 else verdicts.Level.BLIND)
        for hour in range(14 * 24)
    ]
    del seen[: replay._forgotten(seen, BEGIN + 14 * 24 * HOUR, policy.Policy())]
    assert release.last_well({"live_accuracy": seen}) == ("live_accuracy",)


def test_a_small_shop_without_errors_has_a_verdict_on_them() -> None:
    lines = [
        log(
            0,
            req_id=f"r{n}",
            ts=(BEGIN + n * dt.timedelta(seconds=90)).isoformat().replace("+00:00", "Z"),
        )
        for n in range(2 * 960)
    ]
    past = scenes.history(read(lines, 2_000), [], BEGIN + HOUR)
    midnight = next(
        decision
        for _, decision in replay.walk(scenes.scenes(past, policy.Labels()), policy.Policy())
        if decision.at == BEGIN + 24 * HOUR
    )
    (errors,) = [reason for reason in midnight.reasons if reason.signal == "error_rate"]
    assert (errors.n, errors.value) == (960, 0.0)
    verdict = {
        seen.signal.signal: seen
        for seen in evaluate.evaluate(
            [*scenes.scenes(past, policy.Labels())][23].view, decisions.Past(), policy.Policy()
        ).fresh
    }
    assert (verdict["error_rate"].verdict, verdict["error_rate"].signal.horizon) == (
        verdicts.Level.OK,
        "1d",
    )
