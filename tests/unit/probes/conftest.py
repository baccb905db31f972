"""Patients whose genes tell a class, whose images do not, and whose risk follows their genes."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mgi.cohort.labels.file import LabelTable
from mgi.core.run import Run
from mgi.probes.inputs import Known
from mgi.shards.embedding_file import VECTORS, Embeddings
from mgi.shards.expression_shard import ExpressionShard

N, GENES = 60, 40
PATIENTS = [f"TCGA-{'AB'[number % 2]}A-00{number:02}" for number in range(N)]
PATIENTS.sort()
APART = ["TCGA-CA-0000", "TCGA-CA-0001"]
CLASS = np.arange(N) % 3 == 0
ROLES = np.array(["train", "train", "validation", "test", "train"])


def roles(fold: int) -> list[str]:
    return [str(ROLES[(number // 3 + fold) % 5]) for number in range(N)]


def embeddings(fold: int, **run: Any) -> Embeddings:
    rng = np.random.default_rng([fold, 1])
    vectors = {name: rng.normal(size=(N, 4)).astype(np.float32) for name in VECTORS}
    for name in ("image_projected", "image_tumour_projected"):
        vectors[name] /= np.linalg.norm(vectors[name], axis=1, keepdims=True)
    vectors["genes"] = (vectors["genes"] + 4 * CLASS[:, None]).astype(np.float32)
    vectors["genes_projected"] = vectors["image_projected"].copy()
    made = Run(task="pretraining", method="mgi", inputs=("flair", "rna"), fold=fold, seed=0)
    return Embeddings(run=replace(made, **run), patient_ids=PATIENTS, roles=roles(fold), vectors=vectors)


def labels(**changes: Any) -> LabelTable:
    everybody = [*PATIENTS, *APART]
    rng = np.random.default_rng(5)
    table = pd.DataFrame(
        {
            "patient_id": everybody,
            "idh": [*np.where(CLASS, "WT", "Mutant"), "Mutant", None],
            "grade": [*np.where(np.arange(N) % 2, "G2", "G3"), "G2", "G3"],
            "time_days": rng.exponential(size=N + 2) * 900 + 1,
            "event": rng.random(N + 2) < 0.6,
            "age_years": rng.normal(45, 9, N + 2),
            "sex": np.where(rng.random(N + 2) < 0.5, "female", "male"),
        }
    )
    for name, values in changes.items():
        table[name] = values
    return LabelTable(table=table, classes=("idh", "grade"), source="x", endpoint="OS", survival_source="x")


@pytest.fixture
def known() -> Known:
    split = [(fold, one, one[5:7], role) for fold in range(2) for one, role in zip(PATIENTS, roles(fold), strict=True)]
    split += [(fold, one, one[5:7], "unpaired_expression") for fold in range(2) for one in APART]
    values = np.random.default_rng(4).normal(size=(N + 2, GENES)).astype(np.float32)
    values[:N, :10] += 3 * CLASS[:, None]
    genes = pd.DataFrame({"gene_id": [f"g{one}" for one in range(GENES)], "gene_name": "x"})
    return Known(
        split=pd.DataFrame(split, columns=["fold", "patient_id", "site", "role"]),
        labels=labels(),
        expression=ExpressionShard(
            patient_ids=sorted([*PATIENTS, *APART]), values=values, genes=genes, unit="x", simulated=True
        ),
        embeddings=[embeddings(0), embeddings(1)],
        lesions={one: np.arange(3.0) + number for number, one in enumerate(PATIENTS)},
        predicted_lesions={one: np.arange(3.0) + number for number, one in enumerate(PATIENTS[::2])},
    )


@pytest.fixture(scope="session")
def make_labels() -> Any:
    """Labels of the patients, with some columns replaced."""
    return labels


@pytest.fixture(scope="session")
def make_embeddings() -> Any:
    """Vectors by the run of a fold, with some of the run's fields replaced."""
    return embeddings
