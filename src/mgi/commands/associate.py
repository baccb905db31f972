"""Test every phenotype against every feature of the same patients, given covariates: a linear model for each pair.

The output folder gets associations.parquet (all tests) and, as text, hits.tsv, phenotypes.tsv (inflation) and
left_out.tsv (patients and columns that were not used, and why).
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mgi.association.inputs import gather
from mgi.association.patient_table import (
    About,
    FeatureTable,
    read_feature_table,
    read_patient_table,
    read_patient_tables,
)
from mgi.association.scan import scan
from mgi.association.tables import left_out_summary, write_associations
from mgi.core.errors import ConfigError
from mgi.core.run import EXPRESSION
from mgi.modalities import registry
from mgi.modalities.fitting import transform_of
from mgi.shards.dataset_manifest import DATASET, dataset_of
from mgi.shards.expression_shard import read_expression
from mgi.shards.feature_shard import open_features

PLACED = ("gene_name", "chromosome", "start")
"""Columns of a shard's genes that the tests keep."""


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--phenotypes", type=Path, required=True, help="table of numbers, a row a patient")
    options.add_argument(
        "--features", type=Path, required=True, help="shard of a modality, or a table, a row a patient"
    )
    options.add_argument(
        "--modality", default=EXPRESSION, metavar="NAME",
        help="of which modality a shard is; its values are tested as models see them before scaling "
        "(default: %(default)s)",
    )  # fmt: skip
    options.add_argument(
        "--covariates", type=Path, nargs="+", default=[], help="tables of numbers and categories, a row a patient"
    )
    options.add_argument("--output", type=Path, required=True, help="folder for the results")
    options.add_argument("--phenotype-columns", nargs="+", metavar="NAME", help="some of the table (default: all)")
    options.add_argument("--covariate-columns", nargs="+", metavar="NAME", help="some of the table (default: all)")
    options.add_argument(
        "--categorical", nargs="+", default=[], metavar="NAME", help="covariates whose numbers are codes of categories"
    )
    options.add_argument(
        "--transform", choices=("none", "phenotypes", "both"), default="both",
        help="what is put on normal deviates by rank, so that outliers decide nothing (default: %(default)s)",
    )  # fmt: skip
    options.add_argument("--fdr", type=float, default=0.05, help="false discovery rate of a hit (default: %(default)s)")
    options.add_argument(
        "--permutations", type=int, default=1000, metavar="N", help="of patients; 0: none (default: %(default)s)"
    )
    options.add_argument("--seed", type=int, default=0, help="of the permutations (default: %(default)s)")


def run(args: argparse.Namespace) -> None:
    _check_options(args)
    phenotypes = read_patient_table(args.phenotypes, args.phenotype_columns, "--phenotype-columns")
    covariates = None
    if args.covariates:
        covariates = read_patient_tables(args.covariates, args.covariate_columns, "--covariate-columns")
        if unknown := sorted(set(args.categorical) - set(covariates.cells)):
            raise ConfigError(f"--categorical: found {unknown[0]}, expected of {', '.join(covariates.cells)}")
        if tested := [name for name in covariates.cells if name in phenotypes.cells]:
            raise ConfigError(f"--covariates: found {tested[0]}, a phenotype too; name others by --covariate-columns")
    features, feature_file = _read_features(args.features, args.modality)
    inputs = gather(phenotypes, features, covariates, args.categorical)
    how = {"transform": args.transform, "permutations": args.permutations, "seed": args.seed}
    found = scan(inputs.phenotypes, inputs.features, inputs.design, **how)
    sources = [args.phenotypes, feature_file, *args.covariates]
    hits = write_associations(args.output, found, inputs, args.fdr, sources, how)
    sure = "" if args.permutations == 0 else f", {(hits['p_max'] <= args.fdr).sum()} of them at p_max <= {args.fdr:g}"
    print(f"{found.n} patients, {_counted(len(found.phenotypes), 'phenotype')}, "
          f"{_counted(len(found.features), 'feature')}, "
          f"{_counted(len(inputs.design.columns) - 1, 'column')} of covariates and an intercept; "
          f"{_counted(len(hits), 'hit')} at q <= {args.fdr:g}{sure}")  # fmt: skip
    for line in left_out_summary((*inputs.left_out, *found.left_out)):
        print(f"left out: {line}")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _check_options(args: argparse.Namespace) -> None:
    if not 0 < args.fdr < 1:
        raise ConfigError(f"--fdr: found {args.fdr:g}, expected between 0 and 1")
    if args.permutations < 0:
        raise ConfigError(f"--permutations: found {args.permutations}, expected 0 or more")
    if args.seed < 0:
        raise ConfigError(f"--seed: found {args.seed}, expected 0 or more")
    if args.features.resolve() == args.phenotypes.resolve():
        raise ConfigError(f"--features: found {args.features}, the table of the phenotypes, expected another")
    if not args.covariates and (args.categorical or args.covariate_columns):
        raise ConfigError("--covariates: missing, expected with --covariate-columns and --categorical")


def _read_features(path: Path, modality: str) -> tuple[FeatureTable, Path]:
    """The features of a shard or a table, and the file that describes them: a shard's has the digests of its others."""
    if not path.is_dir() and path.name != DATASET:
        if modality != EXPRESSION:
            raise ConfigError(f"--modality: found {modality}, expected none with {path}, a table and no shard")
        return read_feature_table(path), path
    return _expression(path) if modality == EXPRESSION else _transformed(path, modality), dataset_of(path)


def _expression(path: Path) -> FeatureTable:
    shard = read_expression(path)
    return FeatureTable(
        patients=tuple(shard.patient_ids),
        names=tuple(shard.genes["gene_id"]),
        about=_about(shard.genes, PLACED),
        values=shard.values,
    )


def _transformed(path: Path, modality: str) -> FeatureTable:
    """All features of a further modality's shard, by the transform of its room; those with gaps are left out later."""
    if modality not in registry.names() or registry.modality(modality).fitting is None:
        known = [EXPRESSION, *(name for name in registry.names() if registry.modality(name).fitting is not None)]
        raise ConfigError(f"--modality: found {modality}, expected one of {', '.join(sorted(set(known)))}")
    shard, change = open_features(path), transform_of(modality)
    columns = np.arange(len(shard.features))
    return FeatureTable(
        patients=tuple(shard.patient_ids),
        names=tuple(shard.features["feature_id"]),
        about=_about(shard.features, ("name", *PLACED[1:])),
        values=shard.of_patients(
            shard.patient_ids, len(columns), lambda values: change(shard, values, columns).astype(np.float32)
        ),
    )


def _about(features: pd.DataFrame, columns: Sequence[str]) -> tuple[About, ...]:
    known = features.astype(object).where(features.notna(), None)
    return tuple(About(*row) for row in zip(*(known[name] for name in columns), strict=True))
