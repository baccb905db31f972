import pytest
import torch
from torch import nn

from mgi.models.mgi import MGI, build_mgi
from mgi.tasks.segmentation.learning import WithoutGenes
from mgi.training.gene_cache import GeneCache, cache_for, forward

GENES = torch.randn(3, 10, generator=torch.Generator().manual_seed(0))
IMAGES = torch.randn(4, 1, 16, 16, generator=torch.Generator().manual_seed(1))
PATIENT = torch.tensor([0, 1, 2, 0])


@pytest.fixture
def model(model_settings) -> MGI:
    torch.manual_seed(0)
    return build_mgi(model_settings, 10)


def counted(model: MGI) -> list[int]:
    rows: list[int] = []
    model.gene_encoder.register_forward_hook(lambda _, given, made: rows.append(len(given[0])))
    return rows


def test_each_vector_of_expression_is_encoded_once_whoever_has_it(model: MGI) -> None:
    cache, rows = GeneCache(model), counted(model)
    first = cache.encode(GENES)
    permuted = cache.encode(GENES[[2, 0, 1, 1]])
    assert rows == [1, 1, 1]
    assert torch.equal(permuted, first[[2, 0, 1, 1]])
    torch.testing.assert_close(first, model.encode(GENES))
    assert not first.requires_grad


def test_what_is_kept_does_not_depend_on_who_else_was_asked_for(model: MGI) -> None:
    alone, among = GeneCache(model), GeneCache(model)
    assert torch.equal(alone.encode(GENES[1:2])[0], among.encode(GENES)[1])


def test_after_forgetting_the_encoder_is_asked_again(model: MGI) -> None:
    cache = GeneCache(model)
    before = cache.encode(GENES)
    with torch.no_grad():
        model.gene_encoder.norm.weight.mul_(2)
    assert torch.equal(cache.encode(GENES), before)
    cache.forget()
    assert not torch.allclose(cache.encode(GENES), before)


@pytest.mark.parametrize("has_genes", [[True, True, True], [False, True, False], [False, False, False]])
def test_segmentation_is_the_same_with_and_without_the_cache(model: MGI, has_genes: list[bool]) -> None:
    given = (IMAGES, GENES, PATIENT, torch.tensor(has_genes))
    with torch.no_grad():
        torch.testing.assert_close(forward(model, *given, cache_for(model)), forward(model, *given, None))


def test_the_decoder_learns_through_cached_genes_and_the_encoder_does_not(model: MGI) -> None:
    forward(model, IMAGES, GENES, PATIENT, torch.tensor([True] * 3), cache_for(model)).square().sum().backward()
    assert all(parameter.grad is None for parameter in model.gene_encoder.parameters())
    assert all(parameter.grad is not None for parameter in model.decoder.parameters())


def test_a_network_without_genes_has_no_cache() -> None:
    network = WithoutGenes(nn.Conv2d(1, 1, 1))
    assert cache_for(network) is None
    logits = forward(network, IMAGES, GENES, PATIENT, torch.tensor([True] * 3), None)
    assert logits.shape == IMAGES.shape
