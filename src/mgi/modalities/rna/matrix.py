"""A user's own expression table, either way round, as samples x genes with one row of the gene index per column."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.core.ids import barcode_of, is_patient_id
from mgi.modalities.rna.gene_labels import first_repeated, is_copy_on_y, is_ensembl, without_version
from mgi.modalities.rna.no_gene import IGNORED, gene_of, ignored_by, notes_on, reasons_against, refuse_clinical
from mgi.modalities.rna.table_file import TableFile, read_table_file

Layout = Literal["genes x samples", "samples x genes"]
# Names, in lower case, under which tables keep symbols and types beside another identifier.
NAME_COLUMNS = ("gene_name", "hugo_symbol", "gene_symbol", "symbol", "gene")
GENE_COLUMNS = ("gene_id", "ensembl_id", *NAME_COLUMNS)
"""Names of the first column that say that genes are in rows, where no sample is named by a barcode."""
SAMPLE_COLUMNS = ("patient_id", "patient", "sample_id", "sample")
"""Names of the first column that say that samples are in rows, where none is named by a barcode."""
CASE_COLUMNS = (
    "",
    "unnamed: 0",
    "__index_level_0__",
    "case_id",
    "submitter_id",
    "bcr_patient_barcode",
    "barcode",
    "id",
)
"""Further names of a first column that holds samples, where these are named by barcodes."""
TYPE_COLUMNS = ("gene_type", "gene_biotype", "biotype")
PLACE_COLUMNS = (
    "entrez_gene_id", "entrez_id", "entrezid", "description", "chr", "chromosome", "seqnames", "start", "end", "strand",
    "length", "gene_length", "effective_length", "width",
)  # fmt: skip
"""What else tables have beside own ids of samples: featureCounts' columns, and a gene's other names."""
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

    def numeric(names: Sequence[str]) -> list[bool]:
        """Samples where any column is one; else all but the first, which must then hold the samples."""
        samples = _are_samples(names)
        if any(samples):
            return samples
        if names[0].strip().lower() in (*SAMPLE_COLUMNS, *CASE_COLUMNS):
            refuse_clinical((name.strip() for name in names[1:]), path, is_ignored)
        return [False, *(not is_ignored(name.strip()) for name in names[1:])]

    table = read_table_file(path, numeric)
    in_columns = [place for place, is_sample in enumerate(_are_samples(table.names)) if is_sample]
    if in_columns:
        genes, ignored = _annotations(table, in_columns, path)
        columns = []
        samples, layout = [table.names[column] for column in in_columns], "genes x samples"
        values = _by_column(table, in_columns, samples, genes["gene_id"].tolist(), path)
    else:
        columns = [at for at, name in enumerate(table.names) if at and not is_ignored(name.strip())]
        genes, ignored = pd.DataFrame({"gene_id": [table.names[at].strip() for at in columns]}), ()
        genes = genes.assign(gene_name=genes["gene_id"], gene_type=None)
        samples, layout = table.texts(0), "samples x genes"
        _require_patients(samples, table.names, path)
        values = _by_column(table, columns, genes["gene_id"].tolist(), samples, path).T
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
    return Matrix(
        samples=[samples[row] for row in order],
        values=np.ascontiguousarray(values[np.ix_(order, kept)]),
        genes=genes.iloc[kept].reset_index(drop=True),
        layout=layout,  # type: ignore[arg-type]
        gene_labels=_kind_of(genes["gene_id"].iloc[kept]),
        ignored=ignored,
        dropped=dropped,
        notes=tuple(notes_on(genes.iloc[kept], labels)),
    )


def _are_samples(names: Sequence[str]) -> list[bool]:
    """Which columns are samples: those named by barcodes, else all but what describes genes where genes are rows."""
    samples = [barcode_of(name) is not None for name in names]
    if any(samples) or not names or names[0].strip().lower() not in GENE_COLUMNS:
        return samples
    return [name.strip().lower() not in (*GENE_COLUMNS, *TYPE_COLUMNS, *PLACE_COLUMNS) for name in names]


def _annotations(table: TableFile, samples: Sequence[int], path: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return gene id, name and type from the columns beside the samples, and the names of those not used."""
    texts = {column: table.texts(column) for column in range(len(table.names)) if column not in set(samples)}
    if not texts:
        raise BadInputError(f"{path}: no column beside the samples, expected one of gene names")
    by_name = {table.names[column].strip().lower(): column for column in reversed(texts)}
    named = next((by_name[name] for name in NAME_COLUMNS if name in by_name), None)
    typed = next((by_name[name] for name in TYPE_COLUMNS if name in by_name), None)
    ensembl = next((column for column, labels in texts.items() if _mostly_ensembl(labels)), None)
    chosen = next(column for column in (ensembl, named, next(iter(texts))) if column is not None)
    ids = texts[chosen]
    genes = pd.DataFrame(
        {
            "gene_id": ids,
            "gene_name": ids if named is None else texts[named],
            "gene_type": None if typed is None else texts[typed],
        }
    )
    return genes, tuple(table.names[column] for column in texts if column not in (chosen, named, typed))


def _mostly_ensembl(labels: Sequence[str]) -> bool:
    return sum(map(is_ensembl, labels)) > len(labels) / 2


def _by_column(
    table: TableFile, columns: Sequence[int], names: Sequence[str], rows: Sequence[str], path: Path
) -> NDArray[np.float32]:
    """Return a row per column of the file, NaN where a value is missing."""
    values = np.empty((len(columns), len(rows)), np.float32)
    for index, column in enumerate(columns):
        wide = table.numbers(column)
        with np.errstate(over="ignore"):
            values[index] = wide
        for row in np.flatnonzero(np.isinf(values[index]))[:1]:
            found = f"column {names[index]}, row {rows[row]}: found {wide[row]}"
            raise BadInputError(f"{path}: {found}, expected a finite number")
    return values


def _require_patients(labels: Sequence[str], names: Sequence[str], path: Path) -> None:
    """Refuse rows that are no samples: all must be barcodes, or ids below a column that says what they are."""
    if names[0].strip().lower() in SAMPLE_COLUMNS:
        if strange := [label for label in labels if not is_patient_id(label)]:
            raise BadInputError(f"{path}: {names[0]} {strange[0]!r}: not a patient id, expected letters and digits")
    elif (found := sum(barcode_of(label) is not None for label in labels)) != len(labels):
        raise BadInputError(
            f"{path}: {found} of {len(labels)} rows and 0 of {len(names) - 1} columns are TCGA barcodes; expected all "
            "rows or some columns (TCGA-XX-XXXX…), or a first column that is called patient_id or gene_id"
        )


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
    if not _mostly_ensembl(labels.tolist()):
        return "other names"
    return "Ensembl ids with version" if labels.str.contains(".", regex=False).any() else "Ensembl ids"
