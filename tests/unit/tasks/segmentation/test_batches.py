from dataclasses import replace

import pytest
import torch

from mgi.datasets.augment import AugmentSettings
from mgi.tasks.segmentation.batches import SegmentationBatch, SegmentationDrawer
from mgi.training.loop import Randomness
from mgi.training.settings import FinetuneSettings, ScheduleSettings

STILL = AugmentSettings(scale=0.0, rotation=0.0, flip=False, jitter=0.0)
PLAIN = FinetuneSettings(schedule=ScheduleSettings(steps=4, batch=40), augment=STILL, gene_dropout=0.0)
TENSORS = ("channels", "patient", "genes", "has_genes")


@pytest.fixture
def drawer(pairs):
    def make(settings: FinetuneSettings = PLAIN, seed: int = 0, **options: bool) -> SegmentationDrawer:
        options = {"use_genes": True, "for_gpu": True, **options}
        return SegmentationDrawer(training=pairs(5), settings=settings, randomness=Randomness.seeded(seed), **options)

    return make


def same(one: SegmentationBatch, two: SegmentationBatch) -> bool:
    return all(torch.equal(getattr(one, name), getattr(two, name)) for name in TENSORS) and all(
        torch.equal(getattr(one.augment, name), getattr(two.augment, name)) for name in ("matrix", "gain", "offset")
    )


def test_each_slice_comes_with_its_own_mask_and_the_genes_of_its_patient(drawer, pairs) -> None:
    given, batch = pairs(5), drawer()(0)
    assert len(batch.channels) == 40
    for channels, patient in zip(batch.channels, batch.patient, strict=True):
        row = int((given.slices.images == channels[:-1]).all(3).all(2).all(1).nonzero())
        assert torch.equal(given.slices.masks[row], channels[-1:])
        assert torch.equal(batch.genes[patient], given.genes[given.slices.patient[row]])
    assert len(batch.genes) == len(batch.genes.unique(dim=0))
    assert batch.has_genes.all()


def test_slices_with_tumour_are_drawn_more_often(drawer) -> None:
    with_tumour = drawer()(0).channels[:, -1:].any(3).any(2).float().mean()  # a third of the slices
    assert with_tumour > 0.6


def test_the_run_s_generators_decide_and_no_others(drawer) -> None:
    settings = PLAIN.but(augment=AugmentSettings(), gene_noise=0.5, gene_dropout=0.5)
    one, two = drawer(settings), drawer(settings)
    torch.manual_seed(1)
    first = [one(step) for step in range(3)]
    torch.manual_seed(2)
    assert all(same(batch, two(step)) for step, batch in enumerate(first))
    assert not same(first[0], first[1])
    assert not same(first[0], drawer(settings, seed=1)(0))


def test_changes_are_made_to_images_and_masks_alike_and_only_when_asked_for(drawer) -> None:
    batch = drawer()(0).on(torch.device("cpu"))
    images, masks = batch.augmented()
    torch.testing.assert_close(images, batch.channels[:, :-1], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(masks, batch.channels[:, -1:], rtol=1e-4, atol=1e-4)
    turned = drawer(PLAIN.but(augment=STILL.but(rotation=40.0)))(0)
    assert same(replace(turned, augment=batch.augment), batch)  # the same slices, as they are
    images, masks = turned.augmented()
    assert not torch.equal(masks, turned.channels[:, -1:])
    assert not torch.equal(images, turned.channels[:, :-1])


def test_a_cpu_s_batch_is_drawn_alike_and_changed_already(drawer) -> None:
    settings = PLAIN.but(augment=AugmentSettings())
    given, done = (drawer(settings, for_gpu=for_gpu)(0) for for_gpu in (True, False))
    assert done.augment is None
    assert torch.equal(given.patient, done.patient)
    for one, two in zip(given.augmented(), done.augmented(), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-3)


def test_noise_and_dropout_reach_the_genes(drawer, pairs) -> None:
    known = {tuple(row.tolist()) for row in pairs(5).genes}
    assert {tuple(row.tolist()) for row in drawer()(0).genes} <= known
    noisy = drawer(PLAIN.but(gene_noise=0.5))(0)
    assert not any(tuple(row.tolist()) in known for row in noisy.genes)
    dropped = torch.cat([drawer(PLAIN.but(gene_dropout=0.5), seed)(0).has_genes for seed in range(10)])
    assert 0.2 < dropped.float().mean() < 0.8


def test_without_genes_nobody_has_them(drawer) -> None:
    assert not drawer(use_genes=False)(0).has_genes.any()


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0.0, 0.0), (0.25, 0.15, 0.35), (1.0, 1.0, 1.0)])
def test_stripped_copies_have_their_share_of_the_draws(pairs, share: float, least: float, most: float) -> None:
    whole = pairs(5)
    copies = replace(whole.slices, channels=whole.slices.channels + torch.tensor([100.0, 0.0])[:, None, None])
    both = replace(whole, slices=whole.slices.beside(copies))
    settings = PLAIN.but(augment=STILL.but(skull_strip=share))
    draw = SegmentationDrawer(
        training=both, settings=settings, randomness=Randomness.seeded(0), use_genes=True, for_gpu=True
    )
    batches = [draw(step) for step in range(5)]
    stripped = torch.cat([batch.channels[:, 0].amin((1, 2)) > 50 for batch in batches])
    assert least <= stripped.float().mean() <= most
    for batch in batches:
        for channels, patient in zip(batch.channels, batch.patient, strict=True):
            row = int((both.slices.channels == channels).all(3).all(2).all(1).nonzero())
            assert torch.equal(batch.genes[patient], both.genes[both.slices.patient[row]])


def test_without_copies_the_setting_moves_no_draw(drawer) -> None:
    assert same(drawer()(0), drawer(PLAIN.but(augment=STILL.but(skull_strip=0.5)))(0))


@pytest.mark.parametrize("for_gpu", [True, False])
def test_a_share_of_the_draws_lies_between_two_slices_image_and_mask_alike(drawer, pairs, for_gpu: bool) -> None:
    given = pairs(5).slices.channels
    found = []
    for share in (0.0, 0.5, 1.0):
        batch = drawer(PLAIN.but(augment=STILL.but(between_slices=share)), for_gpu=for_gpu)(0)
        known = [bool((given - one).abs().amax((1, 2, 3)).min() < 1e-5) for one in torch.cat(batch.augmented(), 1)]
        found.append(sum(known) / len(known))
    assert found[0] == 1
    assert found[0] > found[1] > found[2]
