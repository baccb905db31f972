import numpy as np
import pandas as pd
import pytest

from mgi.tasks.segmentation.overlays import OverlayCase, Panel, overlays_figure, patients_to_show, slice_to_show
from mgi.tasks.segmentation.picture_marks import Marks


def test_ranks_follow_the_score_and_ties_the_name() -> None:
    scores = pd.Series({"C": 0.5, "A": 0.9, "B": 0.9, "E": 0.1, "D": 0.3, "F": 0.4, "G": 0.8})
    worst = {"worst": "E", "2nd worst": "D", "3rd worst": "F"}
    assert patients_to_show(scores) == {"best": "A", "median": "C", **worst}


def test_few_patients_are_shown_once_each() -> None:
    assert patients_to_show(pd.Series({"A": 0.9})) == {"best": "A"}
    assert patients_to_show(pd.Series({"A": 0.9, "B": 0.1})) == {"best": "A", "median": "B"}
    assert patients_to_show(pd.Series(dtype=float)) == {}


def test_empty_and_missing_predictions_are_drawn_without_complaint() -> None:
    pixels = np.zeros((2, 8, 8), np.uint16)
    truth = np.zeros((2, 8, 8), dtype=bool)
    truth[1, 2:4, 2:4] = True
    cases = [
        OverlayCase("best", "A", pixels, truth, {Panel("mgi", "own"): np.zeros((2, 8, 8), np.uint8)}),
        OverlayCase("worst", "B", pixels + 5, truth, {Panel("unet", "not_used"): np.full((2, 8, 8), 255, np.uint8)}),
    ]
    figure = overlays_figure(cases, simulated=True)
    assert figure is not None
    assert figure.startswith("data:image/png")


@pytest.mark.parametrize("rank", ["best", "median", "worst", "2nd worst", "3rd worst"])
def test_every_patient_is_shown_where_the_true_tumour_is_largest(rank: str) -> None:
    truth = np.zeros((4, 8, 8), dtype=bool)
    truth[1, 2:4, 2:4] = truth[2, 2:5, 2:5] = True
    beyond = np.zeros((4, 8, 8), np.uint8)
    beyond[0] = 255  # the slice with most errors has no tumour
    shown = OverlayCase(rank, "A", np.zeros((4, 8, 8)), truth, {Panel("mgi", "own"): beyond})
    assert slice_to_show(shown) == 2


def test_a_patient_without_tumour_is_shown_where_most_is_predicted() -> None:
    none, some = np.zeros((4, 8, 8), np.uint8), np.zeros((4, 8, 8), np.uint8)
    some[3, :2, :2] = 255
    given = {Panel("mgi", "own"): none, Panel("unet", "not_used"): some}
    healthy = OverlayCase("worst", "A", np.zeros((4, 8, 8)), none > 0, given)
    assert slice_to_show(healthy) == 3
    assert slice_to_show(OverlayCase("worst", "A", healthy.pixels, healthy.truth, {})) == 0


def test_sides_and_bar_change_the_picture_where_they_are_known() -> None:
    pixels = np.random.default_rng(0).integers(0, 99, (1, 40, 40)).astype(np.uint16)
    truth = np.ones((1, 40, 40), dtype=bool)
    drawn = [
        overlays_figure([OverlayCase("best", "A", pixels, truth, {}, marks)], simulated=False)
        for marks in (Marks(), Marks("R", "L"), Marks("L", "R"), Marks("R", "L", 1.0, 1.0))
    ]
    assert len(set(drawn)) == 4


def test_a_panel_says_whose_genes_it_read() -> None:
    titles = [Panel(*one).title for one in (("mgi", "own"), ("mgi", "permuted"), ("unet", "not_used"))]
    assert titles == ["MGI\nown genes", "MGI\nanother's genes", "U-Net"]


def test_no_cases_have_no_figure() -> None:
    assert overlays_figure([], simulated=False) is None
