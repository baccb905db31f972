"""What could genes add? How well they tell a tumour's volume, alone and beside what a network saw on the image.

REQUIRED INPUTS: --results, the folder of a finished run of real patients: expression shard, split and evaluation.
OUTPUTS: a table, and --output: a list of {name, value, low, high, permuted_mean, permuted_deviation, p}.

A ridge on the first principal components of the standardised genes is fitted on the patients of training and validation
of each fold, and predicts the logarithm of the volume, in voxels, of those of the test. Rank correlations (Spearman)
run over the test patients of all folds; intervals come from resampling these, permutations pair them with others'
volumes. A ridge knows nothing of rank: ranks keep the one patient in whom a network marks nothing from deciding.

    PYTHONPATH=src python benchmarks/gene_signal.py --results results/kaggle
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from mgi.core.files import atomic_path
from mgi.evaluation.intervals import LEVEL
from mgi.shards.expression_shard import read_expression

ROOT = Path(__file__).parents[1]
COMPONENTS, PENALTY = 20, 1.0
DRAWS, SEED = 10_000, 0
Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


def arguments() -> argparse.Namespace:
    """What the command line says."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--results", required=True, type=Path, help="folder of a finished run")
    options.add_argument("--output", type=Path, default=ROOT / "benchmarks/results/gene_signal.json")
    return options.parse_args()


def log_volumes(results: Path) -> tuple[pd.Series, pd.DataFrame]:
    """True log volumes by patient, and predicted ones, a column a baseline; no voxel counts as one."""
    scores = pd.read_csv(results / "evaluation/patients.csv").query("genes == 'none'")
    scores = scores[~scores["method"].str.startswith("mgi")]
    counts = scores.pivot(index="patient_id", columns="method", values="predicted_voxels").sort_index()
    true = scores.drop_duplicates("patient_id").set_index("patient_id")["true_voxels"].loc[counts.index]
    return np.log(true.clip(lower=1).astype("float64")), np.log(counts.clip(lower=1).astype("float64"))


def expression_of(results: Path, patients: list[str]) -> Floats:
    """Expression (P, G) of these patients."""
    shard = read_expression(results / "shards/rna")
    row = {patient: index for index, patient in enumerate(shard.patient_ids)}
    return np.asarray(shard.values[[row[patient] for patient in patients]], np.float64)


def tested_of(results: Path, patients: list[str]) -> list[Rows]:
    """Where each fold's test patients stand."""
    place = {patient: index for index, patient in enumerate(patients)}
    tests = pd.read_parquet(results / "tables/split.parquet").query("role == 'test'").groupby("fold")["patient_id"]
    return [np.array([place[patient] for patient in some]) for _, some in tests]


def out_of_fold(values: Floats, tested: list[Rows]) -> Floats:
    """The matrix (P, P) that makes of any target (P,) what genes (P, G) predict of it, each patient from other folds.

    A ridge is linear in its target: one matrix serves all permutations.
    """
    patients = len(values)
    predictor = np.zeros((patients, patients))
    for own in tested:
        known = np.setdiff1d(np.arange(patients), own)
        centre, spread = values[known].mean(0), values[known].std(0) + 1e-6
        seen, unseen = ((values[rows] - centre) / spread for rows in (known, own))
        axes = np.linalg.svd(seen, full_matrices=False)[2][:COMPONENTS].T
        scores = seen @ axes  # centred, so that the mean of the target is the ridge's constant
        weights = np.linalg.solve(scores.T @ scores + PENALTY * np.eye(scores.shape[1]), scores.T)
        predictor[np.ix_(own, known)] = unseen @ axes @ weights + 1 / len(known)
    return predictor


def correlation(one: Floats, other: Floats, axis: int = -1) -> Floats:
    """Spearman's correlation along an axis."""
    return np.asarray(stats.spearmanrho(one, other, axis=axis).statistic)


def with_interval(name: str, one: Floats, other: Floats) -> dict[str, Any]:
    """A correlation (P,) with (P,) and the interval that resampled patients give."""
    drawn = stats.bootstrap(
        (one, other),
        correlation,
        paired=True,
        vectorized=True,
        n_resamples=DRAWS,
        confidence_level=LEVEL,
        method="percentile",
        rng=SEED,
    )
    low, high = drawn.confidence_interval
    return {"name": name, "value": float(correlation(one, other)), "low": float(low), "high": float(high)}


def beside_chance(name: str, predictor: Floats, target: Floats) -> dict[str, Any]:
    """How well genes predict a target (P,), and how well they predict other patients' targets."""
    chance = stats.permutation_test(
        (target,),
        lambda given, axis: correlation(given @ predictor.T, given, axis),
        permutation_type="pairings",
        vectorized=True,
        n_resamples=DRAWS,
        alternative="greater",
        rng=SEED,
    )
    return {
        **with_interval(name, predictor @ target, target),
        "permuted_mean": float(chance.null_distribution.mean()),
        "permuted_deviation": float(chance.null_distribution.std()),
        "p": float(chance.pvalue),
    }


def main() -> None:
    """Measure, print, write."""
    args = arguments()
    true, predicted = log_volumes(args.results)
    patients = [str(one) for one in true.index]
    predictor = out_of_fold(expression_of(args.results, patients), tested_of(args.results, patients))
    volume = true.to_numpy()
    rows = [beside_chance("genes: the volume", predictor, volume)]
    for method, column in predicted.items():
        seen = column.to_numpy()
        rows.append(with_interval(f"{method}: the volume", seen, volume))
        rows.append(beside_chance(f"genes: true volume over {method}'s", predictor, volume - seen))
    print(f"{len(patients)} patients")
    print(pd.DataFrame(rows).to_string(index=False, float_format="%.3f", na_rep=""))
    with atomic_path(args.output) as part:
        part.write_text(json.dumps(rows, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
