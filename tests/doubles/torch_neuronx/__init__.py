"""Stands for torch_neuronx, which needs a machine with Inferentia to build for: it traces for the
CPU, with the shapes as fixed as they are there, and records what it was asked in the file that
TORCH_NEURONX_RECORD names.
"""

import json
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def trace(
    func: Any,
    example_inputs: tuple[Any, ...],
    *,
    compiler_args: Sequence[str] = (),
) -> Any:
    """Takes any number of messages only after `dynamic_batch`, and of tokens no other."""
    import torch

    messages, tokens = example_inputs[0].shape
    _note({"trace": [messages, tokens], "compiler_args": list(compiler_args)})

    class Fixed(torch.nn.Module):
        def __init__(self, traced: Any) -> None:
            super().__init__()
            self.traced = traced
            self.tokens: int = tokens
            self.messages: int = messages

        def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            assert ids.size(1) == self.tokens
            assert self.messages == 0 or ids.size(0) == self.messages
            logits: torch.Tensor = self.traced(ids, mask)
            return logits

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.script(Fixed(torch.jit.trace(func, example_inputs)))  # type: ignore[no-untyped-call]


def dynamic_batch(traced: Any) -> Any:
    _note({"dynamic_batch": traced.tokens})
    traced.messages = 0
    return traced


def _note(call: dict[str, Any]) -> None:
    with Path(os.environ["TORCH_NEURONX_RECORD"]).open("a") as record:
        record.write(json.dumps(call) + "\n")
