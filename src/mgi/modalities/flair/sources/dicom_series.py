"""A folder of DICOM files as series: grouped by what the headers say, copies counted once, label files beside them.

And which series and label file of a patient are used.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mgi.core.errors import BadInputError
from mgi.core.files import sha256_of
from mgi.core.ids import is_dicom_uid, same_id
from mgi.locks.item import Item, metadata
from mgi.locks.user_folder import files_below
from mgi.modalities.flair.choice import choose_flair
from mgi.modalities.flair.sequence import FLAIR, MASK, OTHER, Series, item_of, tags_of_series
from mgi.modalities.flair.sources.dicom_headers import DicomHeader, headers_by_series, series_of
from mgi.modalities.flair.sources.nifti import gated
from mgi.modalities.flair.sources.ownership import require_own_folder, require_own_studies
from mgi.modalities.flair.sources.user_lists import PatientNames, named

_MASK = "_mask"


@dataclass(frozen=True, kw_only=True)
class FolderSeries:
    """One series: what a choice of FLAIR wants to know, its files, a header's tags, and why it cannot be used."""

    listed: Series
    names: tuple[str, ...]
    tags: Mapping[str, Any]
    fault: str | None = None


@dataclass(frozen=True, kw_only=True)
class LabelFile:
    """A NIfTI label file beside the images: of one series, or of a patient where `series` is None.

    `size` is in bytes; `fault` is why its header is refused, and then it has 0 slices.
    """

    name: str
    patient_id: str
    series: str | None
    size: int = 0
    n_images: int = 0
    fault: str | None = None


@dataclass(frozen=True, kw_only=True)
class FolderScan:
    """Everything in the folder: series by UID, label files, every file's size, and what to say about the rest."""

    series: Mapping[str, FolderSeries]
    labels: tuple[LabelFile, ...]
    sizes: Mapping[Path, int]
    notes: tuple[str, ...]


def scan_folder(folder: Path, patients: PatientNames) -> FolderScan:
    """Read every header below the folder."""
    names = files_below(folder)
    grouped, others = headers_by_series(folder, names)
    series, strangers, copies = {}, set(), 0
    for uid in sorted(grouped):
        images = _once(grouped[uid], folder)
        copies += len(grouped[uid]) - len(images)
        patient = _patient_of(images[0], patients, folder)
        if patient is None:
            strangers.add(images[0].series.patient_id)
        else:
            series[uid] = _series_of(images, patient)
    ids = {same_id(image.series.patient_id) for images in grouped.values() for image in images}
    for uid, one in series.items():
        for image in grouped[uid]:
            require_own_folder(image, one.listed.patient_id, ids, patients, folder)
    require_own_studies((one.listed for one in series.values() if one.fault is None), str(folder))
    known = {one.listed.patient_id for one in series.values()}
    found = [label for name in others if (label := _label_of(name, series, patients)) is not None]
    of_patients = [label for label in found if label.patient_id in known]
    labels = tuple(_gated(label, folder) for label in _different(of_patients, folder))
    copies += len(of_patients) - len(labels)
    rest = sorted(set(others) - {label.name for label in of_patients})
    sizes = {folder / name: (folder / name).stat().st_size for name in names}
    return FolderScan(series=series, labels=labels, sizes=sizes, notes=_notes(rest, sorted(strangers), copies))


def _once(headers: Sequence[DicomHeader], folder: Path) -> list[DicomHeader]:
    """The files of a series, each image once; a download that was unpacked twice holds equal copies."""
    kept: dict[str, DicomHeader] = {}
    for header in headers:
        first = kept.setdefault(header.sop_uid, header)
        if first is not header and sha256_of(folder / first.name) != sha256_of(folder / header.name):
            both = f"{first.name} and {header.name} are both image {header.sop_uid}"
            raise BadInputError(f"{folder}: {both} and differ, expected one")
    return list(kept.values())


def _different(labels: Sequence[LabelFile], folder: Path) -> list[LabelFile]:
    """The label files without equal copies of one that labels the same."""
    claims = Counter((label.patient_id, label.series) for label in labels)
    kept: dict[Any, LabelFile] = {}
    for label in labels:
        claim = (label.patient_id, label.series)
        kept.setdefault(claim if claims[claim] == 1 else (claim, sha256_of(folder / label.name)), label)
    return list(kept.values())


def _patient_of(header: DicomHeader, patients: PatientNames, folder: Path) -> str | None:
    try:
        return patients.patient_of(header.series.patient_id)
    except BadInputError as error:
        raise BadInputError(f"{folder / header.name}: PatientID {error}") from None


def _series_of(images: Sequence[DicomHeader], patient: str) -> FolderSeries:
    names = tuple(sorted(image.name for image in images))
    tags = tags_of_series([image.tags for image in images])
    found = FolderSeries(listed=series_of(images, patient), names=names, tags=tags)
    for what in ("patient_id", "study_uid", "modality"):
        if len(several := {same_id(getattr(image.series, what)) for image in images}) > 1:
            return replace(found, fault=f"files of {len(several)} different {what.partition('_')[0]} values")
    if not is_dicom_uid(found.listed.key):
        return replace(found, fault="SeriesInstanceUID is no UID")
    return found


def _label_of(name: str, series: Mapping[str, FolderSeries], patients: PatientNames) -> LabelFile | None:
    """What a file labels by its name: `<SeriesInstanceUID>.nii.gz` or `<patient>_mask.nii.gz`; None for another."""
    base = name.rpartition("/")[2]
    stem = base.removesuffix(".gz").removesuffix(".nii")
    if not base.endswith((".nii", ".nii.gz")):
        return None
    if stem in series:
        return LabelFile(name=name, patient_id=series[stem].listed.patient_id, series=stem)
    if not stem.endswith(_MASK):
        return None
    try:
        patient = patients.patient_of(stem.removesuffix(_MASK))
    except BadInputError:
        return None
    return None if patient is None else LabelFile(name=name, patient_id=patient, series=None)


def _gated(label: LabelFile, folder: Path) -> LabelFile:
    path = folder / label.name
    n_images, fault = gated(path)
    return replace(label, size=path.stat().st_size, n_images=n_images, fault=fault)


def _notes(rest: list[str], strangers: list[str], copies: int) -> tuple[str, ...]:
    notes = []
    if rest:
        notes.append(f"{len(rest)} files are neither DICOM images nor labels of a patient here: {named(rest)}")
    if strangers:
        notes.append(f"{len(strangers)} patients are not in modalities.flair.patients: {named(strangers)}")
    if copies:
        notes.append(f"{copies} files are copies of images that are there already")
    return tuple(notes)


def judge_patient(series: Sequence[FolderSeries], labels: Sequence[LabelFile], *, min_images: int) -> list[Item]:
    """The series and label files of one patient, each with a verdict.

    A label file of a series counts as a segmentation of its study when the FLAIR is chosen. The mask is then the label
    file of the FLAIR series, else that of the patient, else the segmentations of the study. Where its header is
    refused, or two have an equal claim, nothing takes its place in silence.
    """
    sound = [one.listed for one in sorted(series, key=lambda one: one.listed.key) if one.fault is None]
    by_key = {one.listed.key: one.listed for one in series}
    segmented = [replace(by_key[label.series], key=label.name, modality="SEG") for label in labels if label.series]
    items = choose_flair([*sound, *segmented], min_images=min_images)[: len(sound)]
    flair = next((item for item in items if item.role == FLAIR and item.chosen), None)
    fitting = [label for label in labels if flair is not None and label.series in (flair.key, None)]
    best = [label for label in fitting if label.series is not None] or fitting
    if best:
        items = [
            replace(item, chosen=False, reason="label file preferred") if item.role == MASK and item.chosen else item
            for item in items
        ]
    items += [item_of(one.listed, OTHER, one.fault) for one in series if one.fault]
    return [*items, *(_label_item(label, by_key.get(label.series or ""), flair, best) for label in labels)]


def _label_item(label: LabelFile, of_series: Series | None, flair: Item | None, best: Sequence[LabelFile]) -> Item:
    mask = best[0] if len(best) == 1 else None
    if flair is None:
        reason = "no FLAIR chosen"
    elif label.series not in (flair.key, None):
        reason = f"label of another series, {label.series}"
    elif label not in best:
        reason = f"{', '.join(one.name for one in best)} preferred"
    elif mask is None:
        reason = f"tie with {', '.join(one.name for one in best if one is not label)}"
    else:
        reason = label.fault or f"label of {flair.key}"
    return Item(
        patient_id=label.patient_id,
        key=label.name,
        role=MASK,
        size=label.size,
        chosen=mask is label and label.fault is None,
        reason=reason,
        metadata=metadata(
            study_uid=of_series.study_uid if of_series else None,
            study_date=of_series.study_date if of_series else None,
            series_uid=label.series,
            description="label file",
            n_images=label.n_images,
        ),
    )
