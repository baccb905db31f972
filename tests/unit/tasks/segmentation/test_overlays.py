import numpy as np
import pandas as pd

from mgi.tasks.segmentation.overlays import OverlayCase, overlays_figure, patients_to_show


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
        OverlayCase("best", "A", pixels, truth, {"mgi": np.zeros((2, 8, 8), np.uint8)}),
        OverlayCase("worst", "B", pixels + 5, truth, {"unet": np.full((2, 8, 8), 255, np.uint8)}),
    ]
    figure = overlays_figure(cases, simulated=True)
    assert figure is not None
    assert figure.startswith("data:image/png")


def test_no_cases_have_no_figure() -> None:
    assert overlays_figure([], simulated=False) is None
