from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mgi.core.errors import BadInputError
from small_shards import shard_of_files, shard_of_table

A, B, C = "TCGA-CS-0001", "TCGA-DU-0002", "TCGA-HT-0003"
FILES = {
    B: "cg1\t0.25\nrs2\tNA\ncg3\t1\n",
    A: "cg1\t0.5\nrs2\t0.125\ncg3\tNA\n",
}


def values_of(shard) -> np.ndarray:
    return np.concatenate([values for _, values in shard.row_groups()])


def test_beta_values_lie_in_order_of_patients_with_gaps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shard = shard_of_files(tmp_path, "methylation", FILES)
    assert shard.patient_ids == [A, B]
    assert shard.features["feature_id"].tolist() == ["cg1", "rs2", "cg3"]
    assert shard.features["chromosome"].isna().all()
    np.testing.assert_array_equal(values_of(shard), np.array([[0.5, 0.125, np.nan], [0.25, np.nan, 1]], np.float32))
    assert (shard.unit, shard.simulated, shard.told_apart) == ("beta value", True, True)
    assert capsys.readouterr().out == "2 patients, 3 features, beta value\n"


def test_places_of_probes_come_from_the_user_s_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = tmp_path / "places.csv"
    places.write_text("probe,chromosome,start\ncg1,chrX,7\ncg9,1,5\n")
    shard = shard_of_files(tmp_path, "methylation", FILES, [f"positions={places}"])
    assert shard.features["chromosome"].fillna("?").tolist() == ["chrX", "?", "?"]
    assert shard.features["start"].tolist()[0] == 7
    assert shard.about["probes_placed"] == 1
    assert capsys.readouterr().out.startswith("positions of 1 of 3 probes; ")
    places.write_text("probe,chromosome,start\ncg9,1,5\n")
    with pytest.raises(BadInputError, match="positions: has none of the probes"):
        shard_of_files(tmp_path, "methylation", FILES, [f"positions={places}"])


def test_another_array_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=rf"{B}\.txt: 2 probes, expected 3 as in the other files"):
        shard_of_files(tmp_path, "methylation", FILES | {B: "cg1\t0.25\ncg3\t1\n"})
    assert not (tmp_path / "shard/values.parquet").exists()


def test_a_copy_of_another_patient_s_values_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=f"{C}: has the same methylation in every feature as {B}"):
        shard_of_files(tmp_path, "methylation", FILES | {C: FILES[B]})


@pytest.mark.parametrize("turned", [False, True])
def test_a_user_s_table_is_taken_as_it_is_and_says_where_probes_lie(tmp_path: Path, turned: bool) -> None:
    frame = pd.DataFrame(
        [[0.5, 0.25], [np.nan, 0.75]], index=pd.Index(["cg1", "cg2"], name="probe"), columns=[f"{A}-01A", f"{B}-01A"]
    )
    table = tmp_path / "betas.tsv"
    written = frame.T.rename_axis("id") if turned else frame.assign(chromosome=["1", "Y"], start=[3, 4])
    written.to_csv(table, sep="\t", na_rep="NA")
    shard = shard_of_table(tmp_path, "methylation", table, {A: f"{A}-01A", B: f"{B}-01A"})
    np.testing.assert_array_equal(values_of(shard), frame.T.to_numpy(np.float32))
    assert shard.features["chromosome"].fillna("?").tolist() == (["?", "?"] if turned else ["1", "Y"])
    assert shard.features["start"].isna().tolist() == [turned, turned]


def test_a_user_s_table_of_m_values_is_refused_by_place(tmp_path: Path) -> None:
    table = tmp_path / "betas.tsv"
    table.write_text(f"probe\t{A}-01A\ncg1\t0.5\ncg2\t-3.5\n")
    with pytest.raises(BadInputError, match=rf"betas\.tsv: sample {A}-01A, cg2: found -3\.5, expected .* from 0 to 1"):
        shard_of_table(tmp_path, "methylation", table, {A: f"{A}-01A"})
