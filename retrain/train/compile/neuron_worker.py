"""What runs in the interpreter that has torch_neuronx, which asks for another torch than ours:
started as a file, it imports nothing of this project.

    neuron_worker.py probe                        {"why": null} where it can be used
    neuron_worker.py build DIRECTORY BUCKET...    one traced network a number of tokens
    neuron_worker.py serve DIRECTORY              a line of token ids in, a line of logits out
"""

import contextlib
import json
import sys
from pathlib import Path
from typing import Any

# Products of matrices in bf16, all else in float32.
_COMPILER_ARGS = (
    "--auto-cast",
    "matmult",
    "--auto-cast-type",
    "bf16",
    "--optlevel",
    "2",
    "--model-type",
    "transformer",
    "--target",
    "inf2",
)


def why_not() -> str | None:
    """What is missing. Registries hold a package of that name that is only a placeholder."""
    try:
        import torch_neuronx
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return f"torch_neuronx cannot be imported: {lines[0]}"
    if not hasattr(torch_neuronx, "trace"):
        return "torch_neuronx is only a placeholder: it has no trace"
    return None


def build(directory: Path, buckets: list[int]) -> None:
    """Trace the network of a model directory once a bucket, each for any number of messages."""
    import torch_neuronx  # isort: split

    import torch
    import transformers

    network = transformers.AutoModelForSequenceClassification.from_pretrained(
        directory, attn_implementation="eager", local_files_only=True
    ).eval()

    class Logits(torch.nn.Module):
        """The network as a plain function of ids and mask."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.network(input_ids=ids, attention_mask=mask).logits
            return logits

    target = directory / "compiled" / "neuron"
    target.mkdir(parents=True, exist_ok=True)
    for tokens in buckets:
        ids = torch.ones((1, tokens), dtype=torch.long)
        traced = torch_neuronx.trace(
            Logits().eval(),
            (ids, ids),
            compiler_args=list(_COMPILER_ARGS),
        )
        torch.jit.save(torch_neuronx.dynamic_batch(traced), target / f"bucket_{tokens}.pt")


def serve(directory: Path, answers: Any) -> None:
    """Answer the lines of stdin until they end, each in the smallest bucket that holds it."""
    # It teaches torch to load what it has traced.
    import torch
    import torch_neuronx  # noqa: F401  # isort: split

    torch.set_num_threads(1)
    networks = {}
    for path in (directory / "compiled" / "neuron").glob("bucket_*.pt"):
        tokens = int(path.stem.removeprefix("bucket_"))
        networks[tokens] = torch.jit.load(path)  # type: ignore[no-untyped-call]

    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        message = json.loads(line)
        bucket = min(size for size in networks if size >= len(message))
        ids = torch.zeros((1, bucket), dtype=torch.long)
        ids[0, : len(message)] = torch.tensor(message)
        mask = torch.zeros_like(ids)
        mask[0, : len(message)] = 1
        with torch.inference_mode():
            logits = networks[bucket](ids, mask)[0].float()
        print(json.dumps(logits.tolist()), file=answers, flush=True)


def main(argv: list[str]) -> None:
    """One command; what libraries print goes to stderr, so that stdout holds answers only."""
    answers = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        why = why_not()
        if argv[0] == "probe":
            print(json.dumps({"why": why}), file=answers)
        elif why:
            sys.exit(why)
        elif argv[0] == "build":
            build(Path(argv[1]), [int(size) for size in argv[2:]])
        else:
            serve(Path(argv[1]), answers)


if __name__ == "__main__":
    main(sys.argv[1:])
