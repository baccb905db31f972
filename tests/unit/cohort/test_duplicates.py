from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mgi.cohort.duplicates import (
    DuplicateCheck,
    digest_of_image,
    digest_of_values,
    digests_of_shard,
    leaks_of,
    same_slices,
    same_values,
    slice_digests,
    slice_index,
)
from mgi.core.errors import BadInputError
from mgi.shards.feature_shard import describe_features, write_feature_values
from mgi.shards.image_shard import PatientImages

RNG = np.random.default_rng(0)


def patient(name: str, slices: np.ndarray) -> PatientImages:
    return PatientImages(
        patient_id=name, slices=slices, masks=None, spacing_mm=None, positions_mm=None, source=name
    )  # fmt: skip


def drawn() -> np.ndarray:
    return RNG.integers(0, 100, (3, 8, 8)).astype(np.int16)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32, np.dtype(">i2")])
def test_the_type_in_which_an_archive_stores_a_slice_does_not_matter(dtype: np.dtype) -> None:
    first = drawn()
    copy = first.astype(dtype)
    assert slice_digests(copy) == slice_digests(first)
    assert digest_of_image(copy) == digest_of_image(first)
    assert digest_of_values(copy[0]) == digest_of_values(first[0])
    assert same_slices(slice_index([patient("A", first)]), [patient("C", copy[2:])]) == {"C": "A"}


def test_a_second_patient_with_the_same_image_is_refused_whatever_its_type() -> None:
    check, image = DuplicateCheck("image"), drawn()
    check.add("A", digest_of_image(image.astype(np.uint8)))
    check.add("B", digest_of_image(image + 1))
    check.add("A", digest_of_image(image))
    check.add("D", digest_of_image(image[:2]))
    with pytest.raises(BadInputError, match=r"^C: .*same.* A;"):
        check.add("C", digest_of_image(image))


def test_one_slice_in_common_is_enough_wherever_it_lies() -> None:
    first, other = drawn(), drawn()
    copy = np.concatenate([drawn(), first[2:]])
    known = slice_index([patient("A", first), patient("B", other)])
    assert same_slices(known, [patient("C", copy), patient("D", drawn())]) == {"C": "A"}


def test_slices_of_next_to_nothing_and_of_another_grid_are_not_the_same() -> None:
    first = drawn()
    first[0], first[1] = 7, 0
    first[1, 3, 3] = 9
    large = np.zeros((1, 20, 20), np.int16)
    large[0, 3, 3] = 9
    known = slice_index([patient("A", first), patient("L", large)])
    nearly = np.stack([first[0], first[0]])
    others = [nearly, large, first[2:].reshape(1, 4, 16)]
    assert same_slices(known, [patient(f"B{row}", one) for row, one in enumerate(others)]) == {}


def test_expression_is_the_same_only_value_by_value() -> None:
    values = np.array([0.0, 1.5, -2], np.float32)
    known = {"A": values, "B": values + 1}
    others = {"C": np.array([-0.0, 1.5, -2], np.float32), "D": values + np.float32(1e-3)}
    digests = [{one: digest_of_values(values) for one, values in each.items()} for each in (known, others)]
    assert same_values(*digests) == {"C": "A"}


ROLES = [("A", "train"), ("B", "validation"), ("C", "test"), ("D", "unpaired_expression"), ("E", "unpaired_image")]


def test_patients_with_nothing_in_common_leak_nothing() -> None:
    genes = {patient: {patient.encode()} for patient, _ in ROLES}
    assert leaks_of(0, ROLES, {"gene vector": genes, "image slice": genes}) == []


@pytest.mark.parametrize("kind", ["gene vector", "image slice"])
@pytest.mark.parametrize(
    ("first", "second"), [("A", "B"), ("A", "C"), ("B", "C"), ("C", "D"), ("B", "D"), ("A", "E"), ("D", "E")]
)
def test_a_digest_on_two_sides_is_a_leak_with_both_names(kind: str, first: str, second: str) -> None:
    digests = {first: [b"own", b"shared"], second: [b"shared", b"other"]}
    roles = dict(ROLES)
    (leak,) = leaks_of(3, ROLES, {kind: digests})
    expected = f"fold 3: {first} ({roles[first]}) and {second} ({roles[second]}) have the same {kind}"
    assert str(leak) == expected


def test_a_digest_on_one_side_is_no_leak() -> None:
    roles = [
        ("A", "train"),
        ("B", "train"),
        ("D", "unpaired_expression"),
        ("X", "test"),
        ("Y", "test"),
        ("Z", "unpaired_image"),
    ]
    shared = {**dict.fromkeys("ABD", (b"1",)), **dict.fromkeys("XYZ", (b"2",))}
    assert leaks_of(0, roles, {"image slice": shared}) == []


def test_a_patient_in_two_roles_is_a_leak_and_named_once() -> None:
    roles = [("A", "train"), ("A", "test"), ("B", "test")]
    leaks = leaks_of(1, roles, {"gene vector": {"A": [b"1"], "B": [b"2"]}})
    assert [str(leak) for leak in leaks] == ["fold 1: A (test) and A (train) have the same patient id"]


def test_several_slices_in_common_are_one_leak() -> None:
    slices = {"A": [b"1", b"2", b"3"], "C": [b"1", b"2", b"3"]}
    assert len(leaks_of(0, ROLES, {"image slice": slices})) == 1


@pytest.mark.parametrize("told_apart", [True, False])
def test_equal_rows_of_features_are_one_patient_only_where_values_tell_patients_apart(
    tmp_path: Path, told_apart: bool
) -> None:
    table = pd.DataFrame({"feature_id": ["a", "b"], "name": None, "chromosome": None, "start": None, "kind": None})
    paths = [tmp_path / name for name in ("values.parquet", "features.parquet", "dataset.json")]
    values = np.array([[1, np.nan], [1, np.nan], [2, 3]], np.float32)
    write_feature_values(paths[0], table, "x", zip("ABC", values, strict=True))
    describe_features(*paths, table, simulated=True, told_apart=told_apart, modality="own")
    found = digests_of_shard(paths[2], tmp_path)
    assert found.what == "own vector"
    assert sorted(found.repeated) == (["A", "B"] if told_apart else [])
    assert found.n_patients == (3 if told_apart else 0)
