"""Do the probes find what a simulated cohort was made with, and nothing else? Labels of the simulation's own factors.

REQUIRED INPUTS: --results, the folder of a simulated run with embeddings (`snakemake --configfile config/demo.yaml`, or
the target results/demo-null/embeddings/pretrain-fold0-seed0.parquet with config/demo-null.yaml beside it).
OUTPUTS: a table, and --output: a list of {cohort, label, features, auc, low, high, permuted, permuted_sd, n}.

A factor that shapes the image is `image_<factor>`, one that shapes the genes `genes_<factor>`, cut at 0. The label
`ceiling` is no probe: the AUC of the subtype for one who knows the factors themselves and the law they are drawn by.

    PYTHONPATH=src python benchmarks/probe_truth.py --results results/demo results/demo-null
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mgi.cli import main
from mgi.cohort.split import TEST
from mgi.cohort.tables import read_split
from mgi.core.files import atomic_path
from mgi.evaluation.classification import macro_auc
from mgi_standin.simulation import cohort
from mgi_standin.simulation.latent_factors import FACTORS, SUBTYPE_MEAN, SUBTYPES, draw_factors
from mgi_standin.simulation.settings import SimulationSettings

ROOT = Path(__file__).parents[1]
RUN = "pretrain-fold0-seed0"
SPREAD = 0.8  # of each continuous factor within a subtype
KEPT = ("auc", "low", "high", "permuted", "permuted_sd", "n")


def factors_of(settings: SimulationSettings) -> pd.DataFrame:
    """Each patient's subtype and factors, those of the image and those of the genes, as `cohort.draw_patient` draws."""
    rows = []
    for index in range(settings.n_patients):
        rng = np.random.default_rng([settings.seed, cohort.PATIENT_STREAM, index])
        site = str(rng.choice(cohort.SITES, p=cohort.SITE_SHARE))
        subtype = str(rng.choice(SUBTYPES, p=cohort.SUBTYPE_SHARE))
        image = draw_factors(subtype, rng)
        genes = image if settings.genes_drive_images else draw_factors(subtype, rng)
        named = {f"{kind}_{name}": own[name] for kind, own in (("image", image), ("genes", genes)) for name in FACTORS}
        rows.append({"patient": f"TCGA-{site}-{cohort._identifier(index)}", "subtype": subtype, **named})
    return pd.DataFrame(rows)


def ceiling(factors: pd.DataFrame) -> float:
    """AUC of the subtype by its probability given the continuous factors, each against the rest, mean of the three."""
    names = ("size", "margin", "contrast")
    values = factors[[f"genes_{name}" for name in names]].to_numpy()
    means = np.array([[SUBTYPE_MEAN[subtype][name] for name in names] for subtype in SUBTYPES])
    likelihood = np.exp(-((values[:, None] - means) ** 2).sum(axis=2) / (2 * SPREAD**2))
    truth = np.array([SUBTYPES.index(one) for one in factors["subtype"]])
    probability = likelihood / likelihood.sum(axis=1, keepdims=True)
    return macro_auc(probability, truth)


def probed(results: Path) -> list[dict[str, Any]]:
    """The scores of every factor's label on the paired table, all patients labelled, logistic regression."""
    archive = json.loads((results / "archive/archive.json").read_text())
    settings = SimulationSettings(
        **{name: archive[name] for name in SimulationSettings.__dataclass_fields__ if name in archive}
    )
    factors = factors_of(settings)
    labels = factors[["patient", "subtype"]].copy()
    for column in factors.columns[2:]:
        labels[column] = np.where(factors[column] > 0, "high", "low")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        labels.to_csv(folder / "labels.tsv", sep="\t", index=False)
        classes = {column: column for column in labels.columns[1:]}
        chosen = {"source": "table", "table": "x", "columns": {"patient_id": "patient", "classes": classes}}
        made = {"output": folder / "labels.parquet", "tsv": folder / "as_text.tsv"}
        own_table = {"cohort": results / "tables/cohort.parquet", "table": folder / "labels.tsv"}
        _run("labels", settings=json.dumps(chosen), **own_table, **made)
        lesions = results / "tables/lesion_features.parquet"
        more = {"lesion-features": lesions} if lesions.is_file() else {}
        paths = {"expression-shard": results / "shards/rna", "split": results / "tables/split.parquet", **more}
        paths |= {"embeddings": results / f"embeddings/{RUN}.parquet", "labels": folder / "labels.parquet"}
        _run("probe", settings='{"labelled": [5], "draws": 1}', output=folder / "probe", **paths)
        scores = pd.read_csv(folder / "probe/probes.csv")
    own = scores[(scores["table"] == "paired") & (scores["classifier"] == "logistic") & (scores["labelled"] == "all")]
    rows = [
        {"cohort": results.name, "label": row["target"], "features": row["features"], **{key: row[key] for key in KEPT}}
        for row in own[own["features"] != "clinical"].to_dict("records")
    ]
    split = read_split(results / "tables/split.parquet")
    tested = split.loc[(split["fold"] == 0) & (split["role"] == TEST), "patient_id"]
    known = factors[factors["patient"].isin(tested)]
    return [*rows, {"cohort": results.name, "label": "subtype", "features": "ceiling", "auc": ceiling(known)}]


def _run(command: str, **options: object) -> None:
    assert main([command, *(f"--{name}={value}" for name, value in options.items())]) == 0, command


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--results", required=True, type=Path, nargs="+", help="folders of simulated runs")
    options.add_argument("--output", type=Path, default=ROOT / "benchmarks/results/probe_truth.json")
    given = options.parse_args()
    found = [row for results in given.results for row in probed(results)]
    with atomic_path(given.output) as part:
        part.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    print(pd.DataFrame(found).round(3).to_string())
