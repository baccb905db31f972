import numpy as np
import pandas as pd
import pytest

from mgi.tasks.segmentation.overlays import OverlayCase
from mgi.tasks.segmentation.reporting import failure_rows, reading


def case(rank: str, patient: str) -> OverlayCase:
    nothing = np.zeros((1, 2, 2), bool)
    return OverlayCase(rank, patient, nothing, nothing, {})


def row(method: str, given: str, patient: str, *, overlap: float, predicted: float) -> dict[str, object]:
    return {
        "method": method, "expression_input": given, "patient_id": patient, "volume": 2 * overlap / (predicted + 1000),
        "overlap_voxels": overlap, "predicted_voxels": predicted, "true_voxels": 1000.0, "tumour_slices": 4.0,
    }  # fmt: skip


PATIENTS = pd.DataFrame(
    [
        row("mgi", "own", "A", overlap=100, predicted=200),
        row("mgi", "null_token", "A", overlap=900, predicted=900),
        row("unet", "not_used", "A", overlap=0, predicted=0),
        row("mgi-no-genes", "not_used", "A", overlap=500, predicted=500),
        row("mgi", "own", "B", overlap=900, predicted=1000),
    ]
)


def test_a_failure_says_what_is_missed_what_is_marked_outside_and_what_others_made_of_it() -> None:
    (found,) = failure_rows(PATIENTS, [case("best", "B"), case("worst", "A"), case("2nd worst", "C")])
    assert (found["rank"], found["patient_id"], found["method"]) == ("worst", "A", "mgi")
    assert (found["missed"], found["outside"]) == (0.9, 0.5)
    assert found["reading"] == "most of the tumour is missed"
    assert [other["method"] for other in found["others"]] == ["unet"]


def test_without_mgi_the_first_network_is_read_and_an_empty_prediction_marks_nothing_outside() -> None:
    (found,) = failure_rows(PATIENTS[PATIENTS["method"] == "unet"], [case("3rd worst", "A")])
    assert (found["method"], found["missed"], found["outside"], found["others"]) == ("unet", 1.0, 0.0, [])


@pytest.mark.parametrize(
    ("missed", "outside", "said"),
    [
        (1.0, 1.0, "nothing of the tumour is found"),
        (0.6, 0.6, "elsewhere for the most part"),
        (0.6, 0.4, "most of the tumour is missed"),
        (0.4, 0.6, "most of what is marked is no tumour"),
        (0.5, 0.5, "the outline is off"),
    ],
)
def test_the_reading_follows_the_two_shares(missed: float, outside: float, said: str) -> None:
    assert reading(missed, outside) == said
