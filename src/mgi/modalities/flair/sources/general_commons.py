"""Where raw TCGA-LGG MRI is now, and the manifest CSV of a download from there.

Source: TCIA's note of July 2025 (NIH NOT-OD-25-083); TCIA/data-retriever for the manifest's columns. What one row
stands for (a slice or a packed series) is not documented, so a row is matched by its digest, or by its series.
"""

import csv
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import md5_of
from mgi.core.ids import is_dicom_uid

MOVED = (
    "raw TCGA-LGG MRI left anonymous TCIA in July 2025 and is controlled access now (dbGaP phs004225, General Commons)"
)
ALTERNATIVES = (
    "use modalities.flair.source: kaggle with the Kaggle dataset mateuszbuda/lgg-mri-segmentation, "
    "nifti with BraTS-TCGA-LGG, dicom with the folder of a General Commons download, "
    "or a committed lock of a collection that you may read"
)
NAMED = 5
_ID = ("drs_uri", "file id", "file_id", "guid")
_MD5 = ("md5", "md5sum", "file md5", "md5_hash")
_SIZE = ("size", "file_size", "file size", "file size (bytes)")
_SERIES = ("tcia series instance uid", "series instance uid", "seriesinstanceuid")


@dataclass(frozen=True, kw_only=True)
class CommonsRow:
    """One row: the file's id, what its bytes must be, and the series it belongs to, as far as stated."""

    file_id: str
    md5: str | None
    size: int | None
    series: str | None


def read_commons_manifest(path: Path) -> tuple[CommonsRow, ...]:
    """The rows of a General Commons manifest, CSV."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as source:
            lines = csv.reader(source)
            header = [name.strip().lower() for name in next(lines, [])]
            rows = tuple(_row(path, number, header, cells) for number, cells in enumerate(lines, start=2) if any(cells))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(f"{path}: not readable as CSV ({error})") from None
    if not rows:
        raise BadInputError(f"{path}: no rows, expected the manifest of a General Commons download")
    return rows


def _row(path: Path, number: int, header: list[str], cells: list[str]) -> CommonsRow:
    where = f"{path}: line {number}"
    if len(cells) != len(header):
        raise BadInputError(f"{where}: {len(cells)} columns, the header has {len(header)}")
    values = dict(zip(header, (cell.strip() for cell in cells), strict=True))
    file_id, md5, size, series = (_first(values, names) for names in (_ID, _MD5, _SIZE, _SERIES))
    if file_id is None:
        raise BadInputError(f"{where}: no file id, expected a column drs_uri, File ID or file_id")
    if md5 is None and series is None:
        raise BadInputError(f"{where}: neither md5 nor TCIA Series Instance UID, so nothing can be checked")
    if md5 is not None and not (len(md5) == 32 and set(md5.lower()) <= set("0123456789abcdef")):
        raise BadInputError(f"{where}: md5 {md5!r}, expected 32 hexadecimal digits")
    if size is not None and not (size.isascii() and size.isdigit()):
        raise BadInputError(f"{where}: size {size!r}, expected a number of bytes")
    if series is not None and not is_dicom_uid(series):
        raise BadInputError(f"{where}: TCIA Series Instance UID {series!r}, expected digits and points")
    return CommonsRow(
        file_id=file_id.rpartition("/")[2],
        md5=md5 and md5.lower(),
        size=None if size is None else int(size),
        series=series,
    )


def _first(values: Mapping[str, str], names: Iterable[str]) -> str | None:
    return next((values[name] for name in names if values.get(name)), None)


def require_series(uids: Iterable[str], present: Collection[str], *, label: str) -> None:
    """Raise IntegrityError naming the series that a manifest lists and the folder lacks."""
    if missing := [uid for uid in uids if uid not in present]:
        raise IntegrityError(f"{label}: {len(missing)} listed series are not in the folder: {named(missing)}")


def check_files(rows: Iterable[CommonsRow], sizes: Mapping[Path, int], *, label: str) -> None:
    """Raise IntegrityError naming the rows whose bytes no file of the folder has, whatever its name.

    `sizes` holds every file of the folder; only those of a listed size are read.
    """
    listed = [row for row in rows if row.md5 is not None]
    wanted = {row.size for row in listed}
    read = [path for path in sorted(sizes) if None in wanted or sizes[path] in wanted]
    found: set[tuple[str | None, int | None]] = {(md5_of(path), sizes[path]) for path in read}
    found |= {(md5, None) for md5, _ in found}  # of rows that state no size
    missing = [row for row in listed if (row.md5, row.size) not in found]
    if missing:
        names = named([f"{row.file_id} (md5 {row.md5}, {row.size or 'unstated'} bytes)" for row in missing])
        raise IntegrityError(
            f"{label}: no file of the folder has the bytes of {len(missing)} of {len(listed)} listed files: {names}"
        )


def named(things: list[str]) -> str:
    """The first few, and how many more."""
    more = f" and {len(things) - NAMED} more" if len(things) > NAMED else ""
    return ", ".join(things[:NAMED]) + more
