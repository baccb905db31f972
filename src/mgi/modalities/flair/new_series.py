"""The axial FLAIR among DICOM files of one new patient, whatever the patient and the files are called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mgi.core.errors import BadInputError, ConfigError
from mgi.core.ids import same_id
from mgi.locks.user_folder import digest_of, hashed
from mgi.modalities.flair.choice import choose_flair
from mgi.modalities.flair.dicom import Volume, volume_of
from mgi.modalities.flair.sequence import confirm_flair, doubts_of, is_flair_by_tags, score, tags_of_series
from mgi.modalities.flair.sources.dicom_headers import DicomHeader, headers_by_series, series_of
from mgi.modalities.flair.sources.user_lists import named

Groups = Mapping[str, Sequence[DicomHeader]]
_PLANE = "ImageOrientationPatient"


@dataclass(frozen=True, kw_only=True)
class DicomInput:
    """The chosen series as a volume, the digest of its files, why it may be no FLAIR, and why not axial (None: it is).

    `patient_id` is whose it says that it is, empty where it does not.
    """

    volume: Volume
    patient_id: str
    sha256: str
    warning: str | None
    not_axial: str | None
    notes: tuple[str, ...]


def read_dicom_input(folder: Path, names: Sequence[str], series: str | None) -> DicomInput:
    """The series `series`, or the one that is the axial FLAIR, or the only one, of the files `names` in `folder`.

    Raises BadInputError where no MR series is there, several are and none is the FLAIR by name and tags, or its slices
    are refused; ConfigError where `series` is not there or two patients are.
    """
    by_series, _ = headers_by_series(folder, names)
    images = {uid: [one for one in headers if one.series.modality == "MR"] for uid, headers in by_series.items()}
    groups = {uid: headers for uid, headers in images.items() if headers}
    if not groups:
        raise BadInputError(f"{folder}: no MR series among {len(names)} files, expected a FLAIR")
    if series is not None and series not in groups:
        raise ConfigError(f"--series: {series}: not in {folder}, expected one of {_named(groups)}")
    chosen = series or _chosen(groups, folder)
    _require_one_owner(groups[chosen], folder)
    files = [header.name for header in groups[chosen]]
    volume = volume_of(((name, (folder / name).read_bytes()) for name in files), chosen)
    doubts = doubts_of(tags_of_series([header.tags for header in groups[chosen]]))
    left_out = [] if len(groups) == 1 else [f"took series {chosen} of {len(groups)}: {_name(groups[chosen])}"]
    return DicomInput(
        volume=volume,
        patient_id=groups[chosen][0].series.patient_id,
        sha256=digest_of(hashed(folder, files)),
        warning=_warning(groups[chosen]),
        not_axial=confirm_flair(_plane_of(groups[chosen])),
        notes=(*left_out, *doubts),
    )


def _chosen(groups: Groups, folder: Path) -> str:
    if len(groups) == 1:
        return next(iter(groups))
    patients = {same_id(header.series.patient_id) for headers in groups.values() for header in headers}
    if len(patients) > 1:
        raise ConfigError(f"{folder}: images of {len(patients)} patients, expected one; name a series with --series")
    listed = [series_of(headers, headers[0].series.patient_id) for _, headers in sorted(groups.items())]
    by_name = [item.key for item in choose_flair(listed, min_images=1) if item.chosen]
    by_tags = [uid for uid, own in groups.items() if is_flair_by_tags(tags_of_series([one.tags for one in own]))]
    for found in (by_name, by_tags):
        if len(found) == 1:
            return found[0]
    raise BadInputError(
        f"{folder}: {len(groups)} MR series, none or several of them an axial FLAIR by name and times; "
        f"name one with --series: {_named(groups)}"
    )


def _require_one_owner(headers: Sequence[DicomHeader], folder: Path) -> None:
    first = headers[0]
    for one in headers[1:]:
        for what in ("patient_id", "study_uid"):
            own, other = (getattr(header.series, what) for header in (first, one))
            if same_id(own) != same_id(other):
                found = f"{first.name} of {own!r} and {one.name} of {other!r}"
                raise BadInputError(f"{folder}: series {one.series.key}: {what}: {found}, expected one")


def _warning(headers: Sequence[DicomHeader]) -> str | None:
    """Why a series may be no FLAIR in any plane: its tags contradict it, or neither its times nor its name say so."""
    tags = {name: value for name, value in tags_of_series([one.tags for one in headers]).items() if name != _PLANE}
    if (contradiction := confirm_flair(tags)) is not None:
        return contradiction
    points, reason = score(series_of(headers, headers[0].series.patient_id), min_images=1)
    if points > 0 or is_flair_by_tags(tags):
        return None
    return f"{reason}, and its times do not say it either"


def _plane_of(headers: Sequence[DicomHeader]) -> Mapping[str, Any]:
    return {_PLANE: tags_of_series([one.tags for one in headers]).get(_PLANE)}


def _named(groups: Groups) -> str:
    return named([f"{uid} ({_name(headers)})" for uid, headers in sorted(groups.items())])


def _name(headers: Sequence[DicomHeader]) -> str:
    return headers[0].series.description or "without a name"
