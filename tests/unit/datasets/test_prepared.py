import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mgi.core.errors import BadInputError, IntegrityError
from mgi.datasets.augment import apply_augment, sample_augment
from mgi.datasets.preparation import prepare_shard
from mgi.datasets.prepared_table import PreparedTable
from mgi.datasets.settings import AugmentSettings, PreparedSettings
from mgi.datasets.slices import SliceSet, prepare_slices
from mgi.datasets.stored_volume import check_prepared
from mgi.shards.dataset_manifest import write_dataset
from mgi.shards.image_shard import PatientImages, image_shard_writer

SETTINGS = PreparedSettings(image_size=24, image_crop="foreground")
COUNTS = {"A": 5, "B": 1, "C": 4}


def volume(patient: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Slices of noise around a head; B has no mask, and two slices of the others show tumour."""
    rng = np.random.default_rng(ord(patient))
    slices = rng.integers(0, 20, (COUNTS[patient], 40, 30)).astype(np.int16)
    slices[:, 8:30, 6:25] += 300
    masks = np.zeros(slices.shape, np.uint8)
    masks[1:3, 10:17, 9:14] = 1
    return slices, None if patient == "B" else masks


def write_shard(folder: Path, patients: str = "ABC") -> Path:
    with image_shard_writer(folder / "slices.parquet") as writer:
        for patient in patients:
            slices, masks = volume(patient)
            writer.add(
                PatientImages(
                    patient_id=patient, slices=slices, masks=masks, spacing_mm=None, positions_mm=None, source="drawn"
                )
            )
    write_dataset(folder / "dataset.json", "volumes", [folder / "slices.parquet"], {"simulated": True})
    return folder / "dataset.json"


def prepare(shard: Path, table: Path, code: str = "1") -> tuple[int, int]:
    return prepare_shard(shard, table, SETTINGS, change=None, code=code, threads=2)


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    return write_shard(tmp_path / "shards/flair")


@pytest.fixture
def table(shard: Path, tmp_path: Path) -> Path:
    table = tmp_path / "prepared/24px-foreground/slices.parquet"
    assert prepare(shard, table) == (3, 3)
    return table


def stored(table: Path, shard: Path, patients: str = "ABC", context: int = 0) -> SliceSet:
    return PreparedTable(table, shard, SETTINGS).slices(list(patients), context)


def in_memory(patients: str = "ABC", context: int = 0) -> SliceSet:
    return prepare_slices([(one, *volume(one)) for one in patients], 24, context, "foreground")


@pytest.mark.parametrize("context", [0, 2])
@pytest.mark.parametrize("patients", ["ABC", "CA"])
def test_stored_slices_are_to_the_bit_those_in_memory(table: Path, shard: Path, patients: str, context: int) -> None:
    found, expected = stored(table, shard, patients, context), in_memory(patients, context)
    assert found.channels.shape == expected.channels.shape
    assert torch.equal(found.channels[:], expected.channels[:])
    assert torch.equal(found.images[1:3], expected.images[1:3])
    assert torch.equal(found.masks[torch.tensor([2, 0])], expected.masks[torch.tensor([2, 0])])
    assert torch.equal(found.area, expected.area)
    assert torch.equal(found.patient, expected.patient)
    assert (found.patient_ids, found.frames) == (expected.patient_ids, expected.frames)


def test_choosing_and_joining_read_nothing_and_give_the_same(table: Path, shard: Path) -> None:
    found, expected = stored(table, shard), in_memory()
    odd = torch.arange(10) % 2 == 1
    assert torch.equal(found.keeping(odd).channels[:], expected.keeping(odd).channels[:])
    assert torch.equal(found.of(["C", "A"]).channels[:], expected.of(["C", "A"]).channels[:])
    both, same = found.beside(found), expected.beside(expected)
    assert torch.equal(both.channels[:], same.channels[:])
    assert torch.equal(both.area, same.area)
    assert [own.tolist() for own in both.rows_of] == [own.tolist() for own in same.rows_of]
    assert torch.equal(both.of(["B"]).channels[:], same.of(["B"]).channels[:])


@pytest.mark.parametrize("masks", [0, 1])
def test_a_moved_batch_is_the_same_from_disk(table: Path, shard: Path, masks: int) -> None:
    rows, settings = torch.tensor([7, 0, 7, 2]), AugmentSettings()
    found, expected = stored(table, shard, context=1), in_memory(context=1)
    given = [one.channels if masks else one.images for one in (found, expected)]
    augment = sample_augment((4, *given[1].shape[1:]), settings, torch.Generator().manual_seed(0))
    moved, same = (apply_augment(one, rows, augment, masks) for one in given)
    assert torch.equal(moved, same)
    assert torch.equal(found.gather(rows), expected.gather(rows))


def test_another_cohort_makes_what_is_new_and_removes_what_is_gone(table: Path, tmp_path: Path) -> None:
    kept = {path.name for path in (table.parent / "patients").glob("*.npy")}
    assert prepare(write_shard(tmp_path / "shards/flair", "AC"), table) == (2, 0)
    fewer = {path.name for path in (table.parent / "patients").glob("*.npy")}
    assert len(fewer) == 2
    assert fewer < kept
    assert prepare(write_shard(tmp_path / "shards/flair"), table) == (3, 1)
    assert prepare(tmp_path / "shards/flair", table, code="2") == (3, 3)


def test_a_patient_that_is_half_written_or_damaged_is_made_again(shard: Path, table: Path) -> None:
    first, second, third = sorted((table.parent / "patients").glob("*.npy"))
    first.write_bytes(first.read_bytes()[:-8])
    second.with_suffix(".json").write_text("{")
    data = bytearray(third.read_bytes())
    data[300] ^= 1
    third.write_bytes(data)
    assert prepare(shard, table) == (3, 3)
    assert torch.equal(stored(table, shard).channels[:], in_memory().channels[:])


def test_a_flipped_bit_of_a_plane_is_met_when_it_is_read(shard: Path, table: Path) -> None:
    damaged = next(iter(sorted((table.parent / "patients").glob("*.npy"))))
    data = bytearray(damaged.read_bytes())
    data[-5] ^= 1
    damaged.write_bytes(data)
    with pytest.raises(IntegrityError, match=f"{damaged.name}: damaged: .*prepare_slices"):
        _ = stored(table, shard).channels[:]
    with pytest.raises(IntegrityError, match="damaged"):
        check_prepared(table)
    damaged.write_bytes(data[:200])
    with pytest.raises(IntegrityError, match="truncated"):
        _ = stored(table, shard).channels[:]
    damaged.unlink()
    with pytest.raises(IntegrityError, match="missing"):
        _ = stored(table, shard).channels[:]


def test_slices_of_other_settings_another_shard_or_no_slices_are_refused(
    shard: Path, table: Path, tmp_path: Path
) -> None:
    with pytest.raises(BadInputError, match=r"prepared by .*24.* expected .*32"):
        PreparedTable(table, shard, SETTINGS.but(image_size=32))
    with pytest.raises(BadInputError, match="no slices of D"):
        stored(table, shard, "AD")
    other = write_shard(tmp_path / "other", "AB")
    with pytest.raises(BadInputError, match="another shard"):
        PreparedTable(table, other, SETTINGS)


def test_the_files_are_plain_numpy(table: Path) -> None:
    for path in (table.parent / "patients").glob("*.npy"):
        known = json.loads(path.with_suffix(".json").read_text())
        planes = np.load(path)
        assert planes.shape == (len(known["crc32"]), 24, 24)
        assert len(planes) == len(known["area"]) + sum(area > 0 for area in known["area"])
