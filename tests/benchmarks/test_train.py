"""The data path that is measured is the package's own, and the step is the training loop's."""

import pytest
import torch

SMALL = {
    "image_size": 16, "patch_size": 8, "image_width": 12, "image_depth": 1, "image_heads": 2, "gene_tokens": "local",
    "gene_patch": 193, "gene_width": 16, "gene_depth": 1, "scan_backend": "torch", "decoder_width": 16,
    "decoder_heads": 2, "decoder_depth": 1, "upsampling_stages": 1, "baseline_width": 4,
}  # fmt: skip
# MONAI and the compiler of torch warn of what they themselves use or lack.
WARNINGS_ALLOWED = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("method", ["mgi", "unet"])
def test_the_step_is_the_loop_s_and_the_passes_are_a_part_of_what_is_done_alone(benchmark, method):
    trial = benchmark("train_trial")
    figures = trial.measure_step({"method": method, "model": SMALL, "batch": 4, "steps": 2, "rounds": 1})
    assert 0 < figures["passes_s"] < figures["whole_s"]
    assert figures["loop_s"] > 0
    assert 0 <= figures["wait"] < 1


@WARNINGS_ALLOWED
def test_both_data_paths_read_the_same_drawn_cohort(benchmark, tmp_path, monkeypatch):
    cohort, trial = benchmark("train_cohort"), benchmark("train_trial")
    monkeypatch.setattr(cohort, "SLICES_EACH", 6)
    monkeypatch.setattr(cohort, "SIDE", 32)
    cohort.write_cohort(tmp_path / "cohort", patients=2)
    spec = {"cohort": str(tmp_path / "cohort"), "size": 16, "batch": 4, "batches": 2}
    ours = trial.measure_ours(spec)
    assert ours["handed_per_s"] > 0
    for found in (ours, trial.measure_monai({**spec, "workers": 0})):
        assert found["decoded_per_s"] > 0
        assert found["drawn_per_s"] > 0
    files = sorted((tmp_path / "cohort/files").glob("*.tif"))
    assert len(files) == 2 * 2 * 6


def test_a_drawn_tumour_is_brighter_than_its_surroundings_and_not_in_every_slice(benchmark):
    import numpy as np

    slices, masks = benchmark("train_cohort").drawn_volume(np.random.default_rng(0))
    assert slices[masks == 1].mean() > slices[masks == 0].mean() + 50
    assert 0 < masks.any((1, 2)).sum() < len(masks)


def test_rows_hold_the_ratios_and_every_target_has_a_row(benchmark):
    train, trials = benchmark("train"), benchmark("trials")

    def data(decoded, drawn):
        figures = {"decoded_per_s": decoded, "handed_per_s": 10 * drawn, "drawn_per_s": drawn}
        return trials.Outcome(figures=figures)

    failed = trials.Outcome(figures=None, reason="too slow")
    found = {
        "ours, threads 1": data(270.0, 600.0),
        "ours, threads 2": data(135.0, 1200.0),
        "MONAI, workers 0": data(27.0, 12.0),
        "MONAI, workers 1": data(2.7, 120.0),
        "MONAI, workers 2": failed,
    }
    step = trials.Outcome(figures={"loop_s": 0.3, "passes_s": 0.2, "whole_s": 0.25, "wait": 0.01})
    rows = [one for size in train.SIZES for one in train.data_rows(size, found)]
    rows += [one for method in train.METHODS for one in train.step_rows(method, step)]
    named = {one["name"]: one for one in rows}
    assert named.keys() >= train.TARGETS.keys()
    whole = named[f"data path, 64 px: {train.WHOLE}"]
    assert whole["value"] == pytest.approx(12_000 / (10 + 10))
    assert whole["peer"] == pytest.approx(12_000 / (100 + 100))  # the best of each part, on both sides
    assert named[f"data path, 64 px: {train.WHOLE}, ours, threads 1"]["value"] == pytest.approx(12_000 / (10 + 20))
    assert f"data path, 64 px: {train.WHOLE}, MONAI, workers 2" not in named
    assert named["data path, 64 px: batch, as handed to a GPU"]["value"] == pytest.approx(12_000)
    assert named["step, unet"]["ratio"] == pytest.approx(1.5)
    assert named["step, unet: beside passes and optimiser"]["ratio"] == pytest.approx(1.2)


def test_of_several_turns_the_best_of_each_figure_counts_and_one_that_failed_is_not_hidden(benchmark):
    train, trials = benchmark("train"), benchmark("trials")
    turns = [trials.Outcome(figures={"a": 1.0, "b": 4.0}), trials.Outcome(figures={"a": 2.0, "b": 3.0})]
    assert train.best_of(turns).figures == {"a": 2.0, "b": 4.0}
    failed = trials.Outcome(figures=None, reason="too slow")
    assert train.best_of([*turns, failed]) is failed


def test_what_was_not_run_is_said(benchmark):
    train, trials = benchmark("train"), benchmark("trials")
    failed = trials.Outcome(figures=None, reason="no GPU")
    (row,) = train.step_rows("unet", failed)
    assert row["name"] == "step, unet (not run: no GPU)"
    (row,) = train.data_rows(64, {"ours, threads 1": failed, "MONAI, workers 0": failed})
    assert "no GPU" in row["name"]


@WARNINGS_ALLOWED
def test_compiled_parts_keep_the_names_of_their_weights(benchmark):
    trial = benchmark("train_trial")
    sizes = trial.ModelSettings.read(SMALL, where="model")
    for method in ("mgi", "unet"):
        torch.manual_seed(0)
        model = trial.learning.build(method, sizes, 1_544)
        names = list(model.state_dict())
        trial.compile_whole(model)
        assert list(model.state_dict()) == names
