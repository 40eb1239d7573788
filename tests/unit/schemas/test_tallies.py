"""Many tallies side by side are the same integers as one by one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas import tallies, windows


def tally(seed: int) -> windows.Tally:
    rng = np.random.default_rng(seed)
    counted = windows.Tally(
        n=int(rng.integers(1, 99)),
        errors=1,
        margin_n=2,
        latency_sum_us=int(rng.integers(1, 10**12)),
    )
    counted.latency_bins[rng.integers(0, windows.LATENCY_BINS, 5)] += 2
    counted.confidence_bins[rng.integers(0, windows.CONFIDENCE_BINS, 3)] += 1
    counted.intent_count[:] = rng.integers(0, 9, 10)
    return counted


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 3)), max_size=8))
def test_merging_adds_row_by_row(members: list[tuple[int, int]]) -> None:
    stack = tallies.stacked(
        [tallies.from_rows([]), *(tallies.of(tally(seed)) for seed, _ in members)]
    )
    merged = tallies.to_rows(
        stack.merged(np.array([into for _, into in members], dtype=np.int64), 4)
    )
    for target in range(4):
        alone = sum(
            (tally(seed) for seed, into in members if into == target), start=windows.Tally()
        )
        assert merged[target] == windows.to_row(alone)


@given(st.lists(st.integers(0, 99), max_size=5))
def test_a_total_is_the_sum_of_all_rows(seeds: list[int]) -> None:
    members = [tally(seed) for seed in seeds]
    stack = tallies.stacked([tallies.from_rows([]), *map(tallies.of, members)])
    added_up = sum(members, start=windows.Tally())
    assert windows.to_row(tallies.total(stack)) == windows.to_row(added_up)


@given(st.lists(st.integers(0, 3), max_size=6))
def test_choosing_repeats_rows(chosen: list[int]) -> None:
    rows = [windows.to_row(tally(seed)) for seed in range(4)]
    assert tallies.to_rows(tallies.from_rows(rows).chosen(np.array(chosen, dtype=np.int64))) == [
        rows[i] for i in chosen
    ]
