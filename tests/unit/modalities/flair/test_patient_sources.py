import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mgi.core.errors import BadInputError, IntegrityError
from mgi.locks.item import metadata
from mgi.locks.raw_index import RawEntry
from mgi.modalities.flair.buda import opened_buda
from mgi.modalities.flair.patient_sources import from_buda, from_dicom

POSITIONS = [(0.0, 0.0, 5.0 * k) for k in range(3)]
FRAMES = (np.random.default_rng(1).random((3, 4, 4)) > 0.5).astype(np.uint8)
FOLDER = "TCGA_CS_4942_19970222"


def raw(key: str, path: Path | None, sha256: str, n_images: int | None = None) -> RawEntry:
    return RawEntry(
        patient_id="TCGA-CS-4942",
        key=key,
        role="flair",
        path=path,
        size=1,
        sha256=sha256,
        metadata=metadata(n_images=n_images),
    )


def stored(key: str, path: Path) -> RawEntry:
    return raw(key, path, hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.fixture
def series(tmp_path: Path, mr_file: Callable[..., bytes], zip_of: Callable[..., Path]) -> RawEntry:
    pixels = np.arange(16, dtype=np.uint16).reshape(4, 4)
    files = {f"{k}.dcm": mr_file(pixels + k, position=POSITIONS[k], instance=k) for k in range(3)}
    files["9.dcm"] = mr_file(pixels, position=POSITIONS[1], instance=9)
    return stored("1.2.3.4", zip_of(files, tmp_path / "flair.zip"))


def test_a_series_and_its_segmentation_become_slices_and_masks(
    tmp_path: Path, series: RawEntry, seg_file: Callable[..., bytes], zip_of: Callable[..., Path]
) -> None:
    mask = stored("1.2.3.9", zip_of({"1.dcm": seg_file(FRAMES, POSITIONS)}, tmp_path / "seg.zip"))
    converted = from_dicom("TCGA-CS-4942", series, [mask])
    assert np.array_equal(converted.images.masks, FRAMES)
    assert converted.images.slices[:, 0, 0].tolist() == [0, 1, 2]
    assert converted.images.spacing_mm == (2.0, 2.0)
    assert converted.images.source == series.sha256
    assert converted.notes == ("dropped instance 9: repeats the position of instance 1",)


def test_a_series_without_segmentation_has_no_masks(series: RawEntry) -> None:
    assert from_dicom("TCGA-CS-4942", series, []).images.masks is None


def test_a_mask_of_another_scan_is_refused(
    tmp_path: Path, series: RawEntry, seg_file: Callable[..., bytes], zip_of: Callable[..., Path]
) -> None:
    foreign = seg_file(FRAMES, POSITIONS, references=("9.9",), tags={"FrameOfReferenceUID": "9.8"})
    mask = stored("1.2.3.9", zip_of({"1.dcm": foreign}, tmp_path / "seg.zip"))
    with pytest.raises(BadInputError, match=r"series 1\.2\.3\.4: .* 1 segmentations"):
        from_dicom("TCGA-CS-4942", series, [mask])


@pytest.fixture
def kaggle(tmp_path: Path, tiff_of: Callable[..., bytes], zip_of: Callable[..., Path]) -> tuple[Path, str]:
    image, mask = tiff_of(np.arange(48, dtype=np.uint8).reshape(4, 4, 3)), tiff_of(np.full((4, 4), 255, np.uint8))
    members = {f"k/{FOLDER}/{FOLDER}_1.tif": image, f"k/{FOLDER}/{FOLDER}_1_mask.tif": mask}
    return zip_of(members, tmp_path / "k.zip"), hashlib.sha256(image + mask).hexdigest()


def test_a_kaggle_folder_has_masks_and_no_geometry(kaggle: tuple[Path, str]) -> None:
    with opened_buda(kaggle[0]) as archive:
        images = from_buda("TCGA-CS-4942", raw(FOLDER, None, kaggle[1], 1), archive).images
    assert (images.spacing_mm, images.positions_mm, images.source) == (None, None, kaggle[1])
    assert images.masks is not None
    assert images.masks.all()


def test_a_kaggle_volume_without_any_tumour_is_refused(
    tmp_path: Path, tiff_of: Callable[..., bytes], zip_of: Callable[..., Path]
) -> None:
    image, mask = tiff_of(np.arange(48, dtype=np.uint8).reshape(4, 4, 3)), tiff_of(np.zeros((4, 4), np.uint8))
    path = zip_of({f"k/{FOLDER}/{FOLDER}_1.tif": image, f"k/{FOLDER}/{FOLDER}_1_mask.tif": mask}, tmp_path / "k.zip")
    item = raw(FOLDER, None, hashlib.sha256(image + mask).hexdigest())
    with opened_buda(path) as archive, pytest.raises(BadInputError, match=r"TCGA_CS_4942_19970222: .*mask above 0"):
        from_buda("TCGA-CS-4942", item, archive)


def test_an_archive_other_than_the_fetched_one_is_refused(kaggle: tuple[Path, str]) -> None:
    with opened_buda(kaggle[0]) as archive:
        with pytest.raises(IntegrityError, match="TCGA_CS_4942_19970222: sha256 "):
            from_buda("TCGA-CS-4942", raw(FOLDER, None, "0" * 64), archive)
        with pytest.raises(BadInputError, match=r"TCGA_CS_4942_19970222: 1 slices.* 2 "):
            from_buda("TCGA-CS-4942", raw(FOLDER, None, kaggle[1], 2), archive)
