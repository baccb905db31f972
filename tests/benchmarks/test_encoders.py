"""The layers that are measured are the package's own, and the step is the training loop's."""

import pytest
import torch


@pytest.mark.parametrize("name", ["mamba", "mamba, both ways", "transformer", "mlp", "flat_mlp", "group_attention"])
def test_a_layer_takes_any_number_of_genes_and_differentiates(benchmark, name, monkeypatch):
    trial = benchmark("encoder_trial")
    for settings in ("ONE_WAY", "BOTH_WAYS"):
        one = getattr(trial, settings)
        monkeypatch.setattr(trial, settings, type(one)(**{**vars(one), "scan_backend": "torch"}))
    for length in (300, 512):
        layer, values = trial.LAYERS[name]()(length), trial.inputs_of(name, length)
        layer(values).sum().backward()
        assert values.grad.shape == values.shape
        assert torch.isfinite(values.grad).all()


def test_the_step_is_timed_between_the_optimisers_steps(benchmark):
    trial = benchmark("encoder_trial")
    small = {"image_size": 32, "patch_size": 16, "image_width": 12, "image_depth": 1, "scan_backend": "torch"}
    figures = trial.measure_step({"length": 50, "model": {**small, "gene_width": 16, "gene_depth": 1}})
    assert len(figures["steps_s"]) == trial.STEPS - 1
    assert figures["step_s"] == min(figures["steps_s"]) > 0


def test_rows_hold_the_ratio_to_the_transformer_and_every_target_has_a_row(benchmark):
    encoders, trials = benchmark("encoders"), benchmark("trials")

    def layer(seconds):
        return {
            length: trials.Outcome(
                figures={"forward_s": seconds * length, "both_s": 3 * seconds * length, "cpu_s": 1.0, "extra_mib": 1.0}
            )
            for length in (4096, 16384)
        }

    step = trials.Outcome(figures={"step_s": 12.0, "step_cpu_s": 20.0, "peak_mib": 3000.0})
    earlier = trials.Outcome(figures={"step_s": 30.0, "step_cpu_s": 50.0, "peak_mib": 3000.0})
    measured = {
        "outcomes": {name: layer(2e-4 if name == "transformer" else 1e-6) for name in encoders.LAYERS},
        "forward": trials.Outcome(figures={"forward_s": 2e-4 * 16384}),
        "steps": {name: earlier if name == encoders.EARLIER else step for name in encoders.STEPS},
    }
    rows = {one["name"]: one for one in encoders.rows_of(measured, 16384)}
    assert rows["mamba, both ways: forward vs transformer"]["ratio"] == pytest.approx(1 / 200)
    assert rows["mamba, both ways: forward + backward vs flat_mlp"]["ratio"] == pytest.approx(1.0)
    assert rows["mamba: exponent of growth, forward + backward"]["value"] == pytest.approx(1.0)
    assert rows[f"pre-training step, {encoders.EARLIER}: wall on 2 threads"]["ratio"] == pytest.approx(2.5)
    assert rows.keys() >= encoders.TARGETS.keys()
