"""The page of a replay as a reader meets it: one hour and a thousand, no incident and one, names of
any kind, and holds that come and go.
"""

import datetime as dt
import html
import re
from collections.abc import Sequence
from typing import Any

import builders
import pytest

from retrain.decide import replay
from retrain.decide.report import chart, page, timeline
from retrain.decide.view import View
from retrain.evaluation import samples
from schemas import decisions, events, policy

BEGIN = builders.AT
HOUR = dt.timedelta(hours=1)
Kind, Hold = decisions.Kind, decisions.HoldReason
RULES = policy.Policy()
Act = decisions.Kind | decisions.HoldReason


def taken(*acts: tuple[float, Act]) -> replay.Taken:
    """What was decided so many hours after the beginning: an action, or a hold for a reason."""
    pairs = []
    for hours, act in acts:
        at = BEGIN + hours * HOUR
        held = isinstance(act, Hold)
        decision = builders.decision(
            Kind.HOLD if isinstance(act, Hold) else act,
            hold=act if isinstance(act, Hold) else None,
            at=at,
            cause=None if held else decisions.Cause.LANGUAGE,
        )
        view = View(builders.MODEL, at, {}, None, samples.sample(()), {})
        pairs.append((replay.Scene(view, decisions.Past()), decision))
    return pairs


def score(name: str = "mine.toml", **more: Any) -> replay.Score:
    figures: dict[str, Any] = {
        "hits": 0,
        "misses": 0,
        "false_alarms": 0,
        "delay_messages": None,
        "delay_hours": None,
        "labels_used": 0,
        "retrains": 0,
        "cost": 0.0,
    }
    return replay.Score(policy=name, **(figures | more))


def played(decided: replay.Taken, name: str = "mine.toml", **more: Any) -> replay.Played:
    return replay.Played(name, RULES, decided, score(name, **more))


def words(text: str) -> str:
    """What a reader sees of the page: no markup, no style."""
    body = re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", " ", body))


def incident(begin: float, end: float | None = None, name: str = "i1") -> events.Incident:
    ended = None if end is None else BEGIN + end * HOUR
    return events.Incident(name, "language", BEGIN + begin * HOUR, ended)


HEALTHY = taken((1, Hold.HEALTHY), (2, Hold.HEALTHY))


# What stands above the pictures


@pytest.mark.parametrize(
    ("incidents", "count"),
    [([], "0 known incidents"), ([incident(1)], "1 known incident.")],
)
def test_the_page_says_of_what_stretch_it_is_and_how_many_incidents_are_known(
    incidents: Sequence[events.Incident], count: str
) -> None:
    text = words(page.render([played(HEALTHY)], incidents, ()))

    assert "2026-04-20 00:00 to 2026-04-20 02:00 UTC: 2 hours with traffic" in text
    assert count in text


def test_several_policies_are_one_stretch_each_with_a_picture_of_its_own() -> None:
    early, late = taken((1, Hold.HEALTHY)), taken((5, Hold.HEALTHY), (6, Kind.RETRAIN))

    text = page.render([played(early, "a.toml"), played(late, "b.toml")], [], ())

    assert "2026-04-20 00:00 to 2026-04-20 06:00 UTC: 2 hours" in words(text)
    assert re.findall(r"<section><h2>([^<]*)", text) == ["a.toml", "b.toml"]
    assert "Retrains: 0. Actions in all: 1." in words(text)


@pytest.mark.parametrize("nobody", [[], [played([])]], ids=["no policy", "no decision"])
def test_where_nothing_was_decided_the_page_is_whole_and_says_why(
    nobody: Sequence[replay.Played],
) -> None:
    text = page.render(nobody, [incident(1)], [score()])

    assert text.startswith("<!doctype html>")
    assert text.endswith("</html>\n")
    assert "There is no complete hour with traffic" in words(text)


def test_the_page_names_the_policy_by_the_beginning_of_its_identity() -> None:
    assert f"Policy {RULES.sha256[:12]}." in words(page.render([played(HEALTHY)], [], ()))


# Scores


def row(**more: Any) -> list[str]:
    """The cells of a score's row."""
    text = page.render([played(HEALTHY, **more)], [], [score("never")])
    (first, _) = re.findall(r"<tr class=\"\w*\">(.*?)</tr>", text)
    return re.findall(r"<td>(.*?)</td>", first)


def test_a_score_is_told_in_thousands_with_its_delays_to_a_tenth() -> None:
    cells = row(
        hits=1_234,
        misses=2,
        false_alarms=3,
        delay_hours=2.25,
        delay_messages=12_345.6,
        labels_used=40_000,
        retrains=5,
        cost=3_204.5,
    )

    assert cells[1:4] == ["1,234", "2", "3"]
    assert cells[4:6] == ["2.2", "12,345.6"]
    assert cells[6:] == ["40,000", "5", "3,204.50"]


def test_a_delay_that_there_was_none_of_is_a_dash_and_an_immediate_answer_is_nought() -> None:
    assert row()[4:6] == ["–", "–"]
    assert row(delay_hours=0.0, delay_messages=0.0)[4:6] == ["0.0", "0.0"]


def test_a_name_of_any_kind_is_shown_as_a_name() -> None:
    name = '<i>"x" & \u202ey\n.toml'

    text = page.render([played(HEALTHY, name)], [], [score("never")])

    assert "<i>" not in text
    assert words(text).count('<i>"x" & \ufffdy\ufffd.toml') == 2


# The legend


def test_the_legend_has_every_action_and_those_holds_that_occur() -> None:
    text = page.render([played(taken((1, Hold.PAUSED), (2, Hold.HEALTHY)))], [], ())

    entries = re.findall(r"</svg> ([^<]+)</li>", text)
    assert entries == [
        "retrain",
        "rollback",
        "fix_upstream",
        "reweight",
        "hold: HEALTHY",
        "hold: PAUSED",
        "known incident",
        "signal",
        "95 % interval",
        "limit of the policy",
    ]


# The lanes


def picture(decided: replay.Taken, *incidents: events.Incident) -> str:
    """With a width of ten hours: 91.4 pixels each."""
    return timeline.draw(decided, incidents, chart.Time(BEGIN, BEGIN + 10 * HOUR), "mine")


def strokes(decided: replay.Taken) -> list[tuple[float, float]]:
    """From where to where the holds are drawn."""
    pattern = r'<polyline points="([\d.]+),[\d.]+ ([\d.]+),[\d.]+"[^>]*stroke-width="7"'
    return [(float(begin), float(end)) for begin, end in re.findall(pattern, picture(decided))]


def test_holds_for_the_same_reason_are_one_stroke_from_the_beginning_of_the_first_hour() -> None:
    held = taken((1, Hold.HEALTHY), (2, Hold.HEALTHY), (3, Hold.HEALTHY))

    assert strokes(held) == [(190.0, 464.2)]  # 190 + 3 x 91.4


def test_an_hour_without_traffic_interrupts_a_stroke() -> None:
    held = taken((1, Hold.HEALTHY), (3, Hold.HEALTHY))

    assert strokes(held) == [(190.0, 281.4), (372.8, 464.2)]


def test_an_action_interrupts_a_stroke_and_another_reason_begins_one() -> None:
    held = taken((1, Hold.HEALTHY), (2, Kind.RETRAIN), (3, Hold.HEALTHY), (4, Hold.WATCHING))

    assert [round((end - begin) / 91.4, 1) for begin, end in strokes(held)] == [1.0, 1.0, 1.0]


def test_an_action_within_the_hour_interrupts_a_stroke_too() -> None:
    """As where two models answer side by side."""
    held = taken((1, Hold.HEALTHY), (2, Kind.RETRAIN), (2, Hold.HEALTHY))

    assert strokes(held) == [(190.0, 281.4), (281.4, 372.8)]


def test_actions_come_before_holds_and_these_as_the_contract_lists_them() -> None:
    everything = taken(
        (1, Hold.NOT_WORTH_IT),
        (2, Hold.HEALTHY),
        (3, Kind.REWEIGHT),
        (4, Hold.TOO_FEW_LOGS),
        (5, Kind.RETRAIN),
    )

    lanes = re.findall(r'text-anchor="end" class="">([^<]+)<', picture(everything))

    assert lanes == [
        "retrain",
        "reweight",
        "hold: HEALTHY",
        "hold: TOO_FEW_LOGS",
        "hold: NOT_WORTH_IT",
    ]


def test_a_hold_of_a_reason_nobody_drew_a_colour_for_has_one_all_the_same() -> None:
    assert timeline.style("STALE_WINDOWS") == timeline.style("a reason of next year")
    assert timeline.style("HEALTHY") != timeline.style("STALE_WINDOWS")


def test_a_mark_says_when_what_of_which_model_and_why() -> None:
    marked = picture(taken((2, Kind.RETRAIN)))

    assert "<title>2026-04-20 02:00 UTC retrain of v1, cause language</title>" in marked


# Incidents behind the lanes


def boxes(*incidents: events.Incident) -> list[tuple[float, float]]:
    """Where each incident's box begins and how wide it is."""
    rectangles = re.findall(r'<rect x="([\d.]+)"[^>]*width="([\d.]+)"', picture([], *incidents))
    return [(float(x), float(width)) for x, width in rectangles]


@pytest.mark.parametrize(
    ("begin", "end", "box"),
    [
        (0, 10, (190.0, 914.0)),
        (5, None, (647.0, 457.0)),
        (-5, 5, (190.0, 457.0)),
        (5, 50, (647.0, 457.0)),
        (5, 5, (647.0, 2.0)),
    ],
)
def test_an_incident_is_a_box_over_its_time_as_far_as_the_picture_shows_it(
    begin: float, end: float | None, box: tuple[float, float]
) -> None:
    ((x, width),) = boxes(incident(begin, end))

    assert (x, width) == (pytest.approx(box[0]), pytest.approx(box[1], abs=0.2))


def test_incidents_from_before_and_from_after_are_not_drawn() -> None:
    assert boxes(incident(-9, -1), incident(11, 12), incident(10.5)) == []


def test_titles_of_neighbours_do_not_cover_each_other_and_long_ones_are_cut() -> None:
    drawn = picture([], incident(1, 2, "a" * 90), incident(1.5, 2), incident(9, 10))

    titles = re.findall(r'y="(\d+)" text-anchor="(\w+)" class="incident">([^<]+)<', drawn)
    assert titles == [
        ("11", "start", f"{'a' * 24}: language"),
        ("23", "start", "i1: language"),
        ("11", "end", "i1: language"),
    ]
