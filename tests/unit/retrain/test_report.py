"""The page of a replay: it needs nothing from outside, obeys no text it shows, and draws what was
decided by shape as well as by colour.
"""

import dataclasses
import datetime as dt
import re
from html.parser import HTMLParser

import builders

from retrain.decide import baselines, replay
from retrain.decide.report import chart, page, panels, timeline
from retrain.decide.view import View
from retrain.evaluation import samples
from schemas import decisions, events, policy

BEGIN = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
HOSTILE = "<script>alert(1)</script>\"'&\x1b[31m"
REFERENCE = builders.reference(90)


class Elements(HTMLParser):
    """Every element: its name and attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.all: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.all.append((tag, dict(attrs)))


def pair(
    hour: int, kind: decisions.Kind, hold: decisions.HoldReason | None, accuracy: float
) -> tuple[replay.Scene, decisions.Decision]:
    at = BEGIN + hour * HOUR
    reasons = (
        builders.reason("live_accuracy", accuracy, breached=accuracy < 0.88, half=0.02),
        builders.reason("intent_mix_kl", 0.05, breached=True, limit=0.028),
    )
    scene = replay.Scene(
        View(HOSTILE, at, {}, REFERENCE, samples.sample(()), {}), decisions.Past(), hour * 10, hour
    )
    return scene, builders.decision(
        kind, hold=hold, reasons=reasons, id=f"d{hour}", at=at, model=HOSTILE
    )


def played(name: str = HOSTILE) -> replay.Played:
    kind, hold = decisions.Kind, decisions.HoldReason
    taken = [
        pair(hour, kind.HOLD, hold.HEALTHY if hour < 50 else hold.WATCHING, 0.95)
        for hour in range(60)
    ]
    taken += [
        pair(60, kind.RETRAIN, None, 0.7),
        pair(61, kind.ROLLBACK, None, 0.7),
        pair(62, kind.FIX_UPSTREAM, None, 0.7),
    ]
    return replay.Played(
        name, policy.Policy(), taken, replay.score(name, taken, [], policy.Policy())
    )


INCIDENTS = [
    events.Incident(HOSTILE, "language", BEGIN + 40 * HOUR),
    events.Incident("later", "language", BEGIN + 4000 * HOUR),
]


def rendered() -> str:
    one = played()
    return page.render(
        [one, played("other.toml")], INCIDENTS, baselines.scores(one.taken, INCIDENTS, one.rules)
    )


def test_the_page_needs_nothing_from_outside_and_obeys_no_text() -> None:
    text = rendered()
    elements = Elements(text).all
    assert not {"script", "link", "img", "iframe", "object", "image", "use"} & {
        tag for tag, _ in elements
    }
    assert not [
        key
        for _, attributes in elements
        for key in attributes
        if key.startswith("on") or key in ("src", "href")
    ]
    assert re.findall(r"url\((?!#hatch)|@import|https?://", text) == []
    assert "\x1b" not in text
    assert "&lt;script&gt;" in text


def test_actions_have_shapes_and_holds_their_lanes() -> None:
    one = played()
    drawn = timeline.draw(one.taken, INCIDENTS, chart.Time(BEGIN, BEGIN + 62 * HOUR), "p")
    assert len(re.findall("<polygon[^>]*><title>", drawn)) == 3
    lanes = re.findall(r'class="">(retrain|rollback|fix_upstream|hold: \w+)<', drawn)
    assert lanes == ["retrain", "rollback", "fix_upstream", "hold: HEALTHY", "hold: WATCHING"]
    assert drawn.count("url(#hatch)") == 1, "the incident after the end is not drawn"
    assert len({shape for shape, _ in timeline.ACTIONS.values()}) == len(timeline.ACTIONS)
    assert len({colour for _, colour in timeline.ACTIONS.values()}) == len(timeline.ACTIONS)
    assert len(set(timeline.HOLDS.values())) == len(timeline.HOLDS)


def test_the_kl_is_shown_over_its_noise_floor_as_the_limit_is_judged() -> None:
    (reading,) = panels.mix_kl(*pair(1, decisions.Kind.HOLD, None, 0.9))
    assert (round(reading.value, 6), reading.limit) == (
        round(0.05 - 9 / 2 * (1 / 1000 + 1 / 900), 6),
        0.028,
    )


def test_a_year_is_thinned_without_losing_its_worst_hour() -> None:
    readings = [panels.Reading(BEGIN + i * HOUR, 0.95, None, None, 0.9) for i in range(8760)]
    readings[4321] = dataclasses.replace(readings[4321], value=0.2)
    thinned = panels.thinned(readings)
    assert len(thinned) <= 1200
    assert min(one.value for one in thinned) == 0.2


def test_scores_stand_beside_the_baselines_and_without_incidents_none_do() -> None:
    rows = re.findall(r"<tr class=\"(\w*)\"><td>([^<]*)</td>", rendered())
    assert [kind for kind, _ in rows] == ["", "", "beside", "beside", "beside"]
    assert [name for _, name in rows[1:]] == ["other.toml", "always", "never", "weekly"]
    assert "nothing is scored" in page.render([played()], [], ())


def test_a_stretch_without_traffic_is_said_to_be_one() -> None:
    empty = replay.Played("p", policy.Policy(), [], replay.score("p", [], [], policy.Policy()))
    assert "no complete hour" in page.render(
        [empty], INCIDENTS, baselines.scores([], INCIDENTS, policy.Policy())
    )
