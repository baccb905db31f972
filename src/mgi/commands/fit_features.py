"""Choose and scale one fold's features of a modality on the training patients who have it."""

import argparse
from pathlib import Path

from mgi.cohort.split import TRAIN
from mgi.cohort.tables import patients_with_role, read_split
from mgi.commands._modalities import read_pairs
from mgi.core.section import as_mapping
from mgi.modalities.fitted_features import write_fitted_features
from mgi.modalities.fitting import FitJob, fit_features
from mgi.modalities.registry import modality
from mgi.shards.feature_shard import open_features


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--modality", required=True, help="name of its section in `modalities` of the config")
    options.add_argument("--shard", required=True, help="its dataset.json")
    options.add_argument("--split", required=True, help="the split, Parquet")
    options.add_argument("--fold", required=True, type=int, help="the fold, from 0")
    options.add_argument("--settings", required=True, help="the part `fit` of its section, as JSON")
    options.add_argument(
        "--beside", nargs="+", default=[], metavar="NAME=PATH", help="features.parquet of other modalities"
    )
    options.add_argument("--output", required=True, help="the fold's features, Parquet")


def run(args: argparse.Namespace) -> None:
    kind, shard = modality(args.modality), open_features(args.shard)
    train = patients_with_role(read_split(args.split), args.fold, TRAIN)
    known = set(shard.patient_ids)
    job = FitJob(
        modality=kind.name,
        shard=shard,
        train=tuple(patient for patient in train if patient in known),
        settings=as_mapping(args.settings, "--settings"),
        beside={name: Path(path) for name, path in read_pairs(args.beside, "--beside").items()},
    )
    fitted = fit_features(job)
    write_fitted_features(args.output, fitted)
    where = f"fold {args.fold}: {kind.name}"
    print(f"{where}: {len(fitted.columns)} of {len(shard.features)} features, fitted on {fitted.n_train} patients")
    for reason, count in fitted.left_out.items():
        print(f"{where}: {count} features left out: {reason}")
    if lacking := len(train) - fitted.n_train:
        print(f"{where}: {lacking} of {len(train)} training patients have none")
