"""Tables over all runs: results with intervals, each method against MGI, the audit, and the patients behind them.

Patients without expression are in one table alone, beside all others: what methods score that read no genes.
"""

import argparse
from pathlib import Path

import pandas as pd

from mgi.cohort.tables import read_split
from mgi.commands._run_options import add_runs, of_each_run
from mgi.core.errors import BadInputError
from mgi.core.run_choice import evaluated
from mgi.core.sidecar import digested_path
from mgi.evaluation.cohort_scores import difference_in_cohort
from mgi.evaluation.cohort_tables import CASE, RESULT_COLUMNS, Pairing, audit_table, paired_means, paired_tests
from mgi.evaluation.expression_inputs import WITHOUT_EXPRESSION
from mgi.evaluation.intervals import Interval
from mgi.evaluation.patient_scores import per_patient, per_test, without_expression
from mgi.evaluation.score_files import read_scores, require_tested
from mgi.tasks.scoring import OfCohort, Scored, headline_of, scoring_of
from mgi.tasks.segmentation.settings import EvaluationSettings


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--scores", type=Path, nargs="+", required=True, help="scores of all runs (Parquet)")
    add_runs(options, "--scores")
    options.add_argument("--settings", default="{}", help="config section 'evaluation' as JSON")
    options.add_argument("--split", type=Path, required=True, help="split that names the patients without expression")
    options.add_argument("--results-table", type=Path, required=True, help="a row per method, input, definition (CSV)")
    options.add_argument("--no-genes", type=Path, required=True, help="the same without gene input, all patients (CSV)")
    options.add_argument("--tests", type=Path, required=True, help="MGI against each other method (CSV)")
    options.add_argument("--audit", type=Path, required=True, help="own expression against other inputs (CSV)")
    options.add_argument("--patients", type=Path, required=True, help="a row per method, input and patient (CSV)")


def run(args: argparse.Namespace) -> None:
    chosen = EvaluationSettings.read(args.settings, where="evaluation")
    given = of_each_run(args.scores, args.runs, evaluated)
    scores = read_scores(given, leaky=False)
    split = read_split(args.split)
    require_tested(scores, split, str(args.split))
    scoring = scoring_of(_task_of(scores))
    headline = headline_of(scoring, chosen.headline)
    everybody = per_test(scores) if isinstance(scoring, OfCohort) else per_patient(scores, scoring.definitions)
    patients = everybody[~everybody["patient_id"].isin(without_expression(split))]
    if patients.empty:
        raise BadInputError(f"{given[0]}: found no score of a tested patient with expression, expected some")
    how = {"draws": chosen.bootstrap_draws, "seed": chosen.seed}
    pairing = _pairing_of(scoring)
    tables = {
        args.patients: patients,
        args.results_table: _results(patients, scoring, **how),
        args.no_genes: _results(everybody[everybody["expression_input"].isin(WITHOUT_EXPRESSION)], scoring, **how),
        args.tests: paired_tests(patients, headline, **how, pairing=pairing),
        args.audit: audit_table(patients, headline, **how, pairing=pairing),
    }
    for target, table in tables.items():
        with digested_path(target, [*given, args.split]) as part:
            table.to_csv(part, index=False, float_format="%.6g")


def _results(patients: pd.DataFrame, scoring: Scored, draws: int, seed: int) -> pd.DataFrame:
    """A row per method, expression input and definition; columns that only this task has come last."""
    table = pd.DataFrame(
        {**dict(zip(CASE, case, strict=True)), **row}
        for case, group in patients.groupby(CASE, sort=True)
        for row in scoring.summarise(group, draws, seed)
    )
    more = [name for name in table.columns if name not in RESULT_COLUMNS]
    whole = dict.fromkeys(["n", *(name for name in more if pd.api.types.is_numeric_dtype(table[name]))], "Int64")
    return table.reindex(columns=[*RESULT_COLUMNS, *more]).astype(whole)


def _pairing_of(scoring: Scored) -> Pairing:
    """How two methods are compared: by each patient's scores, or by the cohort's on the same draws of patients."""
    if not isinstance(scoring, OfCohort):
        return paired_means
    statistics = scoring.statistics

    def in_cohort(
        first: pd.DataFrame, second: pd.DataFrame, definition: str, draws: int, seed: int
    ) -> tuple[Interval, Interval, float] | None:
        return difference_in_cohort(first, second, statistics, definition, draws, seed)

    return in_cohort


def _task_of(scores: pd.DataFrame) -> str:
    tasks = sorted(scores["task"].unique())
    if len(tasks) != 1:
        raise BadInputError(f"scores: of the tasks {', '.join(tasks) or 'none'}, expected those of one task")
    return str(tasks[0])
