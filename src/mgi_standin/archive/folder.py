"""An archive folder in memory: the tables of both services, and where the bytes of each file and image lie.

Layout: archive.json (written last, so its existence means complete), gdc/{status,files,versions,annotations}.json,
gdc/cases.json, where patients have labels,
gdc/data/<file id>, nbia/{series,patients,studies}.json, nbia/instances/<series>.json, nbia/images/<series>/<file>,
and, only where somebody packed it ahead, nbia/packed/<series>.zip.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = dict[str, Any]


class ArchiveNotReadyError(Exception):
    """The folder is not (yet) a complete archive; the message names the file that is missing or unreadable."""


@dataclass(frozen=True, kw_only=True)
class Archive:
    """Tables as stored, in stored order; bytes stay on disk until asked for."""

    folder: Path
    status: Row
    files: list[Row]
    versions: list[Row]
    annotations: list[Row]
    cases: list[Row]
    series: list[Row]
    patients: list[Row]
    studies: list[Row]

    def data_path(self, file_id: str) -> Path:
        """Where the bytes of a GDC file lie; only for ids found in a table, or a request could leave the folder."""
        return self.folder / "gdc" / "data" / file_id

    def image_path(self, series_uid: str, stored_name: str) -> Path:
        """Where one DICOM file lies; only for series found in the table."""
        return self.folder / "nbia" / "images" / series_uid / stored_name

    def packed_path(self, series_uid: str) -> Path:
        """Where the zip of a series with its digests may lie ready; only for series found in the table."""
        return self.folder / "nbia" / "packed" / f"{series_uid}.zip"

    def instances(self, series_uid: str) -> list[Row]:
        """Images of a series in database order, which is not the order of the slices."""
        rows: list[Row] = _read(self.folder / "nbia" / "instances" / f"{series_uid}.json")
        return rows


def read_archive(folder: Path) -> Archive:
    """Read all tables of a complete archive folder; a folder without `gdc` or `nbia` has that service empty."""
    _read(folder / "archive.json")
    gdc, nbia = folder / "gdc", folder / "nbia"
    return Archive(
        folder=folder,
        status=_read(gdc / "status.json") if gdc.exists() else {},
        files=_rows(gdc / "files.json"),
        versions=_rows(gdc / "versions.json"),
        annotations=_rows(gdc / "annotations.json"),
        cases=_rows(gdc / "cases.json") if (gdc / "cases.json").exists() else [],
        series=_rows(nbia / "series.json"),
        patients=_rows(nbia / "patients.json"),
        studies=_rows(nbia / "studies.json"),
    )


def _rows(path: Path) -> list[Row]:
    if not path.parent.exists():
        return []
    rows = _read(path)
    if not isinstance(rows, list):
        raise ArchiveNotReadyError(f"{path}: found {type(rows).__name__}, expected a list of rows")
    return rows


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ArchiveNotReadyError(f"{path} is missing: not a complete archive folder") from error
    except ValueError as error:
        raise ArchiveNotReadyError(f"{path}: not JSON ({error})") from error
