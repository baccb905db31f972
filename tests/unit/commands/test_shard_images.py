import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from mgi.cli import parser_of
from mgi.cohort.pairing import EXCLUDED, CohortRow
from mgi.commands import describe_volumes, shard
from mgi.core.errors import BadInputError, ConfigError, IntegrityError
from mgi.core.parts import all_parts, part_of
from mgi.locks.item import Item
from mgi.locks.lock import Table
from mgi.shards.dataset_manifest import read_dataset
from mgi.shards.image_shard import read_images
from resealed import reseal
from small_locks import cohort_row as row_of
from small_locks import fetched as fetched_of
from small_locks import flair_lock, series, write_cohort_table, write_index, write_lock

A, B = "TCGA-DU-0001", "TCGA-CS-0002"
FOLDER = "TCGA_CS_0002_19970222"
POSITIONS = [(0.0, 0.0, 5.0 * k) for k in range(3)]
FRAMES = (np.random.default_rng(1).random((3, 4, 4)) > 0.5).astype(np.uint8)


def cohort_row(patient: str, key: str | None, masks: tuple[str, ...] = (), reason: str | None = None) -> CohortRow:
    return row_of(patient, flair=key, masks=masks, reason=reason)


def locked(patient: str, key: str, role: str, **changes: Any) -> Item:
    return series(patient, role, **{"key": key, "n_images": 3, **changes})


def fetched(patient: str, key: str, role: str, path: str | None, sha256: str, **changes: Any) -> dict[str, Any]:
    return fetched_of(locked(patient, key, role), path=path, sha256=sha256, metadata={}, **changes)


def written(folder: Path, source: str, items: list[Item], raw: list[dict[str, Any]], **lock: Any) -> list[str]:
    write_lock(folder / "lock.json", flair_lock(*items, source=source, simulated=source == "tcia", **lock))
    write_index(folder / "index.json", "flair", raw, source)
    return ["--modality", "flair", "--lock", str(folder / "lock.json"), "--index", str(folder / "index.json")]


def run(arguments: list[str], folder: Path, rows: list[CohortRow], parts: int = 1) -> None:
    """Every part without those whom the cohort excludes, then the description."""
    excluded = [row.patient_id for row in rows if row.reason == EXCLUDED]
    for part in all_parts(parts):
        outputs = [str(folder / f"shard/part-{part}.{ending}") for ending in ("parquet", "json")]
        given = [*arguments, "--part", part, "--exclude", *excluded, "--output", *outputs]
        shard.run(parser_of(shard).parse_args(given))
    table = write_cohort_table(rows, folder / "c.parquet")
    given = ["--modality", "flair", "--parts", str(parts), "--cohort", str(table)]
    given += ["--output", str(folder / "shard/dataset.json")]
    describe_volumes.run(parser_of(describe_volumes).parse_args(given))


def edit_index(folder: Path, edit: Callable[[list[dict[str, Any]]], None]) -> None:
    index = json.loads((folder / "index.json").read_text())
    edit(index["items"])
    reseal(folder / "index.json", index)


@pytest.fixture
def tcia(
    tmp_path: Path,
    mr_file: Callable[..., bytes],
    seg_file: Callable[..., bytes],
    zip_of: Callable[..., Path],
) -> list[str]:
    """Patient A has series 1.2.3.4 with a segmentation, patient B an unreadable series 1.2.3.7."""
    pixels = np.arange(16, dtype=np.uint16).reshape(4, 4)
    (tmp_path / "series").mkdir()
    zip_of(
        {f"{k}.dcm": mr_file(pixels, position=POSITIONS[k], instance=9 - k) for k in range(3)},
        tmp_path / "series/a.zip",
    )
    zip_of({"1.dcm": seg_file(FRAMES, POSITIONS)}, tmp_path / "series/m.zip")
    zip_of({"1.dcm": b"not dicom"}, tmp_path / "series/b.zip")
    items, raw = [], []
    for patient, key, role, name in (
        (A, "1.2.3.4", "flair", "a"),
        (A, "1.2.3.9", "mask", "m"),
        (B, "1.2.3.7", "flair", "b"),
    ):
        digest = hashlib.sha256((tmp_path / f"series/{name}.zip").read_bytes()).hexdigest()
        items.append(locked(patient, key, role))
        raw.append(fetched(patient, key, role, f"series/{name}.zip", digest))
    return written(tmp_path, "tcia", items, raw)


def test_a_series_with_its_mask_is_stored(tcia: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit_index(tmp_path, lambda items: items[2].update(rejected="x"))
    run(tcia, tmp_path, [cohort_row(A, "1.2.3.4", ("1.2.3.9",)), cohort_row(B, None, reason="image rejected: x")])
    found = read_images(tmp_path / "shard")
    assert list(found) == [A]
    assert np.array_equal(found[A].masks, FRAMES)
    dataset = read_dataset(tmp_path / "shard", "volumes")
    assert (dataset["patients"], dataset["slices"], dataset["simulated"]) == (1, 3, True)
    assert dataset["mask_interpolation"] == "nearest neighbour (order 0)"
    assert "1 patients, 3 slices" in capsys.readouterr().out


def test_an_image_whose_patient_has_no_genes_or_mask_is_stored_too(tcia: list[str], tmp_path: Path) -> None:
    edit_index(tmp_path, lambda items: items[1].update(rejected="x"))
    run(tcia, tmp_path, [cohort_row(A, "1.2.3.4", reason="no mask"), cohort_row(B, "1.2.3.7", reason=EXCLUDED)])
    assert read_images(tmp_path / "shard")[A].masks is None


def test_an_unreadable_series_stops_with_patient_and_series(tcia: list[str], tmp_path: Path) -> None:
    rows = [cohort_row(A, "1.2.3.4"), cohort_row(B, "1.2.3.7")]
    with pytest.raises(BadInputError, match=rf"{B}: series 1\.2\.3\.7: 1\.dcm: .*exclude"):
        run(tcia, tmp_path, rows)
    assert list((tmp_path / "shard").iterdir()) == []
    run(tcia, tmp_path, [rows[0], cohort_row(B, "1.2.3.7", reason=EXCLUDED)])
    assert list(read_images(tmp_path / "shard")) == [A]


def test_a_series_that_was_never_fetched_is_named(tcia: list[str], tmp_path: Path) -> None:
    edit_index(tmp_path, lambda items: items.pop(0))
    with pytest.raises(BadInputError, match=rf"{A}: 1\.2\.3\.4: .*raw index"):
        run(tcia, tmp_path, [cohort_row(A, "1.2.3.4")])


def test_a_cohort_without_images_is_refused(tcia: list[str], tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"c\.parquet: no patient .*image"):
        run(tcia, tmp_path, [cohort_row(A, "1.2.3.4", reason=EXCLUDED), cohort_row(B, "1.2.3.7", reason=EXCLUDED)])


def test_a_part_that_is_of_another_cohort_is_refused(tcia: list[str], tmp_path: Path) -> None:
    edit_index(tmp_path, lambda items: items[2].update(rejected="x"))
    for rows, where in (
        ([cohort_row(A, None, reason="no image"), cohort_row(B, "x")], f"{B} is in the cohort, in no part"),
        ([cohort_row(B, None, reason="no image"), cohort_row("P", "x")], "P is in the cohort, in no part"),
        ([cohort_row("Z", "x")], rf"{A} is in a part, not in the cohort \(2 patients differ\)"),
    ):
        with pytest.raises(BadInputError, match=rf"shard: {where}"):
            run(tcia, tmp_path, rows)
        assert not (tmp_path / "shard/dataset.json").exists()


def test_the_part_must_be_named_and_be_one_and_go_to_its_files(tcia: list[str], tmp_path: Path) -> None:
    outputs = [str(tmp_path / f"part-1-of-2.{ending}") for ending in ("parquet", "json")]
    for part, where in (([], "--part: missing"), (["--part", "3-of-2"], "--part: found '3-of-2'")):
        with pytest.raises(ConfigError, match=where):
            shard.run(parser_of(shard).parse_args([*tcia, *part, "--output", *outputs]))
    with pytest.raises(ConfigError, match=r"--output: .*, expected part-2-of-2\.parquet, part-2-of-2\.json"):
        shard.run(parser_of(shard).parse_args([*tcia, "--part", "2-of-2", "--output", *outputs]))


@pytest.fixture
def kaggle(tmp_path: Path, tiff_of: Callable[..., bytes], zip_of: Callable[..., Path]) -> list[str]:
    image, mask = tiff_of(np.arange(48, dtype=np.uint8).reshape(4, 4, 3)), tiff_of(np.eye(4, dtype=np.uint8) * 255)
    table = zip_of({f"k/{FOLDER}/{FOLDER}_1.tif": image, f"k/{FOLDER}/{FOLDER}_1_mask.tif": mask}, tmp_path / "k.zip")
    pin = Table(name="k.zip", sha256=hashlib.sha256(table.read_bytes()).hexdigest(), size=table.stat().st_size)
    raw = [fetched(B, FOLDER, "flair", None, hashlib.sha256(image + mask).hexdigest())]
    return [*written(tmp_path, "kaggle", [locked(B, FOLDER, "flair")], raw, table=pin), "--table", str(table)]


def test_a_kaggle_folder_is_stored(kaggle: list[str], tmp_path: Path) -> None:
    run(kaggle, tmp_path, [cohort_row(B, FOLDER)])
    found = read_images(tmp_path / "shard")[B]
    assert found.slices.tolist() == np.arange(1, 48, 3).reshape(1, 4, 4).tolist()
    assert found.masks is not None
    assert found.masks[0].tolist() == np.eye(4).tolist()
    assert read_dataset(tmp_path / "shard", "volumes")["mask_interpolation"] is None


def test_a_kaggle_archive_must_be_given_and_be_the_locked_one(kaggle: list[str], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--table"):
        run(kaggle[:-2], tmp_path, [cohort_row(B, FOLDER)])
    with (tmp_path / "k.zip").open("ab") as table:
        table.write(b"more")
    with pytest.raises(IntegrityError, match=r"k\.zip: .*sha256"):
        run(kaggle, tmp_path, [cohort_row(B, FOLDER)])


def test_the_shard_is_the_same_twice(tcia: list[str], tmp_path: Path) -> None:
    rows = [cohort_row(A, "1.2.3.4", ("1.2.3.9",)), cohort_row(B, "1.2.3.7", reason=EXCLUDED)]
    run(tcia, tmp_path, rows)
    first = [path.read_bytes() for path in sorted((tmp_path / "shard").iterdir())]
    run(tcia, tmp_path, rows)
    assert first == [path.read_bytes() for path in sorted((tmp_path / "shard").iterdir())]


@pytest.fixture
def folder_of_nifti(tmp_path: Path) -> tuple[list[str], np.ndarray]:
    """Patients A and B of a user's folder of NIfTI files, and the labels (x, y, z) of A."""
    rng, items, raw = np.random.default_rng(3), [], []
    labels = np.zeros((5, 4, 3), np.uint8)
    labels[1:3, 1:3, 1] = 4
    for patient in (A, B):
        for role, array in (("flair", rng.integers(0, 99, (5, 4, 3)).astype(np.int16)), ("mask", labels)):
            key = f"{patient}/{role}.nii.gz"
            path = tmp_path / "user" / key
            path.parent.mkdir(parents=True, exist_ok=True)
            nibabel.save(nibabel.Nifti1Image(array, np.diag([-1.0, -1.0, 2.0, 1.0])), path)
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            items.append(locked(patient, key, role))
            raw.append(fetched(patient, key, role, None, digest, members=[[key, digest]]))
    return [*written(tmp_path, "nifti", items, raw), "--table", str(tmp_path / "user")], labels


def nifti_rows() -> list[CohortRow]:
    return [cohort_row(patient, f"{patient}/flair.nii.gz", (f"{patient}/mask.nii.gz",)) for patient in (A, B)]


@pytest.mark.parametrize(("threads", "parts"), [("1", 1), ("3", 1), ("1", 2), ("2", 5)])
def test_a_folder_of_nifti_files_is_stored_in_order(
    folder_of_nifti: tuple[list[str], np.ndarray], tmp_path: Path, threads: str, parts: int
) -> None:
    arguments, labels = folder_of_nifti
    run([*arguments, "--threads", threads], tmp_path, nifti_rows(), parts)
    assert len(list((tmp_path / "shard").glob("*.parquet"))) == parts
    found = read_images(tmp_path / "shard")
    assert list(found) == [B, A]
    assert np.array_equal(found[A].masks, (labels > 0).transpose(2, 1, 0))
    assert found[A].native_axes == "LPS"
    assert found[A].affine is not None
    assert (found[A].affine @ [1, 1, 1, 1]).tolist() == [1.0, 1.0, 2.0, 1.0]
    assert read_dataset(tmp_path / "shard", "volumes")["mask_interpolation"] == "nearest neighbour (order 0)"


def test_the_stated_labels_decide_what_is_tumour_and_stay_with_the_shard(
    folder_of_nifti: tuple[list[str], np.ndarray], tmp_path: Path
) -> None:
    arguments, labels = folder_of_nifti
    stated = {"tumour": [4, 9], "background": [0]}
    run([*arguments, "--settings", json.dumps({"labels": stated})], tmp_path, nifti_rows())
    assert read_dataset(tmp_path / "shard", "volumes", ("labels",))["labels"] == stated
    assert np.array_equal(read_images(tmp_path / "shard")[A].masks, (labels == 4).transpose(2, 1, 0))
    with pytest.raises(BadInputError, match=r"mask\.nii\.gz: label 4 in 4 voxels"):
        run([*arguments, "--settings", '{"labels": {"tumour": [1]}}'], tmp_path, nifti_rows())


def test_the_folder_must_be_given_and_be_one(folder_of_nifti: tuple[list[str], np.ndarray], tmp_path: Path) -> None:
    arguments, _ = folder_of_nifti
    with pytest.raises(ConfigError, match=r"--table: missing.*folder"):
        run(arguments[:-2], tmp_path, nifti_rows())
    with pytest.raises(ConfigError, match=r"--table: .*lock\.json: .*folder"):
        run([*arguments[:-1], str(tmp_path / "lock.json")], tmp_path, nifti_rows())


def test_a_file_that_was_changed_since_the_lock_stops_the_run(
    folder_of_nifti: tuple[list[str], np.ndarray], tmp_path: Path
) -> None:
    (tmp_path / f"user/{A}/flair.nii.gz").write_bytes(b"other")
    with pytest.raises(IntegrityError, match=rf"{A}/flair\.nii\.gz: sha256"):
        run(folder_of_nifti[0], tmp_path, nifti_rows())
    assert list((tmp_path / "shard").iterdir()) == []


def test_a_copy_is_found_whatever_the_type_of_its_pixels(
    folder_of_nifti: tuple[list[str], np.ndarray], tmp_path: Path
) -> None:
    """A slice that is not sampled makes the one image int16, the other fits in uint8."""

    def alike(items: list[dict[str, Any]]) -> None:
        for entry in items:
            if entry["role"] == "flair":
                array = np.arange(60, dtype=np.int16).reshape(5, 4, 3)
                array[0, 0, 1] = 300 if entry["patient_id"] == A else 1
                path = tmp_path / "user" / entry["key"]
                nibabel.save(nibabel.Nifti1Image(array, np.diag([-1.0, -1.0, 2.0, 1.0])), path)
                entry["members"] = [[entry["key"], hashlib.sha256(path.read_bytes()).hexdigest()]]

    edit_index(tmp_path, alike)
    with pytest.raises(BadInputError, match=f"{A}: .*image .*{B}"):
        run(folder_of_nifti[0], tmp_path, nifti_rows())


@pytest.mark.parametrize("parts", [1, 2])
def test_two_patients_with_one_image_stop_the_run_in_whichever_parts_they_lie(
    folder_of_nifti: tuple[list[str], np.ndarray], tmp_path: Path, parts: int
) -> None:
    def alike(items: list[dict[str, Any]]) -> None:
        by_key = {entry["key"]: entry for entry in items}
        by_key[f"{A}/flair.nii.gz"]["members"] = by_key[f"{B}/flair.nii.gz"]["members"]

    edit_index(tmp_path, alike)
    assert len({part_of(patient, 2) for patient in (A, B)}) == 2
    with pytest.raises(BadInputError, match=f"{A}: .*image .*{B}"):
        run(folder_of_nifti[0], tmp_path, nifti_rows(), parts)


def test_a_folder_of_dicom_files_is_stored(tmp_path: Path, mr_file: Callable[..., bytes]) -> None:
    pixels, members = np.arange(16, dtype=np.uint16).reshape(4, 4), []
    (tmp_path / "user").mkdir()
    for k in range(3):
        data = mr_file(pixels + k, position=POSITIONS[k], instance=k)
        (tmp_path / f"user/{k}").write_bytes(data)
        members.append([f"{k}", hashlib.sha256(data).hexdigest()])
    raw = [fetched(A, "1.2.3.4", "flair", None, "e" * 64, members=members)]
    arguments = [*written(tmp_path, "dicom", [locked(A, "1.2.3.4", "flair")], raw), "--table", str(tmp_path / "user")]
    run(arguments, tmp_path, [cohort_row(A, "1.2.3.4", reason="no mask")])
    assert read_images(tmp_path / "shard")[A].slices[:, 0, 0].tolist() == [0, 1, 2]
