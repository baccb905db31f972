"""Copy number and mutations of the simulated archive, from the lock to what a fold fits, and the labels they tell."""

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from mgi.association.scan_file import read_scan
from mgi.cohort.labels.file import read_labels
from mgi.modalities.fitted_features import read_fitted_features
from mgi.modalities.fitting import vectors
from mgi.shards.feature_shard import open_features

ORACLES = {"idh": "mutant", "atrx": "mutant", "tp53": "mutant", "codel": "codel", "gain7loss10": "yes"}
SECTION = {"retry_base_s": 0.0, "batches": 1}
OMICS = {
    "simulation": {"n_patients": 24, "omics": ["cn", "mutation"], "missing": {"cn": 0.2}},
    "modalities": {"cn": SECTION, "mutation": SECTION},
    "cohort": {"require": ["rna", "flair"]},
    "labels": {
        "source": "table",
        "table": "results/toy/archive/labels.tsv",
        "columns": {"patient_id": "case", "classes": {"idh": "IDH status", "codel": "1p/19q"}},
        "oracles": list(ORACLES),
    },
    "associate": {"phenotypes": "lesion", "covariates": [], "modalities": ["cn", "mutation", "rna"], "permutations": 5},
}


def test_copy_number_and_mutations_reach_each_fold_and_tell_the_simulated_truth(
    tree: Path, snakemake: Any, jobs_of: Callable[[str], dict[str, int]]
) -> None:
    (tree / "omics.yaml").write_text(yaml.safe_dump(OMICS))
    asked = ("data", "associations", "--cores", "2", "--configfile", "config/toy.yaml", "omics.yaml")
    done = snakemake(tree, *asked)
    assert done.returncode == 0, done.stdout[-6000:]
    jobs = jobs_of(done.stdout)
    assert (jobs["lock"], jobs["shard"], jobs["fit_features"]) == (4, 3, 2)
    assert "Nothing to be done" in snakemake(tree, *asked, "-n").stdout
    results = tree / "results/toy"

    with (results / "tables/cohort.tsv").open(newline="") as table:
        cohort = {row["patient_id"]: row for row in csv.DictReader(table, delimiter="\t")}
    for name in ("cn", "mutation"):
        shard = open_features(results / f"shards/{name}")
        assert shard.patient_ids == sorted(patient for patient, row in cohort.items() if row[name] == "true")
        assert shard.simulated
        fitted = read_fitted_features(results / f"folds/0/{name}.parquet")
        found = vectors(shard, fitted, shard.patient_ids)
        assert found.shape == (len(shard.patient_ids), len(fitted.feature_ids))
        assert np.isfinite(found).all()
    assert any(row["cn"] == "false" and row["status"] == "kept" for row in cohort.values())

    labels = read_labels(results / "tables/labels.parquet")
    with (results / "archive/oracles.tsv").open(newline="") as table:
        truth = {row["patient_id"]: row for row in csv.DictReader(table, delimiter="\t")}
    for oracle, yes in ORACLES.items():
        told = labels.known(f"{oracle}_oracle" if oracle in ("idh", "codel") else oracle)
        assert len(told) > len(cohort) / 2
        assert Counter((told[patient] == yes) == (truth[patient][oracle] == "1") for patient in told) == {
            True: len(told)
        }
    said = (results / "logs/labels.log").read_text()
    assert "idh: " in said
    assert ", 0 another" in said
    assert labels.circular("codel", ["cn"]) == "codel is read off cn"
    assert {path.name for path in (results / "associate").iterdir()} == {"lesion", "lesion-cn", "lesion-mutation"}
    for name in ("cn", "mutation"):
        tests = read_scan(results / f"associate/lesion-{name}")
        features = open_features(results / f"shards/{name}").features["feature_id"]
        assert set(tests.features) <= set(features)
        assert tests.n < len(cohort)
    # An oracle that nobody knows is an error before any job.
    (tree / "circular.yaml").write_text(yaml.safe_dump({"labels": {"oracles": ["mgmt"]}}))
    assert "labels.oracles" in snakemake(tree, *asked, "circular.yaml", "-n").stdout
