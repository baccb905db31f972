from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mgi.core.errors import BadInputError
from mgi.tables.feature_matrix import read_feature_matrix

SAMPLES = ["TCGA-CS-4942-01A", "TCGA-CS-4941-01A"]
VALUES = pd.DataFrame(
    [[0.1, 0.2], [np.nan, 0.4], [np.nan, np.nan]], index=pd.Index(["cg1", "rs2", "cg3"], name="probe"), columns=SAMPLES
)


def written(folder: Path, frame: pd.DataFrame, ending: str) -> Path:
    path = folder / f"a{ending}"
    if ending == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, sep="\t" if ending == ".tsv" else ",", na_rep="NA")
    return path


@pytest.mark.parametrize("ending", [".tsv", ".csv", ".parquet"])
@pytest.mark.parametrize("turned", [False, True])
def test_samples_are_sorted_and_gaps_stay_whichever_way_the_table_lies(
    tmp_path: Path, ending: str, turned: bool
) -> None:
    frame = VALUES.T.rename_axis("id") if turned else VALUES
    read = read_feature_matrix(written(tmp_path, frame, ending))
    assert read.samples == sorted(SAMPLES)
    assert read.features == ["cg1", "rs2"]
    assert read.empty == ("cg3",)
    np.testing.assert_array_equal(read.values, np.array([[0.2, 0.4], [0.1, np.nan]], np.float32))
    assert read.chromosomes is None


def test_places_beside_the_samples_are_read_and_what_is_not_used_is_named(tmp_path: Path) -> None:
    frame = VALUES.assign(chromosome=["chr1", "", "chrX"], start=[5, None, 7], Relation="Island").astype(
        {"start": "Int64"}
    )
    read = read_feature_matrix(written(tmp_path, frame, ".tsv"))
    assert read.chromosomes == ["chr1", None]
    assert read.starts == [5, None]
    assert read.ignored == ("Relation",)


def test_own_ids_need_a_first_column_that_says_what_lies_in_rows(tmp_path: Path) -> None:
    own = VALUES.set_axis(["p2", "p1"], axis=1)
    assert read_feature_matrix(written(tmp_path, own, ".tsv")).samples == ["p1", "p2"]
    turned = own.T.rename_axis("patient_id")
    assert read_feature_matrix(written(tmp_path, turned, ".csv")).samples == ["p1", "p2"]
    with pytest.raises(BadInputError, match="0 of 2 rows and 0 of 3 columns are TCGA barcodes"):
        read_feature_matrix(written(tmp_path, own.T.rename_axis("what"), ".csv"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("probe\tTCGA-CS-4942-01A\tTCGA-CS-4942-01A\ncg1\t1\t2\n", "sample 'TCGA-CS-4942-01A' occurs twice"),
        ("probe\tTCGA-CS-4942-01A\ncg1\t1\ncg1\t2\n", "feature 'cg1' occurs twice"),
        ("probe\tTCGA-CS-4942-01A\n\t1\ncg1\t2\n", "a feature without a name"),
        ("probe\tTCGA-CS-4942-01A\ncg1\tinf\n", "column TCGA-CS-4942-01A, row cg1: found inf, expected a finite"),
        ("probe\tTCGA-CS-4942-01A\ncg1\tx\n", "row cg1: found 'x', expected a number"),
        ("probe\tTCGA-CS-4942-01A\tTCGA-CS-4941-01A\ncg1\t1\tNA\n", "sample TCGA-CS-4941-01A: no value in any feature"),
        ("probe\tstart\tTCGA-CS-4942-01A\ncg1\t1.5\t1\n", "start of cg1: found '1.5', expected a whole number"),
        ("TCGA-CS-4942-01A\tTCGA-CS-4941-01A\n1\t2\n", "column 1 is the sample"),
        ("start\tend\n1\t2\n", "column 1 is 'start', expected patient_id, feature_id"),
    ],
)
def test_what_cannot_be_told_is_refused_by_place(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "a.tsv"
    path.write_text(text)
    with pytest.raises(BadInputError, match=says) as caught:
        read_feature_matrix(path)
    assert "a.tsv" in str(caught.value)
