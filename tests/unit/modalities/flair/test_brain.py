"""Brain masks of simulated heads, of which scalp and tumour are known, and of real ones where these are."""

from dataclasses import replace

import numpy as np
import pytest

from mgi.modalities.flair.brain import brain_mask, images_without_scalp, without_scalp
from mgi.modalities.flair.buda import decoded, opened_buda
from mgi.shards.image_shard import PatientImages
from mgi_standin.simulation.anatomy import SCALP, TISSUE, draw_head, draw_volume, make_grid

FACTORS = {"side": 1.0, "size": 0.5, "margin": 0.0, "contrast": 0.5}


@pytest.mark.parametrize(("slices", "pixels"), [(24, 128), (40, 256)])
def test_of_a_simulated_head_the_brain_stays_and_the_scalp_goes(slices: int, pixels: int) -> None:
    head = draw_head(make_grid(slices, pixels, 150 / slices), np.random.default_rng(0))
    found = brain_mask(np.maximum(head, 0).astype(np.int16))
    scalp = head == SCALP
    brain = (head > 0) & ~scalp
    middle = slice(slices // 3, -slices // 3)
    assert found[middle][scalp[middle]].mean() < 0.03
    assert found[scalp].mean() < 0.1  # at the vertex slices cut it flat, and no skull parts it from this brain
    assert found[brain].mean() > 0.97
    assert not found[head == 0].any()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_tumour_and_ventricles_stay(seed: int) -> None:
    volume, tumour = draw_volume(make_grid(24, 128, 6.0), FACTORS, np.random.default_rng(seed))
    found = brain_mask(volume)
    assert found[tumour].mean() > 0.99
    inside = np.zeros_like(found)
    inside[8:16, 54:74, 54:74] = True  # both ventricles, which are dark
    assert (volume[inside] < 0.6 * TISSUE).any()
    assert found[inside].all()


def test_gain_and_offset_of_the_scanner_move_little() -> None:
    volume, _ = draw_volume(make_grid(24, 128, 6.0), FACTORS, np.random.default_rng(0))
    one, two = brain_mask(volume), brain_mask(volume * 3 + 5)
    assert (one != two).mean() < 0.002 * one.mean() + 0.002


def test_what_hangs_on_by_a_thin_bridge_is_no_brain() -> None:
    volume, _ = draw_volume(make_grid(24, 128, 6.0), FACTORS, np.random.default_rng(0))
    plain = brain_mask(volume)
    volume[2:5, 60:68, :20] = TISSUE  # tissue beside the head, on a strip of eight pixels
    added = brain_mask(volume) & ~plain
    assert not added[:, :, :16].any()


def test_outside_the_brain_all_is_0_and_inside_nothing_moves() -> None:
    volume, _ = draw_volume(make_grid(24, 128, 6.0), FACTORS, np.random.default_rng(0))
    volume = volume.astype(np.uint16)
    stripped, mask = without_scalp(volume), brain_mask(volume)
    assert stripped.dtype == volume.dtype
    assert np.array_equal(stripped[mask], volume[mask])
    assert not stripped[~mask].any()


def test_the_brain_on_flair_is_kept_of_every_channel() -> None:
    volume, _ = draw_volume(make_grid(24, 128, 6.0), FACTORS, np.random.default_rng(0))
    mask, others = brain_mask(volume), np.stack([volume + 7, volume[::-1]], 1)
    given = PatientImages(
        patient_id="A", slices=volume, masks=None, spacing_mm=None, positions_mm=None, source="a",
        others=others, channels=("pre", "flair", "post"),
    )  # fmt: skip
    found = images_without_scalp(given)
    assert np.array_equal(found.slices, without_scalp(volume))
    for one, own in zip(found.others.swapaxes(0, 1), others.swapaxes(0, 1), strict=True):
        assert np.array_equal(one[mask], own[mask])
        assert not one[~mask].any()
    flat = replace(given, slices=np.zeros_like(volume))
    assert images_without_scalp(flat) is flat


@pytest.mark.parametrize("volume", [np.full((3, 20, 20), 7, np.int16), np.zeros((1, 8, 8), np.float32)])
def test_a_constant_volume_has_no_brain_and_stays_whole(volume: np.ndarray) -> None:
    assert not brain_mask(volume).any()
    assert np.array_equal(without_scalp(volume), volume)


def test_of_real_heads_the_tumour_stays(real_data) -> None:
    with opened_buda(real_data / "lgg-mri-segmentation-flair.zip") as archive:
        for folder in sorted(archive.folders)[:60:20]:
            slices, masks = decoded(archive.read_files(folder)[0])
            found = brain_mask(slices)
            assert found[masks > 0].mean() > 0.97, folder
            assert 0.1 < found.mean() < 0.4, folder
