import dataclasses
import io
import os
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mgi.core.errors import BadInputError, ConfigError, IntegrityError
from mgi.core.files import sha256_of
from mgi.locks.lock import as_json
from mgi.modalities.flair.sources import kaggle
from mgi.modalities.flair.sources.kaggle import KaggleImages

CS, DU = "TCGA_CS_4941_19960909", "TCGA_DU_5849_19950405"


def tiff(*shape, value=7):
    target = io.BytesIO()
    pixels = np.full(shape, value, np.uint8)
    pixels[1::2] += len(shape) == 3  # an image has more than one level
    Image.fromarray(pixels).save(target, "TIFF")
    return target.getvalue()


def write_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def volume(folder, n=3, root="kaggle_3m"):
    images = {f"{root}/{folder}/{folder}_{k}.tif": tiff(8, 8, 3, value=k) for k in range(1, n + 1)}
    return images | {name.replace(".tif", "_mask.tif"): tiff(8, 8, value=0) for name in images}


@pytest.fixture
def members():
    maskless = {name: content for name, content in volume(DU).items() if "_mask" not in name}
    return volume(CS) | volume(CS, root="lgg-mri-segmentation/kaggle_3m") | maskless | {"kaggle_3m/data.csv": b"x"}


@pytest.fixture
def source(tmp_path, members):
    return KaggleImages(archive=write_zip(tmp_path / "archive.zip", members))


def test_the_lock_names_every_folder_with_a_reason_and_pins_the_zip(source):
    lock = source.lock(source.discover())
    assert [(item.key, item.role, item.number("n_images"), item.chosen, item.reason) for item in lock.items] == [
        (CS, "flair", 3, True, "slices with masks"),
        (DU, "flair", 3, False, "no mask"),
    ]
    assert lock.items[0].text("study_date") == "1996-09-09"
    assert lock.table.sha256 == sha256_of(source.archive)
    assert as_json(lock) == as_json(source.lock(source.discover()))
    assert source.probe() == (
        "1 patients, 3 slices with masks in archive.zip; smaller than the published set of 110 patients and 3929 slices"
    )


def test_a_patient_is_read_in_place_with_a_digest_of_the_content(source, tmp_path):
    lock = source.lock(source.discover())
    source.check_lock(lock)
    assert source.verify(lock.items[0], tmp_path) is None
    entry = source.fetch(lock.items[0], tmp_path)
    assert (entry.path, entry.role, entry.metadata["n_images"], entry.rejected) == (None, "flair", 3, None)
    moved = write_zip(tmp_path / "repacked.zip", volume(CS))
    assert KaggleImages(archive=moved).fetch(lock.items[0], tmp_path).sha256 == entry.sha256
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive.zip", "repacked.zip"]


def test_slices_are_counted_in_numeric_order_and_the_published_numbers_are_recognised(tmp_path, monkeypatch):
    monkeypatch.setattr(kaggle, "PUBLISHED_PATIENTS", 1)
    monkeypatch.setattr(kaggle, "PUBLISHED_SLICES", 11)
    source = KaggleImages(archive=write_zip(tmp_path / "archive.zip", volume(CS, n=11)))
    assert source.probe() == "1 patients, 11 slices with masks in archive.zip, the published set"
    more = KaggleImages(archive=write_zip(tmp_path / "more.zip", volume(CS, n=12)))
    assert "; not the published set of 1 patients and 11 slices" in more.probe()


@pytest.mark.parametrize("keep", [0, 100, 0.6, 0.999])
def test_a_truncated_zip_is_one_line(source, keep):
    content = source.archive.read_bytes()
    source.archive.write_bytes(content[: keep if keep in (0, 100) else int(keep * len(content))])
    with pytest.raises(BadInputError, match=r"archive\.zip: truncated.*mateuszbuda/lgg-mri-segmentation") as caught:
        source.discover()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("archive", [None, Path("absent.zip")])
def test_an_absent_zip_names_the_key_the_dataset_and_the_ways_out(archive):
    with pytest.raises(ConfigError, match=r"flair\.archive: .*mateuszbuda/lgg-mri-segmentation.*0\.7 GB.*phs004225"):
        KaggleImages(archive=archive).probe()


def test_another_zip_than_the_locked_one_is_refused(source, members):
    lock = source.lock(source.discover())
    write_zip(source.archive, members | volume("TCGA_HT_7473_19970826"))
    with pytest.raises(IntegrityError, match=r"archive\.zip: .*sha256 another; .*archive\.zip, \d+ bytes, sha256 "):
        source.check_lock(lock)


def test_a_damaged_member_is_named(source, tmp_path):
    lock = source.lock(source.discover())
    content = bytearray(source.archive.read_bytes())
    place = content.index(f"{CS}_2.tif".encode()) + 60
    content[place : place + 8] = b"\xff" * 8
    source.archive.write_bytes(content)
    with pytest.raises(IntegrityError, match=rf"archive\.zip: member '.*/{CS}_2\.tif'"):
        source.fetch(lock.items[0], tmp_path)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns about the cut directory before it gives up
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no picture", "TIFF"),
        (tiff(8, 8, 3)[:100], "TIFF"),
        (tiff(8, 8), r"L \(8, 8\).*RGB"),
    ],
    ids=["text", "cut", "grey"],
)
def test_a_member_that_the_shard_would_refuse_rejects_its_patient(tmp_path, content, said):
    source = KaggleImages(archive=write_zip(tmp_path / "a.zip", volume(CS) | {f"kaggle_3m/{CS}/{CS}_2.tif": content}))
    lock = source.lock(source.discover())
    assert re.search(f"{CS}_2.tif: .*{said}", source.fetch(lock.items[0], tmp_path).rejected)


def test_a_mask_of_another_size_rejects_its_patient_with_a_reason(tmp_path):
    odd = {f"kaggle_3m/{CS}/{CS}_2_mask.tif": tiff(4, 4, value=0)}
    source = KaggleImages(archive=write_zip(tmp_path / "a.zip", volume(CS) | odd))
    entry = source.fetch(source.lock(source.discover()).items[0], tmp_path)
    assert entry.rejected == f"kaggle_3m/{CS}/{CS}_2_mask.tif: (4, 4) pixels, expected (8, 8) as in the first slice"


def test_a_folder_that_is_not_the_locked_one_is_refused(source, tmp_path):
    item = source.lock(source.discover()).items[0]
    with pytest.raises(IntegrityError, match=r"archive\.zip: folder \w+ .* 4 "):
        source.fetch(dataclasses.replace(item, metadata={**item.metadata, "n_images": 4}), tmp_path)


@pytest.mark.skipif("MGI_SHARED_DATA" not in os.environ, reason="MGI_SHARED_DATA is not set")
def test_the_published_set_is_read_whole(tmp_path):
    source = KaggleImages(archive=Path(os.environ["MGI_SHARED_DATA"]) / "lgg-mri-segmentation-flair.zip")
    lock = source.lock(source.discover())
    chosen = [item for item in lock.items if item.chosen]
    assert len(chosen) == len(lock.items) == 88
    assert sum(item.number("n_images") for item in chosen) == 3137
    assert source.probe().startswith("88 patients, 3137 slices with masks in lgg-mri-segmentation-flair.zip; smaller")
    entry = source.fetch(chosen[0], tmp_path)
    assert (entry.rejected, entry.metadata["n_images"]) == (None, chosen[0].number("n_images"))


def test_a_volume_without_a_grey_scale_is_rejected_at_fetch(tmp_path):
    target = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), 7, np.uint8)).save(target, "TIFF")
    flat = {name: target.getvalue() for name in volume(CS) if "_mask" not in name}
    source = KaggleImages(archive=write_zip(tmp_path / "flat.zip", volume(CS) | flat))
    entry = source.fetch(source.lock(source.discover()).items[0], tmp_path)
    assert entry.rejected == f"kaggle_3m/{CS}: voxels: every one is 7, expected an image"


def test_a_slice_numbered_0_is_listed_fetched_and_counted(tmp_path):
    first = {f"kaggle_3m/{CS}/{CS}_0{mask}.tif": tiff(8, 8, *depth) for mask, depth in (("", [3]), ("_mask", []))}
    source = KaggleImages(archive=write_zip(tmp_path / "zero.zip", volume(CS) | first))
    (item,) = source.lock(source.discover()).items
    entry = source.fetch(item, tmp_path)
    assert (item.number("n_images"), entry.metadata["n_images"], "4 slices" in source.probe()) == (4, 4, True)
