"""The paired differences of every patient: MGI minus the strongest other network, own minus another patient's genes."""

from collections.abc import Mapping

import matplotlib
import pandas as pd

from mgi.tasks.drawing import BLUE, GREY, INK, ORANGE, STYLE, as_data_uri, new_figure


def differences_figure(differences: Mapping[str, pd.Series], label: str, *, simulated: bool) -> str | None:
    """A panel each: a bar a patient, the largest gain first; the line is the mean.

    `differences` are by title of the panel and patient. None where there are none.
    """
    drawn = {title: values.dropna().sort_values(ascending=False) for title, values in differences.items()}
    drawn = {title: values for title, values in drawn.items() if len(values)}
    if not drawn:
        return None
    with matplotlib.rc_context(STYLE):
        figure = new_figure(0.2 + 2.3 * len(drawn))
        panels = figure.subplots(len(drawn), 1, sharey=True, squeeze=False)[:, 0]
        for axes, (title, values) in zip(panels, drawn.items(), strict=True):
            colours = [BLUE if value > 0 else ORANGE for value in values]
            axes.bar(range(len(values)), values, color=colours, width=0.85)
            axes.axhline(0, color=GREY, lw=1)
            axes.axhline(values.mean(), color=INK, lw=1.4)
            axes.set_title(title)
            axes.set_ylabel(label)
            axes.grid(visible=False, axis="x")
            axes.set_xticks([])
            axes.set_xlabel(count_text(values))
    return as_data_uri(figure, simulated=simulated)


def count_text(values: pd.Series) -> str:
    """How many patients gain and lose."""
    return f"{len(values)} patients: higher in {int((values > 0).sum())}, lower in {int((values < 0).sum())}"
