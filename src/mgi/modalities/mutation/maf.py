"""Strict reader of somatic mutations in the Mutation Annotation Format, of one pair of aliquots or of a whole cohort.

Format: GDC documentation, "GDC MAF Format"; lines that begin with `#`, then a header, then a row a variant. Columns are
found by name: the GDC's own have changed in number from release to release. A file may have no rows.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from mgi.core.errors import BadInputError
from mgi.core.gzips import unpacked
from mgi.core.text import printable
from mgi.tables.archive_text import refuse_foreign_bytes

SYMBOL, GENE, CLASS, CHANGE, BARCODE = (
    "Hugo_Symbol", "Gene", "Variant_Classification", "HGVSp_Short", "Tumor_Sample_Barcode"
)  # fmt: skip
NEEDED = (SYMBOL, CLASS, BARCODE)
OPTIONAL = (GENE, CHANGE)  # of a user's own file
CHANGES_PROTEIN = (
    "Missense_Mutation", "Nonsense_Mutation", "Frame_Shift_Del", "Frame_Shift_Ins", "Splice_Site", "In_Frame_Del",
    "In_Frame_Ins", "Translation_Start_Site", "Nonstop_Mutation",
)  # fmt: skip
OTHER_CLASSES = (
    "Silent", "3'UTR", "5'UTR", "3'Flank", "5'Flank", "Intron", "IGR", "RNA", "lincRNA", "Splice_Region",
    "Targeted_Region", "De_novo_Start_InFrame", "De_novo_Start_OutOfFrame", "Start_Codon_Del", "Start_Codon_Ins",
    "Start_Codon_SNP", "Stop_Codon_Del", "Stop_Codon_Ins", "Unknown",
)  # fmt: skip
TUMOUR = "tumor.aliquot"
_GZIP = b"\x1f\x8b"
_PRAGMA = re.compile(r"#\s*([\w.]+)[ \t]+(\S.*)")


@dataclass(frozen=True, kw_only=True)
class Variants:
    """The rows of a file, as columns of text by name; a column that the file lacks is empty.

    `pragmas` are the words after `#` lines' first, by that; `lacking` are the optional columns that are not there.
    """

    table: pa.Table
    pragmas: Mapping[str, str]
    lacking: tuple[str, ...] = ()

    @property
    def changes_protein(self) -> pa.ChunkedArray:
        """Whether each row is of a class that changes the protein."""
        return pc.is_in(self.table[CLASS], pa.array(CHANGES_PROTEIN))


def read_maf(path: Path | str, *, strict: bool = True) -> Variants:
    """Read a file, plain or gzipped by its content.

    The archive's own writer leaves no class and no column out, so that `strict` refuses what has others. Raises
    BadInputError with the file, the line, what was found and what was expected.
    """
    path = Path(path)
    data = _unpacked(path)
    refuse_foreign_bytes(data, path)
    head, start, line = _head(data, path)
    names = head[-1].split("\t")
    _check_names(names, path, line)
    needed = (*NEEDED, *OPTIONAL) if strict else NEEDED
    if missing := [name for name in needed if name not in names]:
        raise BadInputError(f"{path}: line {line}: columns {printable(', '.join(names), 160)}; expected {missing[0]}")
    table = _rows(data, start, names, path, line)
    pragmas = {found[1]: found[2].strip() for text in head[:-1] if (found := _PRAGMA.fullmatch(text))}
    read = Variants(table=table, pragmas=pragmas, lacking=tuple(name for name in OPTIONAL if name not in names))
    _check_rows(read, path, line, strict=strict)
    return read


def require_tumour(read: Variants, barcode: str, entity_id: str, path: Path | str) -> None:
    """Refuse a file that is of another tumour than the lock says; `entity_id` is empty where no archive stated it."""
    stated = read.pragmas.get(TUMOUR, "")
    if entity_id and stated and stated != entity_id:
        raise BadInputError(f"{path}: #{TUMOUR}: found {printable(stated, 60)}, expected {entity_id} as in the lock")
    if barcode and not pc.all(same := pc.equal(read.table[BARCODE], barcode), min_count=0).as_py():
        found = printable(read.table[BARCODE][pc.index(same, False).as_py()].as_py(), 60)
        raise BadInputError(f"{path}: {BARCODE}: found {found}, expected {barcode} as in the lock")


def _unpacked(path: Path) -> bytes:
    with path.open("rb") as file:
        is_gz = file.read(2) == _GZIP
    return unpacked(path) if is_gz else path.read_bytes()


def _head(data: bytes, path: Path) -> tuple[list[str], int, int]:
    """The `#` lines and the header, where the rows begin, and the header's line."""
    lines: list[str] = []
    start = 0
    while start < len(data):
        stop = data.index(b"\n", start)
        try:
            lines.append(data[start:stop].decode("utf-8"))
        except UnicodeDecodeError:
            raise BadInputError(f"{path}: line {len(lines) + 1}: not UTF-8, expected text") from None
        start = stop + 1
        if not lines[-1].startswith("#"):
            return lines, start, len(lines)
    raise BadInputError(f"{path}: no header after {len(lines)} lines that begin with '#', expected one with {SYMBOL}")


def _check_names(names: list[str], path: Path, line: int) -> None:
    twice = [name for name in (*NEEDED, *OPTIONAL) if names.count(name) > 1]
    if twice:
        raise BadInputError(f"{path}: line {line}: column {twice[0]} occurs twice, expected it once")


def _rows(data: bytes, start: int, names: list[str], path: Path, line: int) -> pa.Table:
    """The columns that are read, as text; quotes are ordinary characters."""
    body = memoryview(data)[start:]
    if data.startswith(b"#", start) or data.find(b"\n#", start) >= 0:
        body = memoryview(b"".join(row for row in data[start:].splitlines(keepends=True) if not row.startswith(b"#")))
    wanted = [name for name in (*NEEDED, *OPTIONAL) if name in names]
    if not body:
        return pa.table({name: pa.array([], pa.string()) for name in (*NEEDED, *OPTIONAL)})
    places = [str(place) for place in range(len(names))]  # names of columns that are not read may repeat
    place_of = {name: places[names.index(name)] for name in wanted}
    try:
        table = pa_csv.read_csv(
            pa.BufferReader(pa.py_buffer(body)),
            read_options=pa_csv.ReadOptions(column_names=places, use_threads=False, block_size=len(body) + 1),
            parse_options=pa_csv.ParseOptions(
                delimiter="\t", quote_char=False, escape_char=False, ignore_empty_lines=False
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(places, pa.string()),
                include_columns=list(place_of.values()),
                null_values=[],
                strings_can_be_null=False,
            ),
        )
    except MemoryError:
        raise  # Arrow's is an ArrowException too, and says nothing of the file
    except pa.ArrowException as error:
        raise BadInputError(f"{path}: rows after line {line}: {printable(error, 200)}") from None
    empty = pa.chunked_array([pa.array([""] * len(table), pa.string())])
    return pa.table({name: table[place_of[name]] if name in place_of else empty for name in (*NEEDED, *OPTIONAL)})


def _check_rows(read: Variants, path: Path, line: int, *, strict: bool) -> None:
    table = read.table
    for name in NEEDED:
        if len(table) and (row := pc.index(table[name], "").as_py()) >= 0:
            raise BadInputError(f"{path}: variant {row + 1} after line {line}: {name}: found nothing, expected text")
    if strict:
        known = pc.is_in(table[CLASS], pa.array((*CHANGES_PROTEIN, *OTHER_CLASSES)))
        if len(table) and (row := pc.index(known, False).as_py()) >= 0:
            found = printable(table[CLASS][row].as_py(), 60)
            place = f"variant {row + 1} after line {line}"
            raise BadInputError(f"{path}: {place}: {CLASS}: found {found!r}, expected one of the format's classes")
        lost = pc.and_(read.changes_protein, pc.equal(table[GENE], ""))
        if len(table) and (row := pc.index(lost, True).as_py()) >= 0:
            place = f"variant {row + 1} after line {line}"
            raise BadInputError(f"{path}: {place}: {GENE}: found nothing, expected an id, since it changes the protein")
