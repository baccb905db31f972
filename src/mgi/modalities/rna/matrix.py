"""A user's own expression table, either way round, as samples x genes with one row of the gene index per column."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.core.gene_ids import is_copy_on_y, without_version
from mgi.core.repeats import first_repeated
from mgi.modalities.rna.no_gene import (
    IGNORE,
    IGNORED,
    few,
    gene_of,
    idle,
    ignored_by,
    notes_on,
    reasons_against,
    refuse_clinical,
)
from mgi.modalities.rna.table_layout import Layout, annotations, are_samples, mostly_ensembl
from mgi.modalities.rna.value_scale import scale_note
from mgi.tables.sample_labels import CASE_COLUMNS, SAMPLE_COLUMNS, require_patients
from mgi.tables.table_file import read_table_file
from mgi.tables.table_parts import TableFile, Use, Uses

BLANK, COPY_ON_Y, REPEATED = "no name", "constant copy on Y", "name repeats an earlier row"
_UNNAMED = re.compile(r"Unnamed: \d+")  # pandas' name of a column without one


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """Values (n, G) float32 as the file has them, a row per sample (sorted) and a column per row of `genes`.

    `genes` has gene_id, gene_name, gene_type in the file's order. `dropped` names the genes left out, by reason.
    """

    samples: list[str]
    values: NDArray[np.float32]
    genes: pd.DataFrame
    layout: Layout
    gene_labels: Literal["Ensembl ids with version", "Ensembl ids", "other names"]
    ignored: tuple[str, ...]
    """Annotation columns of the file that are not used (Entrez ids and the like)."""
    dropped: dict[str, list[str]]
    notes: tuple[str, ...] = ()
    """What the user should know of the genes' labels, one line each."""

    @property
    def scale(self) -> str:
        """What the values look like, linear or logs, in a line."""
        return scale_note(self.values)


def read_labelled_matrix(path: Path | str, ignore: Sequence[str] = ()) -> Matrix:
    """Read a table and find out which way round it lies: from its TCGA barcodes, else from the first column's name.

    Left out and listed are labels that are no gene or that `ignore` names (see no_gene), genes without a name, with a
    missing value in any sample, copies on Y that are constant, and all but the first of several with one name (Ensembl
    ids: with one id, whatever the version).
    Raises BadInputError naming file and place for an unknown ending, no barcodes, repeated samples, values that are
    not numbers or not finite, a sample without any value, labels of outcomes and traits among the genes, or where no
    gene is left.
    """
    path = Path(path)
    is_ignored = ignored_by(ignore)
    table = read_table_file(path, _uses(path, is_ignored))
    in_columns = [place for place, is_sample in enumerate(are_samples(table.names)) if is_sample]
    if in_columns:
        genes, ignored = annotations(table, in_columns, path)
        columns: list[int] = []
        samples, layout = [table.names[column] for column in in_columns], "genes x samples"
        _require_finite(table, genes["gene_id"].tolist(), path)
        values = table.values
    else:
        columns = [at for at, name in enumerate(table.names) if at and not is_ignored(name.strip())]
        genes, ignored = pd.DataFrame({"gene_id": [table.names[at].strip() for at in columns]}), ()
        genes = genes.assign(gene_name=genes["gene_id"], gene_type=None)
        samples, layout = table.texts(0), "samples x genes"
        require_patients(samples, table.names, path)
        _require_finite(table, samples, path)
        values = table.values.T
    if (twice := first_repeated(samples)) is not None:
        raise BadInputError(f"{path}: sample {twice!r} occurs twice, expected unique labels")
    labels = genes["gene_id"].tolist()
    against = reasons_against(labels, path, is_ignored)
    genes = genes.assign(**{name: genes[name].map(gene_of) for name in ("gene_id", "gene_name")})
    reasons = _drop_reasons(genes["gene_id"].tolist(), values, samples, path, against)
    order = np.argsort(np.array(samples), kind="stable")
    kept = np.flatnonzero([reason is None for reason in reasons])
    dropped = {str(reason): left.tolist() for reason, left in genes["gene_id"].groupby(pd.Series(reasons), sort=False)}
    if columns and (skipped := [name for name in table.names[1:] if is_ignored(name.strip())]):
        dropped[IGNORED] = skipped
    notes = notes_on(genes.iloc[kept], labels)
    if unused := idle(ignore, [*labels, *dropped.get(IGNORED, [])]):
        notes.append(f"{len(unused)} entries of {IGNORE} are no labels of the table: {few(unused)}")
    return Matrix(
        samples=[samples[row] for row in order],
        values=np.ascontiguousarray(values[np.ix_(order, kept)]),
        genes=genes.iloc[kept].reset_index(drop=True),
        layout=layout,  # type: ignore[arg-type]
        gene_labels=_kind_of(genes["gene_id"].iloc[kept]),
        ignored=ignored,
        dropped=dropped,
        notes=tuple(notes),
    )


def _uses(path: Path, is_ignored: Callable[[str], bool]) -> Uses:
    def uses(names: Sequence[str], _textual: Sequence[bool]) -> list[Use]:
        """Samples are numbers where any column is one; else all columns but the first, which then holds the samples."""
        samples = are_samples(names)
        if any(samples):
            return ["number" if one else "text" for one in samples]
        if names[0].strip().lower() in (*SAMPLE_COLUMNS, *CASE_COLUMNS):
            refuse_clinical((name.strip() for name in names[1:]), path, is_ignored)
        return ["text", *("nothing" if is_ignored(name.strip()) else "number" for name in names[1:])]

    return uses


def _require_finite(table: TableFile, rows: Sequence[str], path: Path) -> None:
    if table.infinite is not None:
        column, row, value = table.infinite
        found = f"column {table.names[column]}, row {rows[row]}: found {value}"
        raise BadInputError(f"{path}: {found}, expected a finite number")


def _drop_reasons(
    labels: Sequence[str],
    values: NDArray[np.float32],
    samples: Sequence[str],
    path: Path,
    against: Sequence[str | None],
) -> list[str | None]:
    """Return why each gene is left out, None where it stays; `against` are the reasons of labels that are no gene."""
    absent = np.isnan(values)
    for row in np.flatnonzero(absent.all(axis=1))[:1]:
        raise BadInputError(f"{path}: sample {samples[row]}: no value in any gene")
    constant = values.max(axis=0) == values.min(axis=0)
    seen: set[str] = set()
    reasons: list[str | None] = []
    for label, missing, same, no_gene in zip(
        labels, absent.sum(axis=0).tolist(), constant.tolist(), against, strict=True
    ):
        key = without_version(label)
        faults = {
            BLANK: label in ("", "NA") or _UNNAMED.fullmatch(label) is not None,
            COPY_ON_Y: same and is_copy_on_y(label),
            "missing values": missing > 0,
            REPEATED: key in seen,
        }
        reasons.append(no_gene or next((reason for reason, is_so in faults.items() if is_so), None))
        if reasons[-1] is None:
            seen.add(key)
    if all(reasons):
        raise BadInputError(f"{path}: none of {len(labels)} genes has a name and a value in every sample")
    return reasons


def _kind_of(labels: pd.Series) -> Literal["Ensembl ids with version", "Ensembl ids", "other names"]:
    if not mostly_ensembl(labels.tolist()):
        return "other names"
    return "Ensembl ids with version" if labels.str.contains(".", regex=False).any() else "Ensembl ids"
