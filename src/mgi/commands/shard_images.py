"""Put the slices and masks of all patients that have an image into one shard."""

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from mgi.cohort.pairing import EXCLUDED
from mgi.cohort.raw_index import RawItem, read_raw_indexes
from mgi.commands._locks import any_lock
from mgi.core.errors import BadInputError, ConfigError
from mgi.imaging.buda import BudaArchive, opened_buda
from mgi.imaging.geometry import MASK_INTERPOLATION
from mgi.shards.cohort_tables import read_cohort
from mgi.shards.dataset_manifest import write_dataset
from mgi.shards.image_shard import KIND, image_shard_writer
from mgi.shards.patient_sources import Converted, from_buda, from_series
from mgi.shards.twins import TwinGuard
from mgi.sources.lock import ImageLock
from mgi.sources.user_table import check_table


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--lock", required=True, help="lock of the image source, JSON")
    options.add_argument("--index", required=True, nargs="+", help="indexes of all fetched batches, JSON")
    options.add_argument("--cohort", required=True, help="the cohort, Parquet")
    options.add_argument("--table", help="the user's copy of the Kaggle zip, for source kaggle")
    options.add_argument("--slices", required=True, help="slices.parquet of the shard")
    options.add_argument("--dataset", required=True, help="dataset.json of the shard, written last")
    return options


def run(args: argparse.Namespace) -> None:
    lock = any_lock(args.lock, ImageLock)
    raw = read_raw_indexes(args.index, "images")
    cohort = read_cohort(args.cohort)
    rows = cohort[cohort["has_image"] & (cohort["reason"] != EXCLUDED)].sort_values("patient_id").to_dict("records")
    if not rows:
        raise BadInputError(f"{args.cohort}: no patient has an image")
    dropped, twins = {}, TwinGuard("image")
    with ExitStack() as stack:
        archive = stack.enter_context(opened_buda(_table_of(args.table, lock))) if lock.source == "kaggle" else None
        writer = stack.enter_context(image_shard_writer(args.slices))
        for count, row in enumerate(rows, start=1):
            converted = _convert(row, raw, archive)
            twins.admit(row["patient_id"], converted.images.slices)
            writer.add(converted.images)
            if converted.notes:
                dropped[row["patient_id"]] = list(converted.notes)
            if count * 10 // len(rows) != (count - 1) * 10 // len(rows):
                print(f"{count} of {len(rows)} patients, {writer.n_slices} slices", file=sys.stderr, flush=True)
    fields = {
        "rows": writer.n_slices,
        "patients": writer.n_patients,
        "slices": writer.n_slices,
        "simulated": lock.simulated,
        "source": lock.source,
        "mask_interpolation": MASK_INTERPOLATION if lock.source == "tcia" else None,
        "dropped": dropped,
    }
    write_dataset(args.dataset, KIND, [args.slices], fields)
    print(f"{writer.n_patients} patients, {writer.n_slices} slices")


def _convert(row: dict[Any, Any], raw: dict[str, RawItem], archive: BudaArchive | None) -> Converted:
    patient = row["patient_id"]
    keys = [row["image_key"], *row["mask_keys"]]
    if absent := [key for key in keys if key not in raw]:
        raise BadInputError(f"{patient}: {absent[0]}: in the cohort but in no raw index; make the cohort again")
    image, *masks = (raw[key] for key in keys)
    try:
        return from_buda(patient, image, archive) if archive is not None else from_series(patient, image, masks)
    except BadInputError as error:
        raise BadInputError(f"{patient}: {error}; to go on without the patient, exclude it from the cohort") from None


def _table_of(table: str | None, lock: ImageLock) -> Path:
    if table is None:
        raise ConfigError("--table: missing, expected the Kaggle zip that the lock was made from")
    check_table(Path(table), lock.table)
    return Path(table)
