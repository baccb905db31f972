"""Where probes lie on the genome, from a user's table; the GDC's files of beta values do not say it.

Illumina's manifest of an array says it in its columns IlmnID, CHR and MAPINFO, below some lines of another kind.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mgi.core.errors import BadInputError
from mgi.tables.feature_matrix import CHROMOSOME_COLUMNS, START_COLUMNS
from mgi.tables.table_file import read_table_file

PROBE_COLUMNS = ("probe", "probe_id", "ilmnid", "name", "id")
COLUMNS = (PROBE_COLUMNS, CHROMOSOME_COLUMNS, START_COLUMNS)


class Place(NamedTuple):
    """A chromosome, and a 1-based position where one is stated."""

    chromosome: str
    start: int | None


def read_probe_positions(path: Path | str) -> dict[str, Place]:
    """The place of each probe of a table (TSV, CSV, Parquet) with the columns probe, chromosome and start.

    A probe without a chromosome is left out. Raises BadInputError where a column is missing, a probe is there twice at
    two places, or a start is no whole number.
    """
    path = Path(path)
    table = read_table_file(path, lambda names, textual: ["text"] * len(names))
    probe, chromosome, start = (_column(table.names, wanted, path) for wanted in COLUMNS)
    places: dict[str, Place] = {}
    for name, where, at in zip(table.texts(probe), table.texts(chromosome), table.texts(start), strict=True):
        if where in ("", "NA"):
            continue
        place = Place(where, _position(at, name, path))
        if places.setdefault(name, place) != place:
            raise BadInputError(f"{path}: probe {name}: found at two places, expected one")
    return places


def _column(names: Sequence[str], wanted: Sequence[str], path: Path) -> int:
    lower = [name.strip().lower() for name in names]
    found = next((lower.index(name) for name in wanted if name in lower), None)
    if found is None:
        raise BadInputError(f"{path}: column {wanted[0]}: missing, expected {', '.join(one[0] for one in COLUMNS)}")
    return found


def _position(text: str, probe: str, path: Path) -> int | None:
    text = text.removesuffix(".0")  # as pandas writes a column that has gaps
    if text in ("", "NA"):
        return None
    if not (text.isascii() and text.isdigit()):
        raise BadInputError(f"{path}: start of {probe}: found {text[:40]!r}, expected a whole number")
    return int(text)
