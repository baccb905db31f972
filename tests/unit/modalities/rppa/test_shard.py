from pathlib import Path

import numpy as np
import pytest

from small_shards import shard_of_files, shard_of_table

A, B = "TCGA-CS-0001", "TCGA-DU-0002"
HEADER = "AGID\tlab_id\tcatalog_number\tset_id\tpeptide_target\tprotein_expression\n"
NEW = HEADER + "AG1\t1\tx\tNew\tP53\t0.5\nAG2\t2\tx\tNew\tAKT\tNA\nAG3\t3\tx\tNew\tERK\t-1\n"
OLD = HEADER + "AG8\t8\tx\tOld\tERK\t2\nAG9\t9\tx\tOld\tSRC\t3\n"


def test_panels_are_aligned_by_target_and_gaps_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shard = shard_of_files(tmp_path, "rppa", {B: OLD, A: NEW})
    assert shard.features["feature_id"].tolist() == ["P53", "AKT", "ERK", "SRC"]
    assert shard.features["name"].tolist() == ["AG1", "AG2", "AG3", "AG9"]
    ((_, values),) = shard.row_groups()
    np.testing.assert_array_equal(values, np.array([[0.5, np.nan, -1, np.nan], [np.nan, np.nan, 2, 3]], np.float32))
    assert shard.about["targets_with_several_ids"] == ["ERK"]
    assert shard.about["patients_with_fewer_antibodies"] == 2
    assert capsys.readouterr().out == "2 patients, 4 features, normalised level; 2 patients on a smaller panel\n"


def test_a_user_s_table_is_taken_as_it_is(tmp_path: Path) -> None:
    table = tmp_path / "rppa.tsv"
    table.write_text(f"patient_id\tP53\tAKT\n{A}\t0.5\t\n{B}\t-2\t1\n")
    shard = shard_of_table(tmp_path, "rppa", table, {A: A, B: B})
    ((_, values),) = shard.row_groups()
    np.testing.assert_array_equal(values, np.array([[0.5, np.nan], [-2, 1]], np.float32))
    assert shard.unit == "as given"
