import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from mgi.core.errors import BadInputError
from mgi.explain import integrated_gradients as module
from mgi.explain.integrated_gradients import integrated_gradients, noise_tunnel
from mgi.models.gene_encoder import build_gene_encoder
from mgi.models.settings import ModelSettings

GENES = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)
WEIGHTS = torch.tensor([0.5, 1.0, 0.0], dtype=torch.float64)


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def attribute(answer: module.Answer, steps: int = 50) -> Callable[[Tensor], module.Attribution]:
    return lambda genes: integrated_gradients(answer, genes, steps=steps)


def network(seed: int, width: int = 40) -> tuple[nn.Module, Tensor]:
    """A small network of smooth and kinked units, and a patient's genes."""
    torch.manual_seed(seed)
    layers = nn.Sequential(
        nn.Linear(width, 32), nn.GELU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 1), nn.Flatten(0)
    )
    return layers.double(), torch.randn(width, dtype=torch.float64)


def test_in_a_linear_answer_each_gene_adds_its_weight_times_its_value() -> None:
    found = integrated_gradients(lambda rows: rows @ WEIGHTS + 7, GENES, steps=1)
    assert found.values.tolist() == [0.5, -2.0, 0.0]
    assert (found.change, found.steps) == (-1.5, 1)
    assert found.error < 1e-12


def test_genes_that_act_together_share_what_they_add_from_the_baseline_on() -> None:
    both = integrated_gradients(lambda rows: rows[:, 0] * rows[:, 1], GENES)
    assert both.values.tolist() == pytest.approx([-1, -1, 0])
    base = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
    assert integrated_gradients(lambda rows: rows[:, 0] * rows[:, 1], GENES, base).values.tolist() == pytest.approx(
        [0, -2, 0]
    )


@pytest.mark.parametrize("seed", range(10))
def test_they_are_those_of_captum(seed: int) -> None:
    """Where nothing was halved they are equal; else they are those of many points within 2 %."""
    captum = pytest.importorskip("captum.attr", reason="captum is not installed: make dev")
    answer, genes = network(seed)

    def theirs(steps: int) -> Tensor:
        return captum.IntegratedGradients(answer).attribute(genes[None], n_steps=steps, method="gausslegendre")[0]

    found = integrated_gradients(answer, genes, steps=50)
    if found.steps == 50:
        torch.testing.assert_close(found.values, theirs(50), rtol=0, atol=1e-10)
    else:
        exact = theirs(3000)
        assert (found.values - exact).abs().sum() < 0.02 * exact.abs().sum()
    whole = integrated_gradients(answer, genes, steps=50, tolerance=10.0)
    torch.testing.assert_close(whole.values, theirs(50), rtol=0, atol=1e-10)


def test_a_kink_near_the_start_is_found_by_halving_there() -> None:
    """Half of the change lies in the first thousandth of the path, which evenly spaced points would not see."""

    def answer(rows: Tensor) -> Tensor:
        along = rows[:, 0]
        return torch.minimum(along, torch.full_like(along, 0.001)) * 1000 - along * 0.9

    found = integrated_gradients(answer, GENES, steps=10)
    assert found.change == pytest.approx(0.1)
    assert found.error <= 0.01
    assert found.steps < 300


def test_with_the_same_noise_the_tunnel_is_that_of_captum() -> None:
    captum = pytest.importorskip("captum.attr", reason="captum is not installed: make dev")
    _, genes = network(3)
    genes = genes.float()  # in which captum draws

    def answer(rows: Tensor) -> Tensor:
        return torch.tanh(rows @ genes.cos() / 3) * rows.sum(1)

    torch.manual_seed(11)
    tunnel = captum.NoiseTunnel(captum.IntegratedGradients(answer))
    theirs = tunnel.attribute(genes[None], nt_samples=4, stdevs=0.3, nt_type="smoothgrad", n_steps=200)
    torch.manual_seed(11)
    found = noise_tunnel(attribute(answer, steps=200), genes, torch.default_generator, samples=4, noise_sd=0.3)
    torch.testing.assert_close(found.values.float(), theirs[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", ["flat_mlp", "group_attention", "mamba"])
def test_a_gene_encoder_is_explained_within_one_percent(kind: str) -> None:
    torch.manual_seed(0)
    settings = ModelSettings(gene_encoder=kind, gene_patch=4, gene_width=8, gene_depth=1, gene_state=4, gene_groups=4)
    encoder, direction = build_gene_encoder(settings, 24).eval(), torch.randn(8)
    genes = torch.randn(24)
    found = integrated_gradients(lambda rows: encoder(rows).mean(1) @ direction, genes, steps=10)
    assert found.error <= 0.01
    assert float(found.values.sum()) == pytest.approx(found.change, rel=0.011, abs=1e-4)


def test_parts_are_halved_until_the_attributions_add_up() -> None:
    found = integrated_gradients(lambda rows: torch.sigmoid(40 * (rows.sum(1) - 1)), GENES, steps=2)
    assert found.steps > 2
    assert float(found.values.sum()) == pytest.approx(found.change, rel=0.01)


def test_parts_of_the_path_add_up() -> None:
    answer, genes = network(5)
    torch.testing.assert_close(
        integrated_gradients(answer, genes, at_once=7).values, integrated_gradients(answer, genes).values
    )


def test_noise_that_is_none_changes_nothing_and_a_seed_fixes_the_rest() -> None:
    answer, genes = network(6)
    plain = integrated_gradients(answer, genes)
    torch.testing.assert_close(noise_tunnel(attribute(answer), genes, drawn(), noise_sd=0.0).values, plain.values)
    first, again, other = (noise_tunnel(attribute(answer), genes, drawn(seed)).values for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_tunnel_of_a_square_is_its_mean_over_the_noise() -> None:
    """x squared adds x squared; with noise of deviation 1 its mean is x squared and 1."""
    found = noise_tunnel(
        attribute(lambda rows: rows.square().sum(1), steps=2), GENES, drawn(), samples=400, noise_sd=1.0
    )
    assert found.values.tolist() == pytest.approx([2, 5, 10], abs=0.9)
    assert float(found.values.sum()) == pytest.approx(found.change)


def test_genes_that_cancel_out_and_an_answer_that_never_changes_are_explained() -> None:
    opposite = torch.tensor([1.0, -1.0], dtype=torch.float64)
    assert integrated_gradients(lambda rows: rows.sum(1), opposite).values.tolist() == [1, -1]
    still = integrated_gradients(lambda rows: 0 * rows.sum(1) + 3, GENES)
    assert (still.values.abs().sum().item(), still.error) == (0, 0)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda rows: torch.round(rows).sum(1), "attributions add up to 0 with"),
        (lambda rows: rows, r"answer: found \(2, 3\) for two rows"),
        (lambda rows: rows.sum(1) / 0, "answer: found .*inf"),
        (lambda rows: rows.sum(), "answer: found 2.0 for two rows"),
    ],
)
def test_an_answer_that_cannot_be_explained_is_refused(answer: module.Answer, said: str) -> None:
    with pytest.raises(BadInputError, match=f"^explain: {said}"):
        integrated_gradients(answer, GENES)


def test_a_tunnel_without_samples_is_refused() -> None:
    with pytest.raises(BadInputError, match="found 0 samples"):
        noise_tunnel(attribute(lambda rows: rows.sum(1)), GENES, drawn(), samples=0)
    assert math.isfinite(noise_tunnel(attribute(lambda rows: rows.sum(1)), GENES, drawn(), samples=1).change)
