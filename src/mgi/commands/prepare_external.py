"""Admit the patients of another archive: nobody who was trained on, everybody on the frozen genes.

INPUTS: image shard, expression shard, the fold that trains on the whole cohort and its fitted genes; the other
archive's cohort and shards. OUTPUTS: the other archive's expression on the first one's gene index (a gene that it lacks
has the training mean), and a split in which its patients are tested, so that `predict-fold` and `evaluate` take both.
"""

import argparse
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mgi.cohort.duplicates import digest_of_values, same_slices, same_values, slice_index
from mgi.cohort.near_duplicates import SAME_SLICE, same_vector, slice_signatures, vector_signature
from mgi.cohort.near_pairs import NearPair, StoredSignatures, near_pairs
from mgi.cohort.settings import NEAR_DUPLICATES, REFUSE, AdmissionSettings
from mgi.cohort.split import TEST, UNPAIRED_EXPRESSION, SplitRow
from mgi.cohort.tables import read_cohort, read_split, write_split
from mgi.core.errors import BadInputError
from mgi.core.files import write_json
from mgi.modalities.rna.frozen_genes import by_other_name, find_genes, lacking, placed
from mgi.modalities.rna.normalise import FittedGenes, read_fitted_genes
from mgi.modalities.rna.value_scale import other_scale, require_unit
from mgi.shards.expression_shard import OpenExpression, describe_expression, open_expression, write_values
from mgi.shards.image_shard import PatientImages, iter_images

AS_GIVEN = "as given"
Row = tuple[str, NDArray[np.float32]]
"""A patient and values (G,)."""


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
    fold, trained_ids = int(trained["fold"].iloc[0]), set(trained["patient_id"])
    ours, theirs = open_expression(args.expression_shard), open_expression(args.external_expression_shard)
    fitted.require_genes(ours.genes["gene_id"].tolist(), str(args.expression_shard))
    cohort = read_cohort(args.external_cohort)
    patients = cohort.kept
    _require_one_unit(ours, theirs, patients, str(args.external_expression_shard))
    labels, names = (theirs.genes[name].tolist() for name in ("gene_id", "gene_name"))
    columns = find_genes(fitted, labels, names)
    missing = lacking(fitted, columns)
    _refuse_many_missing(missing, fitted, settings.max_missing, str(args.external_expression_shard))
    scratch = args.output_values.parent
    known = _vectors(_rows(ours, trained_ids.intersection(ours.patient_ids)), fitted, missing, scratch)
    found = _vectors(_aligned(theirs, patients, fitted, columns), fitted, missing, scratch)
    scale = other_scale(np.array([found.least, found.most]), fitted.mean, fitted.std)
    same = same_values(known.digests, found.digests)
    shared = {one: f"the expression of {other}" for one, other in same.items()}
    shared |= {one: "the id" for one in patients if one in trained_ids}
    with_image = sorted(trained.loc[trained["role"] != UNPAIRED_EXPRESSION, "patient_id"])
    same_images, near_images = _shared_images(args, with_image, patients)
    shared |= {one: f"a slice of {other}" for one, other in same_images.items() if one not in shared}
    near_vectors = near_pairs(known.signatures, found.signatures, least=same_vector(max(1, found.n_genes)))
    near = [*near_images, *near_vectors]
    if args.near_duplicates == REFUSE:
        shared |= {one.second: f"nearly the data of {one.first}" for one in near if one.second not in shared}
    if shared:
        first = min(shared)
        raise BadInputError(
            f"external: {len(shared)} patients were also trained on, the first is {first} (the same: {shared[first]}); "
            f"leave them out here, external.exclude: [{', '.join(sorted(shared))}], or there, cohort.exclude"
        )
    simulated = ours.simulated or theirs.simulated
    rows = ((one, values, None) for one, values in _aligned(theirs, patients, fitted, columns))
    write_values(args.output_values, ours.genes, ours.unit, rows, with_counts=False)
    places = (args.output_values, args.output_features, args.output_dataset)
    describe_expression(*places, ours.genes, simulated=simulated)
    split = [SplitRow(fold, one, cohort.sites[one], TEST) for one in patients]
    write_split(split, args.output_split, args.tsv, made_from=[args.external_cohort, args.split])
    write_json(
        args.metadata,
        {
            "patients": len(patients),
            "trained_patients": len(trained_ids),
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


def _refuse_many_missing(missing: Sequence[str], fitted: FittedGenes, most: float, where: str) -> None:
    if len(missing) > most * len(fitted.gene_ids):
        found = f"{len(missing)} of the model's {len(fitted.gene_ids)} genes are missing, the first is {missing[0]}"
        raise BadInputError(f"{where}: {found}; expected at most {most:.0%} (external.max_missing)")


def _require_one_unit(ours: OpenExpression, theirs: OpenExpression, patients: Sequence[str], where: str) -> None:
    """Two named units must be one; of values "as given" only those are refused that our unit cannot have."""
    if AS_GIVEN not in (ours.unit, theirs.unit) and ours.unit != theirs.unit:
        raise BadInputError(f"{where}: values are {theirs.unit}, expected {ours.unit} as the model was trained on")
    if theirs.unit == AS_GIVEN:
        labels = theirs.genes["gene_id"].tolist()
        for patient, values in _rows(theirs, patients):
            require_unit(values, ours.unit, labels, f"{where}: patient {patient}")


def _rows(shard: OpenExpression, patients: Collection[str]) -> Iterator[Row]:
    """Values (G,) of some patients, a row group in memory at a time."""
    for rows, values in shard.row_groups(wanted=shard.rows_of(sorted(patients))):
        yield from zip((shard.patient_ids[row] for row in rows.tolist()), values, strict=True)


def _aligned(
    theirs: OpenExpression, patients: Sequence[str], fitted: FittedGenes, columns: Sequence[int | None]
) -> Iterator[Row]:
    """The same on the frozen genes, which stand in these `columns` of theirs."""
    for patient, values in _rows(theirs, patients):
        yield patient, placed(fitted, columns, values[np.newaxis])[0]


class _Vectors(NamedTuple):
    """What tells the expression of patients, by the `n_genes` of the model that both cohorts have.

    `least` and `most` are the extremes of all genes of the model, fillers too.
    """

    digests: dict[str, bytes]
    signatures: StoredSignatures
    n_genes: int
    least: float
    most: float


def _vectors(rows: Iterable[Row], fitted: FittedGenes, missing: Sequence[str], scratch: Path) -> _Vectors:
    absent = set(missing)
    both = [column for gene, column in zip(fitted.gene_ids, fitted.columns, strict=True) if gene not in absent]
    digests, signatures, least, most = dict[str, bytes](), StoredSignatures(scratch), np.inf, -np.inf
    for patient, values in rows:
        digests[patient] = digest_of_values(values[both])
        signatures.add(patient, vector_signature(values[both]))
        read = values[fitted.columns]
        least, most = min(least, float(read.min())), max(most, float(read.max()))
    return _Vectors(digests, signatures, len(both), least, most)


def _shared_images(
    args: argparse.Namespace, trained: Sequence[str], patients: Sequence[str]
) -> tuple[dict[str, str], list[NearPair]]:
    """Who has a slice of a patient that was trained on, and who has nearly the same slices."""
    of_trained, of_tested = StoredSignatures(args.output_values.parent), StoredSignatures(args.output_values.parent)
    slices = slice_index(_described(iter_images(args.image_shard, trained), of_trained))
    same = same_slices(slices, _described(iter_images(args.external_image_shard, patients), of_tested))
    return same, near_pairs(of_trained, of_tested, least=SAME_SLICE)


def _described(images: Iterable[PatientImages], into: StoredSignatures) -> Iterator[PatientImages]:
    """Let images pass, and keep what tells near-duplicates of each."""
    for one in images:
        into.add(one.patient_id, slice_signatures(one.slices))
        yield one
