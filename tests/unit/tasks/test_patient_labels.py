import pandas as pd
import pytest

from mgi.cohort.labels.file import LabelTable
from mgi.core.errors import BadInputError
from mgi.tasks.patient_labels import LabelledPatients

COHORT = ["A", "B", "T", "U"]
LABELS = LabelledPatients(
    labels=LabelTable(
        table=pd.DataFrame({"patient_id": COHORT, "idh": ["WT", "WT", "Mutant", None]}),
        classes=("idh",),
        source="own.csv",
        endpoint=None,
        survival_source=None,
    ),
    where="labels.parquet",
    fold=1,
    training=["A"],
    validation=["B"],
)
KNOWN = {"A": "WT", "B": "WT", "T": "Mutant"}


@pytest.mark.parametrize(
    ("predicted", "said"),
    [
        (["T", "X"], "found no row of X, who is predicted, expected the predicted cohort; predict again"),
        (["T", "A"], "fold 1: found a prediction of A, from whom the run learned, expected test patients"),
        (["B"], "fold 1: found a prediction of B, from whom the run learned"),
        (["U"], "found a label of none of the 1 predicted patients"),
    ],
)
def test_predictions_of_other_patients_are_named(predicted: list[str], said: str) -> None:
    with pytest.raises(BadInputError, match=f"labels.parquet: .*{said}"):
        LABELS.require_scored(predicted, KNOWN)


def test_who_has_no_label_is_left_out_and_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        LABELS.require_scored(["T", "U"], KNOWN)
    assert "1 of 2 predicted patients have a label" in caplog.text
