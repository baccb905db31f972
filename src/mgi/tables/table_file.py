"""A table of text labels and numbers from Parquet, TSV or CSV (text plain or gzipped), a piece at a time.

A table of 500 patients x 60,660 genes takes 121 MB here; as columns of Arrow one gene each it would take gigabytes.
"""

import logging
from pathlib import Path

from mgi.core.errors import BadInputError
from mgi.core.file_kind import GZIP, PARQUET, START_BYTES, kind_of_bytes
from mgi.tables.table_parts import TableFile, Uses

SEPARATORS = {".tsv": "\t", ".txt": "\t", ".csv": ","}
_WRITE_AS = "write it as .tsv, .csv (UTF-8) or .parquet"
_log = logging.getLogger(__name__)


def read_table_file(path: Path, uses: Uses) -> TableFile:
    """Read a table; Parquet's own row labels come first.

    What the file is says its content; its name only says which separator is expected.
    Raises BadInputError naming file and position for an unknown ending, another kind of file, a damaged file, rows of
    unequal length, more values than fit into memory, or a value of a column of numbers that is not a number.
    """
    from mgi.tables.parquet_table import read_parquet
    from mgi.tables.text_table import read_text

    endings = [ending.lower() for ending in path.suffixes]
    is_gz = endings[-1:] == [".gz"]
    ending = next(iter((endings[:-1] if is_gz else endings)[-1:]), "")
    if ending not in (*SEPARATORS, ".parquet"):
        raise BadInputError(f"{path}: expected a name that ends in .parquet, .tsv, .txt or .csv (.gz allowed)")
    if path.is_dir():
        raise BadInputError(f"{path}: a folder, expected a table")
    with path.open("rb") as source:
        kind = kind_of_bytes(start := source.read(START_BYTES))
    if not start:
        raise BadInputError(f"{path}: an empty file (0 bytes), expected a table")
    if kind == PARQUET:
        if ending != ".parquet":
            _log.warning("%s: read as Parquet, which its content is", path.name)
        return read_parquet(path, uses)
    if kind not in (None, GZIP):
        raise BadInputError(f"{path}: looks like {kind}, expected a table; {_WRITE_AS}")
    if ending == ".parquet":
        found = "text" if kind is None else kind
        raise BadInputError(f"{path}: truncated or not Parquet (it looks like {found}); name it by what it is")
    if is_gz != (kind == GZIP):
        _log.warning("%s: read as %s, which its content is", path.name, "plain text" if is_gz else GZIP)
    return read_text(path, SEPARATORS[ending], uses, gzipped=kind == GZIP)
