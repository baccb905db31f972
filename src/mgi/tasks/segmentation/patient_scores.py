"""From the long table of scores per run to one row per method, gene mode and patient."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import pyarrow as pa

from mgi.cohort.split import IMAGE_ONLY
from mgi.core.errors import BadInputError
from mgi.tasks.segmentation.scores import COUNTS, DICE_DEFINITIONS, OTHER_SCORES

MGI = "mgi"
MGI_WITHOUT_GENES = "mgi-no-genes"
MGI_ON_FINGERPRINTS = "mgi-fingerprint"
MGI_FROM_SCRATCH = "mgi-no-pretraining"
CONTROLS = (MGI_WITHOUT_GENES, MGI_ON_FINGERPRINTS, MGI_FROM_SCRATCH)
"""MGI trained again without one thing; each is a method of its own in tables, and none is a rival of MGI."""
GENE_FREE = ("none", "null")
"""Gene modes in which nothing of a patient's expression is read."""
KEY = ["method", "genes", "patient_id"]
COLUMNS = [*DICE_DEFINITIONS, *OTHER_SCORES, *COUNTS]

SCORES = pa.schema(
    [
        ("run", pa.string()),
        ("method", pa.string()),
        ("trained_genes", pa.string()),
        ("genes", pa.string()),
        ("fold", pa.int32()),
        ("seed", pa.int32()),
        ("patient_id", pa.string()),
        ("definition", pa.string()),
        ("value", pa.float64()),
    ]
)
"""Columns of the long table: a row per run, gene mode, patient and definition."""


def label_of(spec: Mapping[str, Any]) -> str:
    """The name that a run's method has in tables.

    The encoders of MGI started from nothing where `pretrained` is there and null.
    """
    if spec["method"] != MGI:
        return str(spec["method"])
    retrained = {"none": MGI_WITHOUT_GENES, "fingerprint": MGI_ON_FINGERPRINTS}
    started = MGI_FROM_SCRATCH if spec.get("pretrained", "") is None else MGI
    return retrained.get(spec["genes"], started)


def gene_mode(trained_genes: str, genes: str) -> str:
    """`permuted-0`, `permuted-1`, … are draws of one mode, `permuted`; a model without genes has the mode `none`."""
    return "none" if trained_genes == "none" else genes.split("-")[0]


def per_patient(scores: pd.DataFrame) -> pd.DataFrame:
    """Average each patient over permutations within a run, then over seeds.

    `scores` is the long table; the result has method, genes, patient_id, the number of seeds and a column per
    definition, sorted. Raises BadInputError where a patient was tested by two runs of one method and seed.
    """
    if scores.empty:
        return pd.DataFrame({name: pd.Series(dtype="float64") for name in [*KEY, "seeds", *COLUMNS]})
    modes = [gene_mode(trained, genes) for trained, genes in zip(scores["trained_genes"], scores["genes"], strict=True)]
    labelled = scores.assign(mode=modes)
    _refuse_second_test(labelled)
    within = labelled.groupby(["method", "mode", "patient_id", "seed", "definition"], sort=True)["value"].mean()
    over_seeds = within.groupby(level=["method", "mode", "patient_id", "definition"]).mean()
    wide = over_seeds.unstack("definition").reindex(columns=COLUMNS)
    seeds = labelled.groupby(["method", "mode", "patient_id"])["seed"].nunique()
    wide.insert(0, "seeds", seeds)
    wide.columns.name = None
    return wide.reset_index().rename(columns={"mode": "genes"})


def without_expression(split: pd.DataFrame) -> set[str]:
    """Patients with an image alone: segmented without genes, and scored in a table of their own."""
    return set(split.loc[split["role"] == IMAGE_ONLY, "patient_id"])


def values_of(patients: pd.DataFrame, method: str, genes: str, definition: str) -> pd.Series:
    """One definition's values by patient, for one method and gene mode; empty where it was not run."""
    chosen = patients[(patients["method"] == method) & (patients["genes"] == genes)]
    return chosen.set_index("patient_id")[definition].astype("float64")


def own_genes(patients: pd.DataFrame) -> pd.DataFrame:
    """The rows that compare methods: each with the genes it was made for (real ones, or none at all)."""
    with_genes = patients.loc[patients["genes"] == "real", "method"].unique()
    mode = patients["method"].map(lambda name: "real" if name in with_genes else "none")
    return patients[patients["genes"] == mode]


def _refuse_second_test(labelled: pd.DataFrame) -> None:
    runs = labelled.groupby(["method", "genes", "patient_id", "seed"])["run"].agg(["nunique", "min", "max"])
    twice = runs[runs["nunique"] > 1]
    if not twice.empty:
        method, genes, patient, seed = twice.index[0]
        first, second = twice.iloc[0][["min", "max"]]
        raise BadInputError(
            f"scores: patient {patient} tested by runs {first} and {second} ({method}, genes {genes}, seed {seed}), "
            "expected one test per seed"
        )
