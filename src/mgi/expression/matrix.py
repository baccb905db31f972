"""A user's own expression table: Parquet, TSV or CSV, either way round, turned to samples x genes."""

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mgi.core.errors import BadInputError
from mgi.core.ids import patient_id_of

_SEPARATORS = {".tsv": "\t", ".txt": "\t", ".csv": ","}


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """Values by sample label (rows) and gene (columns), float32, unscaled; `layout` is how the file had them."""

    values: pd.DataFrame
    layout: Literal["genes x samples", "samples x genes"]
    ignored: tuple[str, ...]
    """Annotation columns of the file that are neither a sample nor the gene names (Entrez ids, symbols)."""


def read_matrix(path: Path | str) -> pd.DataFrame:
    """Samples x genes, sorted by sample label; genes in the file's order.

    Raises BadInputError as `read_labelled_matrix` does.
    """
    return read_labelled_matrix(path).values


def read_labelled_matrix(path: Path | str) -> Matrix:
    """Read a table and find out from its TCGA barcodes which way round it lies.

    Raises BadInputError naming file and column for an unknown ending, no barcodes, repeated samples or genes, values
    that are not numbers or not finite.
    """
    path = Path(path)
    table = _indexed(_read(path), path)
    in_columns = [name for name in table.columns if is_barcode(name)]
    in_rows = [name for name in table.index if is_barcode(name)]
    ignored: tuple[str, ...] = ()
    layout: Literal["genes x samples", "samples x genes"] = "samples x genes"
    if in_columns and not in_rows:
        ignored = tuple(str(name) for name in table.columns if not is_barcode(name))
        table = table[in_columns].T
        layout = "genes x samples"
    elif not in_rows or len(in_rows) != len(table.index):
        raise BadInputError(
            f"{path}: {len(in_rows)} of {len(table.index)} rows and {len(in_columns)} of {len(table.columns)} columns "
            "are TCGA barcodes; expected all rows or some columns (TCGA-XX-XXXX…)"
        )
    values = _numbers(table, path)
    return Matrix(values=values.sort_index(), layout=layout, ignored=ignored)


def is_barcode(name: object) -> bool:
    """Whether a label begins with a TCGA patient."""
    try:
        patient_id_of(str(name))
    except BadInputError:
        return False
    return True


def _read(path: Path) -> pd.DataFrame:
    endings = [ending.lower() for ending in path.suffixes]
    compressed = endings[-1:] == [".gz"]
    kind = (endings[:-1] if compressed else endings)[-1:]
    if kind == [".parquet"] and not compressed:
        try:
            table: pd.DataFrame = pq.read_table(path, page_checksum_verification=True).to_pandas()
            return table
        # What is no ArrowException comes from pandas' own metadata in the file.
        except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
            if isinstance(error, FileNotFoundError):
                raise
            raise BadInputError(f"{path}: truncated or not Parquet ({' '.join(str(error).split())[:160]})") from None
    if not kind or kind[0] not in _SEPARATORS:
        raise BadInputError(f"{path}: expected a name that ends in .parquet, .tsv, .txt or .csv (.gz allowed)")
    try:
        with gzip.open(path, "rt", encoding="utf-8-sig") if compressed else path.open(encoding="utf-8-sig") as text:
            return pd.read_csv(text, sep=_SEPARATORS[kind[0]], low_memory=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, EOFError, zlib.error) as error:
        raise BadInputError(f"{path}: not a table ({str(error).splitlines()[0]})") from None
    except gzip.BadGzipFile as error:
        raise BadInputError(f"{path}: not gzip ({error})") from None


def _indexed(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The table with its labels as index: those it has, or its first column of text."""
    if table.empty:
        raise BadInputError(f"{path}: no rows or no columns")
    if isinstance(table.index, pd.RangeIndex):
        table = table.set_index(table.columns[0])
    table.index = table.index.map(str)
    table.columns = table.columns.map(str)
    return table


def _numbers(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """float32 values, every one finite, every label once."""
    for what, labels in (("sample", table.index), ("gene", table.columns)):
        if labels.has_duplicates:
            raise BadInputError(
                f"{path}: {what} {labels[labels.duplicated()][0]!r} occurs twice, expected unique labels"
            )
    try:
        wide = table.to_numpy(np.float64)
    except (TypeError, ValueError):
        wide = table.apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    with np.errstate(over="ignore"):
        values = wide.astype(np.float32)
    for row, column in np.argwhere(~np.isfinite(values))[:1]:
        found, place = table.iat[row, column], f"gene {table.columns[column]}, sample {table.index[row]}"
        raise BadInputError(f"{path}: {place}: found {str(found)!r}, expected a finite number")
    return pd.DataFrame(values, index=pd.Index(table.index, name="sample"), columns=list(table.columns))
