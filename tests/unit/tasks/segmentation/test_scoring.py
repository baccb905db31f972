import math

import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.tasks.segmentation.scoring import COUNTS, DICE_DEFINITIONS, OTHER_SCORES, score_patient


def test_every_definition_is_scored_under_its_name() -> None:
    truth = np.ones((2, 3, 3), dtype=bool)
    scores = score_patient(np.full((2, 3, 3), 255, np.uint8), truth, "TCGA-AA-0001")
    assert set(scores) == {*DICE_DEFINITIONS, *OTHER_SCORES, *COUNTS}
    assert all(scores[name] == pytest.approx(1.0) for name in DICE_DEFINITIONS)
    assert scores["hd95_px"] == 0.0
    assert scores["tumour_slices"] == 2.0


def test_a_patient_without_true_tumour_is_refused_by_name() -> None:
    nothing = np.zeros((2, 3, 3), dtype=bool)
    with pytest.raises(BadInputError, match=r"TCGA-AA-0001: .*mask .*empty"):
        score_patient(np.zeros((2, 3, 3), np.uint8), nothing, "TCGA-AA-0001")


def test_predictions_on_another_grid_are_refused() -> None:
    with pytest.raises(BadInputError, match=r"TCGA-AA-0001: .*\(2, 2, 2\).*\(2, 3, 3\)"):
        score_patient(np.zeros((2, 2, 2), np.uint8), np.ones((2, 3, 3), dtype=bool), "TCGA-AA-0001")


def test_predicting_nothing_is_zero_by_volume_and_undefined_by_distance() -> None:
    truth = np.zeros((2, 4, 4), dtype=bool)
    truth[0, 1, 1] = True
    scores = score_patient(np.full((2, 4, 4), 127, np.uint8), truth, "TCGA-AA-0001")
    assert scores["volume"] == 0.0
    assert scores["volume_largest_component"] == 0.0
    assert scores["slice_all_empty_one"] == 0.5
    assert math.isnan(scores["hd95_px"])


def test_the_largest_component_forgives_a_speck_far_away() -> None:
    truth = np.zeros((1, 8, 8), dtype=bool)
    truth[0, :2, :2] = True
    probability = np.where(truth, 200, 0).astype(np.uint8)
    probability[0, 7, 7] = 200
    scores = score_patient(probability, truth, "TCGA-AA-0001")
    assert scores["volume"] == pytest.approx(8 / 9)
    assert scores["volume_largest_component"] == 1.0
