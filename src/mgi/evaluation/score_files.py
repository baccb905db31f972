"""Reads the scores of runs, each of which must be there once and of patients whom its fold tests."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from mgi.cohort.split import TEST, UNPAIRED_IMAGE
from mgi.core.errors import BadInputError
from mgi.core.run import PATIENT, run_of
from mgi.evaluation.patient_scores import SCORES
from mgi.shards.parquet import read_table


def read_scores(paths: Iterable[Path], *, leaky: bool = True) -> pd.DataFrame:
    """The scores of all files, with the column `split_unit`: how a run's patients or slices were divided.

    Raises BadInputError where two files are of one run, or where a run leaks and no `leaky` one is wanted.
    """
    seen: dict[str, Path] = {}
    tables = []
    for path in sorted(paths):
        table = read_table(path, SCORES)
        run = run_of(table.schema.metadata or {}, str(path))
        if (other := seen.setdefault(run.key, path)) != path:
            raise BadInputError(f"{path}: scores of {run.key}, as {other}: expected each run once; evaluate both again")
        if run.leaks and not leaky:
            raise BadInputError(f"{path}: split_unit: found {run.split_unit}, expected patient: it leaks on purpose")
        tables.append(table.to_pandas().assign(split_unit=run.split_unit))
    scores: pd.DataFrame = pd.concat(tables, ignore_index=True)
    return scores


def require_tested(scores: pd.DataFrame, split: pd.DataFrame, where: str) -> None:
    """Refuse scores of a patient whom the split, read from `where`, does not test in the fold of the run."""
    tested = split.loc[split["role"].isin((TEST, UNPAIRED_IMAGE)), ["fold", "patient_id"]]
    known = set(tested.itertuples(index=False, name=None))
    scored = scores.loc[scores["split_unit"] == PATIENT, ["fold", "patient_id"]].drop_duplicates()
    for fold, patient in sorted(scored.itertuples(index=False, name=None)):
        if (fold, patient) not in known:
            raise BadInputError(
                f"{where}: fold {fold}: {patient} has scores and is not tested there; "
                "the split or the scores are of other results: predict and evaluate again"
            )
