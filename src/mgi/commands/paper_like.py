"""What the paper's likely protocol would have claimed of these models, of leaky ones and of an empty mask; watermarked.

INPUTS: scores of all runs, split by patient and by slice, and the true masks. OUTPUT: a table in which every row that
must not be compared says so.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from mgi.cohort.tables import read_split
from mgi.commands._run_options import add_runs, of_each_run
from mgi.core.run import DEFAULT_TASK, PATIENT
from mgi.core.run_choice import by_slice, evaluated
from mgi.core.sidecar import digested_path
from mgi.evaluation.expression_inputs import NOT_USED
from mgi.evaluation.patient_scores import without_expression
from mgi.evaluation.score_files import read_scores, require_tested
from mgi.tasks.segmentation.paper_like import EMPTY_MASK, NO_SPLIT, paper_like_table
from mgi.tasks.segmentation.scoring import iter_masks, score_patient
from mgi.tasks.segmentation.settings import EvaluationSettings


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--scores", type=Path, nargs="+", required=True, help="scores of all runs (Parquet)")
    add_runs(options, "--scores")
    options.add_argument("--image-shard", type=Path, required=True, help="dataset.json of the image shard")
    options.add_argument("--split", type=Path, required=True, help="split; who has no expression is left out")
    options.add_argument("--settings", default="{}", help="config section 'evaluation' as JSON")
    options.add_argument("--output", type=Path, required=True, help="a row per split, method and definition (CSV)")


def run(args: argparse.Namespace) -> None:
    chosen = EvaluationSettings.read(args.settings, where="evaluation")
    given = of_each_run(args.scores, args.runs, lambda table: [*evaluated(table), *by_slice(table)])
    scores = read_scores(given)
    split = read_split(args.split)
    require_tested(scores, split, str(args.split))
    scores = scores[~scores["patient_id"].isin(without_expression(split))]
    patients = sorted(scores.loc[scores["split_unit"] == PATIENT, "patient_id"].unique())
    scores = pd.concat([scores, _of_empty_masks(args.image_shard, patients)], ignore_index=True)
    table = paper_like_table(scores, draws=chosen.bootstrap_draws, seed=chosen.seed)
    with digested_path(args.output, [*given, args.split]) as part:
        table.to_csv(part, index=False, float_format="%.6g")


def _of_empty_masks(image_shard: Path, patients: list[str]) -> pd.DataFrame:
    """What predicting nothing scores on every tested patient."""
    case = {"split_unit": NO_SPLIT, "method": EMPTY_MASK, "task": DEFAULT_TASK, "expression_input": NOT_USED}
    rows = [
        {**case, "fold": 0, "seed": 0, "patient_id": patient, "definition": name, "value": value}
        for patient, truth in iter_masks(image_shard, patients)
        for name, value in score_patient(np.zeros(truth.shape, np.uint8), truth, patient).items()
    ]
    return pd.DataFrame(rows)
