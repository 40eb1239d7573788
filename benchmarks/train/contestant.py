"""`python -m benchmarks.train.contestant NAME THREADS`: one epoch of one contestant in a process of
its own. Texts and labels as JSON on stdin; what it took, as JSON, on stdout.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np
import torch

from retrain.train import recipe as recipes
from retrain.train.fit import loop, model, rows

_WARM_UP: Final = 64  # rows, not counted: kernels are chosen for the shapes they first see
_PADDED: Final = 128  # tokens, as the Trainer's own example pads every message
_VALIDATED: Final = 10  # rows: what is measured is training
_LATENCY_MS: Final = 15.0
RECIPE: Final = recipes.Recipe(epochs=1, patience=0)


def ours(recipe: recipes.Recipe, train: rows.Rows) -> Callable[[], None]:
    """This project's fine-tune, tokenising included."""
    network, tokenizer = model.load(model.encoder_directory(recipe.base_model))
    val = rows.Rows(train.texts[:_VALIDATED], train.labels[:_VALIDATED])
    hooks = loop.Hooks("bench", lambda *_: None, lambda _: None, lambda _: None, _LATENCY_MS)
    return lambda: loop.fine_tune(network, tokenizer, train, val, recipe, hooks)


def trainer(train: rows.Rows, *, best: bool, bf16: bool = False) -> Callable[[], None]:
    """The Trainer of transformers with the same batch: its defaults, or `best`, batches of like
    length padded to their longest message.
    """
    import transformers

    directory = model.encoder_directory(RECIPE.base_model)
    network, tokenizer = model.load(directory)
    network.set_attn_implementation("sdpa")  # as it is loaded by default

    def run() -> None:
        padding = {"padding": False} if best else {"padding": "max_length"}
        longest = RECIPE.max_tokens if best else _PADDED
        encoded = tokenizer(train.texts, truncation=True, max_length=longest, **padding)
        examples = []
        for ids, mask, label in zip(
            encoded["input_ids"], encoded["attention_mask"], train.labels.tolist(), strict=True
        ):
            examples.append({"input_ids": ids, "attention_mask": mask, "labels": label})
        with tempfile.TemporaryDirectory() as directory:
            arguments = transformers.TrainingArguments(
                output_dir=directory,
                per_device_train_batch_size=RECIPE.batch,
                num_train_epochs=1,
                learning_rate=RECIPE.learning_rate,
                train_sampling_strategy="group_by_length" if best else "random",
                bf16=bf16,
                use_cpu=True,
                report_to="none",
                save_strategy="no",
                disable_tqdm=True,
            )
            collator = transformers.DataCollatorWithPadding(tokenizer)
            transformers.Trainer(
                network, arguments, data_collator=collator, train_dataset=examples
            ).train()

    return run


CONTESTANTS: Final[dict[str, Callable[[rows.Rows], Callable[[], None]]]] = {
    "ours": lambda train: ours(RECIPE, train),
    "ours_before": lambda train: ours(
        replace(RECIPE, precision="float32", frozen="nothing"), train
    ),
    "hf_defaults": lambda train: trainer(train, best=False),
    "hf_best": lambda train: trainer(train, best=True),
    "hf_best_bf16": lambda train: trainer(train, best=True, bf16=True),
}


def main() -> None:
    """Warm up, measure, print."""
    name, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    given: dict[str, Any] = json.load(sys.stdin)
    labels = np.array(given["labels"], dtype=np.int64)
    CONTESTANTS[name](rows.Rows(given["texts"][:_WARM_UP], labels[:_WARM_UP]))()

    epoch = CONTESTANTS[name](rows.Rows(given["texts"], labels))
    wall, cpu = time.perf_counter(), time.process_time()
    epoch()
    took = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
    # The Trainer prints to stdout: the last line is ours.
    print("\n" + json.dumps(took), flush=True)


if __name__ == "__main__":
    main()
