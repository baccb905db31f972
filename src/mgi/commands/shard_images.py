"""Put the slices and masks of all patients that have an image into one shard."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from mgi.cohort.duplicates import DuplicateCheck
from mgi.cohort.pairing import EXCLUDED
from mgi.cohort.tables import read_cohort
from mgi.core.errors import BadInputError, ConfigError
from mgi.core.prefetch import map_ahead
from mgi.locks.lock import ImageLock, read_lock
from mgi.locks.raw_index import RawItem, read_raw_indexes
from mgi.locks.user_table import check_table
from mgi.modalities.flair.buda import opened_buda
from mgi.modalities.flair.geometry import MASK_INTERPOLATION
from mgi.modalities.flair.patient_sources import Converted, from_buda, from_dicom_folder, from_nifti, from_series
from mgi.shards.dataset_manifest import write_dataset
from mgi.shards.image_shard import KIND, image_shard_writer, rows_of

Converter = Callable[[str, RawItem, Sequence[RawItem]], Converted]


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--lock", required=True, help="lock of the image source, JSON")
    options.add_argument("--index", required=True, nargs="+", help="indexes of all fetched batches, JSON")
    options.add_argument("--cohort", required=True, help="the cohort, Parquet")
    options.add_argument("--table", help="the user's Kaggle zip, or folder for the sources nifti and dicom")
    options.add_argument("--threads", type=int, default=2, help="patients that are decoded at the same time")
    options.add_argument("--slices", required=True, help="slices.parquet of the shard")
    options.add_argument("--dataset", required=True, help="dataset.json of the shard, written last")
    return options


def run(args: argparse.Namespace) -> None:
    lock = read_lock(args.lock, ImageLock)
    raw = read_raw_indexes(args.index, "images")
    cohort = read_cohort(args.cohort)
    rows = cohort[cohort["has_image"] & (cohort["reason"] != EXCLUDED)].sort_values("patient_id").to_dict("records")
    if not rows:
        raise BadInputError(f"{args.cohort}: no patient has an image")
    dropped, duplicates = {}, DuplicateCheck("image")
    with _converter(lock, args.table) as convert, image_shard_writer(args.slices) as writer:
        patients = map_ahead(partial(_convert, raw=raw, convert=convert), rows, threads=args.threads)
        for count, found in enumerate(patients, start=1):
            duplicates.add(found.patient_id, found.digest)
            writer.add_rows(found.patient_id, found.rows)
            if found.notes:
                dropped[found.patient_id] = list(found.notes)
            if count * 10 // len(rows) != (count - 1) * 10 // len(rows):
                print(f"{count} of {len(rows)} patients, {writer.n_slices} slices", file=sys.stderr, flush=True)
    fields = {
        "rows": writer.n_slices,
        "patients": writer.n_patients,
        "slices": writer.n_slices,
        "simulated": lock.simulated,
        "source": lock.source,
        "mask_interpolation": None if lock.source == "kaggle" else MASK_INTERPOLATION,
        "dropped": dropped,
    }
    write_dataset(args.dataset, KIND, [args.slices], fields, digests={Path(args.slices).name: writer.sha256()})
    print(f"{writer.n_patients} patients, {writer.n_slices} slices")


@contextmanager
def _converter(lock: ImageLock, table: str | None) -> Iterator[Converter]:
    """What makes a patient's images from raw items of the lock's source; open while the block runs."""
    if lock.source == "tcia":
        yield from_series
        return
    if table is None:
        what = "Kaggle zip" if lock.source == "kaggle" else "folder"
        raise ConfigError(f"--table: missing, expected the {what} that the lock was made from")
    if lock.source == "kaggle":
        check_table(Path(table), lock.table)
        with opened_buda(Path(table)) as archive:
            yield lambda patient, image, _masks: from_buda(patient, image, archive)
        return
    if not Path(table).is_dir():
        raise ConfigError(f"--table: {table}: no folder, expected the one that the lock was made from")
    yield partial(from_nifti if lock.source == "nifti" else from_dicom_folder, folder=Path(table))


@dataclass(frozen=True, kw_only=True)
class _Patient:
    """All that is left to do for a patient in order is to write its rows."""

    patient_id: str
    rows: pa.Table
    notes: tuple[str, ...]
    digest: bytes


def _convert(row: dict[Any, Any], *, raw: dict[str, RawItem], convert: Converter) -> _Patient:
    patient = row["patient_id"]
    keys = [row["image_key"], *row["mask_keys"]]
    if absent := [key for key in keys if key not in raw]:
        raise BadInputError(f"{patient}: {absent[0]}: in the cohort but in no raw index; make the cohort again")
    image, *masks = (raw[key] for key in keys)
    try:
        converted = convert(patient, image, masks)
        rows = rows_of(converted.images)
    except BadInputError as error:
        raise BadInputError(f"{patient}: {error}; to go on without the patient, exclude it from the cohort") from None
    return _Patient(patient_id=patient, rows=rows, notes=converted.notes, digest=converted.digest)
