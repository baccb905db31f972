"""A user's own expression table, either way round, as samples x genes with one row of the gene index per column."""

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
from mgi.modalities.rna.table_file import read_table_file
from mgi.modalities.rna.table_parts import TableFile, Use

Layout = Literal["genes x samples", "samples x genes"]
# Names, in lower case, under which tables keep symbols and types beside another identifier.
NAME_COLUMNS = ("gene_name", "hugo_symbol", "gene_symbol", "symbol", "gene")
GENE_COLUMNS = ("gene_id", "ensembl_id", *NAME_COLUMNS)
"""Names of the first column that say that genes are in rows, where no sample is named by a barcode."""
SAMPLE_COLUMNS = ("patient_id", "patient", "sample_id", "sample")
"""Names of the first column that say that samples are in rows, where none is named by a barcode."""
TYPE_COLUMNS = ("gene_type", "gene_biotype", "biotype")
BLANK, COPY_ON_Y, REPEATED = "no name", "constant copy on Y", "name repeats an earlier row"


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


def read_labelled_matrix(path: Path | str) -> Matrix:
    """Read a table and find out which way round it lies: from its TCGA barcodes, else from the first column's name.

    Left out and listed are genes without a name, with a missing value in any sample, copies on Y that are constant,
    and all but the first of several with one name (Ensembl ids: with one id, whatever the version).
    Raises BadInputError naming file and place for an unknown ending, no barcodes, repeated samples, values that are
    not numbers or not finite, a sample without any value, or where no gene is left.
    """
    path = Path(path)
    table = read_table_file(path, _uses)
    in_columns = [place for place, is_sample in enumerate(_are_samples(table.names)) if is_sample]
    if in_columns:
        genes, ignored = _annotations(table, in_columns, path)
        samples, layout = [table.names[column] for column in in_columns], "genes x samples"
        _require_finite(table, genes["gene_id"].tolist(), path)
        values = table.values
    else:
        genes, ignored = pd.DataFrame({"gene_id": [name.strip() for name in table.names[1:]]}), ()
        genes = genes.assign(gene_name=genes["gene_id"], gene_type=None)
        samples, layout = table.texts(0), "samples x genes"
        _require_patients(samples, table.names, path)
        _require_finite(table, samples, path)
        values = table.values.T
    if (twice := first_repeated(samples)) is not None:
        raise BadInputError(f"{path}: sample {twice!r} occurs twice, expected unique labels")
    reasons = _drop_reasons(genes["gene_id"].tolist(), values, samples, path)
    order = np.argsort(np.array(samples), kind="stable")
    kept = np.flatnonzero([reason is None for reason in reasons])
    return Matrix(
        samples=[samples[row] for row in order],
        values=np.ascontiguousarray(values[np.ix_(order, kept)]),
        genes=genes.iloc[kept].reset_index(drop=True),
        layout=layout,  # type: ignore[arg-type]
        gene_labels=_kind_of(genes["gene_id"].iloc[kept]),
        ignored=ignored,
        dropped={
            str(reason): left.tolist() for reason, left in genes["gene_id"].groupby(pd.Series(reasons), sort=False)
        },
    )


def _are_samples(names: Sequence[str]) -> list[bool]:
    """Which columns are samples: those named by barcodes, else all but what describes genes where genes are rows."""
    samples = [barcode_of(name) is not None for name in names]
    if any(samples) or not names or names[0].strip().lower() not in GENE_COLUMNS:
        return samples
    return [name.strip().lower() not in (*GENE_COLUMNS, *TYPE_COLUMNS) for name in names]


def says_which_way(names: Sequence[str]) -> Layout | None:
    """Which way round a table lies by the names of its columns alone; None where they do not say it."""
    if any(_are_samples(names)):
        return "genes x samples"
    return "samples x genes" if names[0].strip().lower() in SAMPLE_COLUMNS else None


def _uses(names: Sequence[str], _textual: Sequence[bool]) -> list[Use]:
    """Samples are numbers where any column is one; else all columns but the first, which then holds the samples."""
    samples = _are_samples(names)
    numeric = samples if any(samples) else [False] + [True] * (len(names) - 1)
    return ["number" if one else "text" for one in numeric]


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


def _require_finite(table: TableFile, rows: Sequence[str], path: Path) -> None:
    if table.infinite is not None:
        column, row, value = table.infinite
        found = f"column {table.names[column]}, row {rows[row]}: found {value}"
        raise BadInputError(f"{path}: {found}, expected a finite number")


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
    labels: Sequence[str], values: NDArray[np.float32], samples: Sequence[str], path: Path
) -> list[str | None]:
    """Return why each gene is left out, None where it stays."""
    absent = np.isnan(values)
    for row in np.flatnonzero(absent.all(axis=1))[:1]:
        raise BadInputError(f"{path}: sample {samples[row]}: no value in any gene")
    constant = values.max(axis=0) == values.min(axis=0)
    seen: set[str] = set()
    reasons: list[str | None] = []
    for label, missing, same in zip(labels, absent.sum(axis=0).tolist(), constant.tolist(), strict=True):
        key = without_version(label)
        faults = {
            BLANK: label in ("", "NA"),
            COPY_ON_Y: same and is_copy_on_y(label),
            "missing values": missing > 0,
            REPEATED: key in seen,
        }
        reasons.append(next((reason for reason, is_so in faults.items() if is_so), None))
        if reasons[-1] is None:
            seen.add(key)
    if all(reasons):
        raise BadInputError(f"{path}: none of {len(labels)} genes has a name and a value in every sample")
    return reasons


def _kind_of(labels: pd.Series) -> Literal["Ensembl ids with version", "Ensembl ids", "other names"]:
    if not _mostly_ensembl(labels.tolist()):
        return "other names"
    return "Ensembl ids with version" if labels.str.contains(".", regex=False).any() else "Ensembl ids"
