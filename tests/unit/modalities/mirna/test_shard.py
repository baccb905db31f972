from pathlib import Path

import numpy as np
import pytest

from mgi.core.errors import BadInputError
from small_shards import shard_of_files, shard_of_table

A, B = "TCGA-CS-0001", "TCGA-DU-0002"
HEADER = "miRNA_ID\tread_count\treads_per_million_miRNA_mapped\tcross-mapped\n"


def quantified(*reads: int) -> str:
    total = sum(reads)
    return HEADER + "".join(f"mir-{n}\t{count}\t{count * 1e6 / total:.6f}\tN\n" for n, count in enumerate(reads))


def test_rates_of_all_patients_become_logs(tmp_path: Path) -> None:
    shard = shard_of_files(tmp_path, "mirna", {B: quantified(1, 0, 3), A: quantified(5, 5, 0)})
    assert shard.patient_ids == [A, B]
    assert shard.features["feature_id"].tolist() == ["mir-0", "mir-1", "mir-2"]
    ((_, values),) = shard.row_groups()
    expected = np.log2(np.array([[500_000, 500_000, 0], [250_000, 0, 750_000]]) + 1.0)
    np.testing.assert_allclose(values, expected, rtol=1e-6)
    assert shard.unit == "log2(RPM+1)"


def test_a_file_of_other_microrna_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=rf"{B}\.txt: 3 microRNAs, expected 2 as in the other files"):
        shard_of_files(tmp_path, "mirna", {A: quantified(1, 4), B: quantified(1, 0, 3)})


def test_a_user_s_table_of_rates_becomes_logs_and_none_is_below_0(tmp_path: Path) -> None:
    table = tmp_path / "rpm.csv"
    table.write_text(f"miRNA_ID,{A}-01A,{B}-01A\nmir-1,3,NA\nmir-2,0,1\n")
    shard = shard_of_table(tmp_path, "mirna", table, {A: f"{A}-01A", B: f"{B}-01A"})
    ((_, values),) = shard.row_groups()
    np.testing.assert_array_equal(values, np.array([[2, 0], [np.nan, 1]], np.float32))
    table.write_text(f"miRNA_ID,{A}-01A,{B}-01A\nmir-1,3,NA\nmir-2,0,-1\n")
    with pytest.raises(BadInputError, match=f"sample {B}-01A, mir-2: found -1, expected a number of 0 or more"):
        shard_of_table(tmp_path, "mirna", table, {A: f"{A}-01A", B: f"{B}-01A"})
