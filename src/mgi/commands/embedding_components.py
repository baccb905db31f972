"""Principal components of the test patients' image vectors, the same variables in every fold.

INPUTS: vectors of `mgi embed`, one file a fold, of the same seed. OUTPUT: a table (Parquet) with a row a test patient,
which `mgi associate --phenotypes` reads. Validation patients and those who lack a vector are left out.
"""

import argparse
import json
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mgi.association.components import FoldVectors, components_of
from mgi.association.settings import AssociateSettings
from mgi.cohort.split import TEST, TRAIN
from mgi.core.errors import BadInputError
from mgi.shards.embedding_file import Embeddings, read_embeddings
from mgi.shards.parquet import write_table


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--embeddings", type=Path, nargs="+", required=True, help="vectors by one run of each fold")
    options.add_argument("--settings", required=True, help="the config section `associate`, as JSON")
    options.add_argument("--output", type=Path, required=True, help="the components, Parquet")


def run(args: argparse.Namespace) -> None:
    chosen = AssociateSettings.read(args.settings, where="associate")
    folds = {path: read_embeddings(path) for path in args.embeddings}
    _require_alike(folds)
    vectors = [_of_fold(one, chosen.embedding, path) for path, one in folds.items()]
    path, first = next(iter(folds.items()))
    untrained = _vectors(first, f"{chosen.embedding}_untrained", None, path)
    found = components_of(vectors, untrained, chosen.components)
    names = [f"component_{number}" for number in range(1, chosen.components + 1)]
    columns = {"patient_id": list(found.patients), "fold": pa.array(found.folds, pa.int32())}
    about = {
        "embedding": chosen.embedding,
        "agreement": [None if np.isnan(value) else float(value) for value in found.agreement],
        "variance": {one.fold: row.tolist() for one, row in zip(vectors, found.variance, strict=True)},
    }
    table = pa.table({**columns, **dict(zip(names, found.values.T, strict=True))})
    write_table(
        args.output, table.replace_schema_metadata({"components": json.dumps(about, sort_keys=True)}), args.embeddings
    )
    share = f"{found.variance.sum(axis=1).mean():.2f} of the variance of training vectors"
    print(
        f"{len(found.patients)} test patients of {len(vectors)} fold{'s' if len(vectors) > 1 else ''}, "
        f"{len(names)} component{'s' if len(names) > 1 else ''}: {share}"
    )
    if len(vectors) > 1:
        print(f"agreement of folds by component: {', '.join(f'{value:.2f}' for value in found.agreement)}")


def _require_alike(folds: dict[Path, Embeddings]) -> None:
    """Refuse runs that differ in more than their fold."""
    first, *others = (one.run for one in folds.values())
    seen = {first.fold}
    for path, run in zip(list(folds)[1:], others, strict=True):
        if replace(run, fold=first.fold) != first or run.fold in seen:
            raise BadInputError(f"{path}: vectors by {run.key} beside {first.key}, expected the same of another fold")
        seen.add(run.fold)


def _of_fold(found: Embeddings, column: str, path: Path) -> FoldVectors:
    (train, trained), (test, tested) = (_vectors(found, column, (role,), path) for role in (TRAIN, TEST))
    return FoldVectors(fold=found.run.fold, train=train, train_vectors=trained, test=test, test_vectors=tested)


def _vectors(
    found: Embeddings, column: str, roles: Collection[str] | None, path: Path
) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Patients of some roles, or all with an image, who have a vector, and these; float64."""
    values = found.vectors[column].astype(np.float64)
    known = [bool(row.size) and bool(np.isfinite(row).all()) for row in values]
    rows = [row for row, role in enumerate(found.roles) if known[row] and (roles is None or role in roles)]
    if not rows:
        raise BadInputError(f"{path}: {column}: no {' or '.join(roles or ['patient'])} patient has a vector")
    return tuple(found.patient_ids[row] for row in rows), values[rows]
