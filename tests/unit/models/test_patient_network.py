import pytest
import torch

from mgi.models.patient_network import build_patient_network, left_out
from mgi.models.settings import ModelSettings

SETTINGS = ModelSettings(size="tiny", gene_patch=5)
GENES, IMAGES = torch.randn(2, 20), torch.randn(4, 1, 32, 32)
PATIENT, BOTH = torch.tensor([0, 0, 1, 1]), torch.tensor([True, True])


def network(**changes: object) -> torch.nn.Module:
    torch.manual_seed(0)
    return build_patient_network(SETTINGS.but(**changes), 20, 3, hidden=0).eval()


def test_all_slices_count_the_same_at_the_start() -> None:
    outputs = network()(IMAGES, GENES, PATIENT, BOTH)
    assert outputs.shape == (4, 4)
    assert (outputs[:, -1] == 0).all()


def test_an_image_that_is_left_out_says_nothing_and_the_genes_still_do() -> None:
    model = network()
    apart = left_out(IMAGES, torch.tensor([True, True, False, False]))
    outputs, whole = model(apart, GENES, PATIENT, BOTH), model(IMAGES, GENES, PATIENT, BOTH)
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.isnan(outputs).any()
    torch.testing.assert_close(outputs[2:], whole[2:])
    none = left_out(IMAGES, torch.ones(4, dtype=torch.bool))
    one_pixel = torch.full((4, 1, 1, 1), torch.nan)
    assert torch.equal(model(none, GENES, PATIENT, BOTH), model(one_pixel, GENES, PATIENT, BOTH))
    assert not torch.equal(*model(none, GENES, PATIENT, BOTH)[[0, 2]])


def test_genes_that_are_left_out_say_nothing() -> None:
    model, none = network(), torch.tensor([False, False])
    others = torch.randn(2, 20)
    assert torch.equal(model(IMAGES, GENES, PATIENT, none), model(IMAGES, others, PATIENT, none))
    assert not torch.equal(model(IMAGES, GENES, PATIENT, BOTH), model(IMAGES, others, PATIENT, BOTH))


@pytest.mark.parametrize(
    "changes", [{}, {"gene_pooling": "mean"}, {"gene_encoder": "group_attention", "gene_groups": 4}, {"fusion": "film"}]
)
def test_every_encoder_and_pooling_learns_through_both_of_its_inputs(changes: dict[str, object]) -> None:
    model = network(**changes).train()
    model(IMAGES, GENES, PATIENT, BOTH)[:, :3].square().mean().backward()
    for part in (model.image_encoder, model.gene_encoder, model.head):
        assert any(one.grad is not None and one.grad.abs().sum() > 0 for one in part.parameters())


def test_a_hidden_layer_stands_before_the_outputs() -> None:
    model = build_patient_network(SETTINGS, 20, 3, hidden=7)
    assert [tuple(one.weight.shape) for one in model.head if hasattr(one, "weight")] == [(7, 32), (3, 7)]
