"""Reads the tables of scores, each checked against the digest beside it, and refuses files of several cohorts."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from mgi.cohort.split import TEST, TRAIN, UNPAIRED_IMAGE, VALIDATION
from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.mending import mend_of
from mgi.core.sidecar import verified
from mgi.locks.lock import Lock
from mgi.shards.dataset_manifest import DATASET, recorded_files
from mgi.shards.parquet import n_rows


def read_csv(path: Path) -> pd.DataFrame:
    """A table of scores, made from files that are still the same."""
    verified(path)
    try:
        return pd.read_csv(path, keep_default_na=False, na_values=[""])
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise BadInputError(f"{path}: not a table ({reason}); {mend_of(path)}") from None


def n_genes(features: Path) -> int:
    """How many genes a shard has; its description, where one is beside them, must be of this very file."""
    described = features.with_name(DATASET)
    for file in recorded_files(described) if described.is_file() else []:
        if file.path == features and (fault := file.fault()):
            raise IntegrityError(f"{fault} in {described.name}; {mend_of(features)}")
    return n_rows(features)


def require_one_cohort(
    cohort: pd.DataFrame, split: pd.DataFrame, slices: Mapping[str, int], locks: Mapping[str, Lock], *, where: Path
) -> None:
    """Refuse a cohort, read from `where`, whose patients are not those of the locks, the split and the shard.

    Each of the files is whole by itself; this tells one that was copied from other results.
    """
    known = set(cohort["patient_id"])
    offered = {item.patient_id for lock in locks.values() for item in lock.items}
    in_split = split[["patient_id"]].drop_duplicates()["patient_id"]
    shown = split.loc[split["role"].isin((TRAIN, VALIDATION, TEST, UNPAIRED_IMAGE)), "patient_id"]
    for what, patients, expected in (
        ("the locks", offered ^ known, "the patients of the locks"),
        ("the split", set(in_split) - known, "all patients of the split"),
        ("the split", set(cohort.loc[cohort["status"] == "kept", "patient_id"]) - set(in_split), "the kept ones alone"),
        ("the image shard", set(shown) - set(slices), "slices of every patient who is in the split with an image"),
    ):
        if patients:
            raise BadInputError(
                f"{where}: {min(patients)} differs from {what} ({len(patients)} patients do), expected {expected}; "
                "one of the files is of other results: run `cohort` and `split` again"
            )
