"""Make a folder of a fine-tuned run that others can use: weights, frozen genes, config and model card.

INPUTS: results/X/runs/RUN/weights.safetensors, and from the same results the run's record, its fold's genes, split,
shards and scores. OUTPUT: weights.safetensors, genes.parquet, MODEL_CARD.md, and last config.json.
"""

import argparse
from pathlib import Path
from typing import Any

import mgi
from mgi.cohort.split import TRAIN
from mgi.cohort.tables import patients_with_role, read_split
from mgi.core.errors import BadInputError
from mgi.core.files import read_json
from mgi.core.run import RANDOM_ID, run_of
from mgi.core.run_files import require_recorded
from mgi.evaluation.intervals import Interval, bootstrap_mean
from mgi.evaluation.patient_scores import SCORES, per_patient, without_expression
from mgi.modalities.rna.normalise import read_fitted_genes, train_hash_of
from mgi.release.card import CardContent, model_card
from mgi.release.package import WEIGHTS, network_of, write_release
from mgi.release.training_range import measure
from mgi.reporting.provenance import commit
from mgi.shards.dataset_manifest import DATASET
from mgi.shards.expression_shard import read_expression
from mgi.shards.image_shard import iter_images
from mgi.shards.parquet import read_table, run_in
from mgi.tasks.segmentation.scoring import HEADLINE
from mgi.training.weights import load_weights

DRAWS = 10_000


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--weights", required=True, type=Path, help="results/X/runs/RUN/weights.safetensors")
    options.add_argument("--results", type=Path, help="folder of the results (default: the one that holds the run)")
    options.add_argument("--output", required=True, type=Path, help="folder for the release")


def run(args: argparse.Namespace) -> None:
    record_path = args.weights.with_name("run.json")
    results = args.results or args.weights.resolve().parents[2]
    record = _record(record_path, args.weights)
    run = run_of(record, str(record_path))
    if run.control == RANDOM_ID:
        raise BadInputError(f"{record_path}: run.control: found {RANDOM_ID}, expected none or another: it is no model")
    if run.leaks:
        raise BadInputError(f"{record_path}: run.split_unit: found {run.split_unit}, expected patient")
    genes = results / f"folds/{run.fold}/genes.parquet"
    fitted = read_fitted_genes(genes)
    weights = load_weights(args.weights, genes=fitted.gene_ids)
    if weights.run != run:
        raise BadInputError(f"{record_path}: run: found {run.key}, expected {weights.run.key} as the weights")
    network_of(weights, args.weights)  # refuses what makes no masks
    split = read_split(results / "tables/split.parquet")
    n_folds = split["fold"].nunique()
    whole = run.fold >= n_folds
    if whole:
        split = read_split(results / "tables/whole.parquet")
    training = patients_with_role(split, run.fold, TRAIN)
    if train_hash_of(training) != fitted.train_hash:
        raise BadInputError(f"{genes}: fitted on other patients than those of fold {run.fold} in the split")
    shard = read_expression(results / "shards/rna")
    seen = fitted.transform(shard.values[shard.rows_of(training)])
    ranges = measure(iter_images(results / "shards/flair", training), seen)
    images, expression = (read_json(results / f"shards/{kind}" / DATASET) for kind in ("flair", "rna"))
    card = model_card(
        CardContent(
            run=run,
            record=record,
            model=weights.model.plain(),
            images=images,
            expression=expression,
            n_folds=n_folds,
            n_genes=len(fitted.gene_ids),
            scaler=fitted.scaler,
            trained=ranges,
            scores=_scores(
                results / ("external/evaluation" if whole else "evaluation") / f"{run.key}.parquet",
                without_expression(split),
            ),
            version=mgi.__version__,
            commit=commit(),
        )
    )
    write_release(
        args.output,
        weights=args.weights,
        genes=genes,
        card=card,
        training_range=ranges,
        expression_unit=expression["unit"],
        simulated=bool(images["simulated"] or expression["simulated"]),
    )
    print(f"{args.output}: {run.key}, {(args.output / WEIGHTS).stat().st_size / 1e6:.1f} MB of weights")


def _record(path: Path, weights: Path) -> dict[str, Any]:
    if not path.is_file():
        raise BadInputError(f"{path}: missing, expected beside the weights of a fine-tuned run")
    record = require_recorded(weights)
    if missing := sorted({"settings", "patients", "parameters", "device", "torch"} - set(record)):
        raise BadInputError(f"{path}: {missing[0]}: missing")
    return record


def _scores(path: Path, left_out: set[str]) -> dict[str, Interval]:
    """Mean volume Dice by expression input over the test patients; empty where the run was not evaluated."""
    if not path.is_file():
        return {}
    if (found := run_in(path).key) != path.stem:
        raise BadInputError(f"{path}: scores of {found}, expected {path.stem} as its name says; evaluate it again")
    scores = read_table(path, SCORES).to_pandas()
    patients = per_patient(scores[~scores["patient_id"].isin(left_out)], [HEADLINE])
    return {
        str(given): bootstrap_mean(group[HEADLINE], DRAWS, seed=0)
        for given, group in patients.groupby("expression_input", sort=True)
    }
