"""Every variant of the scan computes the same numbers, so that a comparison of their times means something."""

import pytest
import torch


@pytest.mark.parametrize("variant", ["torch", "associative_scan"])
def test_a_variant_agrees_with_the_loop_in_output_and_gradients(benchmark, variant):
    variants = benchmark("scan_variants")
    results = {}
    for name in ("loop", variant):
        inputs = variants.draw_inputs(2, 33, 8, 4, dtype=torch.float64)
        output = variants.VARIANTS[name]()(**inputs)
        results[name] = {"y": output, **variants.gradients(output, inputs, torch.ones_like(output))}
    for name, exact in results["loop"].items():
        torch.testing.assert_close(results[variant][name], exact, rtol=1e-9, atol=1e-9, msg=name)


def test_inputs_are_the_same_numbers_in_both_precisions_and_steps_are_small(benchmark):
    variants = benchmark("scan_variants")
    single = variants.draw_inputs(1, 16, 8, 4, dtype=torch.float32)
    double = variants.draw_inputs(1, 16, 8, 4, dtype=torch.float64)
    assert all(torch.equal(single[name].double(), double[name]) for name in variants.NAMES)
    dt = torch.nn.functional.softplus(double["delta_bias"])
    assert dt.min() >= 1e-3 * 0.99
    assert dt.max() <= 1e-1 * 1.01


def test_channels_first_holds_the_same_numbers(benchmark):
    variants = benchmark("scan_variants")
    inputs = variants.draw_inputs(2, 5, 3, 4, dtype=torch.float32)
    turned = variants.arranged(inputs, "mamba_ssm")
    assert torch.equal(turned["u"].transpose(1, 2), inputs["u"])
    assert torch.equal(turned["A"], inputs["A"])
    assert variants.arranged(inputs, "cpp") is inputs


def test_errors_are_relative_to_the_largest_exact_value(benchmark):
    trial = benchmark("scan_trial")
    exact = {name: torch.tensor([1.0, -4.0], dtype=torch.float64) for name in ("y", *trial.NAMES)}
    found = {name: tensor.float() for name, tensor in exact.items()} | {"A": torch.tensor([1.0, -4.4])}
    errors = trial.errors_of(found, exact)
    assert errors["y"] == 0.0
    assert errors["A"] == pytest.approx(0.1)
