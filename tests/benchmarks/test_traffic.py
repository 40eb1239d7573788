"""Traffic drawn as counts: what it draws agrees with itself and with what was asked for."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from benchmarks.decisions import (
    beside,
    champions,
    rivals,
    scenario,
    shape,
    shops,
    traffic,
    trial,
    worlds,
)
from retrain.evaluation import live
from schemas import policy, present, slices, windows
from streams.stats import proportion

DAY = windows.HORIZONS["1d"]
BEGIN, UNTIL = scenario.BEGIN, scenario.REFERENCE_UNTIL
SEED_CHAMPION = champions.ALL[0]


def told(kind: str = "none", seed: int = 3, **more: Any) -> scenario.Scenario:
    """Five days after the reference, ten intents, 60 messages an hour; the onset is at noon of the
    second day.
    """
    onset = scenario.REFERENCE_DAYS * 24 + 36
    usual: dict[str, Any] = {"an_hour": 60.0, "onset_hour": onset, "hours": onset + 84}
    return scenario.Scenario(kind, SEED_CHAMPION, seed, **(usual | more))


def tally(drawn: traffic.Drawn, of: scenario.Scenario, model: str = "v1") -> windows.Tally:
    """All that a model logged from the onset on."""
    mine = drawn.history.archives[model]
    return mine.tally(mine.rows(of.onset, BEGIN + of.hours * DAY / 24))


@pytest.mark.parametrize("an_hour", [20.0, 2_000.0])
def test_every_count_of_a_tally_is_of_the_same_messages(an_hour: float) -> None:
    of = told(an_hour=an_hour)
    mine = trial.drawn(of).history.archives["v1"]
    rows = mine.rows(BEGIN, BEGIN + 14 * DAY)
    total = mine.tally(rows)
    weeks = 5 * 2 + 4 * 0.8  # weekends bring a fifth less
    assert total.n == pytest.approx(24 * weeks * an_hour, rel=0.05)
    assert (
        total.answered
        == total.intent_count.sum()
        == total.script_count.sum()
        == total.confidence_bins.sum()
    )
    assert total.latency_bins.sum() == total.n
    assert total.confidence_bins[:60].sum() == total.intent_low.sum()
    assert (total.intent_fallback <= total.intent_low).all()
    assert sum(hour.n for hour in mine.hours(rows).values()) == total.answered


def test_the_estimate_from_its_labels_is_what_the_world_says() -> None:
    of = told(an_hour=800.0)
    mine = trial.drawn(of).history.archives["v1"]
    week, later = BEGIN + 7 * DAY, BEGIN + 14 * DAY
    sampled = mine.sampled(BEGIN, week, as_of=later, rules=policy.Labels())
    accuracy = live.figures(sampled, mine.hours(mine.rows(BEGIN, week))).accuracy
    truth = SEED_CHAMPION.accuracy * (1 - 0.02 * 0.9)  # one label in fifty names anything
    assert accuracy.estimate is not None
    assert accuracy.high is not None
    # 99.9 %.
    assert abs(accuracy.estimate - truth) < 3.3 / proportion.Z95 * (
        accuracy.high - accuracy.estimate
    )
    assert accuracy.n_labels == pytest.approx(7 * 350 * 0.95, rel=0.2)


def test_only_hours_after_the_reference_are_decided_in_and_those_before_are_known() -> None:
    of = told()
    history = trial.drawn(of).history
    since_us = int(UNTIL.timestamp() * 1_000_000)
    assert min(us for _, us in history.logs.keys) == since_us
    assert history.hours == of.hours - scenario.REFERENCE_DAYS * 24
    assert history.archives["v1"].starts[0] == BEGIN


def test_a_bad_release_is_another_model_from_the_onset_on() -> None:
    of = told("bad_release", size=1.0)
    archives = trial.drawn(of).history.archives
    assert archives["v1"].starts[-1] + DAY / 24 == of.onset
    assert archives["v2"].starts[0] == of.onset


def test_a_broken_pipeline_fails_or_tells_it_in_the_tokenizer_alone() -> None:
    failing = told("errors", size=1.0, an_hour=2_000.0)
    foreign = told("tokenizer", size=1.0)
    errors, changed = tally(trial.drawn(failing), failing), tally(trial.drawn(foreign), foreign)
    assert errors.errors / errors.answered == pytest.approx(0.06, abs=0.005)
    assert errors.tokenizer == windows.tokenizer_code("9b2a1")
    assert changed.errors / changed.n < 0.01
    assert changed.tokenizer == windows.tokenizer_code("c0ffee")


def test_emoji_are_other_scripts_readable_to_nobody_and_answered_rightly() -> None:
    flooded, calm = told("emoji"), told("none")
    drawn = trial.drawn(flooded)
    other = slices.SCRIPTS.index("other")
    flood, usual = tally(drawn, flooded), tally(trial.drawn(calm), calm)
    assert usual.script_count[other] / usual.answered == pytest.approx(0.02, abs=0.01)
    assert flood.script_count[other] - 0.02 * flood.answered == pytest.approx(
        drawn.emoji.counts.sum(), rel=0.2
    )
    asked = drawn.history.archives["v1"].asked
    assert (asked.slices & slices.BITS["other"] > 0).mean() > 0.02


def test_a_held_out_reference_says_what_live_labels_say() -> None:
    """Of 400 rounds of held-out rows the mean accuracy and the mean recall of a rare intent."""
    of, rng = told(), np.random.default_rng(8)
    world, mix = worlds.simulated(of, rng), shops.mix(10)
    every = [traffic.held_out(of, world.before, mix, rng) for _ in range(400)]
    accuracy = np.mean([one.accuracy or 0.0 for one in every])
    recall = np.mean([(one.recall or {})["escalation"] for one in every])
    assert accuracy == pytest.approx(SEED_CHAMPION.accuracy * (1 - 0.02 * 0.9) + 0.0002, abs=0.002)
    # 3 % of the messages, 98 % of them labelled so, and 0.2 % of all messages besides.
    labels = 0.98 * 0.03 + 0.002
    right = 0.98 * 0.03 * world.before.recall[8] + 0.002 * 0.03
    assert recall == pytest.approx(right / labels, abs=0.01)


# How many, and what they mean.


def test_weekends_are_saturdays_and_sundays() -> None:
    hours = np.flatnonzero(shape.weekends(14 * 24))
    days = sorted({(BEGIN + hour * DAY / 24).weekday() for hour in hours.tolist()})
    assert days == [5, 6]
    assert len(hours) == 4 * 24


def test_a_sale_lasts_one_whole_day_with_six_times_the_messages_and_a_quarter_promotion() -> None:
    of = told("sale", onset_hour=scenario.REFERENCE_DAYS * 24)
    rates, mixes = shape.rates(of), shape.mixes(of, np.random.default_rng(1))
    day = scenario.REFERENCE_DAYS * 24
    assert rates[day : day + 24] == pytest.approx(6 * rates[day + 24 : day + 48])
    promotion = present.INDEX["promotion"]
    assert mixes[day : day + 24, promotion] == pytest.approx(0.26, abs=0.01)
    assert mixes[day - 1, promotion] == mixes[day + 24, promotion] == pytest.approx(0.05)


def test_a_weekends_mix_is_as_far_off_as_a_shops() -> None:
    """Between 0.04 and 0.1 nats."""
    of = told("weekend", weekend=1.0)
    mixes = shape.mixes(of, np.random.default_rng(1))
    weekday, saturday = mixes[0], mixes[5 * 24]
    kl = float(np.sum(saturday * np.log(saturday / weekday)))
    assert 0.04 < kl < 0.1
    flat = shape.mixes(told(), np.random.default_rng(1))
    assert np.allclose(flat, flat[0])


@pytest.mark.parametrize("kl", [0.0, 0.012, 0.028, 0.19])
def test_a_tilted_mix_lies_as_far_off_as_it_was_told(kl: float) -> None:
    mix = shops.mix(10)
    moved = shape.tilted(mix, kl, np.random.default_rng(4))
    assert float(np.sum(moved * np.log(moved / mix))) == pytest.approx(kl, rel=1e-6)
    assert moved.sum() == pytest.approx(1)


# Champions.


@pytest.mark.parametrize("champion", champions.ALL, ids=lambda one: one.name)
@pytest.mark.parametrize("size", shops.SIZES)
def test_a_champion_is_as_often_right_and_as_often_unsure_as_it_says(
    champion: champions.Champion, size: int
) -> None:
    errors = champions.spread(size, np.random.default_rng(2))
    given = champions.chances(champion, errors)
    mix = shops.mix(size)
    assert given.shape == (size, len(champions.options(size)), champions.STEPS)
    assert given.sum(axis=(1, 2)) == pytest.approx(np.ones(size))
    assert (given >= 0).all()
    assert mix @ given[:, 0].sum(axis=1) == pytest.approx(champion.accuracy, abs=0.003)
    low = champions.CONFIDENCE < windows.LOW_CONFIDENCE
    assert mix @ given[:, :, low].sum(axis=(1, 2)) == pytest.approx(champion.unsure, abs=0.02)


def test_who_is_misled_is_as_sure_as_before() -> None:
    given = champions.chances(SEED_CHAMPION, np.ones(10))
    lost = np.zeros(10)
    lost[2] = 0.28
    after = champions.misled(given, lost)
    assert after.sum(axis=1) == pytest.approx(given.sum(axis=1))
    assert (given - after)[:, 0].sum(axis=1) == pytest.approx(lost)
    assert champions.misled(given, np.ones(10))[:, 0].sum() == pytest.approx(0)


@pytest.mark.parametrize("kind", ["language", "sure_wrong", "fall", "bad_release"])
def test_a_world_gets_worse_by_as_much_as_its_kind_says(kind: str) -> None:
    of = told(kind, size=1.0)
    world = worlds.simulated(of, np.random.default_rng(1))
    mix = shops.mix(10)
    fell = float(mix @ (world.before.recall - world.after.recall))
    assert fell == pytest.approx(
        {"language": 0.25, "sure_wrong": 0.20, "fall": 0.10, "bad_release": 0.18}[kind], abs=0.01
    )


def test_one_intent_loses_its_recall_and_no_other() -> None:
    for kind, place in (("common_intent", shops.common(3)), ("rare_intent", shops.rare(3))):
        world = worlds.simulated(told(kind, size=1.0), np.random.default_rng(1))
        lost = world.before.recall - world.after.recall
        assert np.flatnonzero(lost > 0.01).tolist() == [place]
    assert present.INTENTS[shops.rare(0)] in present.CRITICAL


# People.


def labels(kind: str, people: scenario.People, seed: int = 3) -> tuple[Any, Any, Any]:
    """The labels of messages from after the onset: who, what, and what was meant."""
    of = told(kind, seed=seed, people=people, an_hour=400.0)
    drawn = trial.drawn(of)
    mine = drawn.history.archives["v1"]
    late = mine.asked.ts_us[mine.said.row] >= of.onset.timestamp() * 1_000_000
    names = np.array(mine.said.names)[mine.said.annotator]
    return names[late], mine.said.label[late], mine.said


def test_a_famine_leaves_hardly_any_label_and_a_flood_brings_a_script() -> None:
    calm, _, _ = labels("none", scenario.People())
    hungry, _, _ = labels("famine", scenario.People(famine=True))
    flooded, _, _ = labels("flood", scenario.People(flood=True))
    assert len(calm) > 500
    assert len(hungry) < len(calm) / 10
    assert "bot" not in calm
    assert (flooded == "bot").sum() > 200


def test_one_of_three_lies_about_one_intent_alone() -> None:
    names, said, _ = labels("liar", scenario.People(liar=True, wrong=0.0))
    called = shops.common(3)
    liars, others = said[names == "a2"], said[names != "a2"]
    assert (liars == called).sum() == 0
    assert (others == called).mean() == pytest.approx(shops.mix(10)[called], abs=0.06)


def test_labels_come_as_late_as_they_are_told_to_and_a_tenth_twice() -> None:
    _, _, said = labels("late", scenario.People(delay_days=7.0))
    of = told("late", people=scenario.People(delay_days=7.0), an_hour=400.0)
    mine = trial.drawn(of).history.archives["v1"]
    days = (mine.said.at_us - mine.asked.ts_us[mine.said.row]) / 86_400e6
    assert days.mean() == pytest.approx(7.0, rel=0.05)
    rows, counts = np.unique(said.row, return_counts=True)
    assert (counts == 2).sum() / len(rows) == pytest.approx(0.1, abs=0.02)


def test_hard_messages_are_left_out_more_often_than_easy_ones() -> None:
    of = told("left_out", people=scenario.People(left_out=0.6, missing=0.0, wrong=0.0))
    mine = trial.drawn(dataclasses.replace(of, an_hour=400.0)).history.archives["v1"]
    told_ = np.unique(mine.said.row)
    right = mine.asked.predicted[mine.said.row] == mine.said.label
    assert len(told_) < len(mine.asked)
    assert right.mean() > SEED_CHAMPION.accuracy - 0.12  # those asked about are harder than most


# What others see.


def test_a_tool_is_shown_the_answers_in_order_and_the_labels_as_they_came() -> None:
    of = told("errors", size=1.0, an_hour=30.0)
    drawn = trial.drawn(of)
    seen = beside.sight(of, drawn)
    assert len(seen["ts"]) == len(seen["right"]) == drawn.counts.sum()
    for instants in (seen["ts"], seen["told"]):
        assert (np.diff(instants) >= 0).all()
    assert seen["right"].mean() == pytest.approx(SEED_CHAMPION.accuracy, abs=0.01)
    assert len(seen["told"]) == len(drawn.history.archives["v1"].said)
    assert (seen["until"], seen["end"]) == (21 * 86_400, of.hours * 3_600)


def test_a_busy_shop_shows_a_tool_some_of_each_hours_messages() -> None:
    of = told(an_hour=20_000.0)
    hour = beside.sight(of, trial.drawn(of))["ts"] // 3_600
    assert np.bincount(hour.astype(np.int64)).max() < 150


def test_everybodys_file_has_another_name() -> None:
    names = {
        beside.name(scenario.drawn(kind, champion, seed))
        for kind in scenario.EVERY
        for champion in champions.ALL
        for seed in (1, 2)
    }
    assert len(names) == len(scenario.EVERY) * len(champions.ALL) * 2


def test_written_out_rules_look_at_every_day_after_the_reference() -> None:
    of = told("mix", size=1.0)
    outcomes = {one.who: one for one in trial.alarms(of, trial.drawn(of).history)}
    assert set(outcomes) == set(rivals.RIVALS)
    first = outcomes["chi_square_5%"].first
    assert first is not None
    assert first.hours == 12  # the midnight after noon of the second day
