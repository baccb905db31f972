"""What the paper's likely protocol would have claimed of these models, of leaky ones and of an empty mask; watermarked.

INPUTS: scores of all runs, of both protocols, and the true masks. OUTPUT: a table in which every row that must not be
compared says so.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from mgi.cohort.tables import read_split
from mgi.core import settings
from mgi.core.files import atomic_path
from mgi.shards.parquet import read_table
from mgi.tasks.segmentation.paper_like import EMPTY_MASK, NO_SPLIT, PATIENT, paper_like_table
from mgi.tasks.segmentation.patient_scores import SCORES, without_expression
from mgi.tasks.segmentation.scores import score_patient
from mgi.tasks.segmentation.settings import EvaluationSettings
from mgi.tasks.segmentation.true_masks import read_masks


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scores", type=Path, nargs="+", required=True, help="scores of all runs (Parquet)")
    parser.add_argument("--slices", type=Path, required=True, help="slices of the image shard (Parquet)")
    parser.add_argument("--split", type=Path, required=True, help="split; who has no expression is left out")
    parser.add_argument("--settings", default="{}", help="config section 'evaluation' as JSON")
    parser.add_argument("--output", type=Path, required=True, help="a row per split, method and definition (CSV)")
    return parser


def run(args: argparse.Namespace) -> None:
    chosen = settings.parse(EvaluationSettings, args.settings, where="evaluation")
    scores = pd.concat([read_with_split(path) for path in sorted(args.scores)], ignore_index=True)
    scores = scores[~scores["patient_id"].isin(without_expression(read_split(args.split)))]
    patients = sorted(scores.loc[scores["split"] == PATIENT, "patient_id"].unique())
    scores = pd.concat([scores, _of_empty_masks(args.slices, patients)], ignore_index=True)
    table = paper_like_table(scores, draws=chosen.bootstrap_draws, seed=chosen.seed)
    with atomic_path(args.output) as part:
        table.to_csv(part, index=False, float_format="%.6g")


def read_with_split(path: Path) -> pd.DataFrame:
    """The scores of a run with the column `split`: how its patients or slices were divided."""
    table = read_table(path, SCORES)
    spec = json.loads((table.schema.metadata or {}).get(b"spec", b"{}"))
    scores: pd.DataFrame = table.to_pandas()
    return scores.assign(split=spec.get("protocol", PATIENT))


def _of_empty_masks(slices: Path, patients: list[str]) -> pd.DataFrame:
    """What predicting nothing scores on every tested patient."""
    case = {"split": NO_SPLIT, "method": EMPTY_MASK, "trained_genes": "none", "genes": "none", "fold": 0, "seed": 0}
    rows = [
        {**case, "patient_id": patient, "definition": name, "value": value}
        for patient, truth in read_masks(slices, patients).items()
        for name, value in score_patient(np.zeros(truth.shape, np.uint8), truth, patient).items()
    ]
    return pd.DataFrame(rows)
