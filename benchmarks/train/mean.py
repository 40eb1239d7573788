"""`python -m benchmarks.train.mean --messages DIR`: whether the mean of a fine-tune's probabilities
and a linear model's is worth being served, on held-out messages of the language that trained and of
later language; and how well a fine-tune's logits tell messages of no intent. About ten minutes of
one core; nothing is written but what it prints.
"""

import argparse
import gzip
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from benchmarks.asking import rows as tables
from benchmarks.train import scope
from retrain.evaluation import calibration, comparison, confusion
from retrain.train import recipe as recipes
from retrain.train.beside import linear
from retrain.train.fit import loop, model, rows
from schemas import normalise

_VALIDATED: Final = 300  # rows: they choose the epoch and the temperature
_ASKED: Final = 1_500  # messages of a part at most
_SCORES: Final = {
    "confidence": scope.confidence,
    "max_logit": scope.max_logit,
    "energy": scope.energy,
}

Floats = npt.NDArray[np.float64]
Row = dict[str, Any]


def main() -> int:
    """Measure and print, a JSON object a line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.train.mean", description=__doc__)
    parser.add_argument("--messages", type=Path, metavar="DIR", required=True)
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    messages = tables.read(given.messages)
    strangers = _strangers(given.messages / "out_of_scope.jsonl.gz")
    for seed in tqdm(range(given.seeds), unit="seed", file=sys.stderr):
        for row in measured(messages, strangers, given.rows, seed):
            print(json.dumps({"seed": seed, **row}), flush=True)
    return 0


def _strangers(path: Path) -> list[str]:
    lines = gzip.decompress(path.read_bytes()).splitlines()
    return [normalise.text(json.loads(line)["text"]) for line in lines]


def measured(
    messages: tables.Rows, strangers: Sequence[str], size: int, seed: int
) -> Iterator[Row]:
    """Of one seed: each part with what the fine-tune, the linear model and their mean get right of
    it, and each score with what it tells of strangers.
    """
    cut = tables.cut(messages, seed)
    chosen = cut.train[: size + _VALIDATED]
    train, val = chosen[:size], chosen[size:]
    parts = {"home": cut.home[:_ASKED], "later": cut.later[:_ASKED]}
    asked = np.concatenate(list(parts.values()))

    recipe = replace(recipes.Recipe(), seed=seed)
    texts = [messages.texts[row] for row in asked]
    drawn = np.random.default_rng(seed).permutation(len(strangers))[:_ASKED]
    others = [strangers[row] for row in drawn]
    logits = _fine_tuned(recipe, _rows(messages, train), _rows(messages, val), texts + others)
    tuned, strange = logits[: len(asked)], logits[len(asked) :]
    by_words = _linear(messages, train, texts)

    begin = 0
    for name, part in parts.items():
        of = slice(begin, begin + len(part))
        begin += len(part)
        groups = [str(group) for group in messages.group[part]]
        yield {"part": name} | _compared(messages.intent[part], groups, tuned[of], by_words[of])
    home = tuned[: len(parts["home"])]
    for name, score in _SCORES.items():
        seen = scope.told(score(home), score(strange))
        yield {"score": name, "auroc": seen.auroc, "let_in": seen.let_in}


def _rows(messages: tables.Rows, places: tables.Ints) -> rows.Rows:
    return rows.Rows([messages.texts[row] for row in places], messages.intent[places])


def _fine_tuned(
    recipe: recipes.Recipe, train: rows.Rows, val: rows.Rows, texts: list[str]
) -> Floats:
    """Logits (n, K), divided by the temperature that fits the validation rows."""
    torch.manual_seed(recipe.seed)
    network, tokenizer = model.load(model.encoder_directory(recipe.base_model))
    hooks = loop.Hooks("bench", lambda *_: None, lambda _: None, lambda _: None, 15.0)
    network = loop.fine_tune(network, tokenizer, train, val, recipe, hooks)
    told = loop.logits(network, tokenizer, [*val.texts, *texts], recipe.max_tokens)
    temperature = calibration.temperature(told[: len(val.texts)], val.labels)
    return told[len(val.texts) :] / temperature


def _linear(messages: tables.Rows, train: tables.Ints, texts: Sequence[str]) -> Floats:
    """Calibrated probabilities (n, K)."""
    made = linear.words([messages.texts[row] for row in train], texts)
    assert made is not None, "thousands of messages have words in common"
    groups = [str(group) for group in messages.group[train]]
    said = linear.said(made[0], messages.intent[train], groups, made[1])
    assert said is not None, "they are of many intents"
    return said.tested


def _compared(
    labels: confusion.Labels, groups: Sequence[str], logits: Floats, by_words: Floats
) -> Row:
    """Figures of all three, and how likely the mean and the fine-tune are equally good."""
    probabilities = calibration.probabilities(logits, 1.0)
    answers = {"tuned": probabilities, "linear": by_words, "mean": (probabilities + by_words) / 2}
    told: Row = {"n": len(labels)}
    right = {}
    for name, said in answers.items():
        predicted = said.argmax(1)
        right[name] = predicted == labels
        scores = confusion.scores(labels, predicted)
        told[name] = {
            "accuracy": scores.accuracy,
            "macro_f1": scores.macro_f1,
            "rare_recall": scores.rare_recall,
            "ece": calibration.ece(said.max(1), right[name]),
        }
    told["p_mean"] = comparison.sign_test(right["mean"], right["tuned"], groups)
    told["p_linear"] = comparison.sign_test(right["linear"], right["tuned"], groups)
    return told


if __name__ == "__main__":
    raise SystemExit(main())
