"""Strict parser of the GDC's augmented STAR gene counts.

Format: the GDC's own writer (NCI-GDC/gdc-rnaseq-tool, `augment_star_counts`): a gene-model comment, a header, four
`N_*` summary rows, then one row per gene; TPM printed with four decimals.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.core.repeats import first_repeated
from mgi.modalities.rna.filter import LOG_TPM
from mgi.tables.archive_text import refuse_foreign_bytes

_COUNTS = ("unstranded", "stranded_first", "stranded_second")
_RATES = ("tpm_unstranded", "fpkm_unstranded", "fpkm_uq_unstranded")
COLUMNS = ("gene_id", "gene_name", "gene_type", *_COUNTS, *_RATES)
SUMMARY_ROWS = ("N_unmapped", "N_multimapping", "N_noFeature", "N_ambiguous")
TPM_TOTAL = 1e6
_ROUNDING = 0.5e-4  # the largest error of one value printed with four decimals
Stored = Literal["tpm", "fpkm", "fpkm_uq", "counts"]
UNITS: dict[Stored, str] = {
    "tpm": LOG_TPM,
    "fpkm": "log2(FPKM+1)",
    "fpkm_uq": "log2(FPKM-UQ+1)",
    "counts": "log2(count+1)",
}
_GENE_MODEL = re.compile(r"^# gene-model: (\S.*)$")
_GENE_ID = r'^[A-Za-z][^\s#"]*$'
_TEXT = r"^\S(.*\S)?$"


@dataclass(frozen=True, kw_only=True)
class StarTable:
    """One sample: `genes` has gene_id (versioned), gene_name, gene_type; `numbers` has the other columns by name (G,).

    Counts are int64, TPM, FPKM and FPKM-UQ float64. `labels` are the columns of `genes` as they were read.
    """

    gene_model: str
    labels: pa.Table
    genes: pd.DataFrame
    numbers: dict[str, NDArray[Any]]

    @property
    def gene_ids(self) -> NDArray[np.object_]:
        """Versioned ids (G,)."""
        return self.genes["gene_id"].to_numpy(object)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Unstranded counts (G,)."""
        return self.numbers["unstranded"]


def read_star(path: Path | str, *, like: StarTable | None = None) -> StarTable:
    """Parse one STAR-Counts file, refusing everything that the GDC's writer cannot have written.

    `like` is a file that was read before: gene columns equal to its own have passed every check on them already, and
    hold no second header. Numbers are always checked. Raises BadInputError with file, field and what was found.
    """
    data = Path(path).read_bytes()
    refuse_foreign_bytes(data, path, "'# gene-model'")
    head, body = _split_head(data, path)
    model = _GENE_MODEL.match(head[0])
    if model is None:
        raise BadInputError(f"{path}: line 1: found {head[0][:60]!r}, expected '# gene-model: <name>'")
    if tuple(head[1].split("\t")) != COLUMNS:
        raise BadInputError(f"{path}: line 2: found {head[1][:120]!r}, expected the columns {', '.join(COLUMNS)}")
    for line, name, row in zip((3, 4, 5, 6), SUMMARY_ROWS, head[2:], strict=True):
        _check_summary(row, name, f"{path}: line {line}")
    try:
        table = _parse_genes(body)
    except MemoryError:
        raise  # Arrow's is an ArrowException too, and says nothing of the file
    except pa.ArrowException as error:
        _refuse_second_header(data, path)
        raise BadInputError(f"{path}: gene rows: {' '.join(str(error).split())[:200]}") from None
    labels = table.select(COLUMNS[:3])
    if like is not None and labels.equals(like.labels):
        genes = like.genes
    else:
        _refuse_second_header(data, path)
        genes = _checked_genes(labels, path)
    numbers = {name: table[name].to_numpy() for name in (*_COUNTS, *_RATES)}
    _check_numbers(numbers, genes, path)
    return StarTable(gene_model=model[1], labels=labels, genes=genes, numbers=numbers)


def column_of(table: StarTable, stored: Stored) -> NDArray[np.float64]:
    """Return one of a file's four columns of numbers, before any logarithm."""
    return table.numbers["unstranded" if stored == "counts" else f"{stored}_unstranded"].astype(np.float64)


def require_same_genes(reference: StarTable, table: StarTable, where: str) -> None:
    """Refuse a table whose gene index is not the cohort's; `where` names its file."""
    for what, found, expected in (
        ("gene model", table.gene_model, reference.gene_model),
        ("number of genes", len(table.gene_ids), len(reference.gene_ids)),
    ):
        if found != expected:
            raise BadInputError(f"{where}: {what} {found!r}, expected {expected!r} as in the other files")
    if table.genes is reference.genes:
        return
    for name in COLUMNS[:3]:
        ours, theirs = reference.genes[name], table.genes[name]
        for row in np.flatnonzero(ours != theirs)[:1]:
            raise BadInputError(f"{where}: {name} row {row}: found {theirs[row]!r}, expected {ours[row]!r}")


def _refuse_second_header(data: bytes, path: Path | str) -> None:
    if data.find(b"\n# gene-model") >= 0 or data.count(b"gene_id\tgene_name") > 1:
        raise BadInputError(f"{path}: two files glued together, expected one header")


def _split_head(data: bytes, path: Path | str) -> tuple[list[str], pa.Buffer]:
    """Return the comment, header and summary lines as text, and the bytes of the gene rows (not a copy)."""
    start = 0
    for _ in range(2 + len(SUMMARY_ROWS)):
        start = data.find(b"\n", start) + 1
        if start == 0:
            raise BadInputError(f"{path}: ends within its first {2 + len(SUMMARY_ROWS)} lines")
    if start == len(data):
        raise BadInputError(f"{path}: no gene rows")
    try:
        return data[: start - 1].decode("utf-8").split("\n"), pa.py_buffer(data).slice(start)
    except UnicodeDecodeError as error:
        raise BadInputError(f"{path}: header is not UTF-8 ({error.reason} at byte {error.start})") from None


def _check_summary(line: str, name: str, where: str) -> None:
    fields = line.split("\t")
    counts = fields[3:6]
    empty = fields[1:3] + fields[6:]
    if fields[0] != name or len(fields) != len(COLUMNS) or any(empty):
        raise BadInputError(f"{where}: found {line[:80]!r}, expected row {name} with three counts and no other value")
    if not all(count.isascii() and count.isdigit() for count in counts):
        raise BadInputError(f"{where}: found {counts}, expected three counts")


def _parse_genes(body: pa.Buffer) -> pa.Table:
    """Return the gene rows; quotes and `#` are ordinary characters, an empty number is an error."""
    types = {name: pa.int64() for name in _COUNTS} | {name: pa.float64() for name in _RATES}
    types |= {name: pa.string() for name in COLUMNS[:3]}
    return pa_csv.read_csv(
        pa.BufferReader(body),
        read_options=pa_csv.ReadOptions(column_names=list(COLUMNS), use_threads=False),
        parse_options=pa_csv.ParseOptions(
            delimiter="\t", quote_char=False, escape_char=False, ignore_empty_lines=False
        ),
        convert_options=pa_csv.ConvertOptions(column_types=types, null_values=[], strings_can_be_null=False),
    )


def _checked_genes(labels: pa.Table, path: Path | str) -> pd.DataFrame:
    for name, pattern in ((COLUMNS[0], _GENE_ID), (COLUMNS[1], _TEXT), (COLUMNS[2], _TEXT)):
        odd = pc.filter(labels[name], pc.invert(pc.match_substring_regex(labels[name], pattern)))
        if len(odd):
            raise BadInputError(f"{path}: {name} {odd[0].as_py()!r}, expected a name without blanks around it")
    genes = pd.DataFrame({name: labels[name].to_numpy() for name in COLUMNS[:3]})
    if (twice := first_repeated(genes["gene_id"])) is not None:
        raise BadInputError(f"{path}: gene_id {twice}: found twice, expected unique ids")
    return genes


def _check_numbers(numbers: dict[str, NDArray[Any]], genes: pd.DataFrame, path: Path | str) -> None:
    for name, values in numbers.items():
        if len(bad := np.flatnonzero(~(np.isfinite(values) & (values >= 0)))):
            gene, value = genes["gene_id"][bad[0]], values[bad[0]]
            raise BadInputError(f"{path}: {name} of {gene}: found {value}, expected a finite value of 0 or more")
    # TPM sums to a million; only a gene with reads can add a rounding error to that.
    counts, tpm = numbers["unstranded"], numbers["tpm_unstranded"]
    if (tpm[counts == 0] > 0).any():
        raise BadInputError(f"{path}: tpm_unstranded above 0 where unstranded is 0, expected 0")
    total, tolerance = float(tpm.sum()), _ROUNDING * int((counts > 0).sum()) + 1e-6
    if abs(total - TPM_TOTAL) > tolerance:
        raise BadInputError(
            f"{path}: tpm_unstranded sums to {total:.4f} over {len(tpm)} genes, expected 1000000 within {tolerance:.4f}"
        )
