"""What the training benchmark makes of what its contestants took."""

import pytest

from benchmarks.train import __main__ as bench


def took(name: str, seed: int, per_s: float) -> bench.Took:
    return {
        "part": "speed",
        "contestant": name,
        "seed": seed,
        "per_s": per_s,
        "per_cpu_s": per_s / 2,
    }


TOOK = [
    took("hf_best", 1, 60.0),
    took("ours", 0, 100.0),
    took("hf_defaults", 0, 10.0),
    took("hf_best", 0, 50.0),
    took("hf_defaults", 1, 15.0),
    took("ours", 1, 180.0),
]


def test_a_ratio_is_of_one_seeds_rows_whatever_the_order_of_the_runs() -> None:
    judged = bench.judged(TOOK)
    assert judged["ratios"]["ours/hf_defaults"] == {
        "mean": pytest.approx(11.0),
        "sd": pytest.approx(2**0.5),
    }
    assert judged["ratios"]["ours/hf_best"]["mean"] == pytest.approx(2.5)
    assert judged["ratios"] == judged["cpu_ratios"], "twice the threads of both"
    assert judged["speeds"]["ours"]["per_cpu_s"]["mean"] == pytest.approx(70.0)


def test_the_table_has_a_line_a_contestant_and_a_ratio() -> None:
    result = {
        "date": "2026-11-30T10:00:00Z",
        "machine": "2 x a processor",
        "seeds": 2,
        "rows_an_epoch": 640,
        "threads": 2,
        "load": 0.31,
        **bench.judged(TOOK),
    }
    lines = bench.table(result).splitlines()
    assert lines[0].endswith("2 seeds of 640 rows, 2 threads, load 0.3.")
    assert "| ours | 140.0 ± 56.6 | 70.0 ± 28.3 |" in lines
    assert lines[-1] == "| ours/hf_best | 2.5 ± 0.7 | 2.5 ± 0.7 |"


def test_of_a_single_seed_there_is_no_deviation() -> None:
    judged = bench.judged([each for each in TOOK if each["seed"] == 0])
    assert judged["ratios"]["ours/hf_best"] == {"mean": 2.0, "sd": None}
