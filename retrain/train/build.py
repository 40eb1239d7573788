"""Train a network, compile the artefact that will serve, and measure what the gates ask of it."""

import dataclasses
import json
import math
import tempfile
from concurrent import futures
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from retrain.evaluation import calibration, confusion, validation
from retrain.train import candidate, loadtest
from retrain.train import recipe as recipes
from retrain.train.compile import backend, cpu, golden, parity, session
from retrain.train.fit import loop, model, ranks, rows, speed

_CALIBRATION = "calibration.json"
# Rows on which the exported float32 graph is held against the network: one that is wrong is so in
# each, and three times as slow as the artefact it answers one message after another.
_PROVED = 300


@dataclass(frozen=True, slots=True)
class Tuned:
    """A network that has been trained, and the rows it was trained on, chosen by and is tested
    on.
    """

    network: Any
    tokenizer: Any
    train: rows.Rows
    val: rows.Rows
    test: rows.Rows


@dataclass(frozen=True, slots=True)
class Compiled:
    """The artefact, what it says of the test rows, shape (n, K), and how far it is from the
    network.
    """

    session: session.Session
    logits: npt.NDArray[np.float64]
    parity: parity.Parity


def tuned(
    recipe: recipes.Recipe,
    parts: dict[str, pd.DataFrame],
    hooks: loop.Hooks,
) -> Tuned:
    """Fine-tune the recipe's encoder. `parts`: the rows of train, val and test. Raises
    model.EncoderMissing, speed.DeviceMissing, loop.Diverged, and backend.Unavailable before
    anything is trained for nothing.
    """
    backend.usable(recipe.backend)
    torch.set_num_threads(speed.free())
    torch.manual_seed(recipe.seed)  # the head's first weights are drawn while loading
    encoder = model.fitting(recipe.base_model, recipe.max_tokens)
    network, tokenizer = model.load(encoder)

    train = _rows(parts["train"])
    val = _rows(parts["val"])
    test = _rows(parts["test"])
    with ranks.joined(recipe.device) as crew:
        crew.told((recipe, train, val))
        if crew.size > 1:
            # Each process has random numbers of its own, of which a checkpoint holds one's.
            hooks = replace(hooks, crew=crew, keeper=None)
        network = loop.fine_tune(network, tokenizer, train, val, recipe, hooks)
    return Tuned(network, tokenizer, train, val, test)


def follow(device: str) -> None:
    """Take part in the fine-tune of the first process, as one of those that torchrun has started
    beside it. Raises what `tuned` does.
    """
    torch.set_num_threads(speed.free())
    with ranks.joined(device) as crew:
        recipe, train, val = crew.told(None)
        torch.manual_seed(recipe.seed)
        network, tokenizer = model.load(model.fitting(recipe.base_model, recipe.max_tokens))
        silent = loop.Hooks("", lambda *_: None, lambda _: None, lambda _: None, 0.0, crew=crew)
        loop.fine_tune(network, tokenizer, train, val, recipe, silent)


def _rows(frame: pd.DataFrame) -> rows.Rows:
    texts = list(frame["text"])
    intents = list(frame["intent"])
    return rows.of(texts, intents)


def trained(
    network: Tuned,
    messages: list[str],
    recipe: recipes.Recipe,
    directory: Path,
) -> candidate.Trained:
    """Write network and artefact into `directory`, and measure the artefact: on the test rows, and
    under a load of `messages`, which are those rows as people typed them. Raises
    backend.Unavailable.
    """
    network.network.save_pretrained(directory)
    network.tokenizer.save_pretrained(directory)
    made = compiled(network, recipe, directory)
    seen = made.session.seen(network.train.texts)
    (directory / session.SEEN).write_text(json.dumps(seen))

    temperature = made.session.temperature
    probabilities = calibration.probabilities(made.logits, temperature)
    answers = candidate.answers(probabilities)
    load = loadtest.run(made.session, messages)
    return candidate.Trained(
        directory=directory,
        answers=answers,
        parity=made.parity,
        load=load,
        scores=confusion.scores(network.test.labels, answers.predicted),
        validation=validation.validation(
            network.test.labels, made.logits, temperature, messages, recipe.seed
        ),
        tokenizer_hash=made.session.tokenizer_hash,
        target=backend.named(recipe.backend).TARGET,
    )


def compiled(network: Tuned, recipe: recipes.Recipe, directory: Path) -> Compiled:
    """The artefact that will serve, held against the network; the temperature is fitted on it, not
    on the network.
    """
    test = network.test
    max_tokens = recipe.max_tokens
    # A session does not open without it; the temperature is one until it is fitted.
    unfitted = {"temperature": 1.0, "max_tokens": max_tokens}
    (directory / _CALIBRATION).write_text(json.dumps(unfitted))
    opened = backend.usable(recipe.backend)
    models = directory.parent
    with tempfile.TemporaryDirectory(dir=models, prefix=".compile_") as workshop:
        built = opened.build(network.network, directory, Path(workshop), max_tokens)
        exported = None
        if built.exported is not None:
            unproved = session.unproved(directory, built.exported, "exported")
            exported = _answers(unproved, test.texts[:_PROVED])

    _prove(directory, opened)
    serving = _fitted(network.val, max_tokens, directory)
    logits = _answers(serving, test.texts)
    eager = loop.logits(network.network, network.tokenizer, test.texts, max_tokens)
    same = parity.check(eager, exported, logits, test.labels, built.weight_error)
    return Compiled(serving, logits, same)


def _prove(directory: Path, opened: backend.Backend) -> None:
    """Note what the artefact answers in its most exact mode, which is what every machine that
    serves it has to come to.
    """
    exact = session.in_mode(directory, opened, opened.MODES[-1])
    logits, tokens = exact.logits(list(golden.MESSAGES))
    golden.write(directory, golden.proof(logits, tokens, cpu.this()))


def _answers(serving: session.Session, texts: list[str]) -> npt.NDArray[np.float64]:
    """The logits (n, K) of each message by itself, as it is served: a thread for each core that is
    free.
    """
    threads = speed.free()
    size = max(1, math.ceil(len(texts) / threads))
    parts = [texts[begin : begin + size] for begin in range(0, max(1, len(texts)), size)]
    with futures.ThreadPoolExecutor(threads) as pool:
        answers = pool.map(lambda part: serving.logits(part)[0], parts)
        return np.concatenate(list(answers))


def _fitted(val: rows.Rows, max_tokens: int, directory: Path) -> session.Session:
    """The artefact with its temperature, which is noted beside it."""
    unfitted = session.open_unsigned(directory)
    logits = _answers(unfitted, val.texts)
    temperature = calibration.temperature(logits, val.labels)
    fitted = {
        "temperature": temperature,
        "max_tokens": max_tokens,
        "n": len(val.texts),
    }
    (directory / _CALIBRATION).write_text(json.dumps(fitted))
    return dataclasses.replace(unfitted, temperature=temperature)
