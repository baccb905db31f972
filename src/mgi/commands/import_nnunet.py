"""Take back what nnU-Net predicted for the test patients of a fold, so that `evaluate` scores it as any other method.

PREDICTIONS: the folder that nnUNetv2_predict wrote. Results get imported/<run>/: predictions.parquet and record.json.
Refused: a missing patient, one who is not tested in the fold, another grid, a value but 0 and 1, and a model whose own
validation patients are not those of the fold.
"""

import argparse
import re
from pathlib import Path
from typing import Any

from mgi.cohort.split import TRAIN, VALIDATION
from mgi.cohort.tables import patients_with_role, read_split
from mgi.core.errors import BadInputError, ConfigError
from mgi.core.files import read_json, sha256_of, write_json
from mgi.core.origins import origins_of
from mgi.core.run import DEFAULT_TASK, ENTRY, IMAGE, Run
from mgi.core.run_files import FILES, MADE_FROM
from mgi.core.section import read_record
from mgi.evaluation.expression_inputs import NOT_USED
from mgi.shards.dataset_manifest import dataset_of
from mgi.shards.image_shard import iter_images
from mgi.tasks.segmentation.learning import prediction_writer
from mgi.tasks.segmentation.nnunet_dataset import EXPORT, DatasetFolder, Export
from mgi.tasks.segmentation.nnunet_predictions import (
    predicted_files,
    read_predicted,
    require_same_folds,
    require_trained_on,
)

METHOD = re.compile(r"nnunet(_[a-z0-9]+)*")
# What is kept of a model whose weights are not ours.
_MODEL_FILES = ("plans.json", "dataset.json")
_CHECKPOINT = "checkpoint_final.pth"


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--results", type=Path, required=True, help="results folder that was exported")
    options.add_argument("--export", type=Path, required=True, help="folder that export-nnunet wrote")
    options.add_argument(
        "--model", type=Path, required=True, help="nnUNet_results/DatasetX/TRAINER__PLANS__CONFIGURATION"
    )
    options.add_argument("--predictions", type=Path, required=True, help="folder that nnUNetv2_predict wrote")
    options.add_argument("--fold", type=int, required=True, help="fold of that model, whose test patients these are")
    options.add_argument("--seed", type=int, default=0, help="number of the repeat (default: %(default)s)")
    options.add_argument(
        "--method", default="nnunet", help="its name in tables, such as nnunet_2d (default: %(default)s)"
    )


def run(args: argparse.Namespace) -> None:
    if METHOD.fullmatch(args.method) is None:
        raise ConfigError(f"--method: found {args.method!r}, expected nnunet, or nnunet_ and small letters or digits")
    run = Run(task=DEFAULT_TASK, method=args.method, inputs=(IMAGE,), fold=args.fold, seed=args.seed)
    shard, path = dataset_of(args.results / "shards" / IMAGE), args.results / "tables/split.parquet"
    split, export = read_split(path), _exported(args.export / EXPORT)
    if export.shard_sha256 != sha256_of(shard):
        raise BadInputError(f"{args.export}: exported from another shard than {shard}; export and train again")
    require_same_folds(DatasetFolder(args.export, export.dataset), split)
    files = predicted_files(args.predictions, args.fold, split)
    trained = require_trained_on(args.model, args.fold, split)
    target = args.results / "imported" / run.key
    with prediction_writer(target / "predictions.parquet", run) as writer:
        for images in iter_images(shard, files):
            probability = read_predicted(files[images.patient_id], images, export.spacing_mm)
            writer.add(images.patient_id, NOT_USED, None, list(probability))
    record = {
        ENTRY: run.record(),
        "model": _about(args.model, trained),
        "predicted": {patient: sha256_of(file) for patient, file in files.items()},
        "patients": {role: len(patients_with_role(split, args.fold, role)) for role in (TRAIN, VALIDATION)},
        MADE_FROM: origins_of(target / "record.json", [path, shard]),
        FILES: {"predictions.parquet": sha256_of(target / "predictions.parquet")},
    }
    write_json(target / "record.json", record)
    print(f"{target}: {len(files)} patients")


def _exported(path: Path) -> Export:
    return read_record(Export, read_json(path), str(path))


def _about(model: Path, trained: Path) -> dict[str, Any]:
    """Which model of nnU-Net it was: the name of its folder and the digests of what is there."""
    paths = [*(model / name for name in _MODEL_FILES), trained / _CHECKPOINT]
    return {"name": model.name, **{path.name: sha256_of(path) for path in paths if path.is_file()}}
