"""What pre-training on slides learns: that places and genes tell hidden tiles, and whose slide is whose."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from mgi.datasets.modality_tables import ModalityTables
from mgi.datasets.slide_bags import SlideBags
from mgi.models.multimodal import MultimodalEncoder, build_multimodal_encoder
from mgi.models.settings import ModelSettings
from mgi.shards.bags import Bag, open_bags
from mgi.training.loop import Randomness
from mgi.training.multimodal_batches import ModalityDrawer
from mgi.training.multimodal_loss import MultimodalLoss
from mgi.training.settings import PretrainSettings, ScheduleSettings
from mgi.training.slide_batches import SlideBatch, SlideDrawer, SlidePairs
from mgi.training.slide_loss import SlideLoss, known_of_patients
from mgi.training.slide_pretrain import pretrain_slides
from slide_study import write_bags

N_TILES, E, G = 20, 5, 10
SCHEDULE = ScheduleSettings(steps=6, batch=4, learning_rate=3e-3, warmup_steps=2, validate_every=3, checkpoint_every=2)
SETTINGS = PretrainSettings(
    schedule=SCHEDULE, loss="multi_positive", slices_per_patient=2, masked_patch_weight=1.0, triplet_weight=1.0,
    masked_gene_weight=0.0,
)  # fmt: skip
SIZES = {"rna": G}


@pytest.fixture
def draw(tmp_path: Path):
    """Patients whose tiles follow their row, and by a first number their first gene."""

    def pairs(count: int, seed: int = 0, presence: Tensor | None = None) -> SlidePairs:
        rng = np.random.default_rng(seed)
        genes = rng.normal(size=(count, G)).astype(np.float32)
        rows, columns = np.divmod(np.arange(N_TILES), 4)
        bags = []
        for index in range(count):
            values = rng.normal(0, 0.1, (N_TILES, E))
            values[:, 0] += 2 * genes[index, 0]
            values[:, 1:] += 2 * np.sin(rows)[:, None]
            corners = np.stack([columns, rows], 1) * 128
            bags.append(Bag(patient_id=f"P{index:02d}", slide_id="s", corners=corners, embeddings=values))
        folder = write_bags(tmp_path / f"{count}-{seed}", bags)
        there = torch.ones(count, 1, dtype=torch.bool) if presence is None else presence
        tables = ModalityTables.dense({"rna": torch.from_numpy(genes)}, there)
        ids = [one.patient_id for one in bags]
        return SlidePairs(bags=SlideBags.of(open_bags(folder), ids, tmp_path), tables=tables)

    return pairs


@pytest.fixture
def encoders(model_settings: ModelSettings):
    def build(kind: str = "transformer", sizes: dict[str, int] = SIZES) -> MultimodalEncoder:
        sized = model_settings.but(slide_encoder=kind, slide_width=32, slide_depth=1, slide_heads=2)
        return build_multimodal_encoder(sized.reading(("flair",), tile_width=E), sizes)

    return build


def batch_of(pairs: SlidePairs, settings: PretrainSettings = SETTINGS, max_tiles: int = 8) -> SlideBatch:
    modalities = ModalityDrawer(
        training=pairs.tables,
        unpaired=None,
        settings=settings,
        randomness=Randomness.seeded(0),
        numbers_per_token={"rna": 1},
    )
    return SlideDrawer(training=pairs, modalities=modalities, max_tiles=max_tiles)(0)


def test_a_batch_has_parts_of_slides_without_common_tiles_and_a_run_of_each_is_hidden(draw) -> None:
    batch = batch_of(draw(6), SETTINGS.but(masked_patches=0.3))
    assert batch.tiles.shape == (8, 8, E)
    assert batch.patient.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert batch.sibling.tolist() == [1, 0, 3, 2, 5, 4, 7, 6]
    assert batch.hidden.sum(1).tolist() == [2] * 8  # the nearest to 0.3 of 8 tiles
    for hidden in batch.hidden:
        places = hidden.nonzero().flatten()
        assert places.tolist() == list(range(int(places[0]), int(places[0]) + 2))
    for one, other in zip(batch.tiles[::2], batch.tiles[1::2], strict=True):
        assert not {tuple(tile) for tile in one.tolist()} & {tuple(tile) for tile in other.tolist()}
    assert batch_of(draw(6), SETTINGS.but(slices_per_patient=1, triplet_weight=0.0)).tiles.shape == (4, 8, E)


def test_the_loss_is_the_weighted_sum_of_its_terms(draw, encoders) -> None:
    settings = SETTINGS.but(masked_patch_weight=0.25, triplet_weight=3.0, masked_gene_weight=0.5)
    pairs = draw(6)
    modalities = ModalityDrawer(
        training=pairs.tables, unpaired=None, settings=settings, randomness=Randomness.seeded(0),
        numbers_per_token={"rna": 1},
    )  # fmt: skip
    batch = SlideDrawer(training=pairs, modalities=modalities, max_tiles=8)(0)
    loss, terms = SlideLoss(encoders(), settings)(batch)
    expected = (
        terms["contrast"] + 0.25 * terms["masked_patch_loss"] + 3 * terms["triplet_loss"]
        + 0.5 * terms["masked_gene_loss"]
    )  # fmt: skip
    torch.testing.assert_close(loss, expected)


def test_what_is_predicted_of_hidden_tiles_does_not_depend_on_them(draw, encoders) -> None:
    model, batch, predicted = SlideLoss(encoders(), SETTINGS), batch_of(draw(6)), []
    model.predict_patches.register_forward_hook(lambda _, given, found: predicted.append(found))
    by_mean = []
    for value in (0.0, 1.0):
        tiles = batch.tiles.masked_fill(batch.hidden.unsqueeze(-1), value)
        by_mean.append(model.hidden_tile_errors(replace(batch, tiles=tiles), torch.zeros(batch.imaged, 8))[1])
    assert torch.equal(*predicted)
    assert (by_mean[0] == 0).all()
    assert (by_mean[1] == 1).all()


def test_hidden_tiles_are_told_better_than_by_their_mean_from_places_and_genes(draw, encoders, run_context) -> None:
    schedule = SCHEDULE.but(steps=150, batch=8, validate_every=150, checkpoint_every=150)
    settings = SETTINGS.but(schedule=schedule, triplet_weight=0.0)
    model, training = encoders(), draw(16)
    point = pretrain_slides(model, training, training, settings, max_tiles=10, context=run_context("a"))[-1]
    assert point["validation_masked_patch_loss_of_mean"] == pytest.approx(1.0, abs=0.25)  # tiles are standardised
    assert point["validation_masked_patch_loss"] < 0.5 * point["validation_masked_patch_loss_of_mean"]
    assert point["mean_rank_rna"] < 0.6 * point["chance_rank_rna"]


def test_a_slide_that_follows_nothing_is_told_no_better_than_by_its_mean(draw, encoders, run_context) -> None:
    """Tiles of other patients at the same places: a run says nothing of its neighbours in genes' number."""
    pairs = draw(16)
    noise = np.random.default_rng(0).normal(size=(len(pairs.bags.table), E))
    pairs.bags.table.write(0, noise)
    schedule = SCHEDULE.but(steps=60, batch=8, validate_every=60, checkpoint_every=60)
    settings = SETTINGS.but(schedule=schedule, triplet_weight=0.0)
    unseen = draw(8, 1)
    unseen.bags.table.write(0, np.random.default_rng(1).normal(size=(len(unseen.bags.table), E)))
    point = pretrain_slides(encoders(), pairs, unseen, settings, max_tiles=10, context=run_context("a"))[-1]
    assert point["validation_masked_patch_loss"] > 0.97 * point["validation_masked_patch_loss_of_mean"]


def test_tiles_dealt_out_anew_keep_their_numbers_and_lose_their_patients(draw) -> None:
    bags = draw(6).bags
    swapped = bags.swapped(1)
    everyone = torch.arange(6)
    one, other = (given.whole(everyone) for given in (bags, swapped))
    assert torch.equal(one.places, other.places)
    assert torch.equal(one.tiles.flatten(0, 1).sort(0).values, other.tiles.flatten(0, 1).sort(0).values)
    first = one.tiles[:, :, 0].float()
    assert (first.mean(1).std() > 3 * other.tiles[:, :, 0].float().mean(1).std()).item()
    assert list(swapped.identity()) != list(bags.identity())


def test_the_triplet_asks_for_the_own_genes(draw, encoders) -> None:
    model, batch = SlideLoss(encoders(), SETTINGS), batch_of(draw(6))
    with torch.no_grad():
        images = model.encoders.image_vectors(batch.tiles, batch.places, batch.real)
        same = torch.ones(batch.imaged, 8) / 8**0.5
        assert model.triplet(images, same, batch) >= SETTINGS.triplet_margin  # genes that tell nothing: never below
        alike = images[batch.patient * 2]  # both parts of a patient the same: only genes could tell anything apart
        assert model.triplet(alike, same, batch) == pytest.approx(SETTINGS.triplet_margin, abs=1e-5)


def test_whoever_lacks_a_modality_is_known_by_the_others_and_others_are_not_counted() -> None:
    class Rows:
        def __init__(self, *places: int) -> None:
            self.places = torch.tensor(places)

    vectors = {"cn": torch.tensor([[1.0, 0], [1, 0], [1, 0]]), "rna": torch.tensor([[0.0, 1], [0, 1]])}
    known = known_of_patients(vectors, {"cn": Rows(0, 2, 3), "rna": Rows(0, 1)}, 3)  # type: ignore[dict-item]
    torch.testing.assert_close(known, torch.tensor([[0.5**0.5, 0.5**0.5], [0, 1], [1, 0]]))


def test_the_alignment_is_that_of_slices(draw, encoders) -> None:
    """Without the terms of slides the loss is the contrast of any image."""
    settings = SETTINGS.but(masked_patch_weight=0.0, triplet_weight=0.0)
    model, batch = SlideLoss(encoders(), settings), batch_of(draw(6), settings)
    alone = MultimodalLoss(model.encoders, settings)
    images = model.encoders.image_vectors(batch.tiles, batch.places, batch.real)
    expected, _, _ = alone.aligned(images, batch.patient, batch.imaged, batch.modalities)
    torch.testing.assert_close(model(batch)[0], expected)


def test_a_killed_run_ends_with_the_same_weights(draw, encoders, run_context, monkeypatch) -> None:
    training, validation = draw(8), draw(4, 1)

    def trained(name: str) -> dict[str, Tensor]:
        context = run_context(name)
        model = encoders()
        pretrain_slides(model, training, validation, SETTINGS, max_tiles=8, context=context)
        return model.state_dict()

    whole, calls = trained("whole"), [0]

    def dies(self: SlideLoss, batch: SlideBatch, forward=SlideLoss.forward):
        calls[0] += 1
        if calls[0] == 5:
            raise KeyboardInterrupt
        return forward(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(SlideLoss, "forward", dies)
        with pytest.raises(KeyboardInterrupt):
            trained("killed")
    again = trained("killed")
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_a_patient_may_lack_a_modality(draw, encoders, run_context) -> None:
    rng = np.random.default_rng(0)
    presence = torch.tensor([[True, True], [False, True], [True, False], [True, True]] * 2)
    values = {"cn": torch.from_numpy(rng.normal(size=(8, 4)).astype(np.float32)), "rna": torch.randn(8, G)}
    pairs = replace(draw(8), tables=ModalityTables.dense(values, presence))
    settings = SETTINGS.but(modalities=("cn", "rna"), missing="outer")
    model = encoders(sizes={"cn": 4, "rna": G})
    point = pretrain_slides(model, pairs, pairs, settings, max_tiles=8, context=run_context("a"))[-1]
    assert point["validation_patients_cn"] == point["validation_patients_rna"] == 6
    assert all(math.isfinite(point[name]) for name in ("loss", "masked_patch_loss", "triplet_loss", "contrast_cn"))


def test_in_mixed_precision_all_terms_are_finite_and_near(draw, encoders) -> None:
    model, batch = SlideLoss(encoders(), SETTINGS), batch_of(draw(6))
    plain, terms = model(batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed, rough = model(batch)
    mixed.backward()
    assert mixed.dtype == torch.float32
    torch.testing.assert_close(mixed, plain, rtol=0.05, atol=0.02)
    assert rough.keys() == terms.keys()
    assert all(one.grad is None or one.grad.isfinite().all() for one in model.parameters())
