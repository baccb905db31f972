"""Rows, exponents and the order in which lengths are tried."""

import math

import pytest


def outcome(trials, seconds):
    return trials.Outcome(figures={"both_s": seconds, "forward_s": seconds / 3, "extra_mib": 1.0})


def test_the_exponent_of_a_square_is_two_and_short_lengths_can_be_left_out(benchmark):
    scaling = benchmark("scaling")
    squared = {length: 1e-6 * length**2 for length in (1024, 4096, 16384)}
    assert scaling.exponent_of(squared) == pytest.approx(2.0)
    assert scaling.exponent_of(squared | {64: 10.0}, shortest=1024) == pytest.approx(2.0)
    assert scaling.exponent_of({1024: 1.0}) is None


def test_a_row_holds_the_ratio_and_what_was_not_run_has_none(benchmark):
    scaling = benchmark("scaling")
    assert scaling.row("scan", 0.5, "s", peer=10.0)["ratio"] == 0.05
    assert scaling.row("scan", None, "s", peer=10.0)["ratio"] is None
    assert set(scaling.row("scan", 1.0, "s")) == {"name", "value", "unit", "peer", "ratio", "max_error"}


def test_a_target_that_was_not_measured_is_missed(benchmark):
    scaling = benchmark("scaling")
    at_most = ("<=", "ratio", 0.1)
    assert scaling.reached(scaling.row("scan", 1.0, "s", peer=10.0), at_most)
    assert not scaling.reached(scaling.row("scan", 1.1, "s", peer=10.0), at_most)
    assert not scaling.reached(scaling.row("scan", None, "s", peer=10.0), at_most)
    assert "missed" in scaling.table_of([scaling.row("scan", None, "s")], {"scan": at_most})


def test_a_length_that_is_bound_to_pass_the_limit_is_not_begun_and_says_so(benchmark):
    trials = benchmark("trials")
    begun = []

    def trial(length):
        begun.append(length)
        return outcome(trials, 1e-5 * length**2)  # 10 s at 1000, 40 s at 2000

    found = trials.over_lengths((1000, 2000, 8000), trial, limit_s=60.0, exponent=2.0)
    assert begun == [1000, 2000]
    assert found[8000].figures is None
    assert found[8000].reason == "over the limit of 60 s: about 640 s to be expected"


def test_what_ran_into_the_limit_is_not_tried_at_a_greater_length(benchmark):
    trials = benchmark("trials")
    begun = []

    def trial(length):
        begun.append(length)
        return trials.Outcome(figures=None, reason="over the limit of 60 s")

    found = trials.over_lengths((1000, 2000, 8000), trial, limit_s=60.0, exponent=1.0)
    assert begun == [1000]
    assert all(one.figures is None and one.reason.startswith("over the limit") for one in found.values())


def test_a_variant_that_cannot_run_says_why_at_every_length(benchmark):
    trials = benchmark("trials")
    missing = trials.Outcome(figures=None, reason="not installed")
    found = trials.over_lengths((1000, 2000), lambda _: missing, limit_s=60.0, exponent=1.0)
    assert found == {1000: missing, 2000: missing}


def test_memory_counts_what_the_pass_holds_beyond_what_was_there(benchmark):
    trials = benchmark("trials")
    held = bytearray(b"\1") * (32 * 2**20)
    figures = trials.measure_passes(lambda: bytearray(b"\1") * (64 * 2**20), None, repeats=2, budget_s=10.0)
    assert 60 <= figures["extra_mib"] <= 70
    assert figures["runs"] == 2
    assert len(held) == 32 * 2**20


def test_a_child_that_fails_hands_over_its_last_line(benchmark, monkeypatch, tmp_path):
    trials = benchmark("trials")
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks/child.py").write_text(
        "import json, sys\nspec = json.loads(sys.argv[1])\nprint('talk')\nprint(json.dumps({'n': 1 / spec['n']}))\n"
    )
    monkeypatch.setattr(trials, "ROOT", tmp_path)
    assert trials.run_child("child.py", {"n": 4}, limit_s=60.0).figures == {"n": 0.25}
    assert trials.run_child("child.py", {"n": 0}, limit_s=60.0).reason == "ZeroDivisionError: division by zero"


def test_a_picture_is_drawn_even_where_a_series_has_gaps(benchmark, tmp_path):
    scaling = benchmark("scaling")
    panels = {"forward": {"a": {1024: 0.1, 4096: 0.4}, "b": {1024: 1.0}, "c": {}}}
    scaling.draw(panels, tmp_path / "times.png", unit="s")
    assert (tmp_path / "times.png").stat().st_size > 1000
    assert not math.isnan(scaling.exponent_of(panels["forward"]["a"]))
