"""Ask what vectors of patients know of labels and survival, beside simple features of the same patients.

In each fold simple models learn from its training patients and are scored on its test patients, all on the same ones.

INPUTS: labels, split, expression shard, vectors of the pre-training runs (mgi embed); features of tumours, if given.
OUTPUTS, in a folder: probes.csv, survival.csv, retrieval.csv, retrieval_modalities.csv, out_of_fold.parquet,
maps.parquet.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mgi.cohort.labels.file import LabelTable, read_labels
from mgi.cohort.tables import read_split
from mgi.commands._run_options import add_runs, of_each_run
from mgi.core.errors import BadInputError
from mgi.probes.circular import marked, without_refused
from mgi.probes.classification import ALL, FoldFeatures, Target, Told, probe_classes
from mgi.probes.classifiers import LOGISTIC
from mgi.probes.inputs import (
    PAIRED,
    WITH_EXPRESSION,
    Known,
    endpoint_of,
    expression_folds,
    for_survival,
    paired_folds,
    targets_of,
)
from mgi.probes.maps import maps
from mgi.probes.retrieval import retrieval, retrieval_of_modalities
from mgi.probes.settings import ProbeSettings, probed
from mgi.probes.survival import probe_survival
from mgi.probes.tables import OF_MODALITIES, PROBES, RETRIEVAL, SURVIVAL, write_tables
from mgi.shards.dataset_manifest import dataset_of
from mgi.shards.embedding_file import read_embeddings
from mgi.shards.expression_shard import read_expression
from mgi.shards.parquet import opened_parquet, read_rows


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--labels", type=Path, required=True, help="labels of the cohort, Parquet")
    options.add_argument("--split", type=Path, required=True, help="table with the folds' roles")
    options.add_argument("--expression-shard", type=Path, required=True, help="dataset.json of the expression shard")
    options.add_argument("--embeddings", type=Path, nargs="+", required=True, help="vectors of pre-training runs")
    add_runs(options, "--embeddings")
    options.add_argument("--lesion-features", type=Path, help="features of true masks, Parquet")
    options.add_argument("--lesion-features-predicted", type=Path, help="the same of predicted masks of test patients")
    options.add_argument("--settings", required=True, help="the configuration's section `probe`, as JSON")
    options.add_argument("--output", type=Path, required=True, help="folder for the results")


def run(args: argparse.Namespace) -> None:
    settings = ProbeSettings.read(args.settings, where="probe")
    paths = of_each_run(args.embeddings, args.runs, probed)
    lesions = [path for path in (args.lesion_features, args.lesion_features_predicted) if path is not None]
    known = Known(
        split=read_split(args.split),
        labels=read_labels(args.labels),
        expression=read_expression(args.expression_shard),
        embeddings=[read_embeddings(path) for path in paths],
        lesions=_lesions(args.lesion_features),
        predicted_lesions=_lesions(args.lesion_features_predicted),
    )
    targets, endpoint = targets_of(known, settings), endpoint_of(known, settings)
    if not targets and endpoint is None:
        raise BadInputError(f"{args.labels}: found no class and no survival to ask for, expected labels")
    told: dict[str, list[Told]] = {PROBES: [], SURVIVAL: []}
    for table, folds in ((PAIRED, paired_folds(known, settings)), (WITH_EXPRESSION, expression_folds(known, settings))):
        for target in targets:
            told[PROBES].append(_of_target(target, table, folds, known.labels, settings))
        if endpoint is not None:
            told[SURVIVAL].append(probe_survival(endpoint, table, for_survival(known, folds), settings))
    texts = {name: [row for one in several for row in one.scores] for name, several in told.items()}
    texts[RETRIEVAL] = retrieval(known.embeddings, settings)
    texts[OF_MODALITIES] = retrieval_of_modalities(known.embeddings, settings)
    sites = dict(zip(known.split["patient_id"], known.split["site"], strict=True))
    made_from = [args.labels, args.split, dataset_of(args.expression_shard), *paths, *lesions]
    predictions = [row for several in told.values() for one in several for row in one.predictions]
    classes = {target.name: known.labels.known(target.name) for target in targets}
    write_tables(args.output, texts, predictions, maps(known.embeddings, sites), made_from, classes)
    for row in texts[PROBES]:
        if row["labelled"] == ALL and row["classifier"] == LOGISTIC:
            print(f"{row['target']} ({row['table']}, n {row['n']}): {row['features']} AUC {row['auc']:.3f} "
                  f"({row['low']:.3f} to {row['high']:.3f}), permuted {row['permuted']:.3f}")  # fmt: skip


def _of_target(
    target: Target, table: str, folds: Sequence[FoldFeatures], labels: LabelTable, settings: ProbeSettings
) -> Told:
    allowed = without_refused(labels, target.name, folds)
    for left_out in sorted({one.name for one in folds[0].sets} - {one.name for one in allowed[0].sets}):
        print(f"{target.name}: {left_out} is left out: circular, and labels.circular is refuse")
    return marked(probe_classes(target, table, allowed, settings), labels, target.name, allowed)


def _lesions(path: Path | None) -> dict[str, NDArray[np.float64]]:
    """Features of tumours by patient, NaN where there is no tumour; none where there is no file."""
    if path is None:
        return {}
    with opened_parquet(path) as source:
        patients, *features = source.schema_arrow
        for column in features:
            if patients.name != "patient_id" or not pa.types.is_float64(column.type):
                raise BadInputError(f"{path}: {column.name}: found {column.type}, expected patient_id, then numbers")
        table = read_rows(source, path).to_pandas()
    values = table.drop(columns="patient_id").to_numpy(np.float64)
    return dict(zip(table["patient_id"], values, strict=True))
