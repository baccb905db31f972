"""Ours and mambapy get the same draws, and what stands beside ours computes the same."""

import pytest
import torch


def test_every_variant_gets_every_draw_and_rows_hold_the_median_and_the_best(benchmark):
    beside = benchmark("scan_beside")
    seen = {"ours": [], "mambapy": []}
    variants = {
        name: lambda given, name=name: seen[name].append(float(given["u"].detach().sum())) or given["u"]
        for name in seen
    }
    beside.timed = lambda scan, given: (1.0, 2.0) if scan(given) is not None else None
    found = beside.measure(variants, draws=3, length=8)
    assert seen["ours"] == seen["mambapy"]
    assert len(set(seen["ours"][1:])) == 3
    found["mambapy"] = [(4.0, 8.0), (2.0, 6.0), (3.0, 40.0)]
    rows = {one["name"]: one for one in beside.rows_of(found)}
    assert rows["forward + backward, median of 3: ours vs mambapy"]["ratio"] == pytest.approx(0.25)
    assert rows["forward, best of 3: ours vs mambapy"]["peer"] == 2.0


def test_ours_is_the_same_by_factors_by_the_product_and_by_tied_decays(benchmark):
    beside = benchmark("scan_beside")
    from mgi.scan import cpu

    if cpu.available() is not None:
        pytest.skip(str(cpu.available()))
    given = beside.draw_inputs(50, 0)
    ways = [
        beside.ours(given, factors=factors, tied=tied)
        for factors, tied in ((True, False), (False, False), (True, True))
    ]
    for other in ways[1:]:
        torch.testing.assert_close(ways[0], other, rtol=1e-4, atol=1e-5)
