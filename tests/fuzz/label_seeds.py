"""Honest files of what is known of patients: their labels, what networks say of them, and what is asked of both."""

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd

from mgi.association.tables import ASSOCIATIONS
from mgi.cli import main
from mgi.cohort.labels.file import write_labels
from mgi.cohort.labels.settings import LabelSettings
from mgi.cohort.labels.user_table import read_label_table
from mgi.core.run import Run
from mgi.explain.attribution_file import write_attributions
from mgi.probes.tables import COLUMNS, write_tables
from mgi.shards.embedding_file import VECTORS, Embeddings, write_embeddings
from mgi.tasks.classification import prediction_file as classes
from mgi.tasks.patient_predictions import patient_writer
from mgi.tasks.survival import prediction_file as survival

GDC = '{"source": "gdc", "retry_base_s": 0.0}'
OF_TABLE = {
    "source": "table", "table": "own.tsv", "columns": {
        "classes": {"idh": "IDH status", "grade": "grade"}, "time_days": "OS days", "event": "vital status",
        "age": "age", "sex": "sex",
    },
}  # fmt: skip
PATIENTS = [f"TCGA-CS-49{number}" for number in range(41, 47)]
RUN = Run(task="segmentation", method="mgi", inputs=("flair", "rna"), fold=0, seed=0)


def write_label_seeds(folder: Path) -> None:
    """By kind: `<folder>/<kind>/<file>`; the simulated archive lies there already."""
    _write_tables(folder)
    _write_cases(folder)
    _write_predictions(folder / "predictions")
    _write_analyses(folder)


def _write_tables(folder: Path) -> None:
    home = folder / "label_table"
    home.mkdir()
    table = pd.read_csv(folder / "archive/labels.tsv", sep="\t", dtype=str, keep_default_na=False)
    table.to_csv(home / "a.tsv", sep="\t", index=False)
    table.to_csv(home / "b.csv", index=False)
    table.to_parquet(home / "c.parquet")
    found = read_label_table(home / "a.tsv", LabelSettings.read(OF_TABLE))
    write_labels(found.beside(list(found.patients)), folder / "labels/labels.parquet", folder / "labels/labels.tsv")
    numbers = pd.DataFrame(np.random.default_rng(0).normal(size=(6, 3)), columns=["volume", "surface", "depth"])
    numbers.insert(0, "patient_id", PATIENTS)
    (folder / "patient_table").mkdir()
    numbers.to_csv(folder / "patient_table/a.tsv", sep="\t", index=False)
    numbers.to_parquet(folder / "patient_table/b.parquet")


def _write_cases(folder: Path) -> None:
    cases = json.loads((folder / "archive/gdc/cases.json").read_text())[:5]
    reply = {"data": {"hits": cases, "pagination": {"total": len(cases), "from": 0}}, "warnings": {}}
    (folder / "cases").mkdir()
    (folder / "cases/reply.json").write_text(json.dumps(reply))
    line = ["fetch-labels", "--settings", GDC, "--archive", str(folder / "archive")]
    with contextlib.redirect_stdout(io.StringIO()):
        if code := main([*line, "--output", str(folder / "cases/kept.json")]):
            raise RuntimeError(f"fetch-labels: exit code {code} where cases were to be kept")


def _write_predictions(home: Path) -> None:
    given = [
        (classes.PREDICTIONS, {"classes": ["A", "B"], "circular": None}, "classes"),
        (survival.PREDICTIONS, {"times_days": [100.0, 200.0]}, "survival"),
    ]
    for schema, head, name in given:
        with patient_writer(home / f"{name}.parquet", RUN, schema, head) as writer:
            for number, patient in enumerate(PATIENTS):
                share = [0.1 * number, 1 - 0.1 * number]
                values = {"probability": share, "uncalibrated": share}
                if name == "survival":
                    values = {"risk": 0.5 * number, "risk_quantile": 0.1 * number, "survival": share}
                writer.add(patient, "own", patient, values)


def _write_analyses(folder: Path) -> None:
    rng = np.random.default_rng(1)
    pretraining = Run(task="pretraining", method="mgi", inputs=("flair", "rna"), fold=0, seed=0)
    vectors = {name: rng.normal(size=(6, 3)).astype(np.float32) for name in VECTORS}
    roles = ["train", "train", "validation", "test", "test", "train"]
    found = Embeddings(run=pretraining, patient_ids=PATIENTS, roles=roles, vectors=vectors)
    write_embeddings(folder / "embeddings/vectors.parquet", found)
    rows = [
        {
            "patient_id": patient, "value": "mask", "method": "ig", "network": "trained", "change": 1.0, "error": 0.001,
            "steps": 20, "attributions": rng.normal(size=4).astype(np.float32),
        }
        for patient in PATIENTS
    ]  # fmt: skip
    genes: tuple[list[str], list[str | None]] = ([f"ENSG{n}" for n in range(4)], ["A", "B", "C", None])
    home = folder / "attributions"
    write_attributions(
        home / "attributions.parquet", rows, run=RUN, genes=genes, about={"values": ["mask"]}, made_from=()
    )
    told = {
        "target": "idh", "table": "paired", "features": "image", "pretraining": "pretrain", "run_seed": 0, "fold": 0,
        "class": "A", "prediction": 0.5, "truth": "A", "time_days": None, "event": None,
    }  # fmt: skip
    write_tables(
        folder / "probe", {name: [] for name in COLUMNS}, [{**told, "patient_id": one} for one in PATIENTS], [], (), {}
    )
    line = ["associate", "--phenotypes", str(folder / "patient_table/a.tsv"), "--permutations", "0", "--features"]
    with contextlib.redirect_stdout(io.StringIO()):
        if code := main([*line, str(folder / "patient_table/b.parquet"), "--output", str(folder / "scan")]):
            raise RuntimeError(
                f"associate: exit code {code} where a scan of {len(ASSOCIATIONS)} columns was to be made"
            )
