"""Patients to be predicted, from a table that names their files or from a folder that holds them."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mgi.core.errors import BadInputError
from mgi.core.ids import LONGEST_ID, is_patient_id
from mgi.modalities.flair.file_names import flair_of_each, patient_named_by
from mgi.release.new_image import image_in
from mgi.release.request import PredictionRequest

COLUMNS = ("patient", "image", "slide", "expression", "sample", "series", "volume")
_PATHS = ("image", "slide", "expression")
_SEPARATORS = {".tsv": "\t", ".txt": "\t", ".csv": ","}


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A patient by the name that the results get, and what is asked; or the `fault` for which nothing can be."""

    patient: str
    request: PredictionRequest
    fault: BadInputError | None = None


def patients_in_table(path: Path, common: PredictionRequest, modalities: Sequence[str] = ()) -> list[Listed]:
    """The patients of a TSV or CSV with the columns `patient` and, as far as they are needed, the others of COLUMNS and
    of `modalities` that the model reads beside expression.

    Paths are relative to the table. What a column does not say is taken from `common`, but that without a column
    `sample` the patient's name is the label in the shared tables, and with an empty one none of them is read. Raises
    BadInputError naming line and column.
    """
    listed: dict[str, Listed] = {}
    for number, row in _rows(path, (*COLUMNS, *modalities)):
        where = f"{path}: line {number}"
        patient = row["patient"]
        if not is_patient_id(patient):
            raise BadInputError(
                f"{where}: patient: found {patient[:80]!r}, expected at most {LONGEST_ID} letters, digits, -, _ and ."
            )
        if patient in listed:
            raise BadInputError(f"{where}: patient: found {patient} a second time, expected one line each")
        request = _with_modalities(_request(row, common, path.parent, where), row, path.parent, modalities)
        listed[patient] = Listed(patient=patient, request=request)
    if not listed:
        raise BadInputError(f"{path}: no line below the header, expected one for each patient")
    return list(listed.values())


def patients_in_folder(folder: Path, common: PredictionRequest) -> tuple[list[Listed], list[str]]:
    """A patient for each NIfTI file and each folder in `folder`, by name; and the files that are none.

    Of files that are called FLAIR the patient's name is what stands before that, and others beside them are left out.
    Raises BadInputError where there is no patient, or two have one name.
    """
    if not folder.is_dir():
        raise BadInputError(f"{folder}: no folder, expected one with an image or a folder for each patient")
    entries = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    names = [path.name for path in entries if path.is_file()]
    images = flair_of_each(names)
    found = [path for path in entries if path.is_dir() or path.name in images]
    left_out = [path.name for path in entries if path not in found]
    listed: dict[str, Listed] = {}
    for path in found:
        one = _in_folder(path, common)
        if one.patient in listed:
            raise BadInputError(f"{folder}: two images of {one.patient}, expected one: name them in a table (--table)")
        listed[one.patient] = one
    if not listed:
        raise BadInputError(
            f"{folder}: no NIfTI file and no folder in it, expected one for each patient; DICOM or slices of one "
            "patient are named as IMAGE, without --folder"
        )
    return list(listed.values()), left_out


def _in_folder(path: Path, common: PredictionRequest) -> Listed:
    if path.is_file():
        name = patient_named_by(path.name)
        return Listed(patient=name, request=_of_sample(replace(common, image=path), name))
    try:
        return Listed(patient=path.name, request=_of_sample(replace(common, image=image_in(path)), path.name))
    except BadInputError as error:
        return Listed(patient=path.name, request=common, fault=error)


def _of_sample(request: PredictionRequest, sample: str) -> PredictionRequest:
    """With the label in tables that all share, of which those of modalities need not have it."""
    shared = tuple(sorted(request.modalities))
    nothing = request.expression is None and not shared
    return request if nothing else replace(request, sample=sample, shared=shared)


def _with_modalities(
    request: PredictionRequest, row: Mapping[str, str], folder: Path, modalities: Sequence[str]
) -> PredictionRequest:
    """The patient's own tables in place of the shared ones, of which none is read where the sample is left empty."""
    own = {name: folder / row[name] for name in modalities if row.get(name)}
    label = row.get("sample") or None
    shared = {} if "sample" in row and label is None else request.modalities
    return replace(
        request,
        modalities={**shared, **own},
        own_samples=dict.fromkeys(own, label) | {name: label or row["patient"] for name in shared if name not in own},
        shared=tuple(sorted(set(shared) - set(own))),
    )


def _rows(path: Path, known: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """The lines of a table by number, each cell by its column."""
    separator = _SEPARATORS.get(path.suffix.lower())
    if separator is None:
        raise BadInputError(f"{path}: expected a name that ends in .tsv, .txt or .csv")
    try:
        with path.open(encoding="utf-8-sig", newline="") as source:
            header, *lines = list(csv.reader(source, delimiter=separator, strict=True)) or [[]]
    except FileNotFoundError:
        raise BadInputError(f"{path}: missing, expected a table with the columns {', '.join(known)}") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(f"{path}: not readable as text with columns ({error})") from None
    names = [name.strip().lower() for name in header]
    if "patient" not in names or len(names) != len(set(names)):
        shown = ", ".join(names)[:200]
        raise BadInputError(f"{path}: columns: found {shown}, expected patient once, and of {', '.join(known[1:])}")
    if unknown := [name for name in names if name not in known]:
        raise BadInputError(f"{path}: columns: found {unknown[0]!r}, expected none but {', '.join(known)}")
    rows = []
    for number, cells in enumerate(lines, start=2):
        if cells and len(cells) != len(names):
            raise BadInputError(f"{path}: line {number}: {len(cells)} columns, expected {len(names)}")
        if cells:
            rows.append((number, dict(zip(names, (cell.strip() for cell in cells), strict=True))))
    return rows


def _request(row: Mapping[str, str], common: PredictionRequest, folder: Path, where: str) -> PredictionRequest:
    image, slide, expression = (folder / row[name] if row.get(name) else None for name in _PATHS)
    volume = row.get("volume") or None
    if volume is not None and not (volume.isascii() and volume.isdigit()):
        raise BadInputError(f"{where}: volume: found {volume[:40]!r}, expected a number from 0")
    request = replace(
        common,
        image=image,
        slide=slide,
        expression=expression or common.expression,
        series=row.get("series") or None,
        volume=common.volume if volume is None else int(volume),
    )
    if "sample" in row:  # with an own file of one sample it needs no name
        sample = row["sample"] or None
        return replace(request, sample=sample, expression=expression if sample is None else request.expression)
    return request if expression is not None else _of_sample(request, row["patient"])
