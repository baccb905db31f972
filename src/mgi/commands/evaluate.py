"""Score one run's predictions against the true masks, on the images' own grid."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa

from mgi.cohort.slice_split import SLICE_PROTOCOL, slice_roles
from mgi.cohort.split import TEST
from mgi.shards.parquet import write_table
from mgi.tasks.segmentation.dice import Mask
from mgi.tasks.segmentation.patient_scores import SCORES
from mgi.tasks.segmentation.prediction_file import PredictedVolume, RunSpec, read_patients, read_spec, read_volumes
from mgi.tasks.segmentation.scores import score_patient, score_slices
from mgi.tasks.segmentation.true_masks import read_masks


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--predictions", type=Path, required=True, help="predictions of one run (Parquet)")
    parser.add_argument("--slices", type=Path, required=True, help="slices of the image shard (Parquet)")
    parser.add_argument("--output", type=Path, required=True, help="scores, a row per patient and definition (Parquet)")
    return parser


def run(args: argparse.Namespace) -> None:
    spec = read_spec(args.predictions)
    truth = read_masks(args.slices, read_patients(args.predictions))
    run_columns = {
        "run": spec.key, "method": spec.label, "trained_genes": spec.genes, "fold": spec.fold, "seed": spec.seed,
    }  # fmt: skip
    rows = []
    for volume in read_volumes(args.predictions, {patient: len(mask) for patient, mask in truth.items()}):
        scores = _scores(volume, truth[volume.patient_id], spec)
        case = {**run_columns, "genes": volume.genes, "patient_id": volume.patient_id}
        rows += [{**case, "definition": name, "value": value} for name, value in scores.items()]
    rows.sort(key=lambda row: (row["genes"], row["patient_id"], row["definition"]))
    table = pa.Table.from_pylist(rows, schema=SCORES.with_metadata({"spec": json.dumps(asdict(spec), sort_keys=True)}))
    write_table(args.output, table)


def _scores(volume: PredictedVolume, truth: Mask, spec: RunSpec) -> dict[str, float]:
    """Of the whole volume; where the split is by slice, of the slices that training did not see."""
    if spec.protocol != SLICE_PROTOCOL:
        return score_patient(volume.probability, truth, volume.patient_id)
    tested = slice_roles(volume.patient_id, len(truth), spec.fold) == TEST
    return score_slices(volume.probability[tested], truth[tested])
