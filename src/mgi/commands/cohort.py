"""Pair patients across the two locks and say why each of the others was dropped."""

import argparse
from collections import Counter

from mgi.cohort.pairing import KEPT, pair_patients
from mgi.cohort.tables import write_cohort
from mgi.core.errors import BadInputError
from mgi.locks.lock import ExpressionLock, ImageLock, as_json, read_lock
from mgi.locks.raw_index import read_raw_indexes


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--expression-lock", required=True, help="lock of the expression source, JSON")
    options.add_argument("--image-lock", required=True, help="lock of the image source, JSON")
    options.add_argument("--expression-index", required=True, nargs="+", help="indexes of all fetched batches, JSON")
    options.add_argument("--image-index", required=True, nargs="+", help="indexes of all fetched batches, JSON")
    options.add_argument("--exclude", nargs="*", default=[], help="patients to leave out by hand (TCGA-XX-XXXX)")
    options.add_argument("--output", required=True, help="the cohort, Parquet")
    options.add_argument("--tsv", required=True, help="the same as text")
    return options


def run(args: argparse.Namespace) -> None:
    rows = pair_patients(
        as_json(read_lock(args.expression_lock, ExpressionLock)),
        as_json(read_lock(args.image_lock, ImageLock)),
        read_raw_indexes(args.expression_index, "expression"),
        read_raw_indexes(args.image_index, "images"),
        exclude=args.exclude,
    )
    write_cohort(rows, args.output, args.tsv)
    reasons = Counter(row.reason or KEPT for row in rows)
    for reason, count in sorted(reasons.items()):
        print(f"{count:5d}  {reason}")
    if reasons[KEPT] == 0:
        raise BadInputError(f"{args.tsv}: none of {len(rows)} patients has expression, image and mask; see its reasons")
