"""The page of a run as a reader meets it: every state, next to nothing known, hostile names, few
intents and many; it needs nothing from outside and obeys no text it shows.
"""

import dataclasses
import datetime as dt
import html
import math
import re
from collections.abc import Sequence
from html.parser import HTMLParser

import accounts
import builders
import pytest

from retrain.evaluation import baseline, confusion
from retrain.pages import svg
from retrain.train.report import account, beside, judged, lineage, page, style, summary
from schemas import checks, runs

State, Verdict, Level = runs.State, runs.GateVerdict, checks.Level
LATENCY = accounts.gate("p95_latency_ms", 12.4, margin=15.0, n=1000)
VOID = {"meta", "link", "img", "br"}


class Elements(HTMLParser):
    """Every element with its attributes, and those that were never closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.all: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.all.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.all.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def words(text: str) -> str:
    """What a reader sees of the page: no markup, no style."""
    body = re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", " ", body))


def everything() -> account.Account:
    """A run of which nothing is missing."""
    return accounts.told(
        accounts.run(champion="v1", gates=(LATENCY,), decision_id="d1"),
        steps=(account.Step("training", accounts.AT, {"aside": []}),),
        metrics=accounts.metrics(),
        checks=(accounts.check("forgetting", 0.4),),
        validation=accounts.validated(("faq", "promotion"), ((8, 2), (1, 9))),
        decision=builders.decision(),
    )


def beside_a_linear_model(
    low: float, high: float, verdict: runs.GateVerdict = Verdict.PASS
) -> runs.Gate:
    return accounts.gate("linear", 0.921, champion=0.918, verdict=verdict, between=(low, high))


# What became of it


@pytest.mark.parametrize(
    ("run", "result"),
    [
        (accounts.run(State.QUEUED), "Queued: waits for a worker"),
        (
            accounts.run(State.QUEUED, error="disk full", attempts=1),
            "Queued: waits for a worker; the try before failed: disk full",
        ),
        (accounts.run(State.TRAINING), "Running: training begins"),
        (
            accounts.run(State.TRAINING, progress=account.Progress(2, 1800, 4688)),
            "Running: training, step 1,800 of 4,688 (epoch 2)",
        ),
        (accounts.run(State.EVALUATED), "Running: trained; is being compiled and timed"),
        (accounts.run(State.COMPILED), "Running: compiled; is held against its gates"),
        (accounts.run(State.GATED), "Running: gated; is being registered or rejected"),
        (accounts.run(State.REGISTERED), "Registered: v2 passed every gate and waits"),
        (accounts.run(State.CHAMPION), "Promoted: v2 passed every gate and became the champion"),
        (accounts.run(State.FAILED, error="no encoder at /x"), "Failed: no encoder at /x"),
        (accounts.run(State.FAILED), "Failed: no cause is on record"),
        (
            accounts.run(
                State.REJECTED,
                gates=(
                    accounts.gate("accuracy", 0.9, verdict=Verdict.INCONCLUSIVE),
                    LATENCY,
                    accounts.gate("ece", 0.2, verdict=Verdict.FAIL),
                ),
            ),
            "Rejected because of gates ece (fail), accuracy (inconclusive)",
        ),
        (
            accounts.run(gates=(beside_a_linear_model(-0.01, 0.03),)),
            "Promoted: v2 passed every gate and became the champion; it only ties with a linear "
            "model (92.1 % against 91.8 %, n = 900)",
        ),
        (
            accounts.run(State.REGISTERED, gates=(beside_a_linear_model(-0.01, 0.03),)),
            "Registered: v2 passed every gate and waits for a person; it only ties with a linear "
            "model (92.1 % against 91.8 %, n = 900)",
        ),
        (
            accounts.run(
                State.REJECTED,
                gates=(beside_a_linear_model(-0.03, -0.01, Verdict.FAIL),),
            ),
            "Rejected because of gates linear (fail)",
        ),
        (accounts.run(State.REJECTED), "Rejected because of gates that are not on record"),
    ],
)
def test_the_first_line_says_what_became_of_the_run(run: account.Run, result: str) -> None:
    text = page.render(accounts.told(run))

    (first,) = re.findall(r'<p class="result \w+">(.*?)</p>', text)
    assert html.unescape(first).startswith(result)


@pytest.mark.parametrize("state", list(State))
def test_a_run_of_which_next_to_nothing_is_known_has_a_whole_page(state: runs.State) -> None:
    bare = accounts.run(
        state, started=None, ended=None, candidate=None, base_model=None, snapshot_sha256=None
    )

    text = page.render(accounts.told(bare))

    assert Elements(text).open == []
    seen = words(text)
    for said in (
        "No check has been recorded yet.",
        "No gate has been asked yet.",
        "Nothing has been validated yet",
        "The run has not read its labels yet.",
    ):
        assert said in seen
    assert seen.count("nothing measured") == 9
    assert seen.count("– not shown") == 5


def test_parts_come_in_the_order_in_which_one_reads_them() -> None:
    titles = re.findall(r"<h2>(.*?)</h2>", page.render(everything()))

    assert titles == [
        "What one can say of it",
        "The decision, step by step",
        "Stage by stage",
        "Checks",
        "Training",
        "Validation",
        "Gates",
        "Lineage",
    ]


# It needs nothing, and obeys nothing


def test_nothing_comes_from_outside_and_no_script_runs() -> None:
    seen = Elements(page.render(everything()))

    assert seen.open == []
    assert {tag for tag, _ in seen.all} & {"script", "link", "img", "iframe", "a", "form"} == set()
    names = {name for _, attributes in seen.all for name in attributes}
    assert names & {"src", "href", "srcset", "action", "xlink:href"} == set()
    assert not any(name.startswith("on") for name in names)
    assert not re.search(r"url\(|@import|http", style.STYLE)


def test_a_hostile_text_is_shown_as_text_wherever_it_comes_from() -> None:
    bad = accounts.HOSTILE
    doubt = {"annotator": bad, "start": bad, "end": bad, "why": bad}
    hostile = accounts.told(
        accounts.run(
            State.FAILED,
            id=bad,
            error=bad,
            candidate=bad,
            champion=bad,
            base_model=bad,
            decision_id=bad,
            snapshot_sha256=bad,
            recipe_sha256=bad,
            gates=(accounts.gate(bad, 0.9, note=bad),),
        ),
        steps=(account.Step("training", accounts.AT, {"aside": [doubt]}),),
        metrics=accounts.metrics(),
        checks=(accounts.check(bad, 2.0, Level.ACT, remedy=bad),),
        validation=accounts.validated(
            (bad, f"2{bad}"), ((8, 2), (1, 9)), slices=(accounts.slice_named(bad),)
        ),
        decision=dataclasses.replace(builders.decision(), policy_sha256=bad),
    )

    text = page.render(hostile)

    assert Elements(text).open == []
    assert "<script" not in text
    assert "\x1b" not in text
    shown = html.unescape(svg.safe(bad))
    # id, error, candidate, champion, base model twice, decision, two hashes, policy; a gate and its
    # note; a check and its remedy; the doubt; the intents in matrix, tables and lists; the slice.
    assert words(text).count(shown) >= 25


# Checks, gates, lineage


def cells(text: str, name: str) -> list[str]:
    """The cells of the row that begins so."""
    rows = re.findall(r"<tr class=\"\w*\">(.*?)</tr>", text)
    (row,) = (row for row in rows if f">{name}</td>" in row)
    return [html.unescape(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)]


def test_a_check_says_how_it_stands_by_word_and_mark_and_what_to_do_where_it_is_not_well() -> None:
    told = (
        accounts.check("well", 0.5, low=0.4, high=0.6, remedy="rest"),
        accounts.check("odd", None, Level.WATCH, remedy="measure it"),
        accounts.check("bad", 2.0, Level.ACT, floor=0.019, remedy="lower learning_rate"),
    )

    text = judged.of_checks(told)

    assert cells(text, "well") == ["well", "✓ ok", "0.5", "10", "0.4 to 0.6", "at most 1", ""]
    assert cells(text, "odd") == ["odd", "! watch", "–", "10", "–", "at most 1", "measure it"]
    assert cells(text, "bad")[1:5] == ["✗ act", "2", "10", "floor 0.019"]
    assert cells(text, "bad")[6] == "lower learning_rate"


def test_checks_stand_by_stage_in_the_order_of_a_run() -> None:
    training = accounts.check("loss_finite", 1.0)
    audit = dataclasses.replace(training, stage=checks.Stage.AUDIT, name="duplicate_rate")

    text = judged.of_checks((training, audit))

    assert re.findall(r"<h3>(audit|training)</h3>", text) == ["audit", "training"]


def test_a_gate_has_the_champion_the_margin_and_the_interval_of_the_difference() -> None:
    gates = (
        accounts.gate(
            "accuracy",
            0.921,
            champion=0.9,
            margin=0.005,
            between=(-0.01, 0.04),
            verdict=Verdict.INCONCLUSIVE,
            note="label 40 more",
        ),
        dataclasses.replace(accounts.gate("ece", 0.04, margin=0.01), low=0.019),
        accounts.gate("parity", math.nan, verdict=Verdict.FAIL),
    )

    text = judged.of_gates(gates)

    assert cells(text, "accuracy") == [
        "accuracy",
        "! inconclusive",
        "0.921",
        "0.9",
        "0.005",
        "-0.01 to 0.04",
        "900",
        "label 40 more",
    ]
    assert cells(text, "ece")[5] == "floor 0.019"
    assert cells(text, "parity")[1:3] == ["✗ fail", "no number"]


def test_the_load_test_stands_below_the_gates_and_all_rows_together_above_the_matrix() -> None:
    scores = confusion.Scores(40, 0.925, 0.91, None, {}, {}, 0.0312)
    known = dataclasses.replace(
        everything(), load=account.Load(1000, 7.9, 12.4, 18.3, 0.0002, 500.0), scores=scores
    )

    seen = words(page.render(known))

    assert re.search(r"p50\s+7.9 ms\s+p95\s+12.4 ms\s+p99\s+18.3 ms\s+errors\s+0.02 %", seen)
    assert re.search(r"held-out rows\s+40\s+accuracy\s+92.5 %\s+macro F1\s+91.0 %", seen)
    assert re.search(r"rare recall\s+–\s+mean severity\s+0.0312", seen)
    assert "No load test has been recorded." in words(page.render(everything()))


def baselines_of(told: account.Account) -> list[list[str]]:
    """The rows of the table of baselines."""
    part = page.render(told).split(beside.TITLE)[1].split("<h3>")[0]
    cut = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) for row in part.split("<tr")[2:]]
    return [[html.unescape(cell) for cell in row] for row in cut]


def test_the_candidate_stands_above_what_costs_less() -> None:
    scores = confusion.Scores(40, 0.925, 0.91, 0.8, {}, {}, 0.0312)
    apart = baseline.OutOfFold(0.875, 16)
    told = (
        baseline.Baseline("majority", 40, 0.221, 0.036, 0.0, 0.01, 100, 0.0),
        baseline.Baseline("linear", 40, 0.9, 0.888, None, 0.02, 1200, 3.14, apart),
        baseline.Baseline("champion", 40, 0.95, 0.94, 0.9, 0.03, 0, 0.5),
    )

    rows = baselines_of(dataclasses.replace(everything(), scores=scores, baselines=told))

    first = ["the candidate", "92.5 %", "91.0 %", "80.0 %", "–", "0.037", "–", "–"]
    words = ["90.0 %", "88.8 %", "–", "87.5 % (n = 16)", "0.02", "1,200 rows", "3.1 s"]
    assert rows[0] == first
    assert rows[1][0] == "the most frequent intent"
    assert rows[2] == ["a linear model of words and letters", *words]
    assert rows[3][0] == "the champion"
    assert rows[3][6] == "–"


def test_one_that_is_better_than_a_linear_model_does_not_speak_of_it() -> None:
    run = accounts.run(gates=(beside_a_linear_model(0.001, 0.03),))

    assert summary.result(run) == "Promoted: v2 passed every gate and became the champion"


def test_a_run_of_before_there_were_baselines_says_so() -> None:
    assert "Nothing was measured beside it." in words(page.render(everything()))


def made_of(told: account.Account) -> str:
    return words("".join(lineage.parts(told)))


def test_the_lineage_says_what_went_in_and_whose_labels_did_not() -> None:
    doubt = {"annotator": "a3", "start": "2026-04-01", "end": "2026-04-08", "why": "61 of 300"}
    made_with = {"code": "1.2+ab", "policy_sha256": "8" * 64, "golden_sha256": "9" * 64}
    begun = account.Step("training", accounts.AT, {"aside": [doubt], **made_with})
    known = dataclasses.replace(everything(), steps=(begun,))

    said = made_of(known)

    assert "5" * 64 in said
    assert "7" * 64 in said
    assert re.search(rf"code\s+1.2\+ab\s+policy\s+{'8' * 64}\s+golden set\s+{'9' * 64}", said)
    assert "d1" in said
    assert known.decision is not None
    assert known.decision.policy_sha256 in said
    assert re.search(r"a3\s+2026-04-01\s+2026-04-08\s+61 of 300", said)
    assert re.search(r"training\s+2026-04-20 12:00 UTC", said)


def test_a_run_that_a_person_has_asked_for_says_so_and_one_with_all_labels_too() -> None:
    begun = account.Step("training", accounts.AT + dt.timedelta(hours=1), {"aside": []})

    said = made_of(accounts.told(steps=(begun,)))

    assert "asked for by a person" in said
    assert "None: every annotator's labels count." in said


# Few intents and many


def matrix(intents: Sequence[str], counts: Sequence[Sequence[int]]) -> Elements:
    seen = accounts.validated(intents, counts)
    return Elements(page.render(accounts.told(validation=seen)))


@pytest.mark.parametrize("k", [2, 77])
def test_any_number_of_intents_has_its_table(k: int) -> None:
    names = [f"intent_{i}" for i in range(k)]
    counts = [[9 if i == j else (i + j) % 2 for j in range(k)] for i in range(k)]

    seen = matrix(names, counts)

    assert seen.open == []
    kinds = [(attributes.get("class") or "").split(" ")[0] for _, attributes in seen.all]
    assert kinds.count("hit") == k
    assert kinds.count("miss") + kinds.count("severe") == sum(map(sum, counts)) - 9 * k
