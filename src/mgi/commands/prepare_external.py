"""Admit the patients of another archive: nobody who was trained on, everybody on the frozen genes.

INPUTS: image shard, expression shard, the fold that trains on the whole cohort and its fitted genes; the other
archive's cohort and shards. OUTPUTS: the other archive's expression on the first one's gene index (a gene that it lacks
has the training mean), and a split in which its patients are tested, so that `predict-fold` and `evaluate` take both.
"""

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mgi.cohort.duplicates import same_slices, same_values, slice_index
from mgi.cohort.near_duplicates import (
    SAME_SLICE,
    NearPair,
    Signatures,
    near_pairs,
    only,
    same_vector,
    slice_signatures,
    vector_signature,
)
from mgi.cohort.settings import NEAR_DUPLICATES, REFUSE, AdmissionSettings
from mgi.cohort.split import TEST, UNPAIRED_EXPRESSION, SplitRow
from mgi.cohort.tables import read_cohort, read_split, write_split
from mgi.core.errors import BadInputError
from mgi.core.files import write_json
from mgi.modalities.rna.frozen_genes import by_other_name, on_frozen_genes
from mgi.modalities.rna.normalise import FittedGenes, read_fitted_genes
from mgi.modalities.rna.value_scale import other_scale, require_unit
from mgi.shards.expression_shard import ExpressionShard, read_expression, write_expression
from mgi.shards.image_shard import PatientImages, iter_images

AS_GIVEN = "as given"


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--settings", required=True, help="JSON with max_missing, a share of the model's genes")
    options.add_argument(
        "--image-shard", required=True, type=Path, help="dataset.json of the cohort that was trained on"
    )
    options.add_argument("--expression-shard", required=True, type=Path, help="dataset.json of its expression")
    options.add_argument("--split", required=True, type=Path, help="the fold that trains on all of it")
    options.add_argument("--fitted", required=True, type=Path, help="the gene list and scaler of that fold")
    options.add_argument("--external-cohort", required=True, type=Path, help="cohort table of the other archive")
    options.add_argument("--external-image-shard", required=True, type=Path, help="its dataset.json")
    options.add_argument("--external-expression-shard", required=True, type=Path, help="its dataset.json")
    options.add_argument("--output-values", required=True, type=Path, help="expression on the frozen genes")
    options.add_argument("--output-features", required=True, type=Path)
    options.add_argument("--output-dataset", required=True, type=Path)
    options.add_argument("--output-split", required=True, type=Path)
    options.add_argument("--tsv", required=True, type=Path, help="the split as text")
    options.add_argument("--near-duplicates", choices=NEAR_DUPLICATES, default=REFUSE, help="of patients trained on")
    options.add_argument("--metadata", required=True, type=Path, help="what was compared and what was missing, JSON")


def run(args: argparse.Namespace) -> None:
    settings = AdmissionSettings.read(args.settings, where="external")
    fitted = read_fitted_genes(args.fitted)
    trained = read_split(args.split)
    fold = int(trained["fold"].iloc[0])
    ours, theirs = read_expression(args.expression_shard), read_expression(args.external_expression_shard)
    fitted.require_genes(ours.genes["gene_id"].tolist(), str(args.expression_shard))
    # Two named units must be one; what "as given" means only the user knows.
    if AS_GIVEN not in (ours.unit, theirs.unit) and ours.unit != theirs.unit:
        found = f"values are {theirs.unit}, expected {ours.unit} as the model was trained on"
        raise BadInputError(f"{args.external_expression_shard}: {found}")
    cohort = read_cohort(args.external_cohort)
    patients = cohort.kept
    labels, names = (theirs.genes[name].tolist() for name in ("gene_id", "gene_name"))
    values, missing = on_frozen_genes(fitted, labels, theirs.values[theirs.rows_of(patients)], names)
    if len(missing) > settings.max_missing * len(fitted.gene_ids):
        found = f"{len(missing)} of the model's {len(fitted.gene_ids)} genes are missing, the first is {missing[0]}"
        raise BadInputError(
            f"{args.external_expression_shard}: {found}; expected at most {settings.max_missing:.0%} "
            "(external.max_missing)"
        )
    if theirs.unit == AS_GIVEN:
        for patient, row in zip(patients, theirs.values[theirs.rows_of(patients)], strict=True):
            require_unit(row, ours.unit, labels, f"{args.external_expression_shard}: patient {patient}")
    scale = other_scale(values[:, fitted.columns], fitted.mean, fitted.std)
    shared = _shared(set(trained["patient_id"]), ours, dict(zip(patients, values, strict=True)), fitted, missing)
    with_image = sorted(trained.loc[trained["role"] != UNPAIRED_EXPRESSION, "patient_id"])
    same, near = _compared_images(args, with_image, patients)
    shared |= {one: f"a slice of {other}" for one, other in same.items() if one not in shared}
    near += _near_vectors(set(trained["patient_id"]), ours, dict(zip(patients, values, strict=True)), fitted, missing)
    if args.near_duplicates == REFUSE:
        shared |= {one.second: f"nearly the data of {one.first}" for one in near if one.second not in shared}
    _refuse(shared)
    simulated = ours.simulated or theirs.simulated
    aligned = ExpressionShard(
        patient_ids=patients, values=values, genes=ours.genes, unit=ours.unit, simulated=simulated
    )
    write_expression(aligned, args.output_values, args.output_features, args.output_dataset)
    rows = [SplitRow(fold, one, cohort.sites[one], TEST) for one in patients]
    write_split(rows, args.output_split, args.tsv, made_from=[args.external_cohort, args.split])
    write_json(
        args.metadata,
        {
            "patients": len(patients),
            "trained_patients": trained["patient_id"].nunique(),
            "compared": ["patient id", "pixels of every slice", "values of the shared genes"],
            "near_duplicates": [f"{one.second} is nearly {one.first}" for one in near],
            "genes": len(fitted.gene_ids),
            "missing_genes": missing,
            "renamed_genes": by_other_name(fitted, labels, names),
            "filled_with": fitted.filler if missing else None,
            "scale": None if scale is None else dict(zip(("external", "trained"), scale, strict=True)),
            "unit": {"trained": ours.unit, "external": theirs.unit},
        },
    )
    print(f"{len(patients)} patients, none of them among the {trained['patient_id'].nunique()} that were trained on; "
          f"{len(missing)} of {len(fitted.gene_ids)} genes have the {fitted.filler}")  # fmt: skip
    if scale is not None:
        print(f"the values look like {scale[0]}, those of training like {scale[1]}: are they on one scale?")


def _refuse(shared: dict[str, str]) -> None:
    """Raise BadInputError where anybody was trained on."""
    if shared:
        first = min(shared)
        raise BadInputError(
            f"external: {len(shared)} patients were also trained on, the first is {first} (the same: {shared[first]}); "
            f"leave them out here, external.exclude: [{', '.join(sorted(shared))}], or there, cohort.exclude"
        )


def _compared_images(
    args: argparse.Namespace, trained: list[str], patients: list[str]
) -> tuple[dict[str, str], list[NearPair]]:
    """Who has a slice of a patient that was trained on, by whom; and who has nearly the image of one."""
    own: dict[str, Signatures] = {}
    others: dict[str, Signatures] = {}
    known = slice_index(_described(iter_images(args.image_shard, trained), own))
    same = same_slices(known, _described(iter_images(args.external_image_shard, patients), others))
    return same, near_pairs(own, others, least=SAME_SLICE)


def _described(images: Iterable[PatientImages], into: dict[str, Signatures]) -> Iterator[PatientImages]:
    """Let images pass, and keep what tells near-duplicates of each."""
    for one in images:
        into[one.patient_id] = slice_signatures(one.slices)
        yield one


def _near_vectors(
    trained: set[str],
    ours: ExpressionShard,
    theirs: dict[str, NDArray[np.float32]],
    fitted: FittedGenes,
    missing: list[str],
) -> list[NearPair]:
    """Who has nearly the expression of a patient that was trained on, by the genes that both cohorts have."""
    absent = set(missing)
    both = [column for gene, column in zip(fitted.gene_ids, fitted.columns, strict=True) if gene not in absent]
    own = {one: vector_signature(row[both]) for one, row in zip(ours.patient_ids, ours.values, strict=True)}
    others = {one: vector_signature(row[both]) for one, row in theirs.items()}
    return near_pairs(only(own, trained), others, least=same_vector(max(1, len(both))))


def _shared(
    trained: set[str],
    ours: ExpressionShard,
    theirs: dict[str, NDArray[np.float32]],
    fitted: FittedGenes,
    missing: list[str],
) -> dict[str, str]:
    """Why a patient is one of those who trained: the id, or the values of all genes that both cohorts have."""
    absent = set(missing)
    both = [column for gene, column in zip(fitted.gene_ids, fitted.columns, strict=True) if gene not in absent]
    known = {one: row[both] for one, row in zip(ours.patient_ids, ours.values, strict=True) if one in trained}
    same = same_values(known, {one: row[both] for one, row in theirs.items()})
    return {one: f"the expression of {other}" for one, other in same.items()} | {
        one: "the id" for one in theirs if one in trained
    }
