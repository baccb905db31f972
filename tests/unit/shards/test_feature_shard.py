from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import digest_of
from mgi.shards.feature_shard import OpenFeatures, describe_features, open_features, write_feature_values
from mgi.shards.number_rows import ROW_GROUP
from mgi.shards.schemas import feature_values

PATIENTS = [f"TCGA-AA-{index:04d}" for index in range(70)]  # more than two row groups
NAMES = [f"f{index}" for index in range(5)]
VALUES = np.random.default_rng(0).normal(size=(70, 5)).astype(np.float32)
VALUES[::3, 2] = np.nan


def features(names: list[str] = NAMES) -> pd.DataFrame:
    places = pd.array([None, *range(1, len(names))], dtype="Int64")
    return pd.DataFrame({"feature_id": names, "name": names, "chromosome": None, "start": places, "kind": None})


def write(folder: Path, rows: object = None, **stated: object) -> Path:
    given = zip(PATIENTS, VALUES, strict=True) if rows is None else rows
    write_feature_values(folder / "values.parquet", features(), "copies", given)  # type: ignore[arg-type]
    paths = [folder / name for name in ("values.parquet", "features.parquet", "dataset.json")]
    describe_features(*paths, features(), simulated=True, **stated)  # type: ignore[arg-type]
    return folder


@pytest.fixture
def shard(tmp_path: Path) -> OpenFeatures:
    return open_features(write(tmp_path, told_apart=False, note="x"))


def test_what_is_written_is_read_gaps_included(shard: OpenFeatures) -> None:
    assert (shard.patient_ids, shard.unit, shard.simulated, shard.told_apart) == (PATIENTS, "copies", True, False)
    assert shard.about["note"] == "x"
    assert shard.features["start"].isna().tolist() == [True, False, False, False, False]
    blocks = list(shard.row_groups())
    assert [len(rows) for rows, _ in blocks] == [ROW_GROUP, ROW_GROUP, 70 - 2 * ROW_GROUP]
    assert np.array_equal(np.concatenate([values for _, values in blocks]), VALUES, equal_nan=True)


def test_some_rows_and_columns_are_read_in_the_order_of_the_file(shard: OpenFeatures) -> None:
    columns = np.array([4, 0])
    found = [(rows.tolist(), values) for rows, values in shard.row_groups({69, 1, 0}, columns)]
    assert [rows for rows, _ in found] == [[0, 1], [69]]
    assert np.array_equal(found[1][1], VALUES[[69]][:, columns])


def test_rows_are_made_in_the_order_of_the_patients_repeated_ones_too(shard: OpenFeatures) -> None:
    wanted = [69, 0, 33, 0]
    made = shard.of_patients([PATIENTS[row] for row in wanted], 2, lambda values: values[:, :2] + 1)
    assert np.array_equal(made, VALUES[wanted][:, :2] + 1)
    with pytest.raises(BadInputError, match=r"no row of TCGA-ZZ-0000"):
        shard.of_patients(["TCGA-ZZ-0000"], 2, lambda values: values[:, :2])


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([(PATIENTS[1], VALUES[1]), (PATIENTS[0], VALUES[0])], r"TCGA-AA-0000 after TCGA-AA-0001, .*sorted"),
        ([(PATIENTS[0], VALUES[0]), (PATIENTS[0], VALUES[0])], "sorted, unique"),
        ([(PATIENTS[0], VALUES[0].astype(np.float64))], r"float64 .*float32"),
        ([(PATIENTS[0], VALUES[0][:4])], r"\(4,\), expected float32 \(5,\)"),
        ([(PATIENTS[0], np.array([1, 2, -np.inf, 4, 5], np.float32))], r"TCGA-AA-0000, f2: -inf"),
        ([(PATIENTS[0], np.full(5, np.nan, np.float32))], "no value in any of 5 features"),
    ],
)
def test_rows_that_break_the_format_are_refused_and_nothing_is_left(
    tmp_path: Path, rows: list[object], said: str
) -> None:
    with pytest.raises(BadInputError, match=rf"feature shard: .*{said}"):
        write(tmp_path, rows)
    assert list(tmp_path.iterdir()) == []


def test_a_feature_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="feature_id: f1 occurs twice"):
        write_feature_values(tmp_path / "v.parquet", features(["f0", "f1", "f1"]), "x", [])


def test_no_more_than_one_row_group_is_held(tmp_path: Path) -> None:
    taken: list[int] = []
    target = tmp_path / "values.parquet"

    def rows() -> object:
        for index, patient in enumerate(PATIENTS):
            taken.append(index)
            yield patient, VALUES[index]

    write_feature_values(target, features(), "x", rows())  # type: ignore[arg-type]
    assert pq.ParquetFile(target).metadata.num_row_groups == 3
    assert taken == list(range(70))


def test_equal_shards_have_equal_bytes(tmp_path: Path) -> None:
    one, other = (write(tmp_path / name) for name in ("a", "b"))
    for name in ("values.parquet", "features.parquet", "dataset.json"):
        assert (one / name).read_bytes() == (other / name).read_bytes()


def test_values_of_other_features_and_infinite_ones_are_refused_when_they_are_read(tmp_path: Path) -> None:
    folder = write(tmp_path)
    others = ["g0", *NAMES[1:]]
    paths = [folder / name for name in ("values.parquet", "features.parquet", "dataset.json")]
    describe_features(*paths, features(others), simulated=True)
    with pytest.raises(IntegrityError, match=r"features\.parquet: feature_hash .*others"):
        open_features(folder)
    wrong = VALUES.copy()
    wrong[40, 3] = np.inf
    values = pa.FixedSizeListArray.from_arrays(pa.array(wrong.reshape(-1)), 5)
    schema = feature_values(5).with_metadata({"feature_hash": digest_of(NAMES), "unit": "x"})
    pq.write_table(pa.table([pa.array(PATIENTS), values], schema=schema), paths[0])
    describe_features(*paths, features(), simulated=True)
    with pytest.raises(BadInputError, match=r"TCGA-AA-0040, f3: inf, expected a number, or NaN"):
        list(open_features(folder).row_groups())
