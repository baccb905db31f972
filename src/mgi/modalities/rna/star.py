"""Strict parser of the GDC's augmented STAR gene counts.

Format: the GDC's own writer (NCI-GDC/gdc-rnaseq-tool, `augment_star_counts`): a gene-model comment, a header, four
`N_*` summary rows, then one row per gene; TPM printed with four decimals.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.modalities.rna.gene_labels import is_copy_on_y

COLUMNS = (
    "gene_id",
    "gene_name",
    "gene_type",
    "unstranded",
    "stranded_first",
    "stranded_second",
    "tpm_unstranded",
    "fpkm_unstranded",
    "fpkm_uq_unstranded",
)
SUMMARY_ROWS = ("N_unmapped", "N_multimapping", "N_noFeature", "N_ambiguous")
TPM_TOTAL = 1e6
_COUNTS = COLUMNS[3:6]
_RATES = COLUMNS[6:]
_ROUNDING = 0.5e-4  # the largest error of one value printed with four decimals
_GENE_MODEL = re.compile(r"^# gene-model: (\S.*)$")
_GENE_ID = r'^[A-Za-z][^\s#"]*$'
_TEXT = r"^\S(.*\S)?$"


@dataclass(frozen=True, kw_only=True)
class StarLabels:
    """The gene columns of a checked file, as Arrow columns (G,) and as object arrays of str (G,)."""

    columns: pa.Table
    gene_ids: NDArray[np.object_]
    gene_names: NDArray[np.object_]
    gene_types: NDArray[np.object_]


@dataclass(frozen=True, kw_only=True)
class StarTable:
    """One sample: its genes, unstranded counts int64 (G,), and TPM, FPKM and FPKM-UQ of them float64 (G,)."""

    gene_model: str
    labels: StarLabels
    counts: NDArray[np.int64]
    tpm: NDArray[np.float64]
    fpkm: NDArray[np.float64]
    fpkm_uq: NDArray[np.float64]

    @property
    def gene_ids(self) -> NDArray[np.object_]:
        """Versioned ids (G,)."""
        return self.labels.gene_ids


def read_star(path: Path | str, *, like: StarTable | None = None) -> StarTable:
    """Parse one STAR-Counts file, refusing everything that the GDC's writer cannot have written.

    `like` is a file that was read before: gene columns equal to its own have passed every check on them already, and
    hold no second header. Numbers are always checked. Raises BadInputError with file, field and what was found.
    """
    data = Path(path).read_bytes()
    _refuse_foreign_bytes(data, path)
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
    except pa.ArrowException as error:
        _refuse_second_header(data, path)
        raise BadInputError(f"{path}: gene rows: {' '.join(str(error).split())[:200]}") from None
    columns = table.select(COLUMNS[:3])
    if like is not None and columns.equals(like.labels.columns):
        labels = like.labels
    else:
        _refuse_second_header(data, path)
        labels = _checked_labels(columns, path)
    numbers = {name: table[name].to_numpy() for name in (*_COUNTS, *_RATES)}
    _check_numbers(numbers, labels, path)
    return StarTable(
        gene_model=model[1],
        labels=labels,
        counts=numbers["unstranded"],
        tpm=numbers["tpm_unstranded"],
        fpkm=numbers["fpkm_unstranded"],
        fpkm_uq=numbers["fpkm_uq_unstranded"],
    )


def require_same_genes(reference: StarTable, table: StarTable, where: str) -> None:
    """Refuse a table whose gene index is not the cohort's; `where` names its file.

    Raises BadInputError naming the first difference.
    """
    for what, found, expected in (
        ("gene model", table.gene_model, reference.gene_model),
        ("number of genes", len(table.gene_ids), len(reference.gene_ids)),
    ):
        if found != expected:
            raise BadInputError(f"{where}: {what} {found!r}, expected {expected!r} as in the other files")
    if table.labels is reference.labels:
        return
    for name in ("gene_ids", "gene_names", "gene_types"):
        ours, theirs = getattr(reference.labels, name), getattr(table.labels, name)
        different = np.flatnonzero(ours != theirs)
        if len(different):
            row = int(different[0])
            raise BadInputError(f"{where}: {name} row {row}: found {theirs[row]!r}, expected {ours[row]!r}")


def par_y_copies(table: StarTable) -> NDArray[np.bool_]:
    """Return which genes (G,) are pseudo-autosomal copies on Y (`_PAR_Y`), which STAR leaves at zero."""
    return np.array([is_copy_on_y(gene) for gene in table.gene_ids], bool)


def refuse_reads_in(copies: NDArray[np.bool_], table: StarTable, where: str) -> None:
    """Raise BadInputError where a pseudo-autosomal copy has reads: dropping it would lose them."""
    if table.counts[copies].any():
        gene = table.gene_ids[copies & (table.counts > 0)][0]
        raise BadInputError(f"{where}: gene {gene}: has reads, expected a copy without any")


def _refuse_foreign_bytes(data: bytes, path: Path | str) -> None:
    if data.startswith(b"\xef\xbb\xbf"):
        raise BadInputError(f"{path}: begins with a byte order mark, expected '# gene-model'")
    for value, name in ((b"\0", "a NUL byte"), (b"\r", "a carriage return")):
        if (offset := data.find(value)) >= 0:
            raise BadInputError(f"{path}: byte {offset}: found {name}, expected tab-separated text")
    if not data.endswith(b"\n"):
        raise BadInputError(f"{path}: the last line is cut, expected a newline at the end of the file")


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


def _checked_labels(columns: pa.Table, path: Path | str) -> StarLabels:
    ids = columns["gene_id"]
    for name, pattern in ((COLUMNS[0], _GENE_ID), (COLUMNS[1], _TEXT), (COLUMNS[2], _TEXT)):
        odd = pc.filter(columns[name], pc.invert(pc.match_substring_regex(columns[name], pattern)))
        if len(odd):
            raise BadInputError(f"{path}: {name} {odd[0].as_py()!r}, expected a name without blanks around it")
    if pc.count_distinct(ids).as_py() != len(ids):
        raise BadInputError(f"{path}: gene_id {first_repeated(ids.to_pylist())}: found twice, expected unique ids")
    texts = [columns[name].to_numpy() for name in COLUMNS[:3]]
    return StarLabels(columns=columns, gene_ids=texts[0], gene_names=texts[1], gene_types=texts[2])


def _check_numbers(numbers: dict[str, NDArray[Any]], labels: StarLabels, path: Path | str) -> None:
    for name, values in numbers.items():
        if len(bad := np.flatnonzero(~(np.isfinite(values) & (values >= 0)))):
            gene, value = labels.gene_ids[bad[0]], values[bad[0]]
            raise BadInputError(f"{path}: {name} of {gene}: found {value}, expected a finite value of 0 or more")
    _check_total(numbers["unstranded"], numbers["tpm_unstranded"], path)


def _check_total(counts: NDArray[np.int64], tpm: NDArray[np.float64], path: Path | str) -> None:
    """TPM sums to a million; only a gene with reads can add a rounding error to that."""
    if (tpm[counts == 0] > 0).any():
        raise BadInputError(f"{path}: tpm_unstranded above 0 where unstranded is 0, expected 0")
    total, tolerance = float(tpm.sum()), _ROUNDING * int((counts > 0).sum()) + 1e-6
    if abs(total - TPM_TOTAL) > tolerance:
        raise BadInputError(
            f"{path}: tpm_unstranded sums to {total:.4f} over {len(tpm)} genes, expected 1000000 within {tolerance:.4f}"
        )


def first_repeated(ids: list[str]) -> str | None:
    """Return the first id that was there before, None where all differ."""
    if len(set(ids)) == len(ids):
        return None
    seen: set[str] = set()
    for gene in ids:
        if gene in seen:
            return str(gene)
        seen.add(gene)
    return None
