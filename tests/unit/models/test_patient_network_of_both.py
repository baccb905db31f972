"""The network of whole patients who may have a scan, a slide, or both."""

from typing import Any

import pytest
import torch
from torch import Tensor

from mgi.models.patient_network import build_patient_network, left_out
from mgi.models.settings import ModelSettings
from mgi.shards.channels import MAIN_ALONE

GENES, SCANS = torch.randn(3, 20), torch.randn(5, 1, 32, 32)
PATIENT, ALL, NONE = torch.tensor([0, 0, 1, 2, 2]), torch.ones(3, dtype=torch.bool), torch.zeros(3, dtype=torch.bool)


def network(hidden: int = 0) -> Any:
    torch.manual_seed(0)
    given = ModelSettings(size="tiny", gene_patch=5, slide_width=16, slide_heads=2)
    return build_patient_network(given.reading(MAIN_ALONE, tile_width_beside=6), 20, 3, hidden=hidden).eval()


def tiles(seed: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    places = torch.stack([torch.arange(7) % 4, torch.arange(7) // 4], -1).float().expand(3, -1, -1)
    return torch.randn(3, 7, 6, generator=generator), places, torch.ones(3, 7, dtype=torch.bool)


def without(absent: list[bool], seed: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    values, places, real = tiles(seed)
    return values, places, real & ~torch.tensor(absent).unsqueeze(1)


def test_every_encoder_learns() -> None:
    model = network().train()
    model((SCANS, tiles()), GENES, PATIENT, ALL)[:, :3].square().mean().backward()
    for part in (model.image_encoder, model.slide_encoder, model.gene_encoder, model.head):
        assert any(one.grad is not None and one.grad.abs().sum() > 0 for one in part.parameters())


def test_a_missing_slide_changes_its_own_term_alone() -> None:
    model, slides = network(), (tiles(), without([False, True, False]))
    whole, missing = (model((SCANS, one), GENES, PATIENT, ALL)[:, :3] for one in slides)
    torch.testing.assert_close(whole[[0, 1, 3, 4]], missing[[0, 1, 3, 4]], atol=1e-5, rtol=0)
    # The head is linear: what changes does not depend on the scan, nor on the genes.
    first, second = (model((-SCANS, one), -GENES, PATIENT, ALL)[:, :3] for one in slides)
    torch.testing.assert_close((whole - missing)[2], (first - second)[2], atol=1e-4, rtol=0)
    assert (whole - missing)[2].abs().max() > 1e-3


def test_a_missing_scan_changes_its_own_term_alone() -> None:
    model = network()
    apart = left_out(SCANS, torch.tensor([True, True, False, False, False]))
    whole, missing = (model((scans, tiles()), GENES, PATIENT, ALL)[:, :3] for scans in (SCANS, apart))
    torch.testing.assert_close(whole[2:], missing[2:], atol=1e-5, rtol=0)
    first, second = (model((scans, tiles(2)), -GENES, PATIENT, ALL)[:, :3] for scans in (SCANS, apart))
    torch.testing.assert_close((whole - missing)[:2], (first - second)[:2], atol=1e-4, rtol=0)
    assert torch.equal(missing[0], missing[1])


@pytest.mark.parametrize("hidden", [0, 8])
def test_without_anything_all_patients_are_alike_and_finite(hidden: int) -> None:
    model = network(hidden)
    none = left_out(SCANS, torch.ones(5, dtype=torch.bool))
    found = model((none, without([True, True, True])), GENES, PATIENT, NONE)
    assert torch.isfinite(found).all()
    assert torch.equal(found, found[:1].expand_as(found))
    torch.testing.assert_close(found, model(none, -GENES, PATIENT, NONE)), "scans that no slide is beside"


def test_a_slide_of_another_patient_speaks_for_that_patient_alone() -> None:
    model = network()
    values, places, real = tiles()
    other = values.clone()
    other[1] = -other[1]
    first, second = (model((SCANS, (one, places, real)), GENES, PATIENT, ALL) for one in (values, other))
    torch.testing.assert_close(first[[0, 1, 3, 4]], second[[0, 1, 3, 4]], atol=1e-5, rtol=0)
    assert (first[2] - second[2]).abs().max() > 1e-3


def test_networks_of_one_image_have_the_parts_that_they_had() -> None:
    torch.manual_seed(0)
    settings = ModelSettings(size="tiny", gene_patch=5)
    plain = build_patient_network(settings.reading(MAIN_ALONE), 20, 3, hidden=0)
    assert not [name for name in plain.state_dict() if "slide" in name]
    assert "tile_width_beside" not in settings.reading(MAIN_ALONE).plain()
