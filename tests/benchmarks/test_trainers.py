"""The step that is measured beside MONAI's and nnU-Net's is the loop's own, and a failure is said."""

import pytest

MODEL = {"size": "small", "image_size": 16, "patch_size": 8, "baseline_width": 4}


@pytest.mark.filterwarnings("ignore")  # MONAI warns of what it itself uses or lacks
@pytest.mark.parametrize("kind", ["ours", "monai"])
def test_a_step_is_timed_with_its_data_and_without(benchmark, tmp_path, monkeypatch, kind):
    cohort, trial = benchmark("train_cohort"), benchmark("trainers_trial")
    monkeypatch.setattr(cohort, "SLICES_EACH", 6)
    monkeypatch.setattr(cohort, "SIDE", 32)
    cohort.write_cohort(tmp_path / "cohort", patients=2)
    spec = {"cohort": str(tmp_path / "cohort"), "size": 16, "batch": 4, "steps": 6, "model": MODEL}
    figures = {"ours": trial.measure_ours, "monai": trial.measure_monai}[kind](spec)
    assert figures["step_ms"] > 0
    assert figures["passes_ms"] > 0
    assert figures["parameters"] > 1000


def test_the_best_turn_counts_and_who_failed_is_said(benchmark):
    trainers, trials = benchmark("trainers"), benchmark("trials")

    def turn(step_ms):
        return trials.Outcome(figures={"step_ms": step_ms, "passes_ms": 10.0, "parameters": 7})

    failed = trials.Outcome(figures=None, reason="not installed")
    found = {"ours": [turn(20.0), turn(10.0)], "MONAI": [turn(30.0), turn(40.0)], "nnU-Net": [turn(1.0), failed]}
    rows = {one["name"]: one for one in trainers.rows_of(found)}
    assert rows["step vs MONAI"]["ratio"] == pytest.approx(1 / 3, rel=1e-3)
    assert rows["step vs nnU-Net (not run: not installed)"]["value"] is None
    assert trainers.turned(["a", "b", "c"], 4) == ["b", "c", "a"]
