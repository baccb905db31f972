"""Tables of scores with their digests; cohort, locks, split and shard of the same patients."""

from pathlib import Path

import pandas as pd
import pytest

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.sidecar import digested_path
from mgi.reporting.result_files import read_csv, require_one_cohort
from small_locks import flair_lock, profile, rna_lock, series

COHORT = pd.DataFrame({"patient_id": ["A", "B", "C"], "status": ["kept", "kept", "dropped"]})
SPLIT = pd.DataFrame({"fold": 0, "patient_id": ["A", "B"], "role": ["test", "train"]})
LOCKS = {
    "rna": rna_lock(*(profile(one) for one in "AB")),
    "flair": flair_lock(*(series(one) for one in "ABC")),
}
SLICES = {"A": 3, "B": 3}


def test_a_table_is_read_and_an_edited_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "evaluation/tests.csv"
    with digested_path(path) as part:
        part.write_text("method,p\nunet,0.04\n")
    assert read_csv(path)["p"].tolist() == [0.04]
    path.write_text("method,p\nunet,0.05\n")
    with pytest.raises(IntegrityError, match=r"tests\.csv: damaged or edited"):
        read_csv(path)


def test_files_of_one_cohort_pass(tmp_path: Path) -> None:
    require_one_cohort(COHORT, SPLIT, SLICES, LOCKS, where=tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"locks": {"rna": LOCKS["rna"]}}, "C differs from the locks"),
        ({"cohort": COHORT[COHORT["patient_id"] != "B"]}, "B differs from the locks"),
        ({"split": SPLIT.assign(patient_id=["A", "D"])}, "D differs from the split"),
        ({"split": SPLIT[:1]}, "B differs from the split"),
        ({"slices": {"A": 3}}, "B differs from the image shard"),
    ],
)
def test_a_file_of_other_results_is_named_by_a_patient(changes: dict[str, object], said: str) -> None:
    given = {"cohort": COHORT, "split": SPLIT, "slices": SLICES, "locks": LOCKS} | changes
    with pytest.raises(BadInputError, match=rf"cohort\.parquet: {said} .*of other results"):
        require_one_cohort(**given, where=Path("cohort.parquet"))  # type: ignore[arg-type]
