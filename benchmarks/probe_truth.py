"""Do the probes find what a simulated cohort was made with, and nothing else? Labels of the simulation's own factors.

REQUIRED INPUTS: --results, the folder of a simulated run with embeddings (`snakemake --configfile config/demo.yaml`,
and with config/demo-null.yaml beside it); every fold of seed 0 that is there.
OUTPUTS: a table, and --output: a list of {cohort, fold, label, features, auc, low, high, permuted, permuted_sd, n}.
Where there are several folds, `fold` is also `mean`: the mean of their AUC, with an interval for all their patients.

A factor that shapes the image is `image_<factor>`, one that shapes the genes `genes_<factor>`, cut at 0. Two rows are
no probes. `ceiling`: the AUC of the subtype for one who knows the factors themselves and the law they are drawn by.
`told`, with --told-steps: a network that learns the image's factors themselves from the patients whom the probes learn
from (that of retrieval_ceiling.py), with a batch of 48 slices a step. It is what their images can teach, and needs
the target `record_config` too.

    PYTHONPATH=src python benchmarks/probe_truth.py --results results/demo results/demo-null
"""

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from pretrained import pretrained_of
from retrieval_ceiling import TRAITS, Patients, read_images

from mgi.cli import main
from mgi.cohort.split import TEST, TRAIN, VALIDATION
from mgi.cohort.tables import read_split
from mgi.core.files import atomic_path
from mgi.evaluation.classification import auc, macro_auc
from mgi.evaluation.cohort_scores import resamplings
from mgi.evaluation.intervals import percentiles
from mgi_standin.simulation import cohort
from mgi_standin.simulation.latent_factors import SUBTYPE_MEAN, SUBTYPES
from mgi_standin.simulation.settings import SimulationSettings

ROOT = Path(__file__).parents[1]
PRE_TRAININGS = "pretrain-fold*-seed0.parquet"
SPREAD = 0.8  # of each continuous factor within a subtype
DRAWS = 1000
KEPT = ("auc", "low", "high", "permuted", "permuted_sd", "n")


def factors_of(settings: SimulationSettings) -> pd.DataFrame:
    """Each patient's subtype and factors, those of the image and those of the genes."""
    rows = []
    for index in range(settings.n_patients):
        latent = cohort.draw_latent(index, settings, cohort.patient_stream(index, settings))
        own = {f"image_{name}": value for name, value in latent.factors.items()}
        own |= {f"genes_{name}": value for name, value in latent.expressed.items()}
        rows.append({"patient": cohort.patient_id_of(index, latent.site), "subtype": latent.subtype, **own})
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
    """The scores of every factor's label on the paired table, all patients labelled, logistic regression; by fold."""
    factors = factors_of(_settings(results))
    labels = factors[["patient", "subtype"]].copy()
    for column in factors.columns[2:]:
        labels[column] = np.where(factors[column] > 0, "high", "low")
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        labels.to_csv(folder / "labels.tsv", sep="\t", index=False)
        classes = {column: column for column in labels.columns[1:]}
        chosen = {"source": "table", "table": "x", "columns": {"patient_id": "patient", "classes": classes}}
        made = {"output": folder / "labels.parquet", "tsv": folder / "as_text.tsv"}
        own_table = {"cohort": results / "tables/cohort.parquet", "table": folder / "labels.tsv"}
        _run("labels", settings=json.dumps(chosen), **own_table, **made)
        for embeddings in sorted((results / "embeddings").glob(PRE_TRAININGS)):
            rows += _probed_fold(results, embeddings, folder / "labels.parquet", factors)
    if not rows:
        raise SystemExit(f"probe_truth: {results}/embeddings: found no {PRE_TRAININGS}, expected one a fold")
    return [*rows, *mean_over_folds(rows)]


def _probed_fold(results: Path, embeddings: Path, labels: Path, factors: pd.DataFrame) -> list[dict[str, Any]]:
    fold = int(embeddings.name.split("fold")[1].split("-")[0])
    lesions = results / "tables/lesion_features.parquet"
    more = {"lesion-features": lesions} if lesions.is_file() else {}
    paths = {"expression-shard": results / "shards/rna", "split": results / "tables/split.parquet", **more}
    paths |= {"embeddings": embeddings, "labels": labels}
    output = labels.parent / f"probe-{fold}"
    _run("probe", settings='{"labelled": [5], "draws": 1}', output=output, **paths)
    scores = pd.read_csv(output / "probes.csv")
    own = scores[(scores["table"] == "paired") & (scores["classifier"] == "logistic") & (scores["labelled"] == "all")]
    named = {"cohort": results.name, "fold": fold}
    rows = [
        {**named, "label": row["target"], "features": row["features"], **{key: row[key] for key in KEPT}}
        for row in own[own["features"] != "clinical"].to_dict("records")
    ]
    split = read_split(results / "tables/split.parquet")
    tested = split.loc[(split["fold"] == fold) & (split["role"] == TEST), "patient_id"]
    known = factors[factors["patient"].isin(tested)]
    return [*rows, {**named, "label": "subtype", "features": "ceiling", "auc": ceiling(known)}]


def mean_over_folds(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The means of each label's AUC from each input; none of a single fold.

    The folds' test patients are apart, so the halves of their intervals add up as independent errors do.
    """
    means = []
    table = pd.DataFrame([row for row in rows if "low" in row])
    for (cohort_name, label, features), folds in table.groupby(["cohort", "label", "features"], sort=False):
        if (n := len(folds)) > 1:
            half = float(np.sqrt(((folds["high"] - folds["low"]) ** 2).sum())) / 2 / n
            middle = float(folds["auc"].mean())
            named = {"cohort": cohort_name, "fold": "mean", "label": label, "features": features}
            interval = {"low": middle - half, "high": middle + half}
            permuted = {"permuted": float(folds["permuted"].mean()), "permuted_sd": float(folds["permuted_sd"].mean())}
            means.append({**named, "auc": middle, **interval, **permuted, "n": int(folds["n"].sum())})
    return means


def told(results: Path, steps: int) -> list[dict[str, Any]]:
    """Test patients' factors by a network that was told those of the training and validation patients."""
    fold, weights = pretrained_of(results, 0)
    factors = factors_of(_settings(results)).set_index("patient")

    def drawn(*roles: str) -> Patients:
        patients = sorted(one for role in roles for one in fold.patients(role))
        slices = fold.pairs_without_genes(patients, weights.model).slices
        in_memory = replace(slices, channels=slices.gather(torch.arange(len(slices.patient))))
        own = factors.loc[patients, [f"image_{trait}" for trait in TRAITS]].to_numpy(np.float64)
        return Patients(slices=in_memory, genes=np.zeros((len(patients), 0)), factors=own)

    others = drawn(TEST)
    said = read_images(drawn(TRAIN, VALIDATION), others, steps)
    return [
        {
            "cohort": results.name,
            "fold": 0,
            "label": f"image_{trait}",
            "features": "told",
            **_scored(said[:, k], others.factors[:, k]),
        }
        for k, trait in enumerate(TRAITS)
    ]


def _scored(said: NDArray[np.float64], truth: NDArray[np.float64]) -> dict[str, float]:
    """AUC of what is said of a factor that is above 0, with its interval over patients."""
    ranks = said.argsort().argsort() / len(said)
    area = auc(np.stack([1 - ranks, ranks], 1), (truth > 0).astype(np.int64))
    found = area(resamplings(len(said), DRAWS, 0))
    low, high = percentiles(found[1:])
    return {"auc": float(found[0]), "low": low, "high": high, "n": len(said)}


def _settings(results: Path) -> SimulationSettings:
    archive = json.loads((results / "archive/archive.json").read_text())
    return SimulationSettings(
        **{name: archive[name] for name in SimulationSettings.__dataclass_fields__ if name in archive}
    )


def _run(command: str, **options: object) -> None:
    assert main([command, *(f"--{name}={value}" for name, value in options.items())]) == 0, command


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--results", required=True, type=Path, nargs="+", help="folders of simulated runs")
    options.add_argument("--output", type=Path, default=ROOT / "benchmarks/results/probe_truth.json")
    options.add_argument("--told-steps", type=int, default=0, help="of the network that is told the factors; 0: none")
    given = options.parse_args()
    taught = [row for results in given.results if given.told_steps for row in told(results, given.told_steps)]
    found = [row for results in given.results for row in probed(results)] + taught
    with atomic_path(given.output) as part:
        part.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    print(pd.DataFrame(found).round(3).to_string())
