"""Two processes that share a fine-tune end with the weights of one."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import syntax
import tinybert


def test_the_parts_of_a_batch_are_all_of_it() -> None:
    from retrain.train.fit import ranks

    batch = np.array([5, 3, 8, 1, 9])
    parts = [ranks.Ranks(rank, 3).share(batch) for rank in range(3)]
    assert sorted(np.concatenate(parts)) == sorted(batch)
    assert ranks.Ranks(1, 2).share(batch[:1]).tolist() == []
    assert ranks.Ranks().share(batch).tolist() == batch.tolist()


def test_without_torchrun_a_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from retrain.train.fit import ranks

    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    with ranks.joined("cpu") as crew:
        assert crew == ranks.Ranks(0, 1)
        assert crew.told("a word") == "a word"


def test_two_processes_end_with_the_weights_and_the_figures_of_one(tmp_path: Path) -> None:
    """Without dropout, which each process draws for its own rows. The last batch of each epoch has
    one row: the second process has none of it.
    """
    import ranked
    import torch

    encoder, file = tinybert.encoder(tmp_path / "encoder", dropout=0.0), tmp_path / "two.pt"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    together = {
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "GLOO_SOCKET_IFNAME": "lo",
        "PYTHONPATH": f"{syntax.ROOT}:{syntax.ROOT / 'tests'}",
    }
    argv = [sys.executable, str(syntax.ROOT / "tests" / "ranked.py"), str(encoder), str(file)]
    both = [
        subprocess.Popen(argv, env=os.environ | together | {"RANK": rank, "LOCAL_RANK": rank})
        for rank in ("0", "1")
    ]
    try:
        assert [process.wait(240) for process in both] == [0, 0]
    finally:
        for process in both:
            process.kill()

    told = tinybert.Told()
    alone = ranked.tuned(encoder, told)
    two = torch.load(file, weights_only=True)
    for name, weights in alone.state_dict().items():
        assert torch.allclose(weights, two["network"][name], rtol=1e-4, atol=1e-6), name
    assert two["f1"] == told.values("val_macro_f1")
