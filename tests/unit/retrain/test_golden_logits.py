"""A model answers where it is opened as it did where it was proved, or is not opened: on CPUs that
add up exactly and on those that do not.
"""

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import cutoff
import numpy as np
import pytest

from retrain.train.compile import backend, cpu, golden, manifest, session
from retrain.train.compile.backends import onnx as artefact
from schemas import slices

VNNI = {"avx512_vnni", "avx_vnni", "amx_int8", "asimddp"}
XEON = cpu.Cpu("Xeon", ("avx2", "avx512_vnni"))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return cutoff.written(tmp_path / "v1")


def proved(directory: Path, machine: backend.Backend, mode: str) -> Path:
    """As a job on that machine would leave it."""
    logits, tokens = session.in_mode(directory, machine, mode).logits(list(golden.MESSAGES))
    golden.write(directory, golden.proof(logits, tokens, XEON))
    return cutoff.signed(directory)


@pytest.mark.parametrize("mode", artefact.MODES)
def test_the_runtime_adds_up_as_this_cpu_does_or_exactly_where_it_is_told_to(
    mode: str, directory: Path
) -> None:
    """By hand on both kinds of CPU: whichever this one is, the other row would not fit."""
    run = artefact.open(directory, mode)
    exact = mode == "precise" or bool(VNNI & set(cpu.this().features))
    for ids in ([1], [1, 0], [1, 0, 0, 0], [1, 5, 9]):
        assert run(ids) == pytest.approx(cutoff.by_hand(ids, exact=exact), rel=1e-5)
        other = cutoff.by_hand(ids, exact=not exact)
        assert np.abs(run(ids) - other).max() > 0.01


@pytest.mark.parametrize(
    ("machine", "mode", "warned"),
    [(cutoff.WITH_VNNI, "fast", False), (cutoff.WITHOUT, "precise", True)],
)
def test_a_cpu_opens_a_model_in_the_first_mode_that_answers_as_proved(
    machine: cutoff.Machine,
    mode: str,
    warned: bool,
    directory: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    proved(directory, cutoff.WITH_VNNI, "precise")

    loaded = session.load(directory, machine.named)

    assert loaded.mode == mode
    assert (f"{directory} is served in precise mode" in caplog.text) is warned
    logits, _ = loaded.logits(["faq"])
    assert logits[0] == pytest.approx(cutoff.by_hand([1, 5], exact=True), rel=1e-5)


def test_a_job_on_a_cpu_that_cuts_off_proves_what_every_other_can_answer(directory: Path) -> None:
    """It notes the most exact mode, not the one that is fastest there."""
    proved(directory, cutoff.WITHOUT, cutoff.WITHOUT.MODES[-1])

    assert session.load(directory, cutoff.WITH_VNNI.named).mode == "fast"
    assert session.load(directory).mode in artefact.MODES


def test_a_model_that_no_mode_answers_as_proved_is_refused_in_one_line(directory: Path) -> None:
    """By how much, and on which CPUs: of ten logits each of 24 messages, worked by hand."""
    proved(directory, cutoff.WITH_VNNI, "precise")
    proof = golden.read(directory)
    assert proof is not None
    tokens = [session.load(directory)._tokens(message) for message in golden.MESSAGES]
    exact, cut = (
        np.array([cutoff.by_hand(ids, exact=whole) for ids in tokens]) for whole in (True, False)
    )
    largest = float(np.abs(exact - cut).max() / exact.std())

    with pytest.raises(manifest.BadArtefact) as refused:
        session.load(directory, cutoff.NEITHER.named)

    told = str(refused.value)
    assert "\n" not in told
    assert f"move by up to {largest:.3g} standard deviations" in told
    assert f"this CPU is {cpu.this()}, that one was Xeon (avx2 avx512_vnni)" in told


def test_a_model_proved_by_another_arithmetic_is_refused_by_the_real_runtime(
    directory: Path,
) -> None:
    proved(directory, cutoff.WITH_VNNI, "precise")
    proof = golden.read(directory)
    assert proof is not None
    moved = tuple(tuple(logit * 1.1 for logit in row) for row in proof.logits)
    golden.write(directory, dataclasses.replace(proof, logits=moved))
    cutoff.signed(directory)

    with pytest.raises(manifest.BadArtefact, match="answers otherwise than where it was proved"):
        session.load(directory)


def test_golden_logits_are_signed(directory: Path) -> None:
    proved(directory, cutoff.WITH_VNNI, "precise")
    path = directory / golden.FILE
    path.write_text(path.read_text().replace("hello", "goodbye"))

    with pytest.raises(manifest.BadArtefact, match=r"golden_logits\.json: not the file"):
        session.load(directory)


def test_a_model_of_before_is_opened_with_a_warning(
    directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert session.load(cutoff.signed(directory)).mode == "fast"
    (told,) = caplog.messages
    assert told.startswith(f"{directory} has no golden_logits.json: nothing shows")


@pytest.mark.parametrize("folders", [(), ("onnx", "torch")])
def test_a_directory_with_no_artefact_or_with_two_is_refused(
    folders: Sequence[str], tmp_path: Path
) -> None:
    for folder in folders:
        (tmp_path / "compiled" / folder).mkdir(parents=True)

    with pytest.raises(backend.Unavailable, match="must hold one backend's artefact"):
        backend.of(tmp_path)


# How far is too far.

LOGITS = np.tile([1.0, -1.0], (5, 1))  # a standard deviation of 1
TOKENS = [[1], [2], [3], [4], [5]]


def shifted(change: Callable[[np.ndarray], object]) -> golden.Shift:
    """Of five messages with this change."""
    logits = LOGITS.copy()
    change(logits)
    return golden.shift(golden.proof(LOGITS, TOKENS, XEON), logits, TOKENS)


def put(row: int | slice, value: float) -> Callable[[np.ndarray], object]:
    return lambda logits: logits.__setitem__((row, 0), value)


@pytest.mark.parametrize(
    ("change", "typical", "largest", "small"),
    [
        (put(0, 1.0), 0.0, 0.0, True),
        (put(0, 1.9), 0.0, 0.9, True),  # one message beyond a rounding step
        (put(slice(0, 2), 1.9), 0.0, 0.9, True),
        (put(slice(0, 3), 1.9), 0.45, 0.9, False),  # three of five: another arithmetic
        (put(0, 2.1), 0.0, 1.1, False),  # one message by another answer
        (put(slice(0, 5), 1.018), 0.009, 0.018, True),
        (put(slice(0, 5), 1.022), 0.011, 0.022, False),
    ],
)
def test_a_shift_is_the_largest_difference_and_that_of_the_typical_message(
    change: Callable[[np.ndarray], object], typical: float, largest: float, small: bool
) -> None:
    shift = shifted(change)

    assert (shift.typical, shift.largest) == (pytest.approx(typical), pytest.approx(largest))
    assert shift.small is small


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_logit_that_is_no_number_is_no_small_shift(value: float) -> None:
    assert not shifted(put(4, value)).small


def test_other_tokens_and_another_number_of_outputs_are_endlessly_far() -> None:
    proof = golden.proof(LOGITS, TOKENS, XEON)

    assert golden.shift(proof, LOGITS, [[1], [2], [3], [5], [4]]).largest == float("inf")
    assert golden.shift(proof, LOGITS[:, :1], TOKENS).largest == float("inf")
    assert golden.shift(proof, LOGITS, TOKENS).small


def test_a_proof_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    proof = golden.proof(LOGITS / 3, TOKENS, XEON)
    golden.write(tmp_path, proof)

    assert golden.read(tmp_path) == proof
    assert json.loads((tmp_path / golden.FILE).read_text())["cpu"]["features"] == [
        "avx2",
        "avx512_vnni",
    ]


def test_the_messages_are_of_several_scripts_and_lengths() -> None:
    assert 16 <= len(golden.MESSAGES) <= 32
    assert len(set(golden.MESSAGES)) == len(golden.MESSAGES)
    assert {slices.script(message) for message in golden.MESSAGES} == set(slices.SCRIPTS)
    lengths = [len(message) for message in golden.MESSAGES]
    assert min(lengths) == 0
    assert max(lengths) > 250


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("model name\t: i7-4770\nflags\t\t: fpu sse4_2 avx2\n", "i7-4770 (avx2)"),
        ("model name : a\nflags : avx2\n\nmodel name : b\nflags : avx512_vnni\n", "a (avx2)"),
        ("Features : fp asimd asimddp i8mm\n", "(asimddp i8mm)"),
        ("", "(no instructions known)"),
    ],
)
def test_a_cpu_is_told_by_its_name_and_how_it_multiplies(text: str, expected: str) -> None:
    assert str(cpu.told(text)).endswith(expected)
