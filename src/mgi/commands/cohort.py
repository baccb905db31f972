"""Pair patients across the locks of all modalities and say why each of the others was dropped."""

import argparse
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from mgi.cohort.pairing import KEPT, Offer, pair_patients
from mgi.cohort.tables import write_cohort, write_reasons
from mgi.core.errors import BadInputError
from mgi.locks.lock import read_lock
from mgi.locks.raw_index import BATCHES, all_batches, read_raw_index, read_raw_indexes
from mgi.modalities.offer import offer_of
from mgi.modalities.registry import in_order

MOST_REASONS = 3


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--lock", required=True, nargs="+", help="a lock of each modality, JSON")
    options.add_argument("--index", required=True, nargs="+", help=f"{BATCHES} of all modalities")
    options.add_argument("--require", nargs="*", help="modalities that a patient must have to be kept (default: all)")
    options.add_argument("--any-of", nargs="*", default=[], help="images of which a patient must have one beside these")
    options.add_argument("--exclude", nargs="*", default=[], help="patients to leave out by hand")
    options.add_argument("--sites", type=Path, help="TSV with patient_id and site, where ids are no TCGA barcodes")
    options.add_argument("--output", required=True, help="the cohort, Parquet")
    options.add_argument(
        "--tsv", type=Path, required=True, help="the same as text; where nobody is kept, only *_nobody_kept beside it"
    )


def run(args: argparse.Namespace) -> None:
    indexes = all_batches(args.index)
    offers = _offers(args.lock, indexes)
    required = args.require or [offer.modality for offer in offers]
    rows = pair_patients(offers, required=required, any_of=args.any_of, exclude=args.exclude, sites=args.sites)
    rejected = args.tsv.with_name(f"{args.tsv.stem}_nobody_kept{args.tsv.suffix}")
    if all(row.reason for row in rows):
        write_reasons(rows, offers, rejected)
    else:
        rejected.unlink(missing_ok=True)
        made_from = [*args.lock, *indexes]
        write_cohort(rows, offers, required, args.output, args.tsv, made_from=made_from, any_of=args.any_of)
    reasons = Counter(row.reason or KEPT for row in rows)
    for reason, count in sorted(reasons.items()):
        print(f"{count:5d}  {reason}")
    if reasons[KEPT] == 0:
        wanted = " and ".join(
            " with ".join([offer.modality, *offer.companions]) for offer in offers if offer.modality in required
        )
        wanted += f" and one of {', '.join(args.any_of)}" if args.any_of else ""
        often = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common(MOST_REASONS) if count)
        raise BadInputError(f"{rejected}: none of {len(rows)} patients has {wanted}: {often}; its rows say why")


def _offers(lock_paths: Sequence[str], index_paths: Sequence[str]) -> list[Offer]:
    locks = {lock.modality: lock for lock in map(read_lock, lock_paths)}
    if len(locks) < len(lock_paths):
        raise BadInputError(f"--lock: {len(lock_paths)} locks of {len(locks)} modalities, expected one of each")
    indexes = defaultdict(list)
    for path in index_paths:
        indexes[read_raw_index(path).modality].append(path)
    if strange := sorted(indexes.keys() - locks.keys()):
        raise BadInputError(f"{indexes[strange[0]][0]}: an index of {strange[0]}, of which no lock was given")
    return [
        offer_of(kind, locks[kind.name], read_raw_indexes(indexes[kind.name], kind.name)) for kind in in_order(locks)
    ]
