"""Put the slices and masks of the patients of one part into its file."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pyarrow as pa

from mgi.cohort.duplicates import digest_of_image
from mgi.cohort.pairing import Presence
from mgi.core.errors import BadInputError, ConfigError
from mgi.core.prefetch import map_ahead
from mgi.locks.lock import check_table
from mgi.locks.raw_index import RawEntry
from mgi.modalities.flair.buda import opened_buda
from mgi.modalities.flair.geometry import MASK_INTERPOLATION
from mgi.modalities.flair.label_map import KEY as LABELS_KEY
from mgi.modalities.flair.label_map import Labels
from mgi.modalities.flair.patient_sources import Converted, from_buda, from_dicom, from_nifti
from mgi.modalities.flair.settings import FlairSettings, LabelSettings
from mgi.modalities.sharding import ShardJob
from mgi.shards.channels import Channel
from mgi.shards.image_parts import part_writer
from mgi.shards.image_shard import rows_of

KAGGLE = "kaggle"
_log = logging.getLogger(__name__)
Converter = Callable[[str, RawEntry, Sequence[RawEntry]], Converted]


def shard(job: ShardJob) -> str:
    """Write the slices of the part's patients, and its record last."""
    total, channels = len(job.patients), _channels_of(job)
    stated = {
        "simulated": job.lock.simulated,
        "modality": job.lock.modality,
        "source": job.lock.source,
        "mask_interpolation": None if job.lock.source == KAGGLE else MASK_INTERPOLATION,
    }
    if job.settings.get("labels") is not None:
        stated["labels"] = job.settings["labels"]
    writing = part_writer(job.outputs["slices"], job.outputs["part"], part=job.part, stated=stated, channels=channels)
    with _converter(job, channels) as convert, writing as writer:
        converted = map_ahead(
            partial(_convert, raw=job.raw, convert=convert), job.patients.items(), threads=job.threads
        )
        for count, (patient, table, notes, digest) in enumerate(converted, start=1):
            writer.add(patient, table, digest, notes)
            if count * 10 // total != (count - 1) * 10 // total:
                _log.info("%d of %d patients, %d slices", count, total, writer.n_slices)
    return f"part {job.part}: {total} patients, {writer.n_slices} slices"


def _labels_of(job: ShardJob) -> Labels | None:
    given = job.settings.get("labels")
    if given is None:
        return None
    stated = LabelSettings.read(given, where=LABELS_KEY)
    return Labels(stated.tumour, stated.background)


def _channels_of(job: ShardJob) -> tuple[Channel, ...]:
    """The channels that the settings ask for; only the Kaggle archive has more than FLAIR."""
    given = {"channels": job.settings["channels"]} if "channels" in job.settings else {}
    return FlairSettings.read({"source": job.lock.source, **given}, where="modalities.flair").channels


@contextmanager
def _converter(job: ShardJob, channels: tuple[Channel, ...]) -> Iterator[Converter]:
    """What makes a patient's images from raw items of the lock's source; open while the block runs."""
    in_folder = {"nifti": from_nifti, "dicom": from_dicom}.get(job.lock.source)
    if in_folder is not None:
        folder = Path(job.own_table("folder"))
        if not folder.is_dir():
            raise ConfigError(f"--table: {folder}: no folder, expected the one that the lock was made from")
        yield partial(in_folder, folder=folder, labels=_labels_of(job))
    elif job.lock.source == KAGGLE:
        table = Path(job.own_table("Kaggle zip"))
        check_table(table, job.lock.table)
        with opened_buda(table) as archive:
            yield lambda patient, image, _masks: from_buda(patient, image, archive, channels)
    else:
        yield from_dicom


def _convert(
    given: tuple[str, Presence], *, raw: Mapping[str, RawEntry], convert: Converter
) -> tuple[str, pa.Table, tuple[str, ...], bytes]:
    """Return a patient's id, rows, notes and digest: all that is left to do in order is to write the rows."""
    patient, present = given
    assert present.key is not None
    image, masks = raw[present.key], [raw[key] for key in present.companions["mask"].keys]
    try:
        converted = convert(patient, image, masks)
        rows = rows_of(converted.images)
    except BadInputError as error:
        raise BadInputError(f"{patient}: {error}; to go on without the patient, exclude it from the cohort") from None
    return patient, rows, converted.notes, digest_of_image(converted.images.slices)
