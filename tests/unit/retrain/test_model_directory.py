"""What a run leaves behind: a directory with the candidate's reference, labels and report; and how
a session answers from it, with a graph small enough to be worked by hand.
"""

import dataclasses
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pandas as pd
import pytest
import tokenizers
from onnx import helper, numpy_helper

from retrain.evaluation import confusion, validation
from retrain.train import candidate, gate, loadtest
from retrain.train.beside import measure
from retrain.train.compile import manifest, parity, session
from retrain.train.compile.backends import onnx as artefact
from schemas import normalise, policy, present, runs, windows

K = len(present.INTENTS)
FAQ, CHITCHAT = present.INDEX["faq"], present.INDEX["chitchat"]
VOCABULARY = {"[UNK]": 0, "where": 1, "is": 2, "it": 3, "hello": 4}


def graph(path: Path) -> None:
    """A network whose logits are the sums of its tokens' rows: `where` speaks for faq by 2, `hello`
    for chitchat by 4, and every other token for nothing.
    """
    rows = np.zeros((len(VOCABULARY), K), dtype=np.float32)
    rows[VOCABULARY["where"], FAQ] = 2.0
    rows[VOCABULARY["hello"], CHITCHAT] = 4.0
    ids = helper.make_tensor_value_info("input_ids", onnx.TensorProto.INT64, ["n", "t"])
    mask = helper.make_tensor_value_info("attention_mask", onnx.TensorProto.INT64, ["n", "t"])
    logits = helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["n", K])
    nodes = [
        helper.make_node("Gather", ["rows", "input_ids"], ["looked_up"], axis=0),
        helper.make_node("ReduceSum", ["looked_up", "tokens"], ["logits"], keepdims=0),
    ]
    weights = [
        numpy_helper.from_array(rows, "rows"),
        numpy_helper.from_array(np.array([1], dtype=np.int64), "tokens"),
    ]
    body = helper.make_graph(nodes, "tiny", [ids, mask], [logits], weights)
    opsets = [helper.make_opsetid("", 14)]
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(body, opset_imports=opsets, ir_version=8), path)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A run's directory once it is trained and compiled, before it is finished."""
    made = tmp_path / ".run"
    graph(made / artefact.ARTEFACT)
    words = tokenizers.models.WordLevel(VOCABULARY, unk_token="[UNK]")
    tokenizer = tokenizers.Tokenizer(words)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.save(str(made / "tokenizer.json"))
    (made / "calibration.json").write_text(json.dumps({"temperature": 2.0, "max_tokens": 4}))
    (made / session.SEEN).write_text(json.dumps([1, 2, 3]))
    return made


# The candidate and its held-out rows.


def held_out(*intents: str, kind: str = "human", text: str = "where is it") -> pd.DataFrame:
    n = len(intents)
    return pd.DataFrame(
        {
            "text": [text] * n,
            "intent": intents,
            "kind": [kind] * n,
            "group": [str(i) for i in range(n)],
        }
    )


def trained(
    directory: Path, predicted: Sequence[int], confidence: Sequence[float] = ()
) -> candidate.Trained:
    """A candidate that said this of its held-out rows, at 0.9 unless told."""
    n = len(predicted)
    places = np.array(predicted, dtype=np.int64)
    sure = np.array(confidence or [0.9] * n)
    return candidate.Trained(
        directory=directory,
        answers=gate.Answers(places, sure),
        parity=parity.Parity(600, 0.99, 0.0, 0.0, 0.01, 0.02, passed=True),
        load=loadtest.LoadTest(1000, 2.0, 4.5, 6.0, 0.0, 400.0, 4.0, 0.98),
        scores=confusion.scores(places, places),
        validation=validation.validation(places, 3 * np.eye(10)[places], 1.0, ["hello"] * n, 1),
        tokenizer_hash="9b2a1",
        target="onnx-int8",
    )


def finished(directory: Path, test: pd.DataFrame, made: candidate.Trained) -> runs.Reference:
    """The reference in the directory once it is finished."""
    candidate.finish(made, "v7", test, ())
    return runs.reference(json.loads((directory / "reference.json").read_text()))


def test_an_answer_is_the_likeliest_intent_and_its_probability() -> None:
    probabilities = np.array([[0.1, 0.7, 0.2], [0.5, 0.25, 0.25]])

    answers = candidate.answers(probabilities)

    assert answers.predicted.tolist() == [1, 0]
    assert answers.confidence.tolist() == [0.7, 0.5]


def test_of_equally_likely_intents_the_first_is_the_answer() -> None:
    assert candidate.answers(np.array([[0.4, 0.4, 0.2]])).predicted.tolist() == [0]


def test_a_reference_is_what_the_candidate_looked_like_on_its_held_out_rows(
    directory: Path,
) -> None:
    """Two faq, of which one was taken for chitchat, and two chitchat: 3 of 4 right."""
    test = held_out("faq", "faq", "chitchat", "chitchat")
    made = trained(directory, [FAQ, CHITCHAT, CHITCHAT, CHITCHAT], [0.9, 0.5, 0.6, 0.8])

    reference = finished(directory, test, made)

    assert (reference.model, reference.n, reference.accuracy_n) == ("v7", 4, 4)
    assert reference.accuracy == 0.75
    assert reference.recall == {"faq": 0.5, "chitchat": 1.0}
    assert reference.intent_counts == dict.fromkeys(present.INTENTS, 0) | {"faq": 1, "chitchat": 3}
    assert reference.mean_confidence == pytest.approx(0.7)
    # 0.6 is the limit and not under it.
    assert reference.low_confidence_rate == 0.25
    assert reference.p95_latency_ms == 4.5
    assert reference.tokenizer == windows.tokenizer_code("9b2a1")


def test_a_reference_counts_scripts_as_the_stream_does(directory: Path) -> None:
    japanese = held_out("faq", text="ナルト")
    test = pd.concat([held_out("faq", "faq"), japanese], ignore_index=True)

    reference = finished(directory, test, trained(directory, [FAQ] * 3))

    assert reference.script_counts == {"latin": 2, "japanese": 1, "mixed": 0, "other": 0}


@pytest.mark.parametrize(("live", "n"), [(100, 100), (99, 149)])
def test_a_hundred_live_rows_alone_are_the_reference_and_fewer_are_not(
    live: int, n: int, directory: Path
) -> None:
    """The 50 others are of chitchat: where live rows are enough they do not show."""
    test = pd.concat(
        [held_out(*["faq"] * live, kind="live"), held_out(*["chitchat"] * 50)], ignore_index=True
    )
    made = trained(directory, [FAQ] * live + [CHITCHAT] * 50)

    reference = finished(directory, test, made)

    assert reference.n == n
    assert reference.intent_counts["chitchat"] == n - live


def test_a_finished_directory_is_signed_and_says_what_it_is_of(directory: Path) -> None:
    line = runs.Gate("accuracy", runs.GateVerdict.PASS, 0.9, 0.88, 0.005, 0.01, 0.03, 600)

    candidate.finish(trained(directory, [FAQ]), "v7", held_out("faq"), (line,))

    manifest.verify(directory)
    read = {path.stem: json.loads(path.read_text()) for path in directory.glob("*.json")}
    assert read["labels"] == list(present.INTENTS)
    assert read["taxonomy"] == present.TAXONOMY.body
    assert read["normaliser"] == {"version": normalise.VERSION, "sha256": normalise.SHA256}
    assert read["parity"]["agreement"] == 0.99
    assert read["gate_report"] == [
        {
            "gate": "accuracy",
            "verdict": "pass",
            "value": 0.9,
            "champion": 0.88,
            "margin": 0.005,
            "low": 0.01,
            "high": 0.03,
            "n": 600,
            "note": "",
        }
    ]


# A session that is loaded from it.


@pytest.fixture
def model(directory: Path) -> Path:
    """The same directory, finished and in its place."""
    candidate.finish(trained(directory, [FAQ]), "v7", held_out("faq"), ())
    return directory.rename(directory.parent / "v7")


def test_a_session_answers_what_a_person_can_work_out(model: Path) -> None:
    """`where` alone: a logit of 2 for faq, halved by the temperature: e / (e + 9) = 0.232."""
    probabilities, tokens = session.load(model).classify(["Where is it?"])

    assert tokens == [[1, 2, 3]]
    assert probabilities.shape == (1, K)
    assert probabilities[0].argmax() == FAQ
    assert probabilities[0, FAQ] == pytest.approx(np.e / (np.e + 9))
    assert probabilities[0].sum() == pytest.approx(1)


def test_a_session_knows_its_name_temperature_and_manifest(model: Path) -> None:
    loaded = session.load(model)

    assert (loaded.model, loaded.temperature) == ("v7", 2.0)
    assert loaded.manifest_sha256 == manifest.verify(model)
    assert len(loaded.tokenizer_hash) == 12


def test_an_answer_does_not_depend_on_what_else_is_asked(model: Path) -> None:
    loaded = session.load(model)
    texts = ["where", "hello hello", "", "is it hello where"]

    together, _ = loaded.classify(texts)

    for i, text in enumerate(texts):
        alone, _ = loaded.classify([text])
        assert np.array_equal(alone[0], together[i])


def test_of_no_messages_there_are_no_answers(model: Path) -> None:
    probabilities, tokens = session.load(model).classify([])

    assert probabilities.shape == (0, K)
    assert tokens == []


def test_style_changes_no_answer(model: Path) -> None:
    loaded = session.load(model)
    plain, _ = loaded.classify(["where is it"])

    styled, _ = loaded.classify(["  WHERE\nis   it?! "])

    assert np.array_equal(plain, styled)


def test_a_long_message_is_cut_at_the_tokens_it_was_trained_on(model: Path) -> None:
    """calibration.json says four."""
    _, tokens = session.load(model).classify(["is " * 1_000 + "hello"])

    assert tokens == [[2, 2, 2, 2]]


@pytest.mark.parametrize(
    ("text", "novelty"),
    [
        ("where is it", 0.0),
        ("where is it hello", 0.25),  # hello stands in the vocabulary, but trained nothing
        ("hello", 1.0),
        ("where 新刊", 0.5),
        ("", 0.0),
    ],
)
def test_novelty_is_the_share_of_tokens_that_trained_nothing(
    text: str, novelty: float, model: Path
) -> None:
    loaded = session.load(model)
    _, (tokens,) = loaded.logits([text])

    assert loaded.novelty(tokens) == novelty


def test_a_model_of_before_that_does_not_say_what_it_saw_finds_nothing_new(
    directory: Path,
) -> None:
    (directory / session.SEEN).unlink()

    assert session.open_unsigned(directory).novelty([4, 4]) == 0.0


def test_what_training_rows_held_is_listed_once_in_order_without_what_is_unknown(
    directory: Path,
) -> None:
    opened = session.open_unsigned(directory)

    assert opened.seen(["it is IT", "hello nobody"]) == [2, 3, 4]
    assert opened.seen([]) == []


# What is refused.


def resigned(model: Path) -> None:
    """As if somebody with the key had changed it on purpose."""
    manifest.write(model)


def test_a_changed_temperature_is_refused_by_name(model: Path) -> None:
    (model / "calibration.json").write_text('{"temperature": 1.0, "max_tokens": 4}')

    with pytest.raises(manifest.BadArtefact, match=r"calibration\.json: not the file that was"):
        session.load(model)


def test_a_model_of_another_normaliser_is_refused(model: Path) -> None:
    (model / "normaliser.json").write_text('{"version": "0: none", "sha256": "0"}')
    resigned(model)

    with pytest.raises(manifest.BadArtefact, match="trained with another normaliser"):
        session.load(model)


@pytest.mark.parametrize("labels", [["faq", "unheard_of"], ["never", "heard"]])
def test_a_model_of_intents_nobody_has_is_refused_by_their_names(
    labels: list[str], model: Path
) -> None:
    (model / manifest.LABELS).write_text(json.dumps(labels))
    (model / manifest.TAXONOMY).unlink()
    resigned(model)

    with pytest.raises(manifest.AnotherTaxonomy, match=f"lacks .*{labels[1]}") as caught:
        session.load(model)

    assert str(caught.value).endswith(f"point {present.VARIABLE} at the file it was trained with")
    with pytest.raises(manifest.AnotherTaxonomy):
        manifest.fits(model)


def test_a_model_that_does_not_say_its_intents_fits_until_it_is_loaded(tmp_path: Path) -> None:
    manifest.fits(tmp_path)


def test_outputs_find_their_intents_whatever_order_the_model_has_them_in(model: Path) -> None:
    """A model of before the file was put in another order: its first output is the last intent."""
    backwards = list(reversed(present.INTENTS))
    (model / manifest.LABELS).write_text(json.dumps(backwards))
    (model / manifest.TAXONOMY).unlink()
    resigned(model)

    probabilities, _ = session.load(model).classify(["where"])

    assert manifest.places(model) == list(range(K))[::-1]
    assert probabilities[0].argmax() == K - 1 - FAQ
    assert probabilities[0].sum() == pytest.approx(1)


# Gates on a real session.


def gates(
    made: candidate.Trained, test: pd.DataFrame, champion: Path | None = None, **said: Any
) -> dict[str, Any]:
    """The gates of a candidate beside a champion, and beside a linear model that said this."""
    if champion is not None:
        said["champion"], _ = session.load(champion).classify(list(test["text"]))
    made = dataclasses.replace(made, beside=measure.Beside((), **said))
    report = candidate.gates(made, test, policy.Gates())
    return {line.gate: line for line in report}


def test_the_champion_answers_the_same_rows_as_the_candidate(model: Path) -> None:
    """The tiny model says faq to `where is it`: of these six rows it gets four."""
    test = held_out(*["faq"] * 4, *["chitchat"] * 2)
    made = trained(model, [FAQ] * 4 + [CHITCHAT] * 2)

    accuracy = gates(made, test, model)["accuracy"]

    assert (accuracy.value, accuracy.champion, accuracy.n) == (1.0, pytest.approx(4 / 6), 6)


def certain(*answered: int) -> npt.NDArray[np.float64]:
    """Probabilities of a model that is sure of these answers."""
    return np.eye(K)[list(answered)]


@pytest.mark.parametrize(
    ("said", "verdict"),
    [(FAQ, runs.GateVerdict.FAIL), (CHITCHAT, runs.GateVerdict.PASS)],
)
def test_a_candidate_that_answers_the_newest_rows_worse_than_a_linear_model_fails(
    directory: Path, said: int, verdict: runs.GateVerdict
) -> None:
    """30 imported rows, of which the candidate alone gets 15; then 10 live ones, all faq, of which
    it gets none.
    """
    old = held_out(*["chitchat"] * 30)
    test = pd.concat([old, held_out(*["faq"] * 10, kind="live")])
    test["group"] = [str(i) for i in range(40)]
    made = trained(directory, [CHITCHAT] * 40)
    linear = certain(*[FAQ] * 15, *[CHITCHAT] * 15, *[said] * 10)

    report = gates(made, test, linear=linear)

    assert report["linear"].verdict is verdict
    assert (report["linear"].n, report["linear"].value) == (
        (10, 0.0) if said == FAQ else (40, 0.75)
    )


def test_of_many_live_rows_the_last_ones_are_the_newest(directory: Path) -> None:
    """Of 510 live rows the linear model is better in the first ten alone."""
    test = held_out(*["faq"] * 510, kind="live")
    made = trained(directory, [CHITCHAT] * 10 + [FAQ] * 500)
    linear = certain(*[FAQ] * 10, *[CHITCHAT] * 10, *[FAQ] * 490)

    assert gates(made, test, linear=linear)["linear"].verdict is runs.GateVerdict.PASS

    linear = certain(*[FAQ] * 10, *[FAQ] * 500)
    assert gates(made, test, linear=linear)["linear"].n == 510


def test_where_no_linear_model_could_be_made_there_is_no_gate_of_it(directory: Path) -> None:
    assert "linear" not in gates(trained(directory, [FAQ]), held_out("faq"))


def test_without_a_champion_nobody_is_compared_with(directory: Path) -> None:
    report = gates(trained(directory, [FAQ]), held_out("faq"))

    assert report["accuracy"].champion is None
    assert "no champion" in report["accuracy"].note


def test_without_held_out_rows_a_champion_is_no_reason_to_break_off(model: Path) -> None:
    accuracy = gates(trained(model, []), held_out(), model)["accuracy"]

    assert (accuracy.verdict, accuracy.note) == ("inconclusive", "no held-out rows")


def test_load_test_and_parity_stand_in_the_gates_as_they_were_measured(directory: Path) -> None:
    report = gates(trained(directory, [FAQ]), held_out("faq"))

    assert (report["p95_latency_ms"].value, report["p95_latency_ms"].n) == (4.5, 1000)
    assert (report["parity"].value, report["parity"].n) == (0.99, 600)


def test_a_champion_that_cannot_be_loaded_stops_the_run_instead_of_passing_it(model: Path) -> None:
    shutil.rmtree(model / "compiled")

    with pytest.raises(manifest.BadArtefact, match=r"model\.onnx"):
        gates(trained(model, [FAQ]), held_out("faq"), model)
