"""Tables over all runs: Dice with intervals, each method against MGI, the gene audit, and the patients behind them.

Patients without expression are in one table alone, beside all others: what methods score that read no genes.
"""

import argparse
import json
from pathlib import Path

import pandas as pd

from mgi.cohort.slice_split import PATIENT_PROTOCOL
from mgi.cohort.tables import read_split
from mgi.core import settings
from mgi.core.errors import BadInputError
from mgi.core.files import atomic_path
from mgi.shards.parquet import read_table
from mgi.tasks.segmentation.audit import audit_table
from mgi.tasks.segmentation.cohort_tables import dice_table, paired_tests
from mgi.tasks.segmentation.patient_scores import GENE_FREE, SCORES, per_patient, without_expression
from mgi.tasks.segmentation.settings import EvaluationSettings


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scores", type=Path, nargs="+", required=True, help="scores of all runs (Parquet)")
    parser.add_argument("--settings", default="{}", help="config section 'evaluation' as JSON")
    parser.add_argument("--split", type=Path, required=True, help="split that names the patients without expression")
    parser.add_argument("--dice", type=Path, required=True, help="a row per method, gene mode and definition (CSV)")
    parser.add_argument("--dice-all", type=Path, required=True, help="the same without genes, over all patients (CSV)")
    parser.add_argument("--tests", type=Path, required=True, help="MGI against each other method (CSV)")
    parser.add_argument("--audit", type=Path, required=True, help="real against other genes (CSV)")
    parser.add_argument("--patients", type=Path, required=True, help="a row per method, gene mode and patient (CSV)")
    return parser


def run(args: argparse.Namespace) -> None:
    chosen = settings.parse(EvaluationSettings, args.settings, where="evaluation")
    scores = pd.concat([_read(path) for path in sorted(args.scores)], ignore_index=True)
    everybody = per_patient(scores)
    patients = everybody[~everybody["patient_id"].isin(without_expression(read_split(args.split)))]
    how = {"draws": chosen.bootstrap_draws, "seed": chosen.seed}
    tables = {
        args.patients: patients,
        args.dice: dice_table(patients, **how),
        args.dice_all: dice_table(everybody[everybody["genes"].isin(GENE_FREE)], **how),
        args.tests: paired_tests(patients, chosen.headline, **how),
        args.audit: audit_table(patients, chosen.headline, **how),
    }
    for target, table in tables.items():
        with atomic_path(target) as part:
            table.to_csv(part, index=False, float_format="%.6g")


def _read(path: Path) -> pd.DataFrame:
    table = read_table(path, SCORES)
    spec = json.loads((table.schema.metadata or {}).get(b"spec", b"{}"))
    if (protocol := spec.get("protocol", PATIENT_PROTOCOL)) != PATIENT_PROTOCOL:
        raise BadInputError(f"{path}: protocol: found {protocol}, expected {PATIENT_PROTOCOL}: it leaks on purpose")
    scores: pd.DataFrame = table.to_pandas()
    return scores
