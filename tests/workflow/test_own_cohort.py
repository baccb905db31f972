"""A cohort of one's own through the whole graph of jobs: own ids, an own table, an own zip, and a table of sites.

The zip has T1 after contrast beside FLAIR, but for one patient.
"""

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

N_PATIENTS, N_SLICES, SIDE, N_GENES = 12, 4, 32, 60
PATIENTS = [f"own_{number}.b" for number in range(N_PATIENTS)]
SITES = {patient: ("North", "South")[number % 2] for number, patient in enumerate(PATIENTS)}


def tiff(pixels: np.ndarray) -> bytes:
    packed = io.BytesIO()
    Image.fromarray(pixels).save(packed, "TIFF")
    return packed.getvalue()


def write_zip(path: Path, rng: np.random.Generator) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for patient in PATIENTS:
            for number in range(1, N_SLICES + 1):
                mask = np.zeros((SIDE, SIDE), np.uint8)
                mask[8 + number : 16 + number, 10:20] = 255
                image = rng.integers(0, 120, (SIDE, SIDE, 3)).astype(np.uint8) + mask[:, :, None] // 3
                if patient == PATIENTS[1]:  # without post-contrast, which FLAIR stands for
                    image[..., 2] = image[..., 1]
                archive.writestr(f"mine/{patient}/{patient}_{number}.tif", tiff(image))
                archive.writestr(f"mine/{patient}/{patient}_{number}_mask.tif", tiff(mask))


@pytest.fixture
def own_cohort(tree: Path) -> Path:
    """A workflow with the files of a cohort whose last patient has no expression."""
    rng = np.random.default_rng(0)
    values = rng.normal(5, 2, (N_PATIENTS - 1, N_GENES))
    genes = [f"ENSG{number:011d}" for number in range(N_GENES)]
    pd.DataFrame(values, index=PATIENTS[:-1], columns=genes).to_csv(
        tree / "mine.tsv", sep="\t", index_label="patient_id"
    )
    write_zip(tree / "mine.zip", rng)
    lines = [f"{patient}\t{site}\n" for patient, site in SITES.items()]
    (tree / "sites.tsv").write_text("patient_id\tsite\n" + "".join(lines))
    own = {
        "simulation": None,
        "cohort": {"sites": "sites.tsv", "exclude": [PATIENTS[0]]},
        "modalities": {
            "rna": {"source": "matrix", "table": "mine.tsv", "batches": 1, "fit": {"gene_order": "ensembl"}},
            "flair": {"source": "kaggle", "archive": "mine.zip", "batches": 1, "channels": ["flair", "post"]},
        },
        "runs": {"methods": ["mgi"], "controls": []},
    }
    own["labels"] = {
        "source": "table",
        "table": "labels.csv",
        "columns": {"classes": {"grade": "Grade"}, "time_days": "days", "event": "dead"},
    }
    rows = [f"{patient},{('G2', 'G3', 'NA')[number % 3]},{number},1" for number, patient in enumerate(PATIENTS[:-1])]
    (tree / "labels.csv").write_text("\n".join(["patient_id,Grade,days,dead", *rows, "somebody,G2,3,0"]) + "\n")
    (tree / "own.yaml").write_text(yaml.safe_dump(own))
    return tree


def rows_of(path: Path, delimiter: str = "\t") -> list[dict[str, str]]:
    with path.open(newline="") as table:
        return list(csv.DictReader(table, delimiter=delimiter))


def test_own_ids_go_from_the_users_files_to_the_report(own_cohort: Path, snakemake: Any) -> None:
    done = snakemake(own_cohort, "--configfile", "config/toy.yaml", "own.yaml", "--cores", "2")
    assert done.returncode == 0, done.stdout[-6000:]
    results = own_cohort / "results/toy"
    cohort = {row["patient_id"]: row for row in rows_of(results / "tables/cohort.tsv")}
    assert {patient: row["site"] for patient, row in cohort.items()} == SITES
    reasons = {patient: row["reason"] for patient, row in cohort.items() if row["reason"]}
    assert reasons == {PATIENTS[0]: "excluded by the configuration", PATIENTS[-1]: "no expression"}
    assert {row["simulated"] for row in cohort.values()} == {"false"}
    kept = set(PATIENTS[1:-1])
    tested = {row["patient_id"] for row in rows_of(results / "tables/split.tsv") if row["role"] == "test"}
    assert tested == kept
    scored = {row["patient_id"] for row in rows_of(results / "evaluation/patients.csv", ",")}
    assert scored
    assert scored <= kept | {PATIENTS[-1]}
    leaks = json.loads((results / "tables/leaks.json").read_text())["compared"]
    assert (leaks["rna_vectors"], leaks["flair_slices"]) == (N_PATIENTS - 1, (N_PATIENTS - 1) * N_SLICES)
    labels = {row["patient_id"]: row for row in rows_of(results / "tables/labels.tsv")}
    assert {patient: row["grade"] for patient, row in labels.items()} == {
        patient: ("G2", "G3", "")[number % 3] if patient != PATIENTS[-1] else ""
        for number, patient in enumerate(PATIENTS)
    }
    assert labels[PATIENTS[0]]["survival_reason"] == "time 0 days, not above 0"
    assert labels[PATIENTS[-1]]["reason"] == "not in labels.csv"
    images = json.loads((results / "shards/flair/dataset.json").read_text())
    assert (images["channels"], list(images["dropped"])) == (["flair", "post"], [PATIENTS[1]])
    assert "SIMULATED" not in (results / "report.html").read_text()
