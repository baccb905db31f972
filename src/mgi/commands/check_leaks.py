"""Refuse a split whose training, validation and test have a patient, a gene vector or an image slice in common.

INPUTS: split, expression shard, image shard. OUTPUT: what was compared (JSON), which every training run waits for.
The protocol `slice` divides patients on purpose: then the report says how many, and nothing else is different.
"""

import argparse
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mgi.cohort.duplicates import digest_of_values, slice_digests
from mgi.cohort.leaks import leaks_of
from mgi.cohort.slice_split import WATERMARK
from mgi.core.errors import BadInputError
from mgi.core.files import write_json
from mgi.shards.expression_shard import read_expression
from mgi.shards.image_shard import iter_images
from mgi.shards.parquet import read_table
from mgi.shards.schemas import SPLIT

Digests = dict[str, set[bytes]]


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--split", required=True, type=Path)
    options.add_argument("--slices", required=True, type=Path, help="image shard")
    options.add_argument("--values", required=True, type=Path, help="expression shard")
    options.add_argument("--protocol", choices=("patient", "slice"), default="patient")
    options.add_argument("--output", required=True, type=Path, help="the report, JSON")
    return options


def run(args: argparse.Namespace) -> None:
    folds = _folds(args.split)
    expression = read_expression(args.values.parent)
    genes = {
        patient: {digest_of_values(row)} for patient, row in zip(expression.patient_ids, expression.values, strict=True)
    }
    images = {one.patient_id: set(slice_digests(one.slices)) for one in iter_images(args.slices.parent)}
    shared: Mapping[str, Digests] = {"gene vector": genes, "image slice": images}
    if leaks := [leak for fold, roles in folds.items() for leak in leaks_of(fold, roles, shared)]:
        more = f" ({len(leaks) - 1} more)" if len(leaks) > 1 else ""
        raise BadInputError(f"{args.split}: {leaks[0]}{more}; expected nothing in common across roles")
    write_json(
        args.output,
        {
            "protocol": args.protocol,
            "leaks": _on_purpose(folds) if args.protocol == "slice" else [],
            **({"watermark": WATERMARK} if args.protocol == "slice" else {}),
            "compared": {
                "patients": len({patient for roles in folds.values() for patient, _ in roles}),
                "gene_vectors": len(genes),
                "image_slices": sum(len(digests) for digests in images.values()),
            },
            "folds": {
                str(fold): dict(sorted(Counter(role for _, role in roles).items())) for fold, roles in folds.items()
            },
        },
    )
    print(f"{len(folds)} folds, {len(genes)} gene vectors, {len(images)} image volumes: nothing shared across roles")


def _folds(path: Path) -> dict[int, list[tuple[str, str]]]:
    """Patient and role of every row by fold; unlike `read_split` this lets a patient have two, so as to name it."""
    table = read_table(path, SPLIT).to_pandas()
    return {
        int(fold): list(zip(rows["patient_id"], rows["role"], strict=True))
        for fold, rows in table.groupby("fold", sort=True)
    }


def _on_purpose(folds: Mapping[int, list[tuple[str, str]]]) -> list[dict[str, Any]]:
    """The protocol's own leak, said fold by fold: who has an image has slices in training, validation and test."""
    return [
        {
            "fold": fold,
            "shared": "patient id",
            "patients": sum(role in ("train", "validation", "test") for _, role in roles),
        }
        for fold, roles in folds.items()
    ]
