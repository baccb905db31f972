"""Decide each fold's training, validation and test patients, once for every method."""

import argparse

from mgi.cohort.pairing import KEPT
from mgi.cohort.split import SplitSettings, split_patients
from mgi.core.settings import parse
from mgi.shards.cohort_tables import read_cohort, write_split


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--cohort", required=True, help="the cohort, Parquet")
    options.add_argument("--settings", required=True, help="the section `split` of the configuration, as JSON")
    options.add_argument("--output", required=True, help="the split, Parquet")
    options.add_argument("--tsv", required=True, help="the same as text")
    return options


def run(args: argparse.Namespace) -> None:
    settings = parse(SplitSettings, args.settings, where="split")
    cohort = read_cohort(args.cohort)
    kept = cohort.loc[cohort["status"] == KEPT, "patient_id"].tolist()
    write_split(split_patients(kept, settings), args.output, args.tsv)
    print(f"{len(kept)} patients in {settings.folds} folds")
