"""From the scores of all runs to one row per method, expression input and patient."""

from collections.abc import Sequence

import pandas as pd
import pyarrow as pa

from mgi.cohort.split import UNPAIRED_IMAGE
from mgi.core.errors import BadInputError
from mgi.evaluation.expression_inputs import NOT_USED, OWN, kind_of

KEY = ["task", "method", "expression_input", "patient_id"]
REPEATED = ["task", "method", "expression_input", "permutation", "seed", "fold", "patient_id"]
SCORES = pa.schema(
    [
        ("run", pa.string()),
        ("task", pa.string()),
        ("method", pa.string()),  # a control is a method of its own
        ("expression_input", pa.string()),
        ("fold", pa.int32()),
        ("seed", pa.int32()),
        ("patient_id", pa.string()),
        ("definition", pa.string()),
        ("value", pa.float64()),
    ]
)
"""Columns of a run's scores: a row per expression input, patient and definition."""


def per_patient(scores: pd.DataFrame, definitions: Sequence[str]) -> pd.DataFrame:
    """Average each patient over permutations within a run, then over seeds.

    `scores` has the columns of SCORES; the result has those of KEY, the number of seeds and a column per definition,
    sorted. Raises BadInputError where a patient was tested by two runs of one method and seed.
    """
    if scores.empty:
        return pd.DataFrame({name: pd.Series(dtype="float64") for name in [*KEY, "seeds", *definitions]})
    _refuse_second_test(scores)
    kinds = scores.assign(expression_input=scores["expression_input"].map(kind_of))
    within = kinds.groupby([*KEY, "seed", "definition"], sort=True)["value"].mean()
    over_seeds = within.groupby(level=[*KEY, "definition"]).mean()
    wide = over_seeds.unstack("definition").reindex(columns=list(definitions))
    wide.insert(0, "seeds", kinds.groupby(KEY)["seed"].nunique())
    wide.columns.name = None
    return wide.reset_index()


def per_test(scores: pd.DataFrame) -> pd.DataFrame:
    """A row for each test of a patient, not averaged: scores of a cohort are made of tests that belong together.

    The columns are those of REPEATED, sorted, and one per definition; `permutation` counts the draws of one kind of
    expression input. Raises BadInputError where a patient was tested by two runs of one method and seed.
    """
    _refuse_second_test(scores)
    inputs = scores["expression_input"]
    kinds = inputs.map(kind_of)
    number = [int(one.removeprefix(f"{kind}-")) if one != kind else 0 for one, kind in zip(inputs, kinds, strict=True)]
    wide = scores.assign(expression_input=kinds, permutation=number).pivot(
        index=REPEATED, columns="definition", values="value"
    )
    wide.columns.name = None
    return wide.sort_index().reset_index()


def without_expression(split: pd.DataFrame) -> set[str]:
    """Patients with an image and no expression: predicted without genes, and scored in a table of their own."""
    return set(split.loc[split["role"] == UNPAIRED_IMAGE, "patient_id"])


def values_of(patients: pd.DataFrame, method: str, expression_input: str, definition: str) -> pd.Series:
    """One definition's values by patient, for one method and expression input; empty where it was not run."""
    chosen = patients[(patients["method"] == method) & (patients["expression_input"] == expression_input)]
    return chosen.set_index("patient_id")[definition].astype("float64")


def as_trained(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that compare methods: each tested with the input that it was trained with."""
    return rows[rows["expression_input"].isin((OWN, NOT_USED))]


def _refuse_second_test(scores: pd.DataFrame) -> None:
    runs = scores.groupby([*KEY, "seed"])["run"].agg(["nunique", "min", "max"])
    twice = runs[runs["nunique"] > 1]
    if not twice.empty:
        _, method, expression_input, patient, seed = twice.index[0]
        first, second = twice.iloc[0][["min", "max"]]
        raise BadInputError(
            f"scores: patient {patient} tested by runs {first} and {second} ({method}, expression input "
            f"{expression_input}, seed {seed}), expected one test per seed"
        )
