import resource
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mgi.core.errors import BadInputError, IntegrityError
from mgi.modalities.flair import slice_order
from mgi.shards import image_checks, image_shard
from mgi.shards.dataset_manifest import recorded_files, write_dataset
from mgi.shards.image_shard import (
    OpenImages,
    PatientImages,
    channels_of,
    image_shard_writer,
    iter_images,
    read_images,
    rows_of,
)
from mgi.shards.parquet import opened_parquet

RNG = np.random.default_rng(0)
AFFINE = np.array([[0, 0, 0.75, 1 / 3], [0, 0.5, 0, -7], [5.0, 0, 0, -5], [0, 0, 0, 1]])


def patient(name: str, *, masks: bool = True, dtype: str = "int16", geometry: bool = True) -> PatientImages:
    slices = RNG.integers(0, 100, (3, 4, 5)).astype(dtype)
    return PatientImages(
        patient_id=name,
        slices=slices,
        masks=(slices > 50).astype(np.uint8) if masks else None,
        spacing_mm=(0.5, 0.75) if geometry else None,
        positions_mm=np.array([-5.0, 0.0, 5.0]) if geometry else None,
        source=f"sha of {name}",
        affine=AFFINE if geometry else None,
        native_axes="LAS" if geometry else None,
    )


PATIENTS = [patient("A"), patient("B", masks=False, dtype="float32"), patient("C", dtype="uint8", geometry=False)]


ALL = ("pre", "flair", "post")


def write(folder: Path, patients: list[PatientImages], channels: tuple[str, ...] = ("flair",)) -> Path:
    with image_shard_writer(folder / "slices.parquet", channels) as writer:
        for one in patients:
            writer.add(one)
    fields = {"simulated": False} | ({"channels": list(channels)} if len(channels) > 1 else {})
    write_dataset(folder / "dataset.json", "volumes", [folder / "slices.parquet"], fields)
    return folder


def with_others(one: PatientImages, channels: tuple[str, ...] = ALL) -> PatientImages:
    shape = (3, len(channels) - 1, 4, 5)
    return replace(one, others=RNG.integers(0, 100, shape).astype(one.slices.dtype), channels=channels)


def same(one: PatientImages, two: PatientImages) -> bool:
    arrays = [(one.slices, two.slices), (one.masks, two.masks), (one.positions_mm, two.positions_mm)]
    arrays.append((one.affine, two.affine))
    return (one.patient_id, one.spacing_mm, one.native_axes, one.source, one.slices.dtype) == (
        two.patient_id,
        two.spacing_mm,
        two.native_axes,
        two.source,
        two.slices.dtype,
    ) and all((a is None and b is None) or np.array_equal(a, b) for a, b in arrays)


def test_what_is_written_is_read_with_and_without_masks_and_geometry(tmp_path: Path) -> None:
    found = read_images(write(tmp_path, PATIENTS))
    assert list(found) == ["A", "B", "C"]
    assert all(same(found[one.patient_id], one) for one in PATIENTS)


@pytest.mark.parametrize("channels", [ALL, ("pre", "flair"), ("flair", "post")])
def test_the_channels_beside_flair_come_back_in_their_order(channels: tuple[str, ...], tmp_path: Path) -> None:
    given = [with_others(one, channels) for one in PATIENTS]
    found = read_images(write(tmp_path, given, channels))
    assert channels_of(tmp_path) == channels
    for one in given:
        read = found[one.patient_id]
        assert same(read, one)
        assert np.array_equal(read.others, one.others)
        beside = [volume for name, volume in zip(channels, read.volumes, strict=True) if name != "flair"]
        assert np.array_equal(read.volumes[channels.index("flair")], one.slices)
        assert np.array_equal(np.stack(beside, 1), one.others)


def test_a_shard_of_flair_alone_has_no_word_of_channels(tmp_path: Path) -> None:
    folder = write(tmp_path, PATIENTS)
    assert channels_of(folder) == ("flair",)
    assert "others" not in pq.read_schema(folder / "slices.parquet").names
    assert all(one.others is None and len(one.volumes) == 1 for one in iter_images(folder))


def test_channels_that_the_slices_do_not_have_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "alone", PATIENTS)
    write_dataset(
        tmp_path / "alone/dataset.json", "volumes", [tmp_path / "alone/slices.parquet"], {"channels": list(ALL)}
    )
    with pytest.raises(BadInputError, match=r"slices\.parquet: columns .*source; expected .*source, others$"):
        read_images(tmp_path / "alone")
    write(tmp_path / "two", [with_others(one, ("pre", "flair")) for one in PATIENTS], ("pre", "flair"))
    for channels, message in (
        (ALL, "A: others: 20|A: others: 40"),
        (["flair", "pre"], "channels: found .*in this order"),
    ):
        write_dataset(
            tmp_path / "two/dataset.json", "volumes", [tmp_path / "two/slices.parquet"], {"channels": list(channels)}
        )
        with pytest.raises(BadInputError, match=message):
            read_images(tmp_path / "two")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"others": np.zeros((3, 1, 4, 5), "int16")}, r"A: others int16 \(3, 1, 4, 5\), expected int16 \(3, 2, 4, 5\)"),
        ({"others": np.zeros((3, 2, 4, 5), "uint8")}, "A: others uint8 .*expected int16"),
        ({"others": None}, "A: channels pre, flair, post without others"),
        ({"channels": ("flair",)}, "A: channels flair with others"),
        ({"channels": ("flair", "pre", "post")}, "A: channels flair, pre, post with others"),
    ],
)
def test_others_that_are_not_the_channels_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        rows_of(replace(with_others(PATIENTS[0]), **change))


def test_a_selection_reads_only_those_patients(tmp_path: Path) -> None:
    folder = write(tmp_path, PATIENTS)
    assert [one.patient_id for one in iter_images(folder, ["C", "A"])] == ["A", "C"]
    with pytest.raises(BadInputError, match=r"dataset\.json: .*\bZ\b.*1 "):
        read_images(folder, ["A", "Z"])


def write_parts(folder: Path, *parts: list[PatientImages]) -> Path:
    paths = [folder / f"part-{index}-of-{len(parts)}.parquet" for index in range(1, len(parts) + 1)]
    for path, patients in zip(paths, parts, strict=True):
        with image_shard_writer(path) as writer:
            for one in patients:
                writer.add(one)
    write_dataset(folder / "dataset.json", "volumes", paths, {"simulated": False})
    return folder


def test_patients_of_several_parts_come_in_order_of_their_ids(tmp_path: Path) -> None:
    a, b, c = PATIENTS
    folder = write_parts(tmp_path, [b], [], [a, c])
    found = read_images(folder)
    assert list(found) == ["A", "B", "C"]
    assert all(same(found[one.patient_id], one) for one in PATIENTS)
    images = OpenImages(folder)
    assert {patient: images.n_slices(patient) for patient in images.patient_ids} == {"A": 3, "B": 3, "C": 3}
    assert [one.patient_id for one in iter_images(folder, ["C", "B"])] == ["B", "C"]


def test_a_shard_of_more_parts_than_a_process_may_have_files_is_read(tmp_path: Path) -> None:
    folder = write_parts(tmp_path, *[[replace(PATIENTS[0], patient_id=f"P{index:03d}")] for index in range(60)])
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len([*Path("/proc/self/fd").iterdir()]) + 20, before[1]))
    try:
        assert len(read_images(folder)) == 60
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_patient_in_two_parts_is_refused(tmp_path: Path) -> None:
    a, b, _ = PATIENTS
    folder = write_parts(tmp_path, [a, b], [b])
    message = r"part-2-of-2\.parquet: row group 0: patients \['B'\] \(also in part-1-of-2\.parquet\), expected one"
    with pytest.raises(BadInputError, match=message):
        read_images(folder)


def test_a_part_that_is_written_anew_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    a, b, c = PATIENTS
    images = OpenImages(write_parts(tmp_path, [a, b], [c]))
    assert same(images.read("A"), a)
    write_parts(tmp_path, [b], [c])
    for patient in ("A", "B"):
        with pytest.raises(IntegrityError, match=r"part-1-of-2\.parquet: the file was changed while it was read"):
            images.read(patient)


def test_a_footer_is_read_once_for_all_patients_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[object] = []

    def noted(path: Path, **more: Any) -> Any:
        given.append(more.get("footer"))
        return opened_parquet(path, **more)

    monkeypatch.setattr(image_shard, "opened_parquet", noted)
    assert len(read_images(write_parts(tmp_path, PATIENTS[:2], PATIENTS[2:]))) == 3
    assert [footer is None for footer in given] == [True] * 2 + [False] * 3


def test_a_part_that_is_missing_or_of_other_results_is_refused(tmp_path: Path) -> None:
    a, b, c = PATIENTS
    folder = write_parts(tmp_path / "own", [a], [b])
    other = write_parts(tmp_path / "other", [c], [b])
    (folder / "part-1-of-2.parquet").write_bytes((other / "part-1-of-2.parquet").read_bytes())
    with pytest.raises(IntegrityError, match=r"part-1-of-2\.parquet: (size|footer_sha256) .*run again"):
        read_images(folder)
    (folder / "part-1-of-2.parquet").unlink()
    with pytest.raises(IntegrityError, match=r"part-1-of-2\.parquet: missing, though dataset\.json lists it"):
        read_images(folder)
    write_dataset(folder / "dataset.json", "volumes", [folder / "part-2-of-2.parquet"], {})
    with pytest.raises(
        BadInputError, match=r"dataset\.json: files: part-1-of-2\.parquet is missing, expected all of 2"
    ):
        read_images(folder)


def test_each_patient_is_one_row_group(tmp_path: Path) -> None:
    write(tmp_path, PATIENTS)
    metadata = pq.read_metadata(tmp_path / "slices.parquet")
    assert [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)] == [3, 3, 3]


def test_equal_patients_give_equal_bytes(tmp_path: Path) -> None:
    one, two = write(tmp_path / "1", PATIENTS), write(tmp_path / "2", PATIENTS)
    for name in ("slices.parquet", "dataset.json"):
        assert (one / name).read_bytes() == (two / name).read_bytes()


def test_a_failure_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="image shard: A after B"):
        write(tmp_path, [PATIENTS[1], PATIENTS[0]])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"masks": np.zeros((3, 4, 4), np.uint8)}, r"A: mask \(3, 4, 4\).*\(3, 4, 5\)"),
        ({"masks": np.full((3, 4, 5), 255, np.uint8)}, "A: mask uint8 .*255"),
        ({"masks": np.zeros((3, 4, 5), np.float32)}, "A: mask float32"),
        ({"slices": np.zeros((3, 4, 5), np.float64)}, "A: slices float64"),
        ({"slices": np.zeros((4, 5), np.int16)}, r"A: slices int16 \((0, )?4, 5\)"),
        ({"slices": np.zeros((0, 4, 5), np.int16)}, r"A: slices int16 \((0, )?4, 5\)"),
        ({"slices": np.full((3, 4, 5), np.nan, np.float32)}, "A: slices .*not finite"),
        ({"slices": np.full((3, 4, 5), np.inf, np.float32)}, "A: slices .*not finite"),
        ({"positions_mm": np.array([5.0, 0.0, -5.0])}, "A: positions_mm"),
        ({"positions_mm": np.array([0.0, 5.0])}, "A: positions_mm"),
        ({"affine": None}, "A: .*native_axes without affine"),
        ({"native_axes": None}, "A: .*affine without native_axes"),
        ({"affine": np.diag([1.0, 1.0, 1.0, 1.0])}, r"A: spacing_mm \(0\.5, 0\.75\).*\[1\.0, 1\.0\]"),
        ({"affine": np.full((4, 4), np.nan)}, r"A: affine .*nan"),
        ({"spacing_mm": None}, r"A: spacing_mm None.*\[0\.5, 0\.75\]"),
    ],
)
def test_a_patient_out_of_form_is_not_written(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        write(tmp_path, [replace(PATIENTS[0], **change)])


def rewritten(folder: Path, column: str, values: list[Any]) -> None:
    path = folder / "slices.parquet"
    table = pq.read_table(path)
    place = table.schema.get_field_index(column)
    table = table.set_column(place, table.schema.field(place), pa.array(values, table.schema.field(place).type))
    pq.write_table(table, path, write_page_checksum=True)
    write_dataset(folder / "dataset.json", "volumes", [path], {})


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("slice", [0, 2, 1], "A: dtype int16 or slice"),
        ("slice", [0, 1, 1], "A: dtype int16 or slice"),
        ("dtype", ["object"] * 3, "A: dtype object"),
        ("rows", [4, 4, 5], "A: rows: "),
        ("pixels", [b"1"] * 3, "A: pixels: 1 .*40"),
        ("mask", [bytes(20), bytes(20), None], "A: mask .*null"),
        ("mask", [b"\2" * 20] * 3, "A: mask uint8 .* 2,"),
        ("patient_id", ["A", "A", "B"], r"row group 0: .*\['A', 'B'\]"),
    ],
)
def test_rows_that_contradict_their_columns_are_refused(
    tmp_path: Path, column: str, values: list[Any], message: str
) -> None:
    rewritten(write(tmp_path, PATIENTS[:1]), column, values)
    with pytest.raises(BadInputError, match=message):
        read_images(tmp_path)


def test_no_changed_byte_is_read_as_other_pixels(tmp_path: Path) -> None:
    folder = write(tmp_path, PATIENTS)
    path = folder / "slices.parquet"
    good = path.read_bytes()
    for place in RNG.integers(0, len(good), 100):
        data = bytearray(good)
        data[place] ^= 1 << int(RNG.integers(8))
        path.write_bytes(bytes(data))
        assert any(file.fault() for file in recorded_files(folder / "dataset.json"))
        try:
            found = read_images(folder)
            assert all(np.array_equal(found[one.patient_id].slices, one.slices) for one in PATIENTS)
        except (IntegrityError, BadInputError):
            continue


def test_slices_that_lie_unevenly_are_refused() -> None:
    uneven = replace(patient("A"), positions_mm=np.array([-5.0, 0.6, 5.0]))
    with pytest.raises(
        BadInputError, match=r"A: positions_mm: a slice lies 0\.60 mm from its place in steps of 5\.00 mm"
    ):
        rows_of(uneven)
    rows_of(replace(uneven, positions_mm=np.array([-5.0, 0.5, 5.0])))
    assert image_checks.MAX_OFF_PLACE == slice_order.MAX_OFF_PLACE


def test_a_voxel_measures_the_product_of_its_sides_and_nothing_where_they_are_not_known(tmp_path: Path) -> None:
    images = OpenImages(write(tmp_path, PATIENTS))
    assert images.voxel_ml("A") == pytest.approx(5.0 * 0.5 * 0.75 / 1000)
    assert images.voxel_ml("C") is None
