from dataclasses import replace

import pytest
import torch

from mgi.core.errors import BadInputError
from mgi.datasets.settings import AugmentSettings
from mgi.training.distributed import ALONE, Group
from mgi.training.loop import Randomness
from mgi.training.pretrain_batches import BatchDrawer, siblings, with_permuted_genes
from mgi.training.settings import PretrainSettings, ScheduleSettings

SCHEDULE = ScheduleSettings(steps=6, batch=5)
SETTINGS = PretrainSettings(schedule=SCHEDULE, unpaired_batch=3, masked_patch_weight=1.0, gene_noise=0.1)
SEVERAL = SETTINGS.but(loss="multi_positive", slices_per_patient=2)
UNPAIRED = 100 + torch.arange(40.0).view(4, 10)


@pytest.fixture
def drawer(pairs):
    def make(settings: PretrainSettings = SETTINGS, group: Group = ALONE) -> BatchDrawer:
        return BatchDrawer(
            training=pairs(7), unpaired=UNPAIRED, settings=settings, randomness=Randomness.seeded(0),
            genes_per_token=4, patches=4, group=group,
        )  # fmt: skip

    return make


@pytest.mark.parametrize("settings", [SETTINGS, SEVERAL, SETTINGS.but(masked_gene_shape="span")])
@pytest.mark.parametrize("size", [2, 3, 5])
def test_the_parts_of_all_processes_are_the_batch_of_one(settings, size, drawer) -> None:
    alone = drawer(settings)
    several = [drawer(settings, Group(rank=rank, size=size)) for rank in range(size)]
    for step in range(3):
        whole, parts = alone(step), [one(step) for one in several]
        for name in ("images", "genes", "hidden_patches"):
            assert torch.equal(torch.cat([getattr(part, name) for part in parts]), getattr(whole, name)), name
        for name in ("whole", "hidden_genes"):
            paired = [getattr(part, name)[: len(part.genes)] for part in parts]
            unpaired = [getattr(part, name)[len(part.genes) :] for part in parts]
            assert torch.equal(torch.cat([*paired, *unpaired]), getattr(whole, name)), name
        for part in parts:
            assert torch.equal(part.patient, whole.patient)
            assert torch.equal(part.sibling, whole.sibling)
            assert (part.n_hidden_genes, part.n_hidden_patches, part.min_loss) == (
                whole.n_hidden_genes,
                whole.n_hidden_patches,
                whole.min_loss,
            )
        assert [len(part.images) for part in parts] == parts[0].slice_counts
        assert [len(part.genes) for part in parts] == parts[0].patient_counts
        # Each slice's own row of the genes, by its place in the whole batch.
        owners = [part.owner + sum(parts[0].patient_counts[:rank]) for rank, part in enumerate(parts)]
        assert torch.equal(torch.cat(owners), whole.owner)
        assert torch.equal(whole.owner, whole.patient)


def test_a_batch_has_its_counts_of_patients_slices_and_hidden_elements(drawer) -> None:
    batch = drawer(SEVERAL)(0)
    assert batch.images.shape == (10, 1, 16, 16)
    assert batch.genes.shape == (5, 10)
    assert batch.whole.shape == batch.hidden_genes.shape == (8, 10)
    assert batch.patient.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert batch.n_hidden_genes == batch.hidden_genes.sum()
    assert batch.n_hidden_patches == 10  # a quarter of four patches


def test_patients_without_image_join_whole_and_different_ones_in_turn(drawer) -> None:
    one, seen = drawer(), set()
    for step in range(20):
        rows = one(step).whole[5:]
        found = [index for row in rows for index in range(4) if torch.equal(row, UNPAIRED[index])]
        assert len(set(found)) == len(found) == 3
        seen |= set(found)
    assert seen == {0, 1, 2, 3}


def test_no_more_patients_without_image_join_than_there_are(drawer) -> None:
    batch = drawer(SETTINGS.but(unpaired_batch=9))(0)
    assert len(batch.whole) == 5 + 4


def test_what_no_loss_reads_is_neither_drawn_nor_hidden(drawer) -> None:
    batch = drawer(SETTINGS.but(masked_gene_weight=0.0, masked_patch_weight=0.0))(0)
    assert len(batch.whole) == 5
    assert batch.n_hidden_genes == batch.n_hidden_patches == 0


def test_noise_is_for_the_contrast_alone(drawer) -> None:
    batch, still = drawer()(0), drawer(SETTINGS.but(gene_noise=0.0))(0)
    assert torch.equal(batch.whole, still.whole)
    assert torch.equal(still.genes, still.whole[:5])
    assert not torch.equal(batch.genes, still.genes)


def test_a_span_hides_whole_consecutive_tokens(drawer) -> None:
    batch = drawer(SETTINGS.but(masked_gene_shape="span", masked_genes=0.34))(0)
    spans = {tuple(row.int().tolist()) for row in batch.hidden_genes}
    possible = {(1,) * 4 + (0,) * 6, (0,) * 4 + (1,) * 4 + (0,) * 2, (0,) * 8 + (1,) * 2}
    assert spans <= possible
    assert len(spans) > 1


def test_the_images_are_augmented_ones_of_the_drawn_patients(drawer, pairs) -> None:
    still = SETTINGS.but(augment=AugmentSettings(scale=0.0, rotation=0.0, flip=False, jitter=0.0), gene_noise=0.0)
    batch, training = drawer(still)(0), pairs(7)
    for image, genes in zip(batch.images, batch.genes, strict=True):
        row = int((training.slices.images - image).abs().amax((1, 2, 3)).argmin())
        torch.testing.assert_close(training.slices.images[row], image, atol=1e-4, rtol=1e-4)
        assert torch.equal(training.genes[training.slices.patient[row]], genes)


@pytest.mark.parametrize(("share", "copies"), [(0.0, {False}), (0.5, {False, True}), (1.0, {True})])
def test_copies_without_scalp_are_drawn_with_the_genes_of_their_patient(pairs, share, copies) -> None:
    whole = pairs(7)
    stripped = replace(whole.slices, channels=whole.slices.channels + torch.tensor([100.0, 0.0])[:, None, None])
    training = replace(whole, slices=whole.slices.beside(stripped))
    still = AugmentSettings(scale=0.0, rotation=0.0, flip=False, jitter=0.0, skull_strip=share)
    draw = BatchDrawer(
        training=training, unpaired=UNPAIRED, settings=SETTINGS.but(augment=still, gene_noise=0.0),
        randomness=Randomness.seeded(0), genes_per_token=4, patches=4,
    )  # fmt: skip
    batches = [draw(step) for step in range(6)]
    assert {bool(image.mean() > 50) for batch in batches for image in batch.images} == copies
    for batch in batches:
        assert len(batch.patient.unique()) == len(batch.images) == 5
        for image, genes in zip(batch.images, batch.genes, strict=True):
            row = int((training.slices.images - image).abs().amax((1, 2, 3)).argmin())
            assert torch.equal(training.genes[training.slices.patient[row]], genes)


def test_a_sibling_is_the_next_slice_of_the_patient_or_the_slice_itself() -> None:
    assert siblings(torch.tensor([0, 0, 1, 2, 2, 2])).tolist() == [1, 0, 2, 4, 5, 3]


def test_the_batch_draws_from_the_generators_of_its_run_alone(drawer) -> None:
    one = drawer()
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = one(0)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(drawer()(0).images, first.images)


@pytest.mark.parametrize("count", [2, 3, 9])
def test_permuted_pairs_give_everybody_the_genes_of_another_and_nobody_twice(count: int, pairs) -> None:
    own = pairs(count)
    permuted = with_permuted_genes(own, 4)
    rows = permuted.gene_rows.tolist()
    assert sorted(rows) == list(range(count))
    assert all(row != number for number, row in enumerate(rows))
    everybody = torch.arange(count)
    assert torch.equal(permuted.genes_of(everybody), own.genes_of(torch.tensor(rows)))
    assert permuted.slices is own.slices
    assert torch.equal(with_permuted_genes(own, 4).gene_rows, permuted.gene_rows)


def test_one_patient_has_nobody_to_be_permuted_with(pairs) -> None:
    with pytest.raises(BadInputError, match=r"^permuted-pairs: found 1 patient, expected 2"):
        with_permuted_genes(pairs(1), 0)
