"""The user's lists that go with images: who is who, the series of a `.tcia` list, a General Commons manifest (CSV).

Sources: two published `.tcia` manifests, which are `key=value` lines, of which only two matter here, then one
SeriesInstanceUID a line; in one of the two a heading stands before the first. TCIA's note of July 2025 (NIH
NOT-OD-25-083) and TCIA/data-retriever for the columns of the CSV. What one of its rows stands for (a slice or a packed
series) is not documented, so a row is matched by its digest, or by its series.
"""

import csv
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from mgi.cohort.two_columns import read_two_columns
from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.file_kind import hint_where_absent
from mgi.core.files import md5_of
from mgi.core.ids import barcode_of, is_dicom_uid, patient_id_of, same_id

MOVED = (
    "raw TCGA-LGG MRI left anonymous TCIA in July 2025 and is controlled access now (dbGaP phs004225, General Commons)"
)
ALTERNATIVES = (
    "use modalities.flair.source: kaggle with the Kaggle dataset mateuszbuda/lgg-mri-segmentation, "
    "nifti with BraTS-TCGA-LGG, dicom with the folder of a General Commons download, "
    "or a committed lock of a collection that you may read"
)
NAMED = 5
MOST_DIGITS = 15  # of a number of bytes
MAX_BYTES = 64 << 20  # of a .tcia list
_PATIENTS, _MANIFEST = "modalities.flair.patients", "modalities.flair.manifest"
_LIST, _SERVER = "ListOfSeriesToDownload", "downloadServerUrl"
# What the columns of a General Commons manifest are called.
_ID = ("drs_uri", "file id", "file_id", "guid")
_MD5 = ("md5", "md5sum", "file md5", "md5_hash")
_SIZE = ("size", "file_size", "file size", "file size (bytes)")
_PATIENT = ("patient id", "patientid", "patient_id", "participant id", "participant_id", "subject id", "subject_id")
_SERIES = ("tcia series instance uid", "series instance uid", "seriesinstanceuid")


def named(things: list[str]) -> str:
    """The first few, and how many more."""
    more = f" and {len(things) - NAMED} more" if len(things) > NAMED else ""
    return ", ".join(things[:NAMED]) + more


@dataclass(frozen=True, kw_only=True)
class PatientNames:
    """Patients by the id found in the images; without a table every id must be a patient's itself."""

    table: Mapping[str, str] | None = None

    def patient_of(self, found: str) -> str | None:
        """The patient of an id; None where a table is given that does not know it and it is no barcode."""
        if self.table is not None:
            barcode = barcode_of(found)
            return self.table.get(found, None if barcode is None else barcode.patient_id)
        try:
            return patient_id_of(found)
        except BadInputError as error:
            raise BadInputError(f"{error}, or a table of ids in {_PATIENTS}") from None

    def is_patient(self, found: str, patient: str) -> bool:
        """Whether an id that images state is that of a patient: by the table, as a barcode, or but for its spelling."""
        barcode = barcode_of(found)
        own = found if barcode is None else barcode.patient_id
        whose = (self.table or {}).get(found.strip(), self._spelled.get(same_id(found), own))
        return same_id(whose) == same_id(patient)

    @cached_property
    def _spelled(self) -> Mapping[str, str]:
        return {same_id(one): whose for one, whose in (self.table or {}).items()}


def read_patient_names(path: Path | str | None) -> PatientNames:
    """Read a TSV with the columns `id` and `patient_id`; None is no table."""
    if not path:
        return PatientNames()
    columns = ("id", "patient_id")
    return PatientNames(
        table=read_two_columns(Path(path), columns, _PATIENTS, lambda found, patient: (found, patient_id_of(patient)))
    )


@dataclass(frozen=True, kw_only=True)
class SeriesManifest:
    """The listed series, each once and in order; the host that the list names; what was skipped in reading it."""

    series: tuple[str, ...]
    host: str | None
    notes: tuple[str, ...]


def read_tcia_manifest(path: Path) -> SeriesManifest:
    """Read a `.tcia` file; unknown keys are ignored, lines that are no UID are skipped and named."""
    head, found, tail = _text_of(path).partition(_LIST + "=")
    if not found:
        raise BadInputError(f"{path}: no line {_LIST}=, expected a .tcia manifest")
    keys = dict(line.strip().split("=", 1) for line in head.splitlines() if "=" in line)
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    uids = [line for line in lines if is_dicom_uid(line)]
    skipped = [repr(line[:40]) for line in lines if not is_dicom_uid(line)]
    if not uids:
        raise BadInputError(f"{path}: no SeriesInstanceUID after {_LIST}=")
    series = tuple(dict.fromkeys(uids))
    notes = []
    if skipped:
        notes.append(f"{path.name}: {len(skipped)} lines are no UID and were skipped: {named(skipped)}")
    if len(series) < len(uids):
        notes.append(f"{path.name}: {len(uids) - len(series)} series are listed more than once")
    return SeriesManifest(series=series, host=urlsplit(keys.get(_SERVER, "")).hostname, notes=tuple(notes))


def note_of_host(manifest: SeriesManifest, configured: str) -> tuple[str, ...]:
    """What to say where the list names another host than the configured one, which is the one that is asked."""
    if manifest.host is None or manifest.host == urlsplit(configured).hostname:
        return ()
    asked = urlsplit(configured).hostname
    return (f"the manifest names the server {manifest.host}; modalities.flair.base_url ({asked}) is asked instead",)


def _text_of(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadInputError(f"{path}: larger than {MAX_BYTES} bytes, expected a .tcia manifest")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise BadInputError(f"{path}: not text, expected a .tcia manifest") from None
    except OSError as error:
        raise BadInputError(f"{_MANIFEST}: {path}{hint_where_absent(path)}: {error.strerror}") from None


@dataclass(frozen=True, kw_only=True)
class CommonsRow:
    """One row: the file's id, what its bytes must be, and the series and patient it is of, as far as stated."""

    file_id: str
    md5: str | None
    size: int | None
    series: str | None
    patient: str | None = None


def read_commons_manifest(path: Path) -> tuple[CommonsRow, ...]:
    """The rows of a General Commons manifest, CSV."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as source:
            lines = csv.reader(source)
            header = [name.strip().lower() for name in next(lines, [])]
            rows = tuple(_row(path, number, header, cells) for number, cells in enumerate(lines, start=2) if any(cells))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(f"{path}{hint_where_absent(path)}: not readable as CSV ({error})") from None
    if not rows:
        raise BadInputError(f"{path}: no rows, expected the manifest of a General Commons download")
    return rows


def _row(path: Path, number: int, header: list[str], cells: list[str]) -> CommonsRow:
    where = f"{path}: line {number}"
    if len(cells) != len(header):
        raise BadInputError(f"{where}: {len(cells)} columns, the header has {len(header)}")
    values = dict(zip(header, (cell.strip() for cell in cells), strict=True))
    file_id, md5, size, series, patient = (_first(values, names) for names in (_ID, _MD5, _SIZE, _SERIES, _PATIENT))
    if file_id is None:
        raise BadInputError(f"{where}: no file id, expected a column drs_uri, File ID or file_id")
    if md5 is None and series is None:
        raise BadInputError(f"{where}: neither md5 nor TCIA Series Instance UID, so nothing can be checked")
    if md5 is not None and not (len(md5) == 32 and set(md5.lower()) <= set("0123456789abcdef")):
        raise BadInputError(f"{where}: md5 {md5!r}, expected 32 hexadecimal digits")
    if size is not None and not (size.isascii() and size.isdigit() and len(size) <= MOST_DIGITS):
        raise BadInputError(f"{where}: size {size[:40]!r}, expected a number of bytes")
    if series is not None and not is_dicom_uid(series):
        raise BadInputError(f"{where}: TCIA Series Instance UID {series!r}, expected digits and points")
    return CommonsRow(
        file_id=file_id.rpartition("/")[2],
        md5=md5 and md5.lower(),
        size=None if size is None else int(size),
        series=series,
        patient=patient,
    )


def _first(values: Mapping[str, str], names: Iterable[str]) -> str | None:
    return next((values[name] for name in names if values.get(name)), None)


def require_series(uids: Iterable[str], present: Collection[str]) -> None:
    """Raise IntegrityError naming the series that a manifest lists and the folder lacks."""
    if missing := [uid for uid in uids if uid not in present]:
        raise IntegrityError(f"{_MANIFEST}: {len(missing)} listed series are not in the folder: {named(missing)}")


def check_files(rows: Iterable[CommonsRow], sizes: Mapping[Path, int]) -> None:
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
            f"{_MANIFEST}: no file of the folder has the bytes of {len(missing)} of {len(listed)} listed files: {names}"
        )
