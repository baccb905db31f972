"""Survival of patients in three groups of the risk that was predicted for them, as a figure."""

import pandas as pd

from mgi.evaluation.expression_inputs import OWN
from mgi.tasks.survival.scoring import follow_up_in
from mgi.tasks.survival_figure import survival_figure

REFERENCE = "mgi"


def of_first_seed(patients: pd.DataFrame) -> pd.DataFrame:
    """MGI's tests with the own data, of the first seed: each patient is in one group."""
    rows = patients[(patients["method"] == REFERENCE) & (patients["expression_input"] == OWN)]
    first: pd.DataFrame = rows[rows["seed"] == rows["seed"].min()]
    return first


def tertile_of(risk_quantile: pd.Series) -> pd.Series:
    """0, 1 or 2: between the tertiles of the training patients of the fold, which cut the groups."""
    return (risk_quantile * 3).clip(upper=2.999).astype(int)


def risk_figure(patients: pd.DataFrame, *, simulated: bool) -> str | None:
    """Curves of the three groups; None where MGI tested nobody."""
    rows = of_first_seed(patients)
    if rows.empty:
        return None
    third = tertile_of(rows["risk_quantile"])
    return survival_figure([follow_up_in(rows[third == one]) for one in range(3)], simulated=simulated)
