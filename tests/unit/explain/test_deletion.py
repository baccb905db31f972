import pytest
import torch

from mgi.explain.deletion import SHARES, deletion_curves, remaining

WEIGHTS = torch.arange(1.0, 101.0, dtype=torch.float64)
GENES, AVERAGE = torch.ones(100, dtype=torch.float64), torch.full((100,), 0.5, dtype=torch.float64)


def answer(rows: torch.Tensor) -> torch.Tensor:
    return rows @ WEIGHTS + 4


def drawn() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_what_remains_is_what_the_genes_left_add_to_the_average_patient() -> None:
    order = torch.argsort(WEIGHTS, descending=True)
    left = remaining(answer, GENES, AVERAGE, order).tolist()
    gone = [round(share * 100) for share in SHARES]
    assert left == pytest.approx([0.5 * sum(range(1, 101 - count)) for count in gone])


@pytest.mark.parametrize("sign", [1, -1])
def test_the_strongest_genes_fall_faster_than_random_ones_whatever_the_sign(sign: int) -> None:
    attributions = sign * 0.5 * WEIGHTS
    curves = deletion_curves(lambda rows: sign * answer(rows), GENES, AVERAGE, attributions, drawn())
    assert curves["own"][0] == curves["random"][0] == pytest.approx(0.5 * 5050)
    assert curves["own"][-1] == curves["random"][-1] == pytest.approx(0)
    assert all(own < random for own, random in zip(curves["own"][1:-1], curves["random"][1:-1], strict=True))


def test_an_order_that_says_nothing_falls_no_faster_than_a_random_one() -> None:
    wrong = deletion_curves(answer, GENES, AVERAGE, -WEIGHTS, drawn())
    assert all(own > random for own, random in zip(wrong["own"][1:-1], wrong["random"][1:-1], strict=True))
