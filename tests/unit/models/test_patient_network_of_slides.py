"""The network of whole patients where the image is a slide."""

from typing import Any

import pytest
import torch
from torch import Tensor

from mgi.models.patient_network import build_patient_network
from mgi.models.settings import ModelSettings, SlideEncoderName
from mgi.models.slide_encoder import SlideEncoder
from mgi.shards.channels import MAIN_ALONE

KINDS: tuple[SlideEncoderName, ...] = ("transformer", "gated_attention", "mean")
GENES, PATIENT, BOTH = torch.randn(3, 20), torch.arange(3), torch.ones(3, dtype=torch.bool)


def network(kind: str = "transformer") -> Any:
    torch.manual_seed(0)
    given = ModelSettings(size="tiny", gene_patch=5, slide_width=16, slide_heads=2, slide_encoder=kind)
    return build_patient_network(given.reading(MAIN_ALONE, tile_width=6), 20, 3, hidden=0).eval()


def tiles(n_tiles: int = 7) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    places = torch.stack([torch.arange(n_tiles) % 4, torch.arange(n_tiles) // 4], -1).float().expand(3, -1, -1)
    return torch.randn(3, n_tiles, 6, generator=generator), places, torch.ones(3, n_tiles, dtype=torch.bool)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_tile_changes_nothing(kind: str) -> None:
    values, places, real = tiles()
    padded = (
        torch.cat([values, torch.full((3, 4, 6), 9.0)], 1),
        torch.cat([places, torch.full((3, 4, 2), 5.0)], 1),
        torch.cat([real, torch.zeros(3, 4, dtype=torch.bool)], 1),
    )
    model = network(kind)
    plain, longer = (model(one, GENES, PATIENT, BOTH) for one in ((values, places, real), padded))
    torch.testing.assert_close(plain, longer, atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_slide_that_is_left_out_says_nothing_and_the_genes_still_do(kind: str) -> None:
    values, places, real = tiles()
    absent = torch.tensor([True, False, True]).unsqueeze(1)
    model = network(kind)
    found, whole = model((values, places, real & ~absent), GENES, PATIENT, BOTH), model(tiles(), GENES, PATIENT, BOTH)
    torch.testing.assert_close(found[1], whole[1], atol=1e-6, rtol=0)
    none = torch.full((3, 1, 1, 1), torch.nan)
    torch.testing.assert_close(found[[0, 2]], model(none, GENES, PATIENT, BOTH)[[0, 2]])
    assert not torch.allclose(found[0], found[2]), "their genes differ"
    assert not torch.allclose(found[0], whole[0])


def test_all_parts_learn_and_the_slide_has_one_encoder() -> None:
    model = network().train()
    assert isinstance(model.image_encoder, SlideEncoder)
    model(tiles(), GENES, PATIENT, BOTH)[:, :3].square().mean().backward()
    for part in (model.image_encoder, model.gene_encoder, model.head):
        assert any(one.grad is not None and one.grad.abs().sum() > 0 for one in part.parameters())


def test_a_network_of_scans_has_the_parts_that_it_had() -> None:
    torch.manual_seed(0)
    model = build_patient_network(ModelSettings(size="tiny", gene_patch=5), 20, 3, hidden=0)
    names = [name for name, _ in model.named_children()]
    assert names == ["image_encoder", "gene_encoder", "image_pooling", "gene_pooling", "head", "attention"]
