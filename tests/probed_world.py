"""Small tables of patients on disk, from which the probes learn: genes tell one class, and images nothing."""

from pathlib import Path

import numpy as np
import pandas as pd

from mgi.cohort.labels.file import write_labels
from mgi.cohort.labels.labels import Labels, PatientLabels
from mgi.cohort.split import SplitRow
from mgi.cohort.tables import write_split
from mgi.core.run import Run
from mgi.shards.embedding_file import VECTORS, Embeddings, write_embeddings
from mgi.shards.expression_shard import ExpressionShard, write_expression

N, GENES = 60, 30
PATIENTS = [f"TCGA-AA-00{number:02}" for number in range(N)]
IS_WILD = np.arange(N) % 3 == 0
ROLES = ("train", "train", "validation", "test", "train")
SETTINGS = '{"bootstrap_draws": 100, "labelled": [5], "draws": 2, "components": 4}'


def write_world(folder: Path, **read_off: tuple[str, ...]) -> Path:
    """Labels, split, expression shard, vectors of one run and features of tumours, below a folder."""
    rng = np.random.default_rng(0)
    roles = [ROLES[(number // 3) % 5] for number in range(N)]
    rows = [
        SplitRow(fold, patient, "AA", ROLES[(number // 3 + fold) % 5])
        for fold in range(5)
        for number, patient in enumerate(PATIENTS)
    ]
    write_split(rows, folder / "split.parquet", folder / "split.tsv")
    patients = {
        patient: PatientLabels(
            classes={"idh": "WT" if wild else "Mutant"}, time_days=float(rng.exponential() * 900 + 1),
            event=bool(rng.random() < 0.6), age_years=float(rng.normal(50 if wild else 40, 8)),
            sex=str(rng.choice(["female", "male"])),
        ) for patient, wild in zip(PATIENTS, IS_WILD, strict=True)
    }  # fmt: skip
    labels = Labels(
        patients=patients, place="own.csv", source="own.csv", column_of={"idh": "IDH"}, endpoint="OS",
        survival_source="own.csv", simulated=True,
    )  # fmt: skip
    write_labels(
        labels.beside(PATIENTS, simulated=True), folder / "labels.parquet", folder / "labels.tsv", read_off=read_off
    )
    values = rng.normal(size=(N, GENES)).astype(np.float32)
    values[:, :8] += 3 * IS_WILD[:, None]
    genes = pd.DataFrame({"gene_index": range(GENES), "gene_id": [f"ENSG{one:03d}" for one in range(GENES)]})
    shard = ExpressionShard(
        patient_ids=PATIENTS, values=values, unit="as given", simulated=True,
        genes=genes.assign(gene_name="x", gene_type=None, chromosome=None, start=None),
    )  # fmt: skip
    own = folder / "expression"
    write_expression(shard, own / "values.parquet", own / "features.parquet", own / "dataset.json")
    vectors = {name: rng.normal(size=(N, 4)).astype(np.float32) for name in VECTORS}
    vectors["genes"] += 4 * IS_WILD[:, None].astype(np.float32)
    run = Run(task="pretraining", method="mgi", inputs=("flair", "rna"), fold=0, seed=0)
    write_embeddings(
        folder / f"embeddings/{run.key}.parquet",
        Embeddings(run=run, patient_ids=PATIENTS, roles=roles, vectors=vectors),
    )
    return folder


def options(folder: Path, **other: object) -> list[str]:
    """The command line of `mgi probe` on that folder."""
    given = {
        "labels": folder / "labels.parquet",
        "split": folder / "split.parquet",
        "expression-shard": folder / "expression",
        "embeddings": folder / "embeddings/pretrain-fold0-seed0.parquet",
        "settings": SETTINGS,
        "output": folder / "probe",
    }
    return ["probe", *(f"--{name}={value}" for name, value in (given | other).items())]
