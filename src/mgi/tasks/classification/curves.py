"""ROC curves and a calibration curve of tested patients, as figures."""

from itertools import cycle

import matplotlib
import numpy as np
import pandas as pd

from mgi.evaluation.classification import Classes
from mgi.evaluation.expression_inputs import IMAGE_LEFT_OUT, NULL_TOKEN, OWN
from mgi.evaluation.follow_up import Floats
from mgi.tasks.classification.scoring import PROBABILITY, UNCALIBRATED, arrays_of, classes_in
from mgi.tasks.drawing import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, SKY, STYLE, VERMILION, as_data_uri, new_figure

REFERENCE = "mgi"
INPUTS = {OWN: ("image and genes", BLUE), NULL_TOKEN: ("image alone", ORANGE), IMAGE_LEFT_OUT: ("genes alone", GREEN)}
"""Of one model, in the order of the legend."""
QUANTILES = 5  # groups of patients in the calibration curve


def rows_of(patients: pd.DataFrame, given: str) -> pd.DataFrame:
    """MGI's tests of patients with one input."""
    return patients[(patients["method"] == REFERENCE) & (patients["expression_input"] == given)]


def roc_figure(patients: pd.DataFrame, *, simulated: bool) -> str | None:
    """Of two classes a curve for each input of MGI, of several one for each class with the own data; by seed.

    None where no class has both patients who have it and others.
    """
    drawn = {given: rows_of(patients, given) for given in INPUTS}
    if drawn[OWN].empty:
        return None
    with matplotlib.rc_context(STYLE):
        figure = new_figure(4.6)
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=GREY, lw=1, ls="--")
        names = classes_in(patients)
        if len(names) == 2:
            shown = {INPUTS[given]: (rows, 1) for given, rows in drawn.items() if not rows.empty}
        else:
            colours = cycle((BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, INK))
            shown = {(name, next(colours)): (drawn[OWN], number) for number, name in enumerate(names)}
        for (label, colour), (rows, number) in shown.items():
            for seed, (_, of_seed) in enumerate(rows.groupby("seed")):
                probability, truth = arrays_of(of_seed, PROBABILITY)
                if number < probability.shape[1] and 0 < (truth == number).sum() < len(truth):
                    false, true = roc_curve(probability[:, number], truth == number)
                    axes.plot(false, true, color=colour, lw=1.8, label=None if seed else label)
        if len(axes.get_lines()) == 1:
            return None
        axes.set_xlabel("share of patients without the class who are called")
        axes.set_ylabel("share of patients with it who are called")
        axes.set_aspect("equal")
        axes.legend(loc="lower right", fontsize=9.5)
    return as_data_uri(figure, simulated=simulated)


def roc_curve(score: Floats, positive: np.ndarray) -> tuple[Floats, Floats]:
    """Shares of false and of true calls (T,) as the threshold falls from above all scores to the least of them."""
    order = np.argsort(-score, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(score[order])), score.size - 1)  # ties are called together
    true = np.cumsum(positive[order])[ends]
    false = ends + 1 - true
    return np.append(0, false / (~positive).sum()), np.append(0, true / positive.sum())


def calibration_figure(patients: pd.DataFrame, *, simulated: bool) -> str | None:
    """How often the likeliest class is right, by its probability, before and after the temperature."""
    rows = rows_of(patients, OWN)
    if rows.empty:
        return None
    with matplotlib.rc_context(STYLE):
        figure = new_figure(4.6)
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=GREY, lw=1, ls="--")
        for kind, label, colour in ((UNCALIBRATED, "raw", ORANGE), (PROBABILITY, "at the temperature", BLUE)):
            said, right = calibration_curve(*arrays_of(rows, kind))
            axes.plot(said, right, "o-", color=colour, lw=1.5, ms=6, label=label)
        axes.set_xlim(0, 1.02)
        axes.set_ylim(0, 1.02)
        axes.set_xlabel("mean probability of the likeliest class")
        axes.set_ylabel("share of patients who have it")
        axes.set_aspect("equal")
        axes.legend(loc="upper left", fontsize=9.5)
    return as_data_uri(figure, simulated=simulated)


def calibration_curve(probability: Floats, truth: Classes) -> tuple[Floats, Floats]:
    """Mean probability of the likeliest class and how often it is right, in groups of equally many patients."""
    confidence, right = probability.max(1), probability.argmax(1) == truth
    groups = np.array_split(np.argsort(confidence, kind="stable"), min(QUANTILES, len(confidence)))
    return (
        np.array([confidence[own].mean() for own in groups]),
        np.array([right[own].mean() for own in groups]),
    )
